"""A small ledger for the API's tests, written by the real archive writer and valid under the protocol's replay.

It plays the contract: builds entries in order, keeps the replay's state beside them, and signs batches with real keys.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from chain_node.archive.calls import BatchFields, Call, RefusedRecord
from chain_node.archive.writer import Archive
from chain_node.catalogue import announced, load_groups
from chain_node.protocol import attestation, checkpoint, entries
from chain_node.protocol.arithmetic import worth
from chain_node.protocol.entries import AccountState, Standing
from chain_node.protocol.records import Record, records_root
from chain_node.protocol.replay import State
from chain_node.protocol.rules import Rule
from chain_node.protocol.times import day_of, year_of

ORIGIN = "luya.test/00c0ffee"
START = 1_735_700_000
LEDGER = bytes.fromhex("5fbdb2315678afecb367f032d93f642f64180aa3")
KEYS = [hashlib.sha256(b"signer %d" % n).digest() for n in range(3)]
SIGNERS = tuple(sorted(attestation.address_of(key) for key in KEYS))
SORTED_KEYS = sorted(KEYS, key=attestation.address_of)
LOG_KEY = Ed25519PrivateKey.from_private_bytes(hashlib.sha256(b"log key").digest())
GENESIS_NONCE = b"\x07" * 32
CONFIG = hashlib.sha256(b"settings").digest()
CYCLING, METHOD_WALK = 101, 1
FEEDS = {1: (CYCLING, 102), 2: (METHOD_WALK,)}


def person(number: int) -> bytes:
    """The account of the resident with this number."""
    return hashlib.sha256(b"person %d" % number).digest()[:20]


@dataclass
class TestLedger:
    """Writes an archive and knows what it says."""

    __test__ = False

    folder: Path
    time: int = START
    state: State = field(default_factory=State)
    block: int = 0
    marks: dict[str, int] = field(default_factory=dict)
    bodies: list[bytes] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.archive = Archive(self.folder)
        self.domain = attestation.Domain(31337, LEDGER, attestation.domain_salt(ORIGIN, GENESIS_NONCE))
        self.methods = {method.id: method.method for method in announced()}

    @property
    def log_key(self) -> str:
        return checkpoint.verifier_key(ORIGIN, LOG_KEY.public_key())

    def append(self, *new: entries.Entry, batch: BatchFields | None = None) -> int:
        """Append one call's entries; gives the index of the first."""
        first = self.state.size
        bodies = [entries.encode(entry) for entry in new]
        self.bodies += bodies
        for body in bodies:
            self.state.apply(body)
        self.block += 1
        tx = hashlib.sha256(b"tx %d" % self.block).hexdigest()
        self.archive.append(bodies, [Call(first, len(bodies), f"0x{tx}", self.block, batch)])
        return first

    def publish(self) -> str:
        return self.archive.publish(lambda point: checkpoint.sign(point, ORIGIN, LOG_KEY), ORIGIN)

    def found(self) -> None:
        """Organisation, groups, methods, feeds, log key: a fresh network's law."""
        time = self.time
        self.append(entries.LogKey(time, LOG_KEY.public_key().public_bytes_raw()))
        self.append(entries.Organisation(time, 1, hashlib.sha256(b"partner").digest(), Standing.ACTIVE))
        for group in load_groups():
            self.append(entries.GroupCaps(time, group.id, group.caps.credits_mg, group.caps.millipoints))
        for method in announced():
            self.append(entries.Method(**{**_fields(method.method), "time": time}))
        for feed, methods in FEEDS.items():
            cap = (1 << 62, (1 << 64) - 1)
            self.append(
                entries.Feed(time, feed, 1, 1, 2, SIGNERS, entries.TRIAL_LATE_DAYS, *cap, methods, Standing.ACTIVE)
            )

    def register(self, *numbers: int) -> int:
        new = [
            entries.Account(
                self.time, person(n), hashlib.sha256(b"identity %d" % n).digest(), 510_5, 0, AccountState.ACTIVE
            )
            for n in numbers
        ]
        return self.append(*new)

    def set_state(self, number: int, state: AccountState) -> int:
        """Freeze, thaw or close an account."""
        identity = hashlib.sha256(b"identity %d" % number).digest()
        return self.append(entries.Account(self.time, person(number), identity, 510_5, 0, state))

    def record(
        self, number: int, activity: int, *, day: int | None = None, slot: int = 60, method: int = CYCLING
    ) -> Record:
        """A record of this person, one slot per 1,000 units."""
        day = day_of(self.time) - 1 if day is None else day
        slots = 180 if method == METHOD_WALK else max(1, activity // 4000 + 1)
        slot = 0 if method == METHOD_WALK else slot
        salt = hashlib.sha256(b"%d %d %d %d" % (number, day, slot, activity)).digest()
        return Record(person(number), method, day, slot, slots, 0, activity, salt)

    def record_batch(self, feed: int, records: list[Record], refuse: dict[int, Rule] | None = None) -> int:
        """One attested batch; `refuse`: positions that the chain skips."""
        refuse = refuse or {}
        first = self.state.next_sequence.get(feed, 0)
        new: list[entries.Entry] = []
        refused = []
        for position, record in enumerate(records):
            sequence = first + position
            if position in refuse:
                new.append(entries.Refusal(self.time, feed, sequence, refuse[position]))
                refused.append(RefusedRecord(position, record.encode()))
                continue
            amounts = worth(self.methods[record.method], record.activity)
            new.append(entries.Reduction(self.time, feed, sequence, record, *amounts))
        payloads = [record.encode() for record in records]
        signed = attestation.Attestation(feed, first, len(records), records_root(payloads), CONFIG)
        digest = attestation.digest(self.domain, signed)
        signatures = tuple(attestation.sign(key, digest) for key in SORTED_KEYS[:2])
        return self.append(*new, batch=BatchFields(signed, signatures, self.domain, tuple(refused)))

    def revoke(self, index: int, *, release: bool = False) -> int:
        """Revoke the reduction at `index`; what is burned and owed follows from the state."""
        target = entries.decode(self.bodies[index])
        assert isinstance(target, entries.Reduction)
        record = target.record
        held = {year: pair for (who, year), pair in self.state.balances.items() if who == record.account}
        own = year_of(record.day)
        amounts = [target.credits_mg, target.millipoints + target.bonus_millipoints]
        burned = [0, 0]
        for year in (own, *sorted((year for year in held if year != own), reverse=True)):
            for kind in (0, 1):
                burned[kind] += min(held[year][kind], amounts[kind] - burned[kind])
        owed = [amounts[kind] - burned[kind] for kind in (0, 1)]
        reason = hashlib.sha256("重复".encode()).digest()
        return self.append(entries.Revocation(self.time, index, 3, reason, release, *burned, *owed))

    def close(self) -> None:
        self.archive.close()


def _fields(value: object) -> dict[str, object]:
    return {name: getattr(value, name) for name in value.__slots__}  # type: ignore[attr-defined]


def standard(folder: Path) -> TestLedger:
    """Law, five residents, batches of two feeds with refusals in two vintages, and a revocation.

    Entry indexes of the parts are in `ledger.marks`.
    """
    ledger = TestLedger(folder)
    ledger.found()
    ledger.marks["registered"] = ledger.register(1, 2, 3, 4)
    ledger.register(5)
    day = day_of(ledger.time) - 1
    rides = [ledger.record(n, 3000 + n, day=day) for n in (1, 2, 3)]
    ledger.marks["rides"] = ledger.record_batch(1, rides)
    clash = ledger.record(1, 2500, day=day)
    ledger.marks["clash"] = ledger.record_batch(1, [ledger.record(1, 4100, day=day, slot=90), clash], {1: Rule.OVERLAP})
    walks = [ledger.record(n, 8000 + n, day=day, method=METHOD_WALK) for n in (1, 4)]
    ledger.marks["walks"] = ledger.record_batch(2, walks)
    old = [ledger.record(5, 5000, day=day - 400), ledger.record(9, 100, day=day)]
    ledger.marks["old"] = ledger.record_batch(1, old, {1: Rule.UNKNOWN_PERSON})
    ledger.time += 3600
    ledger.marks["revocation"] = ledger.revoke(ledger.marks["rides"] + 2)
    return ledger
