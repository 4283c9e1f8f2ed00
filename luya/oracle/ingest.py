"""`luya oracle ingest`: a partner's files, the whole way."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

from chain_node.keys.keystore import Keystore
from chain_node.storage import disk_space
from luya.console import answer, progress, tell
from luya.errors import UsageError
from luya.home import Home
from luya.oracle import feeds
from luya.session import opened
from oracle.ingest import IngestResult, close_held


def run(
    home: Home, files: list[Path], feed_name: str, *, enrol_unknown: bool, report: Path | None, quiet: bool
) -> None:
    """Ends when all is final, and prints the answer; refused rows are no failure.

    Raises:
        UsageError: a file is missing.
        DiskFull: too little room is left to accept anything new.
    """
    missing = [str(path) for path in files if not path.is_file()]
    if missing:
        raise UsageError(f"no such file: {', '.join(missing)}")
    feed = feeds.find(home, feed_name)
    disk_space.require(home.root)
    with progress() as advance, opened(home, advance=advance) as session:
        result = session.ingest(files, feed, enrol_unknown=enrol_unknown, report=report, advance=advance, hold=True)
    if not quiet:
        _tell(result, report)
    answer({"feed": feed.name, **asdict(result)})
    # Last of all: stopping the engine takes seconds, and a call killed before its answer is out must not come back as
    # "known already".
    close_held(feed, home.oracle, feeds.journal_key(Keystore(home.root), feed))


def _tell(result: IngestResult, report: Path | None) -> None:
    refused = sum(result.refused.values())
    tell(
        f"{result.rows:,} 行：{result.accepted:,} 已入账，{refused:,} 被拒，{result.already_known:,} 此前已知。"
        f"{result.rows:,} rows: {result.accepted:,} accepted, {refused:,} refused, "
        f"{result.already_known:,} known already."
    )
    for rule, count in sorted(result.refused.items()):
        tell(f"  {rule}: {count:,}")
    if "unknown-person" in result.refused:
        tell("  试用时可加 --enrol-unknown 自动开户；已被拒的行不会重试，请换一个新的账本目录。")
        tell("  In a trial --enrol-unknown enrols them; rows refused once stay refused: take a new home.")
    if report is not None:
        tell(f"逐行结果见 {report}。What became of each row: {report}")
