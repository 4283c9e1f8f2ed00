"""`luya catalogue …`: what residents can have for points."""

from __future__ import annotations

import time
import tomllib
from pathlib import Path
from typing import Any, Final

from chain_node.archive.reader import ArchiveReader
from chain_node.protocol.kinds.rewards import UNBOUNDED_STOCK, ItemKind
from chain_node.protocol.records import text_hash
from chain_node.protocol.times import DAY_SECONDS
from luya.console import progress, tell
from luya.errors import UsageError
from luya.home import LuyaHome
from luya.loop import amounts, reward_view
from luya.loop.relay import answered, module, said, send
from luya.session.session import opened

MODULE: Final = "LuyaRewards"
OFFICE_KEY: Final = "catalogue-manager"

_NEEDED: Final = frozenset(
    {"item", "organisation", "kind", "price_points", "settlement_yuan", "opens", "closes", "fulfil_days"}
    | {"refund_days", "text"}
)
_OPTIONAL: Final = frozenset({"stock", "per_person", "per_day", "effective"})
_MOST_DAYS: Final = (1 << 32) // DAY_SECONDS


def add(home: LuyaHome, path: Path, *, rehearse: bool) -> dict[str, Any]:
    """Sets the terms that a TOML file describes, of a new item or of one that there is.

    Raises:
        UsageError: the file does not describe an item.
        LoopRefused: the ledger does not take it.
    """
    terms = described(path)
    with progress() as advance, opened(home, advance=advance) as session:
        contract = module(session, MODULE)
        sent = send(session, contract, contract.data("setItem", terms), by=OFFICE_KEY, rehearse=rehearse)
    said(sent, f"商品 {terms[0]} 的条款已登记。The terms of item {terms[0]} are set.")
    return {"item": terms[0], "text": terms[-1].hex()} | answered(sent)


def withdraw(home: LuyaHome, item: int, *, rehearse: bool) -> dict[str, Any]:
    """Takes an item off the catalogue at once; orders that were taken stay.

    Raises LoopRefused: it is not for sale, or the home does not hold the role.
    """
    with progress() as advance, opened(home, advance=advance) as session:
        contract = module(session, MODULE)
        sent = send(session, contract, contract.data("withdrawItem", item), by=OFFICE_KEY, rehearse=rehearse)
    said(sent, f"商品 {item} 已下架，已有订单不受影响。Item {item} is withdrawn; orders that were taken stay.")
    return {"item": item, "state": "withdrawn"} | answered(sent)


def list_all(home: LuyaHome) -> dict[str, Any]:
    """All items of the home's log, as they are now."""
    view = reward_view.read(ArchiveReader(home.archive).entries())
    items = [view.item(number, int(time.time())) for number in sorted(view.shelves)]
    for one in items:
        stock = "" if one["stock"] is None else f"/{one['stock']}"
        tell(
            f"  {one['item']}  {one['kind']}  {one['state']}  {one['price_points']} 积分 points  "
            f"已售 sold {one['sold']}{stock}"
        )
    return {"items": items}


def described(path: Path) -> tuple[Any, ...]:
    """The terms in a TOML file, as the contract takes them. Raises UsageError: what is missing, unknown or wrong."""
    try:
        value = tomllib.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise UsageError(f"{path}: {error}", "无法读取商品文件") from None
    wrong = sorted((_NEEDED - value.keys()) | (value.keys() - _NEEDED - _OPTIONAL))
    if wrong:
        raise UsageError(
            f"{path}: these are missing or unknown: {', '.join(wrong)}", f"商品文件缺少或多出字段：{'、'.join(wrong)}"
        )
    numbers = {
        name: _number(path, name, value.get(name, other), limit)
        for name, other, limit in (
            ("item", None, 1 << 32),
            ("organisation", None, 1 << 16),
            ("stock", UNBOUNDED_STOCK, UNBOUNDED_STOCK + 1),
            ("per_person", 0, 1 << 16),
            ("per_day", 0, 1 << 32),
            ("fulfil_days", None, _MOST_DAYS),
            ("refund_days", None, _MOST_DAYS),
        )
    }
    kinds = {one.name.lower(): one for one in ItemKind}
    kind = kinds.get(str(value["kind"]))
    if kind is None:
        raise UsageError(f"{path}: kind is one of {', '.join(kinds)}, not {value['kind']!r}", "商品类别有误")
    if not isinstance(value["text"], str) or not value["text"]:
        raise UsageError(f"{path}: text is the item's published description", "text 应为商品说明")
    return (
        numbers["item"],
        numbers["organisation"],
        int(kind),
        amounts.millipoints(str(value["price_points"])),
        amounts.fen(str(value["settlement_yuan"])),
        numbers["stock"],
        numbers["per_person"],
        numbers["per_day"],
        amounts.instant(value["opens"]),
        amounts.instant(value["closes"]),
        numbers["fulfil_days"] * DAY_SECONDS,
        numbers["refund_days"] * DAY_SECONDS,
        amounts.instant(value["effective"]) if "effective" in value else 0,
        text_hash(value["text"]),
    )


def _number(path: Path, name: str, value: Any, limit: int) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < limit:
        raise UsageError(f"{path}: {name} is a whole number below {limit}, not {value!r}", f"{name} 应为非负整数")
    return value
