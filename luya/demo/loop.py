"""The demo's second half: what a resident's points become, up to a planted tree and the trail that proves it."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from contextlib import nullcontext
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any, Final

from chain_node.archive.trails import assemble_trail
from chain_node.protocol import trail
from chain_node.protocol.entries import Reduction, decode
from chain_node.protocol.kinds.act import amount_of
from chain_node.protocol.kinds.agents import AgentRole
from chain_node.protocol.kinds.projects import Pledge, Project
from chain_node.protocol.kinds.retirement import Retirement
from chain_node.protocol.kinds.rewards import Item
from chain_node.rpc.client import to_hex
from luya.console import hushed
from luya.home import LuyaHome
from luya.loop import agents, catalogue, orders, projects, retirement
from luya.loop.signing import CUSTODIAN_KEY
from luya.session.session import Session

PLANTER: Final = 101
INSPECTORS: Final = 102
_COUPON_POINTS: Final = "0.2"
_TREE_POINTS: Final = "0.5"
_LEAST: Final = 700
"""Millipoints of a coupon and a tree."""
_RETIRED_GRAMS: Final = "100"
_PLACE: Final = "28.892100,105.443200"
_ZONE: Final = timezone(timedelta(hours=8))


def close_the_loop(
    session: Session, start: int, folder: Path, say: Callable[[str], None], quiet: bool
) -> dict[str, Any]:
    """One resident of this run spends points on a coupon and a tree; the tree is planted and accepted.

    Args:
        session: an open home whose node runs here.
        start: log size before this run: the resident is one of those who earned since.
        folder: where the demo's files may lie.
        say: tells the story.
        quiet: the commands that are used tell nothing themselves.
    """
    archive = session.node.archive
    earned: Counter[bytes] = Counter()
    for data in archive.entries(start, archive.size):
        entry = decode(data)
        if isinstance(entry, Reduction):
            earned[entry.record.account] += entry.millipoints
    if not earned or max(earned.values()) < _LEAST:
        say("  Nobody of this run has enough points for a coupon and a tree: give --records 100 or more.")
        return {"redeemed_millipoints": 0, "orders": 0, "deliveries": 0, "retired_mg": 0, "trail_verified": False}
    account = to_hex(earned.most_common(1)[0][0])
    with hushed() if quiet else nullcontext():
        _prepare(session.home)
        order = _coupon(session, folder, account)
        pledge, delivery = _tree(session, folder, account)
        serial = retirement.retire(
            session.home,
            account=account,
            amount=_RETIRED_GRAMS,
            vintage=None,
            beneficiary=str(PLANTER),
            reason="演示 demo",
            key=None,
            rehearse=False,
        )["index"]
    say("[bold]6[/bold] 积分兑换了一张乘车券，并认捐了一棵树：已种下，由另一家机构验收。")
    say("  Points became a bus coupon, handed over, and a tree: planted, and accepted by another organisation.")
    shown = trail.verify(assemble_trail(archive, pledge, [session.node.manifest.domain]), session.node.manifest.log_key)
    say("[bold]7[/bold] 从骑行记录到种下的树，全程离线可验。")
    verdict = "true" if shown.complete else "NOT TRUE"
    say(f"  From {len(shown.records)} records to the tree, verified offline: {verdict}.")
    spent, retired = decode(archive.entry(pledge)), decode(archive.entry(serial))
    assert isinstance(spent, Pledge)
    assert isinstance(retired, Retirement)
    say(f"  And {_RETIRED_GRAMS} g of the resident's credits are retired: `luya certificate {serial}`.")
    return {
        "redeemed_millipoints": order["millipoints"] + spent.price * spent.units,
        "orders": 1,
        "deliveries": len(shown.deliveries),
        "retired_mg": amount_of(retired.parts),
        "trail_verified": shown.complete and shown.deliveries[0].delivery_index == delivery,
    }


def _prepare(home: LuyaHome) -> None:
    """A custodian, an organisation that plants, one that inspects, an agent of each: what is there stays."""
    there = agents.list_all(home)
    if there["custodian"] is None:
        agents.set_custodian(home, CUSTODIAN_KEY, rehearse=False)
    known = {one["organisation"] for one in there["organisations"]}
    acting = {one["organisation"] for one in there["agents"] if one["state"] == "active"}
    for number, text, role in (
        (PLANTER, "Green Luzhou planting team (demo)", AgentRole.MERCHANT),
        (INSPECTORS, "Forest inspectors (demo)", AgentRole.ACCEPTOR),
    ):
        if number not in known:
            agents.set_organisation(home, number, text, rehearse=False)
        if number not in acting:
            agents.add(home, number, role, None, rehearse=False)


def _coupon(session: Session, folder: Path, account: str) -> dict[str, Any]:
    number = 1 + max((one.item for one in _entries(session, Item)), default=0)
    path = folder / "item.toml"
    path.write_text(
        f'item = {number}\norganisation = {PLANTER}\nkind = "coupon"\nprice_points = "{_COUPON_POINTS}"\n'
        f'settlement_yuan = "1.00"\n{_period()}fulfil_days = 30\nrefund_days = 7\ntext = "A bus ride (demo)"\n',
        encoding="utf-8",
    )
    catalogue.add(session.home, path, rehearse=False)
    order = orders.redeem(
        session.home, account=account, item=number, quantity=1, max_points=None, key=None, rehearse=False
    )
    orders.fulfil(session.home, order["order"], code=order["code"], key=None, rehearse=False)
    return {"order": order["order"], "millipoints": int(float(_COUPON_POINTS) * 1_000)}


def _tree(session: Session, folder: Path, account: str) -> tuple[int, int]:
    home = session.home
    number = 1 + max((one.project for one in _entries(session, Project)), default=0)
    path = folder / "project.toml"
    path.write_text(
        f'project = {number}\norganisation = {PLANTER}\nkind = "seedlings"\nprice_points = "{_TREE_POINTS}"\n'
        f'settlement_yuan = "20.00"\ntarget = 100\n{_period()}survival = true\ntext = "Seedlings (demo)"\n',
        encoding="utf-8",
    )
    projects.open_project(home, path, rehearse=False)
    pledge = projects.pledge(home, number, account=account, units=1, max_points=None, key=None, rehearse=False)
    photo, seen = folder / f"tree-{time.time_ns()}.jpg", folder / "inspection.txt"
    photo.write_bytes(f"a photo of tree {number}, taken at {time.time_ns()}".encode())
    seen.write_text("One seedling, alive, at the place that the delivery names.\n", encoding="utf-8")
    shown = projects.Shown(photo, (), None)
    delivery = projects.deliver(home, number, units=1, first=None, place=_PLACE, shown=shown, key=None, rehearse=False)
    key = agents.key_name(INSPECTORS, AgentRole.ACCEPTOR)
    projects.accept(home, delivery["index"], accepted=True, files=[seen], key=key, rehearse=False)
    return pledge["index"], delivery["index"]


def _entries(session: Session, kind: type[Any]) -> list[Any]:
    archive = session.node.archive
    return [entry for data in archive.entries() if isinstance(entry := decode(data), kind)]


def _period() -> str:
    """From yesterday on, for 90 days, as the files say it."""
    begin = datetime.now(_ZONE) - timedelta(days=1)
    return f"opens = {begin:%Y-%m-%d}\ncloses = {begin + timedelta(days=90):%Y-%m-%d}\n"
