"""`luya oracle check`: what would become of a partner's files, row by row, before anything is done."""

from __future__ import annotations

import secrets
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from rich.markup import escape

from chain_node.archive.reader import ArchiveReader
from chain_node.keys.keystore import Keystore
from chain_node.registry.registrar import Registrar
from chain_node.storage.durable import make_dir
from chain_node.storage.untouched import copy_untouched
from luya.console import Advance, answer, progress, tell
from luya.errors import UsageError
from luya.home import LuyaHome
from luya.oracle import standing
from luya.oracle.passing import passing_folder
from luya.oracle.summary import exit_code, summary
from luya.session import feeds
from oracle.calls import check
from oracle.calls.check import CheckResult
from oracle.calls.ingest import Progress, Watcher
from oracle.calls.rehearsal import Rehearsal
from oracle.errors import JournalError
from oracle.families.config import FeedConfig
from oracle.judging import precheck
from oracle.store import peek
from oracle.store.journal import path_of
from oracle.store.outcomes import RowOutcome

_UNBORN = " (there is no ledger in {} yet: these are what a first start would deploy)"


def run(
    home: LuyaHome,
    files: list[Path],
    feed_name: str | None,
    settings: Path | None,
    *,
    enrol_unknown: bool,
    report: Path | None,
    quiet: bool,
    anyway: bool = False,
) -> int:
    """Prints what would become of the files; starts no engine and changes nothing in the home.

    settings: a feed's TOML file, taken as if it were registered.

    Returns:
        The exit code that `ingest` would end with.

    Raises:
        UsageError: a file is missing, or neither or both of feed and settings are given.
        HomeError: the feed is not on this ledger.
        JournalError: the feed's journal is not this ledger's.
        SourceError, ConfigError …: as `ingest`.
    """
    if (feed_name is None) == (settings is None):
        raise UsageError("name the feed: --feed NAME for a registered one, or --config FILE.toml for one to be")
    missing = [str(path) for path in files if not path.exists()]
    if missing:
        raise UsageError(f"no such file: {', '.join(missing)}", f"没有这个文件：{'、'.join(missing)}")
    feed = feeds.find(home, str(feed_name)) if settings is None else feeds.described(home, settings)
    precheck.check(files, feed, anyway=anyway)
    with ExitStack() as stack, progress() as advance:
        folder = stack.enter_context(passing_folder())
        key, rehearsal = _rehearsal(home, feed, folder, advance, stack, as_if_registered=settings is not None)
        checked = check.check(
            files,
            feed,
            folder,
            key,
            rehearsal,
            enrol_unknown=enrol_unknown,
            report=report,
            progress=_watcher(advance),
            anyway=anyway,
        )
        final = rehearsal.final
    if not quiet:
        _tell(checked, report)
        _tell_first(feed, checked)
        tell(_as_of(home, final))
    value: dict[str, Any] = {"feed": feed.name, "checked": True, "log_size": final, **asdict(checked.result)}
    value["by_ledger"] = checked.by_ledger
    if checked.first is not None:
        value["first_start"] = dict(zip(("local", "utc"), times_of(checked.first, feed), strict=True))
    if checked.earlier is not None:
        value |= {"judged_otherwise": checked.earlier.judged_otherwise, "earlier_rows": asdict(checked.earlier)}
    answer(value)
    return exit_code(checked.result)


def _rehearsal(
    home: LuyaHome, feed: FeedConfig, folder: Path, advance: Advance, stack: ExitStack, *, as_if_registered: bool
) -> tuple[bytes, Rehearsal]:
    """(the journal's key, the ledger as it stands) with the feed's journal copied into the folder.

    The log is read as far as it went before the journal was copied, or as far as the journal has settled: so neither
    knows of a record that the other does not, also while an ingest runs. The registry is copied as well: its store
    may write when it is opened. Of keys none is made: one that is missing here is lost.
    """
    keys, now = Keystore(home.root, new=False), int(time.time())
    reader = ArchiveReader(home.archive)
    size = reader.size
    journal, copied = path_of(home.oracle, feed.name), path_of(folder, feed.name)
    key = secrets.token_bytes(32)
    if journal.exists():
        make_dir(copied.parent, 0o700)
        settled = peek.copy(journal, copied)
        if settled > reader.size:
            raise JournalError(
                f"{journal} has settled {settled:,} entries of a log, and the archive of {home.root} has "
                f"{reader.size:,}: it is another ledger's journal, or the archive has lost its end (`luya fsck`)"
            )
        key = feeds.journal_key(keys, feed)
        size = max(size, settled)
    state = standing.state_of(home, now, size, advance)
    first = standing.registration(state, feed, now) if as_if_registered else ()
    if not first and feed.id not in state.feeds:
        raise feeds.unregistered(feed.id)
    registrar = None
    if home.registry.exists():
        enrolled = folder / "enrolled.db"
        copy_untouched(home.registry, enrolled)
        registrar = Registrar(enrolled, keys.secret("registry"))
        stack.callback(registrar.close)

    def lookup(organisation: int, users: Sequence[str]) -> Mapping[str, bytes]:
        return {} if registrar is None else registrar.lookup_many(organisation, users)

    return key, Rehearsal(state, reader.entries, lookup, now, first)


def _watcher(advance: Advance) -> Watcher:
    def watch(step: Progress) -> None:
        advance(step.stage, step.done, step.total or 0)

    return watch


def _tell(checked: CheckResult, report: Path | None) -> None:
    tell("仅为预演：未登记、未提交、未记账。Rehearsed only: nobody is enrolled, nothing is sent or journaled.")
    summary(checked.result, report, rehearsed=True, of_files=True)
    for rule, row in checked.examples.items():
        tell(
            f"  {rule}：例如第 {row.row:,} 条（文件第 {row.line:,} 行）。"
            f"Such as row {row.row:,} on line {row.line:,}: {escape(row.value)}"
        )
    if checked.earlier is not None:
        tell("此前在其他设置下被拒的行。Rows of earlier calls, which other settings had refused:")
        summary(checked.earlier, None, rehearsed=True)


def _tell_first(feed: FeedConfig, checked: CheckResult) -> None:
    """A time zone that is wrong is as valid as the right one: only a person sees it."""
    row = checked.first
    if row is None:
        return
    local, utc = times_of(row, feed)
    tell(
        f"请核对时区：第一条可入账的记录（第 {row.row:,} 条，文件第 {row.line:,} 行）始于 {local}"
        f"（{feed.time_zone}），即 {utc}（UTC）。"
        f"Is the zone right? The first accepted row, {row.row:,} on line {row.line:,}, begins at {local} in "
        f"{feed.time_zone}, which is {utc} UTC."
    )


def times_of(row: RowOutcome, feed: FeedConfig) -> tuple[str, str]:
    """(start in the feed's zone, start in UTC), as ISO 8601 without a zone."""
    start = datetime.fromtimestamp(row.start, UTC)
    zones = (start.astimezone(ZoneInfo(feed.time_zone)), start)
    local, utc = (when.replace(tzinfo=None).isoformat(" ") for when in zones)
    return local, utc


def _as_of(home: LuyaHome, final: int) -> str:
    new = not home.manifest.exists()
    return (
        f"以日志前 {final:,} 条{'（该目录还没有账本：即首次启动将部署的条目）' if new else ''}为准，最终由账本决定："
        "提交之前，其他数据源可能已占用同一时段；数据源的当日总量上限按提交之日计算。"
        f"As of the log's first {final:,} entries{_UNBORN.format(home.root) if new else ''}. The ledger decides: until "
        "these files are sent, other feeds may claim the same time, and the feed's own daily cap counts by the day of "
        "sending."
    )
