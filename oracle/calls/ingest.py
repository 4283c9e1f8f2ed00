"""A partner's files in one call: read, judge, enrol, journal, sign, submit, settle, report.

A call that was killed is gone on with by calling again with the same files (by their content, in the same order),
settings and flag: its rows count as that call's. Rows of calls that were delivered are already known; those of them
that were never attested are judged again, and count as this call's where their verdict is another one now.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice
from pathlib import Path
from typing import Final

from oracle.attest.signer import Quorum, Signer
from oracle.calls import report as reports
from oracle.errors import ConfigError
from oracle.families.config import RECORD_ID, FeedConfig
from oracle.judging import precheck, staging
from oracle.judging.staging import InputFile
from oracle.ports import AccountRegistrar, FeedLaw, FinalEntries, Ledger
from oracle.store import outcomes, rows
from oracle.store import staged as stage
from oracle.store.journal import IngestCall, Journal, path_of
from oracle.store.outcomes import RowOutcome
from oracle.submitting.claims import Words
from oracle.submitting.journaling import Journaling
from oracle.submitting.outbox import Outbox

WINDOW: Final = 100
"""Batches in flight before reading waits for the ledger: no queue grows without bound."""
ENROLLED_AT_ONCE: Final = 5_000


@dataclass(frozen=True, slots=True)
class Progress:
    """stage: survey and read (bytes), enrol (persons), verify (rows), settle (sequences). total: None = not known."""

    stage: str
    done: int
    total: int | None


@dataclass(frozen=True, slots=True)
class IngestResult:
    """Of this call: rows = accepted + sum of refused (by rule) + already_known; amounts as the ledger recorded them.

    known: what the already-known rows were: accepted, revoked, or refused by a rule; corrected: how many of them came
    with other content and stay as they were attested; judged_again: how many of accepted and refused had an earlier
    verdict; judged_otherwise: how many of the feed's rows still stand refused by other settings (`rejudge.retry`).
    """

    rows: int
    accepted: int
    refused: dict[str, int]
    already_known: int
    credits_mg: int
    millipoints: int
    known: dict[str, int] = field(default_factory=dict)
    corrected: int = 0
    judged_again: int = 0
    judged_otherwise: int = 0


@dataclass(frozen=True, slots=True)
class FinishedCall:
    """A finished call, for whoever hands it on. outcomes(): what became of every row, streamed, by file and row."""

    result: IngestResult
    feed: int
    call: int
    files: tuple[str, ...]
    outcomes: Callable[[], Iterator[RowOutcome]]


Watcher = Callable[[Progress], None]


@dataclass(frozen=True, slots=True)
class IngestPorts:
    """What a call is made in. home: folder of the oracles' journals; key: 32 bytes, seals salts and raw records."""

    home: Path
    ledger: Ledger
    archive: FinalEntries
    registrar: AccountRegistrar
    signers: Sequence[Signer]
    key: bytes


def ingest(
    files: Sequence[Path],
    feed: FeedConfig,
    ports: IngestPorts,
    *,
    enrol_unknown: bool = False,
    report: Path | None = None,
    progress: Watcher | None = None,
    deliver: Callable[[FinishedCall], None] | None = None,
    hold: bool = False,
    anyway: bool = False,
) -> IngestResult:
    """Take these files; returns when all that they hold is final.

    enrol_unknown: persons without an account get one (trials). report: a CSV with a line per input row. deliver: is
    handed the finished call before it is closed; a process killed in there delivers again when it is called again.
    hold: the call stays open until `close_held`, for a caller that has more to do before it can say that the call has
    succeeded (stop an engine, print the result); killed before that, the same call gives the same result once more.

    anyway: also files of which most rows are malformed (`precheck.check`).

    Raises SourceError, ConfigError, SignerError, JournalError, LedgerBlocked, SubmissionError; what is journaled by
    then is kept, and the next call goes on from there.
    """
    if report is not None:
        reports.check(report)
    precheck.check(files, feed, anyway=anyway)
    journal = Journal(path_of(ports.home, feed.name), feed.id, ports.key)
    try:
        return Run(journal, feed, ports, enrol_unknown, progress or silent).files(files, report, deliver, hold)
    finally:
        journal.close()


def close_held(feed: FeedConfig, home: Path, key: bytes) -> int:
    """Close the calls of this feed that `ingest` delivered and held: their rows are known from now on. Says how many.

    The last thing a command does: after the engine has stopped and the result is printed. Needs no ledger.
    """
    journal = Journal(path_of(home, feed.name), feed.id, key)
    try:
        held = journal.held()
        for call in held:
            journal.finish(call)
        return len(held)
    finally:
        journal.close()


def silent(progress: Progress) -> None:
    """Nobody watches."""


class Run:
    """One call on an open journal: of files here, of what the journal holds in `oracle.calls.rejudge`."""

    def __init__(
        self, journal: Journal, feed: FeedConfig, ports: IngestPorts, enrol_unknown: bool, progress: Watcher
    ) -> None:
        self.journal = journal
        self.feed = feed
        self._ports = ports
        self._enrol = enrol_unknown
        self.progress = progress
        self.law = _law(feed, ports.ledger)
        quorum = Quorum(ports.signers, self.law.feed)
        self.outbox = Outbox(journal, ports.ledger, ports.archive, self.law, quorum, feed.digest)

    def files(
        self,
        paths: Sequence[Path],
        report: Path | None,
        deliver: Callable[[FinishedCall], None] | None,
        hold: bool,
    ) -> IngestResult:
        """The call of these files, from its beginning or from where it was killed, to its end."""
        self.catch_up()
        files = staging.survey(paths, self._bytes("survey", _size(paths)))
        call = self.begin(self._fingerprint(files), [(file.number, str(file.path), file.digest) for file in files])
        staged = self._stage(files, call)
        return self.finish(call, staged, [str(file.path) for file in files], report, deliver, hold)

    def catch_up(self) -> None:
        """Take up and send what earlier calls have left."""
        self.outbox.recover()
        self.outbox.submit()

    def begin(self, fingerprint: bytes, files: Sequence[tuple[int, str, bytes]]) -> IngestCall:
        """The call with this fingerprint; the law is that of the day on which it began."""
        settings = self.journal.settings(self.feed.digest, self.feed.settings)
        call = self.journal.begin(fingerprint, self.law.today, files, settings)
        self.law = replace(self.law, today=call.today)
        return call

    def finish(
        self,
        call: IngestCall,
        staged: Path,
        names: Sequence[str],
        report: Path | None,
        deliver: Callable[[FinishedCall], None] | None,
        hold: bool,
        *,
        asked: bool = False,
    ) -> IngestResult:
        """Judge what is staged, attest what passes, wait until it is final, and hand the outcome on."""
        with stage.attached(self.journal, staged):
            stage.rekey(self.journal, {style.get(RECORD_ID) for style in self.feed.header_styles})
            self._accounts(call)
            self._verify(call, asked)
            for settled in self.outbox.drain():
                self.progress(Progress("settle", settled, self.journal.next_sequence()))
            result = self._deliver(call, names, report, deliver)
        if hold:
            self.journal.hold(call)
        else:
            self.journal.finish(call.id)
        return result

    def _fingerprint(self, files: Sequence[InputFile]) -> bytes:
        parts = [self.feed.digest, bytes([self._enrol]), *(file.digest for file in files)]
        return hashlib.sha256(b"".join(parts)).digest()

    def _bytes(self, stage: str, total: int | None) -> Callable[[int], None]:
        done = 0

        def read(count: int) -> None:
            nonlocal done
            done += count
            self.progress(Progress(stage, done, total))

        return read

    def _stage(self, files: Sequence[InputFile], call: IngestCall) -> Path:
        staged = self.journal.staging(call.id)
        if not staged.exists():
            reading = self._bytes("read", sum(file.size for file in files))
            staging.build(staged, files, self.feed, self.law, reading)
        return staged

    def _accounts(self, call: IngestCall) -> None:
        """Find, or with the flag make, the accounts of the persons that may earn."""
        registrar, organisation = self._ports.registrar, self.feed.organisation.id
        find = registrar.enrol_many if self._enrol else registrar.lookup_many
        wanted, done = stage.persons(self.journal, call), 0
        while some := list(islice(wanted, ENROLLED_AT_ONCE)):
            stage.know(self.journal, find(organisation, some))
            done += len(some)
            self.progress(Progress("enrol", done, None))

    def _verify(self, call: IngestCall, asked: bool) -> None:
        total = stage.count(self.journal)
        words = Words(self.journal, self._ports.ledger, self.law)
        journaling, done = Journaling(self.journal, call, self.feed, self.law, words, asked=asked), 0
        while True:
            with self.journal.transaction():
                taken = journaling.take()
                self.outbox.sign()
            if not taken:
                return
            done += taken
            self.progress(Progress("verify", min(done, total), total))
            self.outbox.submit()
            self.outbox.advance(0)
            while self.outbox.in_flight > WINDOW:
                self.outbox.advance(0.5)

    def _deliver(
        self,
        call: IngestCall,
        names: Sequence[str],
        report: Path | None,
        deliver: Callable[[FinishedCall], None] | None,
    ) -> IngestResult:
        sums = outcomes.totals(self.journal, call)
        result = IngestResult(
            sums.rows,
            sums.accepted,
            sums.refused,
            sums.already_known,
            sums.credits_mg,
            sums.millipoints,
            sums.known,
            sums.corrected,
            sums.judged_again,
            rows.judged_otherwise(self.journal, call.settings),
        )
        if report is not None:
            reports.write(report, names, outcomes.rows(self.journal, call))
        if deliver is not None:
            deliver(
                FinishedCall(result, self.feed.id, call.id, tuple(names), lambda: outcomes.rows(self.journal, call))
            )
        return result


def _size(paths: Sequence[Path]) -> int | None:
    try:
        return sum(path.stat().st_size for path in paths)
    except OSError:
        return None  # `survey` says which cannot be read


def _law(feed: FeedConfig, ledger: Ledger) -> FeedLaw:
    law = ledger.law(feed.id)
    missing = [method for method in feed.method_ids if method not in law.methods]
    if missing or law.feed.organisation != feed.organisation.id:
        raise ConfigError(
            f"feed {feed.name}: on the ledger, feed {feed.id} is of organisation {law.feed.organisation} "
            f"and may not use method {', '.join(map(str, missing)) or '(none missing)'}"
        )
    return law
