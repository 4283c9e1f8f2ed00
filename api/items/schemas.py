"""The catalogue in answers."""

from __future__ import annotations

from typing import Any, Final

from pydantic import Field

from api.web.types import Amount, Bilingual, Hash, Model, example

_TERMS: Final[dict[str, Any]] = {
    "index": 2100,
    "leaf_hash": "3b5c…64 hex digits",
    "millipoints": 1200,
    "settlement_fen": 990,
    "stock": 100,
    "per_person": 2,
    "per_day": None,
    "opens": 1763000000,
    "closes": 1795000000,
    "fulfil_within": 604800,
    "refund_within": 259200,
    "effective": 1763000000,
    "text": "9f86…64 hex digits",
    "state": "active",
}


class ItemTerms(Model):
    """Terms that hold from `effective` on; an order keeps those under which it was taken. null: no such limit."""

    index: Amount
    leaf_hash: Hash = Field(description="For /v1/proof")
    millipoints: Amount = Field(description="A unit's price, in thousandths of a point")
    settlement_fen: Amount = Field(description="A unit's, in fen")
    stock: int | None = Field(description="Units in open and fulfilled orders at most")
    per_person: int | None
    per_day: int | None
    opens: Amount
    closes: Amount
    fulfil_within: int = Field(description="Seconds")
    refund_within: int = Field(description="Seconds")
    effective: Amount
    text: Hash = Field(description="SHA-256 of the published description")
    state: str


class ItemView(Model):
    """An item that is sold. left: units of its stock that nobody has; null: it never runs out. announced: terms that
    have yet to take effect."""

    item: int
    organisation: int
    kind: str
    kind_text: Bilingual
    terms: ItemTerms
    ordered: Amount = Field(description="Units in open and fulfilled orders")
    left: Amount | None
    announced: ItemTerms | None


class ItemList(Model):
    """A page of the catalogue, by number; it may have fewer items than were asked for, as those that are not sold are
    left out. `next`: the cursor of the page after it, null on the last."""

    model_config = example(
        {
            "at": 1763700000,
            "items": [
                {
                    "item": 1,
                    "organisation": 2,
                    "kind": "good",
                    "kind_text": {"zh": "实物", "en": "a good"},
                    "terms": _TERMS,
                    "ordered": 12,
                    "left": 88,
                    "announced": None,
                }
            ],
            "next": None,
        }
    )
    at: Amount = Field(description="Unix seconds")
    items: list[ItemView]
    next: str | None
