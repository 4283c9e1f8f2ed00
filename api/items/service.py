"""Says which terms of an item hold, and what is left of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from api.items.repository import FoundItem
from api.items.schemas import ItemList, ItemTerms, ItemView
from api.subjects import SubjectAct
from api.web.cursors import cursor
from api.web.types import Bilingual
from chain_node.protocol.kinds.rewards import ORDER, REFUND, UNBOUNDED_STOCK, Item, ItemKind, ItemState
from chain_node.protocol.merkle import leaf_hash

KINDS: Final = {
    ItemKind.GOOD: Bilingual(zh="实物", en="a good"),
    ItemKind.COUPON: Bilingual(zh="优惠券", en="a coupon"),
    ItemKind.PUBLIC_GOOD: Bilingual(zh="公益", en="a public good"),
    ItemKind.HONOUR: Bilingual(zh="荣誉", en="an honour"),
    ItemKind.POLICY_BENEFIT: Bilingual(zh="政策权益", en="a policy benefit"),
}


def listed(found: Sequence[FoundItem], limit: int, time: int) -> ItemList:
    """A page from `limit + 1` items, of those the ones that are sold now or will be.

    time: not before the newest entry's.
    """
    shown = [view for one in found[:limit] if (view := _view(one, time)) is not None]
    more = cursor(found[limit - 1].changes[-1].id) if len(found) > limit else None
    return ItemList(at=time, items=shown, next=more)


def in_force(changes: Sequence[SubjectAct], time: int) -> tuple[SubjectAct | None, SubjectAct | None]:
    """Which entry's terms hold at a time, and which have yet to: an entry replaces one that had not taken effect."""
    held: SubjectAct | None = None
    newest: SubjectAct | None = None
    for change in changes:
        if newest is not None and _item(newest).effective <= change.time:
            held = newest
        newest = change
    if newest is not None and _item(newest).effective <= time:
        return newest, None
    return held, newest


def _view(found: FoundItem, time: int) -> ItemView | None:
    held, coming = in_force(found.changes, time)
    chosen = held or coming
    if chosen is None:
        return None
    item = _item(chosen)
    if item.state is not ItemState.ACTIVE or item.closes <= time:
        return None
    ordered = found.sums.of(ORDER).units - found.sums.of(REFUND).units
    return ItemView(
        item=item.item,
        organisation=item.organisation,
        kind=item.kind.name.lower().replace("_", "-"),
        kind_text=KINDS[item.kind],
        terms=_terms(chosen),
        ordered=ordered,
        left=None if item.stock == UNBOUNDED_STOCK else max(item.stock - ordered, 0),
        announced=None if coming is None or coming is chosen else _terms(coming),
    )


def _terms(found: SubjectAct) -> ItemTerms:
    item = _item(found)
    return ItemTerms(
        index=found.index,
        leaf_hash=leaf_hash(found.body).hex(),
        millipoints=item.price,
        settlement_fen=item.settlement,
        stock=None if item.stock == UNBOUNDED_STOCK else item.stock,
        per_person=item.per_person or None,
        per_day=item.per_day or None,
        opens=item.opens,
        closes=item.closes,
        fulfil_within=item.fulfil_within,
        refund_within=item.refund_within,
        effective=item.effective,
        text=item.text.hex(),
        state=item.state.name.lower(),
    )


def _item(found: SubjectAct) -> Item:
    act = found.act
    assert isinstance(act, Item)
    return act
