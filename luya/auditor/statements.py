"""`luya auditor statement`: an account's statement as a table, and as JSON."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from chain_node.archive.reader import ArchiveReader
from chain_node.auditor.statements import AccountStatement, of_account
from chain_node.engine.base import no_progress
from chain_node.protocol.postings import DEBT, Bucket, Unit
from chain_node.protocol.times import date_of, day_of, day_start
from chain_node.protocol.totals import StatementLine
from luya.console import progress

_WORDS: Final[Mapping[Bucket, str]] = {
    Bucket.ISSUED: "记入 issued",
    Bucket.BONUS: "奖励 bonus",
    Bucket.REVOKED: "扣回 revoked",
    Bucket.BOOKED: "记欠 booked",
    Bucket.MET: "抵欠 met",
    Bucket.REDEEMED: "兑换 redeemed",
    Bucket.PLEDGED: "认捐 pledged",
    Bucket.EXPIRED: "过期 expired",
    Bucket.CARRIED_OUT: "结转转出 carried out",
    Bucket.CARRIED_IN: "结转转入 carried in",
    Bucket.RETIRED: "注销 retired",
    Bucket.BATCH: "归集 batch",
    Bucket.QUARANTINED: "冻结待查 quarantined",
    Bucket.RECOGNISED: "跨平台互认 recognised",
    Bucket.PRIZE: "抽奖所得 prize",
    Bucket.DONATED: "捐赠 donated",
    Bucket.LAPSED: "失效 lapsed",
    Bucket.WAIVED: "免欠 waived",
    Bucket.HELD: "转移 transferred",
    Bucket.TREASURY: "配额池 treasury",
}
_UNITS: Final = {Unit.CREDITS: "mg CO2e", Unit.MILLIPOINTS: "1/1000 分"}


def statement(folder: Path, account: bytes, since: int | None, until: int | None, *, quiet: bool) -> dict[str, Any]:
    """The statement as JSON, printed as a table unless quiet.

    Args:
        folder: of the archive.
        account: 20 bytes.
        since: first day; None: from the first entry on.
        until: last day, included; None: up to the newest entry.

    Raises:
        QueryError: nothing to read, or it does not hold together.
    """
    begin = 0 if since is None else day_start(since)
    end = None if until is None else day_start(until + 1)
    if quiet:
        found = of_account(ArchiveReader(folder), account, since=begin, until=end, progress=no_progress)
    else:
        with progress() as show:
            found = of_account(ArchiveReader(folder), account, since=begin, until=end, progress=show)
        _print(account, found)
    return {
        "account": f"0x{account.hex()}",
        "size": found.size,
        "root": found.root.hex(),
        "opening": _position(found.statement.opening),
        "lines": [_line(found, line) for line in found.statement.lines],
        "closing": _position(found.statement.closing),
    }


def _position(position: Mapping[tuple[Unit, int, Bucket], int]) -> list[dict[str, Any]]:
    return [
        {"unit": unit.name.lower(), "vintage": vintage or None, "bucket": bucket.name.lower(), "amount": amount}
        for (unit, vintage, bucket), amount in sorted(position.items(), key=lambda item: (item[0][1], item[0][0]))
    ]


def _line(found: AccountStatement, line: StatementLine) -> dict[str, Any]:
    about = found.about[line.index]
    return {
        "index": line.index,
        "time": found.times[line.index],
        "unit": line.unit.name.lower(),
        "vintage": line.vintage or None,
        "bucket": line.bucket.name.lower(),
        "counterpart": line.counterpart.name.lower(),
        "change": line.change,
        "after": line.after,
        "entry": found.kinds[line.index],
        "about": None if about is None else about._asdict(),
    }


def _print(account: bytes, found: AccountStatement) -> None:
    from rich.console import Console
    from rich.table import Table

    names = (
        "序号 index",
        "日期 day",
        "事由 what",
        "年度 year",
        "方法 method",
        "变动 change",
        "之后 after",
        "单位 unit",
    )
    table = Table(*names, title=f"0x{account.hex()}")
    for (unit, vintage, bucket), amount in found.statement.opening.items():
        table.add_row("", "", "期初 opening", _year(vintage, bucket), "", "", f"{amount:,}", _UNITS[unit])
    for line in found.statement.lines:
        day = date_of(day_of(found.times[line.index])).isoformat()
        what = _WORDS.get(line.counterpart, line.counterpart.name.lower())
        about = found.about[line.index]
        method = "" if about is None else str(about.method)
        amounts = (f"{line.change:+,}", f"{line.after:,}")
        table.add_row(str(line.index), day, what, _year(line.vintage, line.bucket), method, *amounts, _UNITS[line.unit])
    for (unit, vintage, bucket), amount in found.statement.closing.items():
        table.add_row("", "", "期末 closing", _year(vintage, bucket), "", "", f"{amount:,}", _UNITS[unit])
    Console(soft_wrap=True).print(table)


def _year(vintage: int, bucket: Bucket) -> str:
    return "欠额 owed" if vintage == DEBT or bucket is Bucket.OWED else str(vintage)
