"""Stand-ins for ledger, archive and registrar, for tests of the oracle's own durability. Not secure, not a chain.

One SQLite file holds what a chain and an archive would; a submitted batch is "mined" by the next `advance`. The checks
follow the contract's order, with the protocol's own arithmetic, so that refusals and reverts come where they should.
"""

from __future__ import annotations

import hashlib
import sqlite3
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from chain_node import catalogue
from chain_node.protocol import attestation, entries, slotword
from chain_node.protocol.arithmetic import check_record, worth
from chain_node.protocol.attestation import Attestation, Domain
from chain_node.protocol.entries import Feed, Standing
from chain_node.protocol.records import Record, records_root
from chain_node.protocol.rules import Rule
from oracle.attest.signer import LocalSigner
from oracle.calls.ingest import IngestPorts
from oracle.families.config import FeedConfig
from oracle.ports import BatchLimits, Failure, FailureKind, FeedLaw, SignedBatch

TODAY = 20_800
TIME = TODAY * 86_400
SIGNERS = [LocalSigner(bytes([n]) * 32) for n in (1, 2, 3)]
JOURNAL_KEY = b"k" * 32

_TABLES = """
CREATE TABLE IF NOT EXISTS tx (id INTEGER PRIMARY KEY, key TEXT UNIQUE, feed, first, count, records, nullifiers, config,
  signatures, state TEXT, kind TEXT, position, rule, message);
CREATE TABLE IF NOT EXISTS entry (id INTEGER PRIMARY KEY, data BLOB);
CREATE TABLE IF NOT EXISTS word (key TEXT PRIMARY KEY, value TEXT);
CREATE TABLE IF NOT EXISTS next (feed INTEGER PRIMARY KEY, sequence INTEGER);
CREATE TABLE IF NOT EXISTS account (organisation, person, account BLOB, PRIMARY KEY (organisation, person));
CREATE TABLE IF NOT EXISTS value (name TEXT PRIMARY KEY, value);
"""


def feed_entry(config: FeedConfig) -> Feed:
    caps = config.registration
    signers = tuple(sorted(signer.address for signer in SIGNERS))
    bounds = (config.late_days, caps.credits_cap_mg, caps.millipoints_cap, config.method_ids)
    return Feed(0, config.id, config.organisation.id, 1, 2, signers, *bounds, Standing.ACTIVE)


class InsecureLedger:
    """Ledger and archive of one file. `revert`: says of a batch's record which rule reverts the whole batch, if any."""

    def __init__(
        self,
        path: Path,
        config: FeedConfig,
        *,
        revert: Callable[[Record], Rule | None] = lambda record: None,
        refuse: Callable[[Record], Rule | None] = lambda record: None,
        names_record: bool = True,
        limits: BatchLimits | None = None,
    ) -> None:
        warnings.warn("InsecureLedger checks no more than a test needs", stacklevel=2)
        self.db = sqlite3.connect(path, isolation_level=None)
        self.db.executescript("PRAGMA journal_mode=WAL;" + _TABLES)
        self.feed = feed_entry(config)
        self.methods = {m.id: m.method for m in catalogue.load() if m.id in config.method_ids}
        self.caps = {group.id: group.caps for group in catalogue.load_groups()}
        self.revert, self.refuse, self.names_record = revert, refuse, names_record
        self.limits = limits or BatchLimits()
        self.today = TODAY
        self.blocked = ""

    def close(self) -> None:
        self.db.close()

    # --- the port

    def domain(self) -> Domain:
        found = self.db.execute("SELECT value FROM value WHERE name = 'genesis'").fetchone()
        salt = hashlib.sha256(str(found[0] if found else 0).encode()).digest()
        return Domain(31337, b"\x11" * 20, salt)

    def law(self, feed: int) -> FeedLaw:
        assert feed == self.feed.feed
        return FeedLaw(self.feed, self.methods, self.caps, self.today)

    def next_sequence(self, feed: int) -> int:
        found = self.db.execute("SELECT sequence FROM next WHERE feed = ?", (feed,)).fetchone()
        return int(found[0]) if found else 0

    def words(self, keys: Sequence[int]) -> list[int]:
        return [self._word(key) for key in keys]

    def submit(self, batches: Sequence[SignedBatch]) -> None:
        self.db.execute("BEGIN IMMEDIATE")
        for b in batches:
            fields = (b.key, b.feed, b.first_sequence, b.count, b.records, b.nullifiers, b.config_digest, b.signatures)
            self.db.execute(
                "INSERT INTO tx (key, feed, first, count, records, nullifiers, config, signatures, state) "
                "VALUES (?, ?, ?, ?, ?, ?, ?, ?, 'sent') ON CONFLICT DO NOTHING",
                fields,
            )
            self.db.execute("UPDATE tx SET state = 'failed' WHERE key = ? AND state = 'told'", (b.key,))
        self.db.execute("COMMIT")

    def advance(self, timeout: float) -> list[Failure]:
        waiting = self.db.execute("SELECT * FROM tx WHERE state = 'sent' ORDER BY id").fetchall()
        for tx in waiting:
            self._mine(tx)
        failed = self.db.execute(
            "SELECT key, kind, message, position, rule FROM tx WHERE state = 'failed' ORDER BY id"
        ).fetchall()
        self.db.execute("UPDATE tx SET state = 'told' WHERE state = 'failed'")
        return [
            Failure(key, FailureKind(kind), message, position, None if rule is None else Rule(rule))
            for key, kind, message, position, rule in failed
        ]

    @property
    def size(self) -> int:
        return int(self.db.execute("SELECT COUNT(*) FROM entry").fetchone()[0])

    def entries(self, start: int, stop: int) -> Iterator[bytes]:
        query = "SELECT data FROM entry WHERE id > ? AND id <= ? ORDER BY id"
        for (data,) in self.db.execute(query, (start, stop)).fetchall():
            yield data

    # --- the "chain"

    def rebuild(self) -> None:
        """A new genesis with the same entries: what was signed and is not recorded must be signed again."""
        self.db.execute("INSERT OR REPLACE INTO value VALUES ('genesis', COALESCE((SELECT value FROM value), 0) + 1)")
        self.db.execute("DELETE FROM tx")

    def _word(self, key: int) -> int:
        found = self.db.execute("SELECT value FROM word WHERE key = ?", (str(key),)).fetchone()
        return int(found[0]) if found else 0

    def _mine(self, tx: Sequence[Any]) -> None:
        identity, _, feed, first, count, records, _, config, signatures, *_ = tx
        failure = self._failure(feed, first, count, records, config, signatures)
        self.db.execute("BEGIN IMMEDIATE")
        if failure is None:
            for position in range(count):
                data = self._record(feed, first + position, Record.decode(records[position * 64 : position * 64 + 64]))
                self.db.execute("INSERT INTO entry (data) VALUES (?)", (data,))
            self.db.execute("INSERT OR REPLACE INTO next VALUES (?, ?)", (feed, first + count))
            self.db.execute("UPDATE tx SET state = 'mined' WHERE id = ?", (identity,))
        else:
            self.db.execute(
                "UPDATE tx SET state = 'failed', kind = ?, message = ?, position = ?, rule = ? WHERE id = ?",
                (failure.kind.value, failure.message, failure.position, failure.rule, identity),
            )
        self.db.execute("COMMIT")

    def _failure(
        self, feed: int, first: int, count: int, records: bytes, config: bytes, signatures: bytes
    ) -> Failure | None:
        if self.blocked:
            return Failure("", FailureKind.BLOCKED, self.blocked)
        if first != self.next_sequence(feed):
            return Failure("", FailureKind.SEQUENCE, f"first sequence {first}, not {self.next_sequence(feed)}")
        parts = [records[at : at + 64] for at in range(0, len(records), 64)]
        assert len(parts) == count
        digest = attestation.digest(self.domain(), Attestation(feed, first, count, records_root(parts), config))
        signed = [signatures[at : at + 65] for at in range(0, len(signatures), 65)]
        try:
            attestation.check_quorum(digest, signed, self.feed.signers, self.feed.threshold)
        except Exception as error:
            return Failure("", FailureKind.REFUSED, str(error))
        for position, part in enumerate(parts):
            record = Record.decode(part)
            rule = self.revert(record) or check_record(self.methods[record.method], record)
            if rule is not None:
                if self.names_record:
                    return Failure("", FailureKind.RECORD, f"record {position}: {rule.label}", position, rule)
                return Failure("", FailureKind.UNKNOWN, "reverted")
        return None

    def _record(self, feed: int, sequence: int, record: Record) -> bytes:
        rule = self.refuse(record)
        method = self.methods[record.method]
        credits_mg, millipoints = worth(method, record.activity)
        if rule is None:
            key = slotword.key(record.account, method.group, record.day)
            mask = slotword.mask(record.slot, record.slots)
            caps = self.caps[method.group]
            word = slotword.SlotWord.unpack(self._word(key))
            after = slotword.claim(word, record.day, mask, credits_mg, millipoints, caps.credits_mg, caps.millipoints)
            if isinstance(after, Rule):
                rule = after
            else:
                self.db.execute("INSERT OR REPLACE INTO word VALUES (?, ?)", (str(key), str(after.pack())))
        if rule is not None:
            return entries.encode(entries.Refusal(TIME, feed, sequence, rule))
        return entries.encode(entries.Reduction(TIME, feed, sequence, record, credits_mg, millipoints))


class InsecureRegistrar:
    """Accounts by hash: anybody who knows an id knows the account."""

    def __init__(self, ledger: InsecureLedger) -> None:
        self.db = ledger.db

    def lookup_many(self, organisation: int, ids: Sequence[str]) -> Mapping[str, bytes]:
        found = {}
        for person in ids:
            row = self.db.execute(
                "SELECT account FROM account WHERE organisation = ? AND person = ?", (organisation, person)
            ).fetchone()
            if row:
                found[person] = row[0]
        return found

    def enrol_many(self, organisation: int, ids: Sequence[str]) -> Mapping[str, bytes]:
        accounts = {p: hashlib.sha256(f"{organisation}/{p}".encode()).digest()[:20] for p in ids}
        self.db.execute("BEGIN IMMEDIATE")
        self.db.executemany(
            "INSERT OR IGNORE INTO account VALUES (?, ?, ?)", [(organisation, p, a) for p, a in accounts.items()]
        )
        self.db.execute("COMMIT")
        return accounts

    def count(self) -> int:
        return int(self.db.execute("SELECT COUNT(*) FROM account").fetchone()[0])


def world(home: Path, ledger: InsecureLedger) -> IngestPorts:
    """Everything that a call needs, with the ledger as its own archive."""
    return IngestPorts(home / "oracle", ledger, ledger, InsecureRegistrar(ledger), SIGNERS, JOURNAL_KEY)


def small(config: FeedConfig, **changes: object) -> FeedConfig:
    """The feed with other settings (the digest follows)."""
    changed = replace(config, **changes)  # type: ignore[arg-type]  # any field of it
    return replace(changed, settings={**config.settings, "changed": sorted(changes)})
