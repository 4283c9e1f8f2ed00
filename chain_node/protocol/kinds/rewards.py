"""Rewards: items of the catalogue, orders that burn points for them, their fulfilment and their refund."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import Final

from chain_node.protocol.kinds.act import Act, AgentTail, Part, ResidentTail, act_kind, amount_of, pairs
from chain_node.protocol.kinds.kind import NO_ADDRESS, NO_HASH, require
from chain_node.protocol.moves import MoveKind, posted
from chain_node.protocol.postings import NOBODY, Posting, Unit

ITEM: Final = 0x10
ORDER: Final = 0x11
FULFILMENT: Final = 0x12
REFUND: Final = 0x13

UNBOUNDED_STOCK: Final = 0xFFFFFFFF
"""The stock of an item that never runs out."""
TIME_LIMIT: Final = 1 << 40
"""Instants of the catalogue lie below it: the contract keeps them in 40 bits."""
NO_TAIL: Final = AgentTail(NO_ADDRESS, bytes(65))
"""Nobody signed."""


class ItemKind(IntEnum):
    """What an item is. A policy benefit is given by a public body under its own rules."""

    GOOD = 1
    COUPON = 2
    PUBLIC_GOOD = 3
    HONOUR = 4
    POLICY_BENEFIT = 5


class ItemState(IntEnum):
    """Whether an item is sold."""

    ACTIVE = 1
    WITHDRAWN = 2


class RefundCause(IntEnum):
    """Who gave the points back: the resident within the window, the merchant, anyone after the deadline."""

    RESIDENT = 1
    MERCHANT = 2
    UNFULFILLED = 3


@dataclass(frozen=True, slots=True)
class Item(Act):
    """0x10: an item's terms from `effective` on.

    price: millipoints a unit; settlement: fen a unit. stock: units in open and fulfilled orders at most. per_person,
    per_day: 0 = no such limit. opens, closes: orders are taken from the one and before the other. fulfil_within,
    refund_within: seconds. text: SHA-256 of the published description.
    """

    item: int
    organisation: int
    kind: ItemKind
    price: int
    settlement: int
    stock: int
    per_person: int
    per_day: int
    opens: int
    closes: int
    fulfil_within: int
    refund_within: int
    effective: int
    text: bytes
    state: ItemState


@dataclass(frozen=True, slots=True)
class Order(Act):
    """0x11: units of an item for points, under the terms of that time. Its id is its index.

    price, settlement: each. code_hash: SHA-256 of the 32 bytes that are shown to the merchant. max_price: what the
    resident agreed to, all units together."""

    account: bytes
    item: int
    quantity: int
    price: int
    settlement: int
    code_hash: bytes
    fulfil_by: int
    refund_until: int
    max_price: int
    parts: tuple[Part, ...]
    tail: ResidentTail


@dataclass(frozen=True, slots=True)
class Fulfilment(Act):
    """0x12: the merchant handed over what was ordered and knows the order's code."""

    order_id: int
    code: bytes
    tail: AgentTail


@dataclass(frozen=True, slots=True)
class Refund(Act):
    """0x13: the order's points go back, of the vintages they came from. tail: zeros where nobody had to sign."""

    order_id: int
    account: bytes
    cause: RefundCause
    parts: tuple[Part, ...]
    tail: AgentTail


def _check_item(e: Item) -> None:
    require(e.item > 0 and e.organisation > 0, e, "an item and its organisation are numbered from 1")
    require(e.price > 0, e, "an item has a price")
    require(e.opens < e.closes, e, "an item opens before it closes")
    require(max(e.closes, e.effective) < TIME_LIMIT, e, "an item's instants are below 2^40")
    require(e.fulfil_within > 0, e, "an order has some time to be fulfilled")
    require(e.text != NO_HASH, e, "an item has a description")


def _check_order(e: Order) -> None:
    require(e.quantity > 0, e, "an order is of one unit or more")
    require(e.price * e.quantity == amount_of(e.parts), e, "an order's parts are its price")
    require(e.price * e.quantity <= e.max_price, e, "an order costs no more than was agreed to")


def _check_refund(e: Refund) -> None:
    unsigned = e.tail == NO_TAIL
    require(
        (e.cause is RefundCause.UNFULFILLED) == unsigned, e, "just the refund of what was not fulfilled is unsigned"
    )


def _redeem(e: Order) -> list[Posting]:
    return posted(MoveKind.REDEEM, Unit.MILLIPOINTS, pairs(e.parts), e.account)


def _give_back(e: Refund) -> list[Posting]:
    return posted(MoveKind.REFUND, Unit.MILLIPOINTS, pairs(e.parts), NOBODY, e.account)


ITEMS: Final = act_kind(
    "item",
    ITEM,
    Item,
    "item:I organisation:H kind:B price:Q settlement:Q stock:I per_person:H per_day:I opens:Q closes:Q "
    "fulfil_within:I refund_within:I effective:Q text:32s state:B",
    check=_check_item,
    public=True,
)
ORDERS: Final = act_kind(
    "order",
    ORDER,
    Order,
    "account:20s item:I quantity:H price:Q settlement:Q code_hash:32s fulfil_by:Q refund_until:Q max_price:Q",
    check=_check_order,
    moves=_redeem,
    oldest_first=True,
)
FULFILMENTS: Final = act_kind("fulfilment", FULFILMENT, Fulfilment, "order_id:Q code:32s")
REFUNDS: Final = act_kind(
    "refund", REFUND, Refund, "order_id:Q account:20s cause:B", check=_check_refund, moves=_give_back
)
