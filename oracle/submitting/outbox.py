"""The durable outbox: journaled records become signed batches, are handed over, and settle from the archive.

Whatever happens, the journal says what is true: a batch is on disk before it is handed over; it is final when the
archive holds its entries. One that reverts for a record's sake is parted until the record is found; that one is set
aside, the rest goes on with the sequences that follow. Batches for a ledger that was rebuilt since are signed again.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from chain_node.protocol import attestation as protocol
from chain_node.protocol import entries as log
from chain_node.protocol.errors import CodecError
from chain_node.protocol.records import Record
from chain_node.protocol.rules import Rule
from oracle.attest.batching import Pending, attestation, batches, gas_limit
from oracle.attest.signer import Quorum
from oracle.errors import JournalError, LedgerBlocked, SubmissionError
from oracle.ports import Failure, FailureKind, FeedLaw, FinalEntries, Ledger, SignedBatch
from oracle.store import batches as store
from oracle.store.batches import Signed
from oracle.store.journal import Journal, Settlement
from oracle.submitting import claims

_OF_ROWS: Final = frozenset({log.REDUCTION, log.REDUCTION_NULLIFIER, log.REFUSAL})
_FIRST_OF_NO_RECORD: Final = 0x10
"""Acts below this type are about records that were made before."""
_OF_NO_ROW: Final = frozenset(
    {log.ACCOUNT, log.ORGANISATION, log.FEED, log.METHOD, log.GROUP_CAPS, log.PAUSE, log.LOG_KEY}
    | {
        code
        for kind in log.KINDS
        if issubclass(kind.entry, log.Act)
        for code in kind.types
        if code >= _FIRST_OF_NO_RECORD
    }
)
"""Types that say nothing of rows. A type in neither is refused: passed over, it could never be taken up again."""
READ: Final = 20_000
"""Entries settled in one transaction."""
_FEED: Final = log.layout_of(log.Reduction).place["feed"]
"""Where reductions and refusals have their feed."""
MAX_FAILURES: Final = 32
"""Failures that name no record, with nothing settled between them: then the fault is not a record's."""


@dataclass(frozen=True, slots=True)
class Parting:
    """Up to this sequence, batches are no larger than `size`: the search for a record that reverts."""

    until: int
    size: int


class Outbox:
    """The outbox of one feed. patience: seconds without any progress after which `drain` gives up."""

    def __init__(
        self,
        journal: Journal,
        ledger: Ledger,
        archive: FinalEntries,
        law: FeedLaw,
        quorum: Quorum,
        config_digest: bytes,
        patience: float = 300.0,
    ) -> None:
        self._journal = journal
        self._ledger = ledger
        self._archive = archive
        self._law = law
        self._quorum = quorum
        self._digest = config_digest
        self._patience = patience
        self._feed = law.feed.feed
        self._live: dict[str, Signed] = {}
        self._unsent: list[Signed] = []
        self._signed_to = 0
        self._parting: Parting | None = None
        self._suspect = b""
        self._failures = 0
        self._refusals = 0

    # --- opening

    def recover(self) -> None:
        """Take up where the last process stopped: settle, sign again what was for another ledger, send again.

        Raises JournalError: the ledger knows more of this feed than the journal, or less than is final.
        """
        if self._journal.meta("cursor") is None:
            size = self._archive.size
            fresh = self._ledger.next_sequence(self._feed) == 0
            self._journal.set_cursor(size if fresh else 0)
        self._check(self._ledger.next_sequence(self._feed))
        self._rescan()
        self.settle()
        domain = store.domain_text(self._ledger.domain())
        signed = store.live(self._journal)
        if any(batch.domain != domain for batch in signed):
            store.void(self._journal, self._journal.settled())
            signed = []
        self._live = {batch.key: batch for batch in signed}
        self._unsent = list(signed)
        self._signed_to = signed[-1].end if signed else self._journal.settled()

    def _rescan(self) -> None:
        """Look for revocations in what was settled before the journal noted any."""
        if (size := self._journal.meta("rescan")) is not None:
            revocations = (e for e in enumerate(self._archive.entries(0, size)) if e[1][0] == log.REVOCATION)
            revoked = [found for index, entry in revocations for found in self._ours(index, self._target(entry)[1])]
            self._journal.note_revoked(revoked, scanned=True)

    def _check(self, ledger: int) -> None:
        ours, final = self._journal.next_sequence(), self._journal.settled()
        if ledger > ours:
            raise JournalError(
                f"the ledger has {ledger} records of feed {self._feed}, {self._journal.path} only {ours}: "
                "it is not this feed's newest journal; restore that, or give the partner a new feed"
            )
        if ledger < final:
            raise JournalError(
                f"the ledger has {ledger} records of feed {self._feed}, but {final} are final: "
                "rebuild it from the archive first"
            )

    # --- onwards

    @property
    def in_flight(self) -> int:
        """Batches signed and not final."""
        return len(self._live)

    @property
    def settled(self) -> int:
        """Sequences that are final."""
        return self._journal.settled()

    def sign(self, flush: bool = False) -> None:
        """Sign what waits: full batches, with `flush` the last, smaller one too. Part of the caller's transaction."""
        limits, domain = self._ledger.limits, self._ledger.domain()
        while True:
            part = self._parting
            if part is not None and self._signed_to >= part.until:
                part = self._parting = None
            waiting = store.pending(self._journal, self._signed_to)
            if part is not None:
                waiting = (record for record in waiting if record.sequence < part.until)
            made = list(_full(batches(waiting, limits, part.size if part else None), flush or part is not None))
            for batch in made:
                self._sign(batch, domain)
            if part is None or not made:
                return

    def _sign(self, batch: list[Pending], domain: protocol.Domain) -> None:
        statement = attestation(self._feed, batch, self._digest)
        digest = protocol.digest(domain, statement)
        attempt = store.attempts(self._journal, digest)
        signed = Signed(
            statement.first_sequence,
            statement.count,
            f"record-{self._feed}-{statement.first_sequence}-{digest.hex()[:32]}-{attempt}",
            digest,
            store.domain_text(domain),
            statement.config_digest,
            self._quorum.sign(domain, statement),
            gas_limit(batch),
        )
        store.add(self._journal, signed)
        self._live[signed.key] = signed
        self._unsent.append(signed)
        self._signed_to = signed.end

    def submit(self) -> None:
        """Hand over what is signed; call it after the signing transaction is durable."""
        if self._unsent:
            self._ledger.submit([self._call(batch) for batch in self._unsent])
            self._unsent = []

    def _call(self, batch: Signed) -> SignedBatch:
        records, nullifiers = store.payload(self._journal, batch)
        return SignedBatch(
            batch.key,
            self._feed,
            batch.first_sequence,
            batch.count,
            records,
            nullifiers,
            batch.config_digest,
            batch.signatures,
            batch.gas,
        )

    def settle(self) -> bool:
        """Take the archive's new entries into the journal; True where there were any of ours."""
        ours = False
        cursor, size = int(self._journal.meta("cursor")), self._archive.size
        while cursor < size:
            stop = min(size, cursor + READ)
            ours |= self._settle(cursor, stop)
            cursor = stop
        return ours

    def _settle(self, start: int, stop: int) -> bool:
        head = self._feed.to_bytes(2, "big")
        settled = self._journal.settled()
        found: list[Settlement] = []
        returned: list[bytes] = []
        freed: list[Record] = []
        revoked: list[tuple[int, int]] = []
        bodies: dict[int, bytes] = {}
        for index, entry in enumerate(self._archive.entries(start, stop), start):
            kind = _kind(index, entry)
            if kind == log.REVOCATION:
                revocation, target = self._target(entry)
                freed += [target.record] if revocation.release else []
                revoked += self._ours(index, target)
            if kind not in _OF_ROWS or entry[_FEED] != head:
                continue
            if not bodies:
                bodies = {p.sequence: p.body for p in self._expected(settled, stop - start)}
            outcome, body = _outcome(index, entry)
            if outcome.sequence != settled + len(found) or body not in (None, bodies.get(outcome.sequence)):
                raise JournalError(
                    f"entry {index} holds sequence {outcome.sequence} of feed {self._feed}, which is not the record "
                    f"that {self._journal.path} has there: another oracle submits for this feed"
                )
            found.append(outcome)
            if outcome.rule is not None:
                returned.append(bodies[outcome.sequence])
        with self._journal.transaction():
            self._journal.settle(found, stop, settled + len(found), revoked)
            claims.give_back(self._journal, self._law, returned)
            claims.forget(self._journal, self._law, freed)
        if found:
            self._failures = self._refusals = 0
            done = settled + len(found)
            self._live = {key: batch for key, batch in self._live.items() if batch.end > done}
        return bool(found)

    def _target(self, entry: bytes) -> tuple[log.Revocation, log.Reduction]:
        """A revocation and what it revokes, whichever feed's."""
        revocation = log.decode(entry)
        assert isinstance(revocation, log.Revocation)
        target = log.decode(next(self._archive.entries(revocation.index, revocation.index + 1)))
        assert isinstance(target, log.Reduction)
        return revocation, target

    def _ours(self, index: int, target: log.Reduction) -> list[tuple[int, int]]:
        """(sequence, index of the revocation) where the target is this feed's."""
        return [(target.sequence, index)] if target.feed == self._feed else []

    def _expected(self, settled: int, most: int) -> Iterator[Pending]:
        for record, _ in zip(store.pending(self._journal, settled), range(most), strict=False):
            yield record

    def advance(self, timeout: float) -> bool:
        """Let the ledger go on, settle, and mend what failed; True where anything settled or was mended.

        Raises LedgerBlocked, SubmissionError.
        """
        failures = self._ledger.advance(timeout)
        moved = self.settle()
        mended = False
        for failure in sorted(failures, key=self._order):
            if failure.key in self._live:
                self._mend(failure)
                mended = True
        if mended:
            with self._journal.transaction():
                self.sign(flush=True)
            self.submit()
        return moved or mended

    def drain(self) -> Iterator[int]:
        """Sign and send all that waits, until all is final; yields how many sequences are."""
        with self._journal.transaction():
            self.sign(flush=True)
        self.submit()
        yield self.settled
        last = time.monotonic()
        while self._live:
            if self.advance(1.0):
                last = time.monotonic()
            elif time.monotonic() - last > self._patience:
                raise SubmissionError(
                    f"feed {self._feed}: the ledger has made no progress for {self._patience:.0f} s; "
                    f"{len(self._live)} signed batches wait in {self._journal.path}: look at the node, then call again"
                )
            yield self.settled

    # --- mending

    def _order(self, failure: Failure) -> int:
        batch = self._live.get(failure.key)
        return batch.first_sequence if batch else -1

    def _mend(self, failure: Failure) -> None:
        batch = self._live[failure.key]
        if failure.kind in (FailureKind.BLOCKED, FailureKind.REFUSED):
            # Sent once more, under another key: what failed may have been sent before the cause was removed.
            self._void(batch.first_sequence)
            self._refusals += 1
            if self._refusals > 1:
                fault = LedgerBlocked if failure.kind is FailureKind.BLOCKED else SubmissionError
                raise fault(
                    f"feed {self._feed}: the ledger refuses its batches: {failure.message}; "
                    f"what is pending waits in {self._journal.path}"
                )
            return
        if failure.kind is FailureKind.SEQUENCE and self._ledger.next_sequence(self._feed) >= batch.end:
            return  # recorded already: the archive will say so
        self._failures += failure.position is None
        if self._failures > MAX_FAILURES:
            raise SubmissionError(f"feed {self._feed}: its batches keep failing: {failure.message}")
        if failure.kind in (FailureKind.RECORD, FailureKind.UNKNOWN):
            self._part(batch, failure)
        self._void(batch.first_sequence if failure.kind is not FailureKind.DOMAIN else self.settled)

    def _part(self, batch: Signed, failure: Failure) -> None:
        """Set the offending record aside where it is known, else look for it in smaller batches."""
        if failure.position is None and batch.count > 1:
            self._parting = Parting(batch.end, (batch.count + 1) // 2)
            return
        if failure.position is None and self._suspect != batch.digest:
            # What made it fail may be over by now (a pause, say): only who fails alone twice is set aside.
            self._suspect = batch.digest
            return
        sequence = batch.first_sequence + (failure.position or 0)
        bodies = [record.body for record in self._expected(sequence, 1)]
        with self._journal.transaction():
            store.set_aside(self._journal, sequence, failure.rule or Rule.MALFORMED, failure.message[:200])
            claims.give_back(self._journal, self._law, bodies)
            store.void(self._journal, batch.first_sequence)
        if self._parting is not None:
            self._parting = Parting(self._parting.until - 1, self._parting.size)

    def _void(self, start: int) -> None:
        store.void(self._journal, start)
        self._live = {key: batch for key, batch in self._live.items() if batch.end <= start}
        self._unsent = [batch for batch in self._unsent if batch.key in self._live]
        self._signed_to = start


def _full(made: Iterator[list[Pending]], flush: bool) -> Iterator[list[Pending]]:
    """All batches but the last; it too with `flush`. (The last one may still grow.)"""
    last: list[Pending] | None = None
    for batch in made:
        if last is not None:
            yield last
        last = batch
    if last is not None and flush:
        yield last


def _kind(index: int, data: bytes) -> int:
    """The entry's type. Raises JournalError: what it says of rows is not known here; the journal stays where it is."""
    try:
        kind = log.type_of(data)
    except CodecError as error:
        raise JournalError(f"entry {index} of the archive: {error}; run the program that wrote it") from error
    if kind not in _OF_ROWS and kind != log.REVOCATION and kind not in _OF_NO_ROW:
        raise JournalError(f"entry {index} of the archive has type 0x{kind:02x}, of which an oracle knows nothing")
    return kind


def _outcome(index: int, data: bytes) -> tuple[Settlement, bytes | None]:
    """An entry of ours as a settlement, and the record's bytes where the entry has them."""
    entry = log.decode(data)
    if isinstance(entry, log.Reduction):
        return Settlement(entry.sequence, index, None, entry.credits_mg, entry.millipoints), entry.record.encode()
    assert isinstance(entry, log.Refusal)
    return Settlement(entry.sequence, index, entry.rule, 0, 0), None
