"""A ledger that rehearses: it takes batches as the contracts would, after the entries it was given, and keeps none.

With it, a copy of the feed's journal and signers of the moment, `ingest` is `luya oracle check`: the very same call,
of which nothing remains. Who may be recorded is said by the auditor's judge, and the replay refuses what it got wrong.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Final

from chain_node.auditor.judge import BatchJudge, impossible
from chain_node.protocol.arithmetic import worth
from chain_node.protocol.attestation import Domain
from chain_node.protocol.entries import (
    Account,
    AccountState,
    Feed,
    GroupCaps,
    Organisation,
    Reduction,
    Refusal,
    Standing,
    encode,
)
from chain_node.protocol.records import RECORD_BYTES, Record
from chain_node.protocol.replay import State
from chain_node.protocol.times import day_of
from oracle.attest.signer import LocalSigner
from oracle.ports import BatchLimits, Failure, FailureKind, FeedLaw, SignedBatch

_KEYS: Final = (b"\x01" * 32, b"\x02" * 32)
"""Nobody's: what they sign is looked at by nobody."""
SIGNERS: Final = tuple(LocalSigner(key) for key in _KEYS)
_DOMAIN: Final = Domain(1, bytes(20), bytes(32))

Entries = Callable[[int, int], Iterator[bytes]]
Lookup = Callable[[int, Sequence[str]], Mapping[str, bytes]]


class Rehearsal:
    """`oracle.ports`: Ledger, FinalEntries and AccountRegistrar in one.

    state: the replay of what is final; it goes on with what is rehearsed. entries: (start, stop) → what is final;
    lookup: (organisation, user ids) → the accounts of those who are enrolled; now: unix seconds. first: entries that
    are rehearsed before all else, as a feed's registration is.
    """

    limits = BatchLimits()

    def __init__(
        self, state: State, entries: Entries, lookup: Lookup, now: int, first: Sequence[Organisation | Feed] = ()
    ) -> None:
        self._state = state
        self._entries = entries
        self._lookup = lookup
        self._time = max(now, state.time)
        self._made: list[bytes] = []
        self._waiting: list[SignedBatch] = []
        self.final = state.size
        for entry in first:
            self._append(entry)

    # --- the archive

    @property
    def size(self) -> int:
        return self._state.size

    def entries(self, start: int, stop: int) -> Iterator[bytes]:
        if start < self.final:
            yield from self._entries(start, min(stop, self.final))
        yield from self._made[max(0, start - self.final) : max(0, stop - self.final)]

    def _append(self, entry: Account | Reduction | Refusal | Organisation | Feed) -> None:
        data = encode(entry)
        self._state.apply(data)
        self._made.append(data)

    # --- the ledger

    def domain(self) -> Domain:
        return _DOMAIN

    def law(self, feed: int) -> FeedLaw:
        """The feed's law today, with this rehearsal's signers in place of its own."""
        state = self._state
        entry = state.feeds[feed]
        methods = {number: state.methods[number] for number in entry.methods if number in state.methods}
        groups = {method.group for method in methods.values()}
        caps = {
            group: GroupCaps(0, group, state.caps[group].credits_mg, state.caps[group].millipoints)
            if group in state.caps
            else GroupCaps(0, group, 0, 0)
            for group in groups
        }
        signers = tuple(sorted(signer.address for signer in SIGNERS))
        return FeedLaw(replace(entry, signers=signers, threshold=len(signers)), methods, caps, day_of(self._time))

    def next_sequence(self, feed: int) -> int:
        return self._state.next_sequence.get(feed, 0)

    def words(self, keys: Sequence[int]) -> list[int]:
        return [self._state.words.get(key, 0) for key in keys]

    def submit(self, batches: Sequence[SignedBatch]) -> None:
        self._waiting += batches

    def advance(self, timeout: float) -> list[Failure]:
        waiting, self._waiting = self._waiting, []
        return [failure for batch in waiting if (failure := self._record(batch)) is not None]

    def _record(self, batch: SignedBatch) -> Failure | None:
        """The batch as entries, or why it reverts as a whole."""
        records = [
            Record.decode(batch.records[at : at + RECORD_BYTES]) for at in range(0, len(batch.records), RECORD_BYTES)
        ]
        failure = self._reverts(batch, records)
        if failure is not None:
            return failure
        state, feed = self._state, self._state.feeds[batch.feed]
        judge = BatchJudge(state, feed, self._time)
        for sequence, record in enumerate(records, batch.first_sequence):
            method = state.methods[record.method]
            rule = judge.rule(method, record, b"")
            if rule is None:
                self._append(Reduction(self._time, feed.feed, sequence, record, *worth(method, record.activity)))
            else:
                self._append(Refusal(self._time, feed.feed, sequence, rule))
        return None

    def _reverts(self, batch: SignedBatch, records: Sequence[Record]) -> Failure | None:
        feed = self._state.feeds[batch.feed]
        partner = self._state.organisations[feed.organisation]
        if self._time < self._state.paused_until:
            until = self._state.paused_until
            return Failure(batch.key, FailureKind.BLOCKED, f"recording is paused until {until} (unix seconds)")
        if Standing.DISABLED in (feed.state, partner.state):
            return Failure(batch.key, FailureKind.BLOCKED, f"feed {feed.feed} or its organisation is disabled")
        if batch.first_sequence != self.next_sequence(batch.feed):
            return Failure(batch.key, FailureKind.SEQUENCE, f"not sequence {self.next_sequence(batch.feed)}")
        for position, record in enumerate(records):
            rule = impossible(self._state.methods.get(record.method), record)
            if rule is not None:
                return Failure(batch.key, FailureKind.RECORD, f"record {position}: {rule.label}", position, rule)
        return None

    # --- the registrar

    def lookup_many(self, organisation: int, ids: Sequence[str]) -> Mapping[str, bytes]:
        """The accounts of those who are enrolled; one that waits for the chain is registered first, as in earnest."""
        found = self._lookup(organisation, ids)
        for account in found.values():
            self._register(account)
        return found

    def enrol_many(self, organisation: int, ids: Sequence[str]) -> Mapping[str, bytes]:
        """Accounts for all these ids: of those who have none, any."""
        found = dict(self.lookup_many(organisation, ids))
        for person in ids:
            if person not in found:
                found[person] = hashlib.sha256(f"rehearsal/{organisation}/{person}".encode()).digest()[:20]
                self._register(found[person])
        return found

    def _register(self, account: bytes) -> None:
        if self._state.account(account).state == 0:
            nullifier = hashlib.sha256(b"rehearsal" + account).digest()
            self._append(Account(self._time, account, nullifier, 0, 0, AccountState.ACTIVE))
