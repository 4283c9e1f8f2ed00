"""`luya oracle ingest`: a partner's files, the whole way."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path

from luya import feeds
from luya.console import answer, progress, tell
from luya.errors import UsageError
from luya.home import Home
from luya.session import opened
from oracle.ingest import IngestResult


def run(
    home: Home, files: list[Path], feed_name: str, *, enrol_unknown: bool, report: Path | None, quiet: bool
) -> None:
    """Ends when all is final, and prints the answer; refused rows are no failure.

    Raises:
        UsageError: a file is missing.
    """
    missing = [str(path) for path in files if not path.is_file()]
    if missing:
        raise UsageError(f"no such file: {', '.join(missing)}")
    feed = feeds.find(home, feed_name)
    with ExitStack() as stack:
        advance = stack.enter_context(progress())
        session = stack.enter_context(opened(home, advance=advance))

        def finish(result: IngestResult) -> None:
            # Stopping the engine takes seconds: a call killed meanwhile is still open, so that the next one gives the
            # whole answer instead of "known already".
            stack.close()
            if not quiet:
                _tell(result, report)
            answer({"feed": feed.name, **asdict(result)})

        session.ingest(files, feed, enrol_unknown=enrol_unknown, report=report, advance=advance, finish=finish)


def _tell(result: IngestResult, report: Path | None) -> None:
    tell(
        f"{result.rows:,} 行：{result.accepted:,} 已入账，{sum(result.refused.values()):,} 被拒，{result.already_known:,} 此前已知。"
        f"{result.rows:,} rows: {result.accepted:,} accepted, {sum(result.refused.values()):,} refused, "
        f"{result.already_known:,} known already."
    )
    for rule, count in sorted(result.refused.items()):
        tell(f"  {rule}: {count:,}")
    if report is not None:
        tell(f"逐行结果见 {report}。What became of each row: {report}")
