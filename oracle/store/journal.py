"""A feed's journal: one SQLite file in WAL mode, fsynced at every commit, held by one process at a time.

Its tables are this room's own: whoever is outside asks the functions of `oracle.store`, never `Journal.db`.
"""

from __future__ import annotations

import json
import secrets
import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, NamedTuple, TypeVar

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from chain_node.errors import LockError
from chain_node.protocol.rules import Rule
from chain_node.storage.durable import FileLock, make_dir
from oracle.errors import JournalError
from oracle.store import migrations
from oracle.store.openings import SALT_BYTES
from oracle.store.schema import TABLES, VERSION

T = TypeVar("T")
KEYS_A_QUERY: Final = 500
NONCE_BYTES: Final = 12
NAME: Final = "journal.db"


class Settlement(NamedTuple):
    """What the archive says of a sequence. rule: of a refusal, else None."""

    sequence: int
    log_index: int
    rule: Rule | None
    credits_mg: int
    millipoints: int


@dataclass(slots=True)
class IngestCall:
    """One call of `ingest`. today: the ledger's day when it began; position: (start, file, row) journaled last.

    settings: the id of the settings that its verdicts come from.
    """

    id: int
    today: int
    position: tuple[int, int, int]
    settings: int


def path_of(folder: Path, feed: str) -> Path:
    """Where the journal of the feed of this name is, in the folder of the oracles' journals."""
    return folder / feed / NAME


class Journal:
    """See the module. Every method but `transaction` works inside or outside of one; outside, it commits by itself.

    path: the file, created where missing; feed: its id, which a journal never changes; key: 32 bytes, opens the salts.
    Raises JournalError: held by another process, of another feed, or sealed with another key.
    """

    def __init__(self, path: Path, feed: int, key: bytes) -> None:
        make_dir(path.parent, 0o700)
        try:
            self._lock = FileLock(path.with_suffix(".lock"), f"the journal of feed {feed}")
        except LockError as error:
            raise JournalError(str(error)) from None
        self.path = path
        self._seal = AESGCM(key)
        new = not path.exists()
        if new:
            path.touch(mode=0o600)
        self.db = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        try:
            self._open(feed)
        except BaseException:
            self.close()
            raise

    def _open(self, feed: int) -> None:
        try:
            for pragma in ("journal_mode = WAL", "synchronous = FULL", "cache_size = -65536", "temp_store = FILE"):
                self.db.execute(f"PRAGMA {pragma}")
            with self.transaction():
                if not self.db.execute("SELECT 1 FROM sqlite_master LIMIT 1").fetchone():
                    for statement in TABLES.split(";"):
                        self.db.execute(statement)
                    self._set("version", VERSION)
                    self._set("feed", feed)
                    self._set("check", self._sealed(b"check", b""))
            if self.meta("feed") != feed:
                raise JournalError(f"{self.path} is of feed {self.meta('feed')}, not of feed {feed}")
            self.unsealed(self.meta("check"), b"")
            version = self.meta("version")
            if version != VERSION:
                with self.transaction():
                    migrations.migrate(self.db, version, self.unsealed)
        except sqlite3.DatabaseError as error:
            raise JournalError(f"{self.path} is no journal: {error}; restore it from a backup") from None
        except InvalidTag:
            raise JournalError(f"{self.path} was sealed with another key") from None
        except JournalError as error:
            raise JournalError(f"{self.path}: {error}") from None
        self._sweep()

    def _sweep(self) -> None:
        """Staging files of calls that are closed: a process was killed before it could remove its own."""
        open_calls = {number for (number,) in self.db.execute("SELECT id FROM call WHERE state != 'done'")}
        for path in self.path.parent.glob("staging-*"):
            number = path.name.removeprefix("staging-").partition(".")[0]
            if number.isdigit() and int(number) not in open_calls:
                path.unlink(missing_ok=True)

    def close(self) -> None:
        """Close the file and let go of the lock."""
        self.db.close()
        self._lock.release()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All or nothing, durable when it returns; within another one, part of that."""
        if self.db.in_transaction:
            yield
            return
        self.db.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self.db.execute("ROLLBACK")
            raise
        self.db.execute("COMMIT")

    # --- small values

    def meta(self, name: str) -> Any:
        """A value by its name; None where there is none."""
        found = self.db.execute("SELECT value FROM meta WHERE name = ?", (name,)).fetchone()
        return found[0] if found else None

    def _set(self, name: str, value: object) -> None:
        self.db.execute(
            "INSERT INTO meta VALUES (?, ?) ON CONFLICT DO UPDATE SET value = excluded.value", (name, value)
        )

    def set_cursor(self, size: int) -> None:
        """All entries before this index have been settled."""
        self._set("cursor", size)

    def settings(self, digest: bytes, settings: Mapping[str, Any]) -> int:
        """The id of these settings, noted where they are new. digest: what signers attest of them."""
        found = self.db.execute("SELECT id, document FROM settings WHERE digest = ?", (digest,)).fetchone()
        if found and found[1]:
            return int(found[0])
        document = json.dumps(settings, ensure_ascii=False, sort_keys=True)
        return int(
            self.db.execute(
                "INSERT INTO settings (digest, document) VALUES (?, ?) "
                "ON CONFLICT (digest) DO UPDATE SET document = excluded.document RETURNING id",
                (digest, document),
            ).fetchone()[0]
        )

    # --- sealing

    def _sealed(self, opening: bytes, key: bytes) -> bytes:
        nonce = secrets.token_bytes(NONCE_BYTES)
        return nonce + self._seal.encrypt(nonce, opening, key)

    def sealed_all(self, openings: Sequence[tuple[bytes, bytes]]) -> list[bytes]:
        """Each (opening, key) sealed. (One call for the nonces of all: there are thousands.)"""
        nonces = secrets.token_bytes(NONCE_BYTES * len(openings))
        encrypt = self._seal.encrypt
        return [
            (nonce := nonces[at : at + NONCE_BYTES]) + encrypt(nonce, opening, key)
            for (opening, key), at in zip(openings, range(0, len(nonces), NONCE_BYTES), strict=True)
        ]

    def unsealed(self, sealed: bytes, key: bytes) -> bytes:
        """salt ‖ raw record. Raises InvalidTag: another key, or other bytes than were sealed."""
        return self._seal.decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], key)

    def opening(self, record: int) -> tuple[bytes, bytes]:
        """(salt, raw record as RFC 8785 JSON) of a record: what its evidence commits to. Raises JournalError."""
        found = self.db.execute(
            "SELECT key, sealed FROM record JOIN opening ON opening.record = record.id WHERE id = ?", (record,)
        ).fetchone()
        if found is None:
            raise JournalError(f"{self.path} has no opening of record {record}: erased, or never there")
        opened = self.unsealed(found[1], found[0])
        return opened[:SALT_BYTES], opened[SALT_BYTES:]

    def opening_of(self, sequence: int) -> tuple[bytes, bytes]:
        """The opening of the record with this sequence. Raises JournalError."""
        found = self.db.execute("SELECT id FROM record WHERE sequence = ?", (sequence,)).fetchone()
        if found is None:
            raise JournalError(f"{self.path} has no record with sequence {sequence}: another oracle submitted it")
        return self.opening(int(found[0]))

    # --- calls

    def begin(
        self, fingerprint: bytes, today: int, files: Sequence[tuple[int, str, bytes]], settings: int
    ) -> IngestCall:
        """The open call with this fingerprint, to be gone on with; or a new one. files: (number, name, digest)."""
        found = self.db.execute(
            "SELECT id, today, at_start, at_file, at_row FROM call WHERE fingerprint = ? AND state != 'done'",
            (fingerprint,),
        ).fetchone()
        if found:
            self.db.execute("UPDATE call SET state = 'open' WHERE id = ? AND state = 'held'", (found[0],))
            return IngestCall(found[0], found[1], tuple(found[2:]), settings)
        with self.transaction():
            cursor = self.db.execute(
                "INSERT INTO call (fingerprint, state, today, at_start, at_file, at_row) "
                "VALUES (?, 'open', ?, -2, -1, -1)",
                (fingerprint, today),
            )
            assert cursor.lastrowid is not None
            self.db.executemany(
                "INSERT INTO call_file VALUES (?, ?, ?, ?)", [(cursor.lastrowid, *file) for file in files]
            )
        return IngestCall(cursor.lastrowid, today, (-2, -1, -1), settings)

    def begun(self, fingerprint: bytes) -> bool:
        """Whether a call with this fingerprint is open: begun, or delivered and not closed."""
        query = "SELECT 1 FROM call WHERE fingerprint = ? AND state != 'done'"
        return self.db.execute(query, (fingerprint,)).fetchone() is not None

    def files(self, call: IngestCall) -> list[tuple[str, bytes]]:
        """(name, SHA-256) of the call's files, by their number."""
        query = "SELECT name, digest FROM call_file WHERE call = ? ORDER BY number"
        return self.db.execute(query, (call.id,)).fetchall()

    def add_file(self, call: IngestCall, number: int, name: str, digest: bytes) -> None:
        """One more file of the call."""
        self.db.execute("INSERT INTO call_file VALUES (?, ?, ?, ?)", (call.id, number, name, digest))

    def advance(self, call: IngestCall, position: tuple[int, int, int]) -> None:
        """All rows up to this one are journaled."""
        self.db.execute("UPDATE call SET at_start = ?, at_file = ?, at_row = ? WHERE id = ?", (*position, call.id))
        call.position = position

    def hold(self, call: IngestCall) -> None:
        """The call is delivered, and stays open until it is closed."""
        self.db.execute("UPDATE call SET state = 'held' WHERE id = ?", (call.id,))

    def held(self) -> list[int]:
        """The calls that are delivered and not closed."""
        return [identity for (identity,) in self.db.execute("SELECT id FROM call WHERE state = 'held' ORDER BY id")]

    def finish(self, call: int) -> None:
        """The call is closed: its rows are known from now on, and its staging file goes."""
        self.db.execute("UPDATE call SET state = 'done' WHERE id = ?", (call,))
        self.staging(call).unlink(missing_ok=True)

    def staging(self, call: int) -> Path:
        """Where a call's staging file is."""
        return self.path.with_name(f"staging-{call}.db")

    # --- records

    def next_sequence(self) -> int:
        """The sequence of the feed's next record."""
        found = self.db.execute("SELECT MAX(sequence) FROM record").fetchone()[0]
        return 0 if found is None else int(found) + 1

    def settled(self) -> int:
        """All sequences before this one are in the archive."""
        return int(self.meta("settled") or 0)

    def settle(
        self, finals: Sequence[Settlement], size: int, settled: int, revoked: Iterable[tuple[int, int]] = ()
    ) -> None:
        """Take what the archive says, up to `size` entries and `settled` sequences.

        revoked: (sequence, index of the revocation) of records that were revoked since.
        """
        with self.transaction():
            self.db.executemany(
                "UPDATE record SET state = ?, rule = ?, value = ?, log_index = ?, credits_mg = ?, millipoints = ? "
                "WHERE sequence = ?",
                [
                    ("final", None, "", f.log_index, f.credits_mg, f.millipoints, f.sequence)
                    if f.rule is None
                    else ("refused", int(f.rule), "by the ledger", f.log_index, 0, 0, f.sequence)
                    for f in finals
                ],
            )
            self.db.execute(
                "UPDATE batch SET state = 'final' WHERE state = 'signed' AND first_sequence + count <= ?", (settled,)
            )
            self._set("settled", settled)
            self.set_cursor(size)
            self.note_revoked(revoked)

    def note_revoked(self, revoked: Iterable[tuple[int, int]], scanned: bool = False) -> None:
        """Note what was revoked. scanned: and that all older entries were looked at for it."""
        with self.transaction():
            self.db.executemany(
                "UPDATE record SET revoked = ? WHERE sequence = ?", [(index, sequence) for sequence, index in revoked]
            )
            if scanned:
                self.db.execute("DELETE FROM meta WHERE name = 'rescan'")

    # --- slot words

    def words(self, keys: Sequence[int]) -> dict[int, int]:
        """The mirrored words of these keys; those that the mirror does not have are left out."""
        found: dict[int, int] = {}
        for part in _parts(keys):
            marks = ", ".join("?" * len(part))
            query = f"SELECT key, value FROM word WHERE key IN ({marks})"  # noqa: S608 - question marks only
            for key, value in self.db.execute(query, [key.to_bytes(23, "big") for key in part]):
                found[int.from_bytes(key, "big")] = int.from_bytes(value, "big")
        return found

    def set_words(self, words: Iterable[tuple[int, int]]) -> None:
        """Mirror these (key, word)."""
        self.db.executemany(
            "INSERT INTO word VALUES (?, ?) ON CONFLICT DO UPDATE SET value = excluded.value",
            [(key.to_bytes(23, "big"), word.to_bytes(32, "big")) for key, word in words],
        )

    def forget_words(self, keys: Iterable[int]) -> None:
        """Drop these words from the mirror."""
        self.db.executemany("DELETE FROM word WHERE key = ?", [(key.to_bytes(23, "big"),) for key in keys])


def _parts(items: Sequence[T]) -> Iterator[Sequence[T]]:
    return (items[at : at + KEYS_A_QUERY] for at in range(0, len(items), KEYS_A_QUERY))
