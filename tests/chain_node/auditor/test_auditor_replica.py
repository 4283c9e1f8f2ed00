"""A contract that enforces too little, too much, or something else: consistent in all it says, and still found.

The events here are what such a contract would emit: roots, indexes and sequences agree, signatures are real.
"""

from __future__ import annotations

import hashlib
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import pytest

from chain_node.auditor.events import Appended, Batch, Event, Extended, Place, Refused, Sealed
from chain_node.auditor.replica import Replica
from chain_node.catalogue import by_id
from chain_node.errors import Discrepancy
from chain_node.protocol.arithmetic import worth
from chain_node.protocol.attestation import Attestation, Domain, address_of, digest, domain_salt, sign
from chain_node.protocol.entries import (
    Account,
    AccountState,
    Entry,
    Feed,
    GroupCaps,
    Method,
    Organisation,
    Pause,
    Reduction,
    Refusal,
    Standing,
    encode,
)
from chain_node.protocol.merkle import Tree, leaf_hash
from chain_node.protocol.records import Record, records_root
from chain_node.protocol.rules import Rule

TIME = 1_800_000_000
TODAY = (TIME + 28_800) // 86_400
KEYS = sorted((hashlib.sha256(b"key %d" % n).digest() for n in range(3)), key=address_of)
STRANGER = hashlib.sha256(b"stranger").digest()
DOMAIN = Domain(7, b"\x11" * 20, domain_salt("luya.test/1", bytes(32)))
CYCLING = replace(by_id(101).method, time=TIME)
PLATE = replace(by_id(108).method, time=TIME)
RIDERS = [hashlib.sha256(b"rider %d" % n).digest()[:20] for n in range(8)]
CONFIG = b"\x0c" * 32


def signers() -> tuple[bytes, ...]:
    return tuple(address_of(key) for key in KEYS)


class Contract:
    """Emits what it is told to, consistently."""

    def __init__(self) -> None:
        self.tree = Tree()
        self.block = 1
        self.time = TIME
        self.sequences: dict[int, int] = {}

    def place(self) -> Place:
        return Place(self.block, "0x" + "aa" * 32, "0x" + "bb" * 32, 0, 0)

    def call(self, *entries: Entry | bytes) -> list[Event]:
        events: list[Event] = []
        for entry in entries:
            data = entry if isinstance(entry, bytes) else encode(entry)
            events.append(Appended(self.place(), self.tree.append(leaf_hash(data)), data))
        return [*events, Extended(self.place(), self.tree.size, self.tree.root())]

    def batch(
        self,
        records: Sequence[Record],
        nullifiers: Sequence[bytes] = (),
        *,
        refused: Mapping[int, Rule] | None = None,
        keys: Sequence[bytes] = KEYS[:2],
        feed: int = 1,
        sequence: int | None = None,
        domain: Domain = DOMAIN,
        amounts: Callable[[Method, int], tuple[int, int]] = worth,
    ) -> list[Event]:
        first, first_sequence = self.tree.size, self.sequences.get(feed, 0) if sequence is None else sequence
        events: list[Event] = []
        payloads, left = [], iter(nullifiers)
        for position, record in enumerate(records):
            method = PLATE if record.method == PLATE.id else CYCLING
            nullifier = next(left, b"") if method is PLATE else b""
            payloads.append(record.encode() + nullifier)
            rule = (refused or {}).get(position)
            entry: Entry
            if rule is not None:
                entry = Refusal(self.time, feed, first_sequence + position, rule)
                events.append(Refused(self.place(), feed, first + position, first_sequence + position, int(rule)))
            else:
                own = amounts(method, record.activity)
                entry = Reduction(self.time, feed, first_sequence + position, record, *own, 0, nullifier or None)
            self.tree.append(leaf_hash(encode(entry)))
        self.sequences[feed] = first_sequence + len(records)
        attestation = Attestation(feed, first_sequence, len(records), records_root(payloads), CONFIG)
        signatures = tuple(sign(key, digest(domain, attestation)) for key in keys)
        packed = b"".join(record.encode() for record in records)
        return [
            *events,
            Batch(
                self.place(), feed, first_sequence, first, self.time, self.tree.root(), packed, b"".join(nullifiers),
                CONFIG, signatures,
            ),
        ]  # fmt: skip


FEED = Feed(TIME, 1, 1, 1, 2, signers(), 5, 10**7, 10**7, (CYCLING.id, PLATE.id), Standing.ACTIVE)


def law() -> list[Entry]:
    accounts = [
        Account(TIME, rider, hashlib.sha256(rider).digest(), 502, 0, AccountState.ACTIVE) for rider in RIDERS[:-2]
    ]
    late = Account(TIME, RIDERS[-2], hashlib.sha256(RIDERS[-2]).digest(), 502, 2024, AccountState.ACTIVE)
    caps = {CYCLING.group, PLATE.group}
    return [
        Organisation(TIME, 1, b"\x01" * 32, Standing.ACTIVE),
        *(GroupCaps(TIME, group, 2_000_000, 2_000_000) for group in sorted(caps)),
        CYCLING,
        PLATE,
        FEED,
        *accounts,
        late,
    ]


def world() -> tuple[Contract, Replica]:
    contract = Contract()

    def unknown(_index: int) -> bytes:
        raise AssertionError("nothing is stored")

    replica = Replica(unknown, unknown, DOMAIN, sealed=False)
    replica.take([Sealed(contract.place(), 0, contract.tree.root()), *contract.call(*law())])
    return contract, replica


def ride(
    rider: int = 0, *, day: int = TODAY, slot: int = 3, slots: int = 2, activity: int = 1000, **more: Any
) -> Record:
    values: dict[str, Any] = {"method": CYCLING.id, "campaign": 0, "evidence": bytes(32)} | more
    return Record(RIDERS[rider], values["method"], day, slot, slots, values["campaign"], activity, values["evidence"])


def meal(rider: int = 0, *, day: int = TODAY) -> Record:
    first, count = PLATE.windows[0] if PLATE.windows else (0, 1)
    return Record(RIDERS[rider], PLATE.id, day, first, count, 0, 1, bytes(32))


def found_in(replica: Replica, events: Sequence[Event]) -> Discrepancy:
    with pytest.raises(Discrepancy) as caught:
        replica.take(events)
    return caught.value


def test_a_right_contract_is_believed() -> None:
    contract, replica = world()
    records = [ride(n, slot=10 * n) for n in range(4)]
    steps = replica.take(contract.batch(records))
    assert [step.size for step in steps] == [contract.tree.size]
    assert replica.state.root() == contract.tree.root()


def _signatures(contract: Contract, count: int) -> list[Event]:
    return contract.batch([ride()], keys=KEYS[:count])


OTHER = replace(DOMAIN, chain_id=8)
MORE = tuple(sorted([*signers(), address_of(STRANGER)]))
BIG = 650_000 * CYCLING.credit_den // CYCLING.credit_num
"""Activity worth about a third of the day's cap."""
WRONG: dict[str, tuple[str, int, Callable[[Contract], list[Event]]]] = {
    "no quorum": ("quorum", 0, lambda c: c.batch([ride()], keys=KEYS[:1])),
    "no signature": ("quorum", 0, lambda c: c.batch([ride()], keys=())),
    "a stranger's": ("quorum", 0, lambda c: c.batch([ride()], keys=[KEYS[0], STRANGER])),
    "one twice": ("quorum", 0, lambda c: c.batch([ride()], keys=[KEYS[0], KEYS[0]])),
    "not ascending": ("quorum", 0, lambda c: c.batch([ride()], keys=[KEYS[1], KEYS[0]])),
    "another chain": ("quorum", 0, lambda c: c.batch([ride()], domain=OTHER)),
    "a gap": ("sequence", 0, lambda c: c.batch([ride()], sequence=1)),
    "an unknown feed": ("feed", 0, lambda c: c.batch([ride()], feed=2)),
    "no slots": ("impossible/malformed", 1, lambda c: c.batch([ride(), ride(1, slots=0)])),
    "past midnight": ("impossible/malformed", 0, lambda c: c.batch([ride(slot=179)])),
    "a campaign": ("impossible/malformed", 0, lambda c: c.batch([ride(campaign=1)])),
    "nothing done": ("impossible/zero-activity", 0, lambda c: c.batch([ride(activity=0)])),
    "too much": ("impossible/over-bound", 2, lambda c: c.batch([ride(), ride(1), ride(2, activity=2**32 - 1)])),
    "too fast": (
        "impossible/over-slot-bound", 0,
        lambda c: c.batch([ride(slots=1, activity=2 * CYCLING.max_per_slot + 1)]),
    ),
    "another window": ("impossible/window", 0, lambda c: c.batch([replace(meal(), slot=1, slots=1)], [b"\x01" * 32])),
    "left over": ("nullifiers", 0, lambda c: c.batch([ride()], [b"\x01" * 32])),
    "unregistered": ("verdict/unknown-person", 1, lambda c: c.batch([ride(), ride(7)])),
    "another year": ("verdict/not-in-force", 0, lambda c: c.batch([ride(6)])),
    "tomorrow": ("verdict/too-early", 0, lambda c: c.batch([ride(day=TODAY + 1)])),
    "too late": ("verdict/too-late", 1, lambda c: c.batch([ride(day=TODAY - 5), ride(1, day=TODAY - 6)])),
    "overlapping": ("verdict/overlap", 1, lambda c: c.batch([ride(slot=3), ride(slot=4)])),
    "over the day's cap": (
        "verdict/over-cap", 3,
        lambda c: c.batch([ride(slot=20 * n, slots=19, activity=BIG) for n in range(8)]),
    ),
    "a photo twice": ("verdict/nullifier-used", 1, lambda c: c.batch([meal(), meal(1)], [b"\x01" * 32] * 2)),
    "refused for nothing": ("verdict/reduction", 1, lambda c: c.batch([ride(), ride(1)], refused={1: Rule.OVERLAP})),
    "refused by another rule": (
        "verdict/unknown-person", 0, lambda c: c.batch([ride(7)], refused={0: Rule.FROZEN}),
    ),
    "other amounts": ("root", 0, lambda c: c.batch([ride()], amounts=lambda m, a: (worth(m, a)[0] + 1, 0))),
    "outside a batch": (
        "law", 0, lambda c: c.call(Reduction(TIME, 1, 0, ride(), *worth(CYCLING, 1000))),
    ),
    "an account of nobody": (
        "law", 0, lambda c: c.call(Account(TIME, bytes(20), b"\x05" * 32, 1, 0, AccountState.ACTIVE)),
    ),
    "born frozen": (
        "law", 0, lambda c: c.call(Account(TIME, RIDERS[7], b"\x05" * 32, 1, 0, AccountState.FROZEN)),
    ),
    "a second account": (
        "replay", 0,
        lambda c: c.call(Account(TIME, RIDERS[7], hashlib.sha256(RIDERS[0]).digest(), 1, 0, AccountState.ACTIVE)),
    ),
    "another district": (
        "law", 0,
        lambda c: c.call(Account(TIME, RIDERS[0], hashlib.sha256(RIDERS[0]).digest(), 503, 0, AccountState.FROZEN)),
    ),
    "a signer more, same version": (
        "law", 0, lambda c: c.call(replace(FEED, signers=MORE, threshold=3)),
    ),
    "higher caps, same version": ("law", 0, lambda c: c.call(replace(FEED, credits_cap=FEED.credits_cap + 1))),
    "an unknown method": ("law", 0, lambda c: c.call(replace(FEED, version=2, methods=(CYCLING.id, 999)))),
    "another organisation's": ("law", 0, lambda c: c.call(replace(FEED, version=2, organisation=2))),
    "another factor": ("law", 0, lambda c: c.call(replace(CYCLING, credit_num=CYCLING.credit_num * 2))),
    "ended yesterday": ("law", 0, lambda c: c.call(replace(CYCLING, valid_to=TODAY - 1))),
    "a long pause": ("replay", 0, lambda c: c.call(Pause(TIME, TIME + 8 * 86_400))),
    "a pause in the past": ("law", 0, lambda c: c.call(Pause(TIME, TIME - 1))),
    "a group without a name": ("law", 0, lambda c: c.call(GroupCaps(TIME, 0, 1, 1))),
    "an organisation without one": ("law", 0, lambda c: c.call(Organisation(TIME, 0, bytes(32), Standing.ACTIVE))),
    "no entry": ("entry-form", 0, lambda c: c.call(b"\x99" + bytes(8))),
    "time goes back": ("replay", 0, lambda c: c.call(Organisation(TIME - 1, 2, bytes(32), Standing.ACTIVE))),
}  # fmt: skip


@pytest.mark.parametrize("name", list(WRONG))
def test_a_wrong_contract_is_found(name: str) -> None:
    rule, position, emit = WRONG[name]
    contract, replica = world()
    size = contract.tree.size
    found = found_in(replica, emit(contract))
    assert (found.rule, found.index) == (rule, size + position), found
    assert found.expected
    assert found.found


def test_recording_while_paused_or_disabled() -> None:
    contract, replica = world()
    replica.take(contract.call(Pause(TIME, TIME + 60)))
    size = contract.tree.size
    found = found_in(replica, contract.batch([ride()]))
    assert (found.rule, found.index) == ("paused", size)
    for entry in (replace(FEED, state=Standing.DISABLED), Organisation(TIME, 1, bytes(32), Standing.DISABLED)):
        contract, replica = world()
        replica.take(contract.call(entry))
        size = contract.tree.size
        found = found_in(replica, contract.batch([ride()]))
        assert (found.rule, found.index) == ("feed", size)


def test_frozen_accounts_and_disabled_signers() -> None:
    contract, replica = world()
    frozen = Account(TIME, RIDERS[0], hashlib.sha256(RIDERS[0]).digest(), 502, 0, AccountState.FROZEN)
    replica.take(contract.call(frozen))
    replica.take(contract.call(replace(FEED, signers=signers()[1:], version=2)))
    replica.take(contract.batch([ride()], keys=KEYS[1:], refused={0: Rule.FROZEN}))
    size = contract.tree.size
    found = found_in(replica, contract.batch([ride(1)], keys=KEYS[:2]))
    assert (found.rule, found.index) == ("quorum", size)


def test_the_feeds_own_cap() -> None:
    contract, replica = world()
    each = worth(CYCLING, 1000)[0]
    lower = replace(FEED, credits_cap=3 * each)
    replica.take(contract.call(lower))
    records = [ride(n, slot=10 * n) for n in range(4)]
    size = contract.tree.size
    found = found_in(replica, contract.batch(records))
    assert (found.rule, found.index) == ("verdict/over-cap", size + 3)


def test_events_that_do_not_belong_together() -> None:
    contract, replica = world()
    events = contract.batch([ride(7), ride(1)], refused={0: Rule.UNKNOWN_PERSON})
    assert found_in(replica, events[:1]).rule == "open-batch"
    contract, replica = world()
    call = contract.call(Organisation(TIME, 2, bytes(32), Standing.ACTIVE))
    assert found_in(replica, call[:1]).rule == "open-call"
    contract, replica = world()
    batch = contract.batch([ride()])
    stray = Refused(contract.place(), 1, contract.tree.size + 5, 9, 13)
    assert found_in(replica, [stray, *batch]).rule == "refusal"
    contract, replica = world()
    batch = contract.batch([ride()])
    assert found_in(replica, [*batch, *batch]).rule == "repeated-entry"


def test_random_batches_raise_no_alarm() -> None:
    """The judge and the replay agree about every record of a contract that follows the law."""
    chance = random.Random(5)
    contract, replica = world()
    shadow = Replica(lambda _: b"", lambda _: b"", DOMAIN, sealed=False)
    shadow.take([Sealed(contract.place(), 0, Tree().root()), *Contract().call(*law())])
    refusals = 0
    for _ in range(60):
        records, nullifiers = [], []
        for _ in range(chance.randrange(1, 30)):
            rider, day = chance.randrange(8), TODAY - chance.randrange(-1, 8)
            if chance.random() < 0.2:
                records.append(meal(rider, day=day))
                nullifiers.append(bytes([chance.randrange(40)]) * 32)
            else:
                slots = chance.randrange(1, 9)
                activity = chance.randrange(1, min(CYCLING.max_activity, CYCLING.max_per_slot * (slots + 1) or 5000))
                records.append(ride(rider, day=day, slot=chance.randrange(170), slots=slots, activity=activity))
        refused = verdicts(shadow, records, nullifiers)
        refusals += len(refused)
        events = contract.batch(records, nullifiers, refused=refused)
        replica.take(events)
        shadow.take(events)
        contract.block += 1
    assert refusals > 100
    assert replica.state.root() == contract.tree.root()


def verdicts(shadow: Replica, records: Sequence[Record], nullifiers: Sequence[bytes]) -> dict[int, Rule]:
    """What the law says of each, found by trying: what the replay accepts stands, else by the rule it names."""
    import copy

    from chain_node.protocol.errors import ReplayError

    state = copy.deepcopy(shadow.state)
    refused: dict[int, Rule] = {}
    left = iter(nullifiers)
    for position, record in enumerate(records):
        method = PLATE if record.method == PLATE.id else CYCLING
        nullifier = next(left) if method is PLATE else None
        sequence = state.next_sequence.get(1, 0)
        entry = Reduction(TIME, 1, sequence, record, *worth(method, record.activity), 0, nullifier)
        try:
            state.apply(encode(entry))
        except ReplayError as error:
            refused[position] = _rule_of(str(error), record)
            state.apply(encode(Refusal(TIME, 1, sequence, refused[position])))
    return refused


def _rule_of(text: str, record: Record) -> Rule:
    if "unknown-person, frozen or not-in-force" in text:
        return Rule.UNKNOWN_PERSON if record.account == RIDERS[7] else Rule.NOT_IN_FORCE
    if "too-early or too-late" in text:
        # the account is looked at first
        if record.account == RIDERS[7]:
            return Rule.UNKNOWN_PERSON
        if record.account == RIDERS[6]:
            return Rule.NOT_IN_FORCE
        return Rule.TOO_EARLY if record.day > TODAY else Rule.TOO_LATE
    label = text.split(": ")[1]
    return Rule.of(label)
