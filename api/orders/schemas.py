"""Orders in answers."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from api.entries.schemas import PartView
from api.web.types import Address, Amount, Bilingual, Hash, Model, example

_ADDRESS = "0x00112233445566778899aabbccddeeff00112233"
_ORDER = {
    "index": 5100,
    "leaf_hash": "3b5c…64 hex digits",
    "time": 1763700000,
    "account": _ADDRESS,
    "item": 1,
    "quantity": 1,
    "millipoints": 1200,
    "settlement_fen": 990,
    "code_hash": "9f86…64 hex digits",
    "fulfil_by": 1764304800,
    "refund_until": 1763959200,
    "parts": [{"vintage": 2025, "amount": 1200}],
    "state": "open",
    "state_text": {"zh": "待核销", "en": "waits to be handed over"},
    "fulfilled": None,
    "refunded": None,
}
OrderState = Literal["open", "fulfilled", "refunded"]


class Fulfilled(Model):
    """The merchant handed it over."""

    index: Amount
    time: Amount


class Refunded(Model):
    """The points went back. cause: resident, merchant, or unfulfilled (after its deadline, by anyone)."""

    index: Amount
    time: Amount
    cause: str
    cause_text: Bilingual


class OrderView(Model):
    """An order. Whoever has its code, whose SHA-256 is code_hash, is handed it over. After fulfil_by an order that is
    open can be refunded by anyone; before refund_until the resident may take it back."""

    model_config = example(_ORDER)
    index: Amount = Field(description="The order's id")
    leaf_hash: Hash = Field(description="For /v1/proof")
    time: Amount
    account: Address
    item: int
    quantity: int
    millipoints: Amount = Field(description="All units together")
    settlement_fen: Amount = Field(description="All units together")
    code_hash: Hash
    fulfil_by: Amount
    refund_until: Amount
    parts: list[PartView]
    state: OrderState
    state_text: Bilingual
    fulfilled: Fulfilled | None
    refunded: Refunded | None


class OrderPage(Model):
    """A page of an account's orders, the newest first. `next`: the cursor of the page after it, null on the last."""

    model_config = example({"account": _ADDRESS, "orders": [_ORDER], "next": None})
    account: Address
    orders: list[OrderView]
    next: str | None
