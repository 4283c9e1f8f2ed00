"""What would become of a partner's files: `ingest` itself, on a copy of the journal and before a rehearsing ledger.

Nothing is enrolled, sent or journaled. What the chain alone decides is told as it would be now: until the files are
sent in earnest, other feeds may claim the same slots, and the feed's own cap counts by the day on which it is sent.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from oracle.calls import rejudge
from oracle.calls import report as reports
from oracle.calls.ingest import FinishedCall, IngestPorts, IngestResult, Watcher, ingest
from oracle.calls.rehearsal import SIGNERS, Rehearsal
from oracle.families.config import FeedConfig
from oracle.store.outcomes import RowOutcome


@dataclass(frozen=True, slots=True)
class CheckResult:
    """What would become of the files. earlier: of rows that other settings had refused, None where there are none.

    by_ledger: of the refused rows, how many only the ledger would refuse; examples: the first refused row by rule.
    first: the first accepted row, None where there is none.
    """

    result: IngestResult
    earlier: IngestResult | None
    by_ledger: int
    examples: dict[str, RowOutcome]
    first: RowOutcome | None


def check(
    files: Sequence[Path],
    feed: FeedConfig,
    folder: Path,
    key: bytes,
    rehearsal: Rehearsal,
    *,
    enrol_unknown: bool = False,
    report: Path | None = None,
    progress: Watcher | None = None,
    anyway: bool = False,
) -> CheckResult:
    """Take the files in rehearsal. folder: the caller's own, with a copy of the feed's journal where it has one.

    key: opens that journal; report: as `ingest`'s, without the indexes that do not exist yet.

    Raises what `ingest` would raise.
    """
    if report is not None:
        reports.check(report)
    by_ledger = 0
    examples: dict[str, RowOutcome] = {}
    first: RowOutcome | None = None

    def deliver(delivery: FinishedCall) -> None:
        nonlocal by_ledger, first
        if report is not None:
            reports.write(report, delivery.files, _without_indexes(delivery, rehearsal.final))
        for row in delivery.outcomes():
            if first is None and row.outcome == "accepted":
                first = row
            if row.outcome == "refused":
                by_ledger += row.sequence is not None
                examples.setdefault(row.rule, row)

    ports = IngestPorts(folder, rehearsal, rehearsal, rehearsal, SIGNERS, key)
    result = ingest(files, feed, ports, enrol_unknown=enrol_unknown, progress=progress, deliver=deliver, anyway=anyway)
    earlier = rejudge.under_other_settings(feed, ports, enrol_unknown=enrol_unknown, progress=progress)
    return CheckResult(result, earlier, by_ledger, examples, first)


def _without_indexes(delivery: FinishedCall, final: int) -> Iterator[RowOutcome]:
    """What is only rehearsed has no place in the log."""
    for row in delivery.outcomes():
        yield row if row.index is None or row.index < final else replace(row, index=None)
