"""Items and orders as the log has them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Final

from chain_node.protocol.entries import decode
from chain_node.protocol.kinds.act import amount_of
from chain_node.protocol.kinds.rewards import (
    FULFILMENT,
    ITEM,
    ORDER,
    REFUND,
    UNBOUNDED_STOCK,
    Fulfilment,
    Item,
    ItemState,
    Order,
    Refund,
)
from chain_node.protocol.loop.rewards import OrderBook, OrderState, Shelf
from luya.loop.amounts import points_text, yuan_text

_TYPES: Final = frozenset({ITEM, ORDER, FULFILMENT, REFUND})


@dataclass(slots=True)
class RewardsView:
    """shelves: items by id; orders: by index; bodies: the orders' bytes; by_code: code hash → index."""

    shelves: dict[int, Shelf] = field(default_factory=dict)
    orders: dict[int, OrderBook] = field(default_factory=dict)
    bodies: dict[int, bytes] = field(default_factory=dict)
    by_code: dict[bytes, int] = field(default_factory=dict)

    def item(self, number: int, time: int) -> dict[str, Any]:
        """An item at a time that is not before the log's newest entry."""
        shelf = self.shelves[number]
        now = shelf.at(time)
        shown = _terms(now or shelf.newest) | {"state": _state(now), "sold": shelf.sold}
        if now is not None and now.stock != UNBOUNDED_STOCK:
            shown["left"] = max(now.stock - shelf.sold, 0)
        if shelf.newest is not now:
            shown["announced"] = _terms(shelf.newest) | {"effective": shelf.newest.effective}
        return shown

    def order(self, index: int) -> dict[str, Any]:
        """An order; its code is no part of the log until it is fulfilled."""
        book = self.orders[index]
        order = book.order
        return {
            "order": index,
            "state": book.state.name.lower(),
            "account": "0x" + order.account.hex(),
            "item": order.item,
            "quantity": order.quantity,
            "points": points_text(amount_of(order.parts)),
            "settlement_yuan": yuan_text(order.settlement * order.quantity),
            "fulfil_by": order.fulfil_by,
            "refund_until": order.refund_until,
        }


def read(entries: Iterable[bytes]) -> RewardsView:
    """All items and orders of a log; `entries` from the first on, each judged by the ledger already."""
    view = RewardsView()
    for index, data in enumerate(entries):
        if data[0] not in _TYPES:
            continue
        entry = decode(data)
        if isinstance(entry, Item):
            shelf = view.shelves.get(entry.item)
            if shelf is None:
                view.shelves[entry.item] = Shelf(entry)
            else:
                shelf.before, shelf.newest = shelf.at(entry.time), entry
        elif isinstance(entry, Order):
            view.orders[index], view.bodies[index] = OrderBook(entry, counted=False), data
            view.by_code[entry.code_hash] = index
            view.shelves[entry.item].sold += entry.quantity
        elif isinstance(entry, Fulfilment):
            view.orders[entry.order_id].state = OrderState.FULFILLED
        elif isinstance(entry, Refund):
            book = view.orders[entry.order_id]
            book.state = OrderState.REFUNDED
            view.shelves[book.order.item].sold -= book.order.quantity
    return view


def _state(item: Item | None) -> str:
    if item is None:
        return "announced"
    return "active" if item.state is ItemState.ACTIVE else "withdrawn"


def _terms(item: Item) -> dict[str, Any]:
    return {
        "item": item.item,
        "organisation": item.organisation,
        "kind": item.kind.name.lower(),
        "price_points": points_text(item.price),
        "settlement_yuan": yuan_text(item.settlement),
        "stock": None if item.stock == UNBOUNDED_STOCK else item.stock,
        "per_person": item.per_person or None,
        "per_day": item.per_day or None,
        "opens": item.opens,
        "closes": item.closes,
        "fulfil_within": item.fulfil_within,
        "refund_within": item.refund_within,
        "text": item.text.hex(),
    }
