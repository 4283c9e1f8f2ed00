"""A small ledger in memory for the protocol's tests: it appends what it is told to, and proves what it holds.

Everything in it is fixed (keys, salts, times), so that vectors made from it stay the same.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field, replace

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from chain_node import catalogue
from chain_node.protocol import arithmetic, attestation, bundle, checkpoint, merkle, times
from chain_node.protocol.attestation import Attestation, Domain
from chain_node.protocol.entries import (
    TRIAL_LATE_DAYS,
    Account,
    AccountState,
    Entry,
    Feed,
    GroupCaps,
    Organisation,
    Reduction,
    Standing,
    encode,
)
from chain_node.protocol.records import Record, evidence, records_root

ORIGIN = "luya.test/0011aabb"
NONCE = bytes(range(32))
LEDGER = bytes.fromhex("5fbdb2315678afecb367f032d93f642f64180aa3")
DOMAIN = Domain(31_337, LEDGER, attestation.domain_salt(ORIGIN, NONCE))
START = 1_780_000_000
TODAY = times.day_of(START)
LOG_KEY = Ed25519PrivateKey.from_private_bytes(bytes([7]) * 32)
VKEY = checkpoint.verifier_key(ORIGIN, LOG_KEY.public_key())
CONFIG_DIGEST = attestation.config_digest({"feed": "test", "max_kmh": 35})
FEED = 1


def secret(name: str) -> bytes:
    return hashlib.sha256(name.encode()).digest()


SIGNER_KEYS = {attestation.address_of(key): key for key in map(secret, ("signer one", "signer two", "signer three"))}
SIGNERS = tuple(sorted(SIGNER_KEYS))


def person(number: int) -> bytes:
    return secret(f"person {number}")[:20]


def nullifier(name: str) -> bytes:
    return secret(f"nullifier {name}")


def feed(**changes: object) -> Feed:
    values = Feed(
        START,
        FEED,
        1,
        1,
        2,
        SIGNERS,
        63,
        10**15,
        10**14,
        tuple(entry.id for entry in catalogue.announced()),
        Standing.ACTIVE,
    )
    return replace(values, **changes)  # type: ignore[arg-type]


def law() -> list[Entry]:
    """Organisation, all shipped methods and caps, one feed."""
    methods = [replace(entry.method, time=START) for entry in catalogue.announced()]
    caps = [replace(group.caps, time=START) for group in catalogue.load_groups()]
    return [Organisation(START, 1, secret("organisation"), Standing.ACTIVE), *methods, *caps, feed()]


def account(number: int, **changes: object) -> Account:
    values = Account(START, person(number), secret(f"identity {number}"), 502, 0, AccountState.ACTIVE)
    return replace(values, **changes)  # type: ignore[arg-type]


def reduction(
    sequence: int,
    *,
    who: int = 0,
    method: int = 101,
    day: int = TODAY,
    slot: int = 10,
    slots: int = 2,
    activity: int = 1_000,
    once: bytes | None = None,
    time: int = START,
    feed: int = FEED,
) -> Reduction:
    record = Record(
        person(who), method, day, slot, slots, 0, activity, evidence(secret("salt"), {"row": str(sequence)})
    )
    worth = arithmetic.worth(catalogue.by_id(method).method, activity)
    return Reduction(time, feed, sequence, record, *worth, 0, once)


@dataclass
class World:
    """Entries in order, their leaves, and proofs of them."""

    entries: list[bytes] = field(default_factory=list)
    leaves: list[bytes] = field(default_factory=list)

    def append(self, *entries: Entry) -> int:
        """Append; gives the index of the first."""
        first = len(self.entries)
        for entry in entries:
            data = encode(entry)
            self.entries.append(data)
            self.leaves.append(merkle.leaf_hash(data))
        return first

    def get_node(self, level: int, index: int) -> bytes:
        return merkle.root_from_leaves(self.leaves[index << level : (index + 1) << level])

    def note(self, size: int | None = None) -> str:
        size = len(self.leaves) if size is None else size
        root = merkle.root_from_leaves(self.leaves[:size])
        return checkpoint.sign(checkpoint.Checkpoint(ORIGIN, size, root), ORIGIN, LOG_KEY)

    def law_entry(self, index: int, size: int) -> bundle.LawEntry:
        return bundle.LawEntry(index, self.entries[index], merkle.inclusion_proof(index, size, self.get_node))

    def consistency(self, old: int, new: int) -> str:
        return checkpoint.build_consistency(old, merkle.consistency_proof(old, new, self.get_node))


def attest(batch: list[bytes], first_sequence: int, *, feed: int = FEED) -> Attestation:
    return Attestation(feed, first_sequence, len(batch), records_root(batch), CONFIG_DIGEST)


def sign_all(attested: Attestation, count: int = 2) -> list[bytes]:
    """Signatures of the first `count` signers, ascending."""
    digest = attestation.digest(DOMAIN, attested)
    return [attestation.sign(SIGNER_KEYS[address], digest) for address in SIGNERS[:count]]


TRIAL = TRIAL_LATE_DAYS
CAPS = {group.id: group.caps for group in catalogue.load_groups()}


def caps(group: int, credits_mg: int, millipoints: int) -> GroupCaps:
    return GroupCaps(START, group, credits_mg, millipoints)
