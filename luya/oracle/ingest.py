"""`luya oracle ingest`: a partner's files, the whole way; `luya oracle retry`: refused rows again, without files."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

from chain_node.keys.keystore import Keystore
from chain_node.protocol.errors import CodecError
from chain_node.protocol.rules import Rule
from chain_node.storage import disk_space
from luya.console import answer, progress, tell
from luya.errors import UsageError
from luya.home import LuyaHome
from luya.oracle.summary import exit_code, summary
from luya.session import feeds
from luya.session.session import opened
from oracle.calls.ingest import IngestResult, close_held
from oracle.families.config import FeedConfig
from oracle.judging import precheck


def run(
    home: LuyaHome,
    files: list[Path],
    feed_name: str,
    *,
    enrol_unknown: bool,
    report: Path | None,
    quiet: bool,
    anyway: bool = False,
) -> int:
    """Ends when all is final, and prints the answer; refused rows are no failure.

    Returns:
        The exit code: see `exit_code`.

    Raises:
        UsageError: a file is missing.
        SourceError: a file does not fit the feed; nothing is recorded.
        DiskFull: too little room is left to accept anything new.
    """
    missing = [str(path) for path in files if not path.exists()]
    if missing:
        raise UsageError(f"no such file: {', '.join(missing)}", f"没有这个文件：{'、'.join(missing)}")
    feed = feeds.find(home, feed_name)
    precheck.check(files, feed, anyway=anyway)  # before an engine is started, which takes seconds
    disk_space.require(home.root)
    with progress() as advance, opened(home, advance=advance) as session:
        result = session.ingest(
            files, feed, enrol_unknown=enrol_unknown, report=report, advance=advance, hold=True, anyway=anyway
        )
        earlier = session.retry_other_settings(feed, enrol_unknown=enrol_unknown, advance=advance, hold=True)
    value: dict[str, Any] = {"feed": feed.name, **asdict(result)}
    if earlier is not None:
        value |= {"judged_otherwise": earlier.judged_otherwise, "earlier_rows": asdict(earlier)}
    if not quiet:
        summary(result, report, of_files=True)
        if earlier is not None:
            tell("此前在其他设置下被拒的行。Rows of earlier calls, which other settings had refused:")
            summary(earlier, None)
    return _end(home, feed, value, result)


def retry(
    home: LuyaHome, feed_name: str, rule: str | None, *, enrol_unknown: bool, report: Path | None, quiet: bool
) -> int:
    """Judges the feed's rows again that were never recorded; rule: those only that it refused.

    Returns:
        The exit code: 0, whatever came of them; 3 where there are none.

    Raises:
        UsageError: no rule has that name.
        DiskFull: too little room is left to accept anything new.
    """
    try:
        wanted = None if rule is None else Rule.of(rule)
    except CodecError:
        raise UsageError(f"no rule is called {rule!r}: {', '.join(one.label for one in Rule)}") from None
    feed = feeds.find(home, feed_name)
    disk_space.require(home.root)
    with progress() as advance, opened(home, advance=advance) as session:
        result = session.retry(feed, wanted, enrol_unknown=enrol_unknown, report=report, advance=advance, hold=True)
    if not quiet:
        summary(result, report)
    return _end(home, feed, {"feed": feed.name, **asdict(result)}, result)


def _end(home: LuyaHome, feed: FeedConfig, value: dict[str, Any], result: IngestResult) -> int:
    answer(value)
    # Last of all: stopping the engine takes seconds, and a call killed before its answer is out must not come back as
    # "known already".
    close_held(feed, home.oracle, feeds.journal_key(Keystore(home.root), feed))
    return exit_code(result)
