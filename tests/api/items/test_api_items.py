"""The catalogue as anyone reads it: the terms in force, what is left, what is announced."""

from __future__ import annotations

from typing import Any

import pytest
from api_loop import CODE, MUG, PLANTER, PRICE, Loop, grove, hashed, shop
from api_world import World

from api.items import endpoints
from api.projection.compare import compare
from chain_node.protocol.kinds.rewards import UNBOUNDED_STOCK, ItemState
from chain_node.protocol.times import DAY_SECONDS


@pytest.fixture
def open_(world: World, monkeypatch: pytest.MonkeyPatch) -> World:
    """The clock is the ledger's."""
    grove(world.ledger)
    shop(world.ledger)
    world.project()
    monkeypatch.setattr(endpoints.time, "time", lambda: float(world.ledger.time))
    return world


def read(world: World, query: str = "") -> dict[str, Any]:
    answer = world.client().get(f"/v1/items{query}")
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def test_terms_and_what_is_left(open_: World) -> None:
    (mug,) = read(open_)["items"]
    assert (mug["item"], mug["organisation"], mug["kind_text"]["zh"]) == (MUG, PLANTER, "实物")
    assert (mug["ordered"], mug["left"]) == (5, 5)
    assert open_.ledger.state.loop.rewards.items[MUG].sold == 5
    terms = mug["terms"]
    assert (terms["millipoints"], terms["stock"], terms["per_person"]) == (PRICE, 10, None)
    assert (terms["text"], terms["index"]) == (hashed("a mug").hex(), open_.ledger.marks["mugs"])
    assert mug["announced"] is None
    assert CODE.hex() not in open_.client().get("/v1/items").text


def test_a_higher_price_is_announced_and_then_holds(open_: World) -> None:
    later = open_.ledger.time + DAY_SECONDS
    index = Loop(open_.ledger).item(price=2 * PRICE, effective=later, stock=UNBOUNDED_STOCK)
    open_.project()
    (mug,) = read(open_)["items"]
    assert (mug["terms"]["millipoints"], mug["announced"]["millipoints"]) == (PRICE, 2 * PRICE)
    assert (mug["announced"]["index"], mug["announced"]["effective"]) == (index, later)
    open_.ledger.time = later
    (mug,) = read(open_)["items"]
    assert (mug["terms"]["millipoints"], mug["announced"], mug["left"]) == (2 * PRICE, None, None)


def test_what_was_announced_and_replaced_never_holds(open_: World) -> None:
    start = open_.ledger.time
    Loop(open_.ledger).item(price=3 * PRICE, effective=start + 2 * DAY_SECONDS)
    open_.ledger.time += 60
    times = {"opens": start - DAY_SECONDS, "closes": start + 30 * DAY_SECONDS}
    Loop(open_.ledger).item(price=2 * PRICE, effective=start + 3 * DAY_SECONDS, **times)
    open_.project()
    open_.ledger.time = start + 2 * DAY_SECONDS
    (mug,) = read(open_)["items"]
    assert (mug["terms"]["millipoints"], mug["announced"]["millipoints"]) == (PRICE, 2 * PRICE)
    held = open_.ledger.state.loop.rewards.items[MUG].at(open_.ledger.time)
    assert held is not None
    assert held.price == PRICE


def test_what_is_not_sold_is_left_out_and_pages_go_on(open_: World) -> None:
    loop = Loop(open_.ledger)
    for number in (2, 3):
        loop.item(item=number)
    loop.item(item=2, state=ItemState.WITHDRAWN)
    open_.project()
    assert [one["item"] for one in read(open_)["items"]] == [1, 3]
    found, query = [], "?limit=1"
    while True:
        page = read(open_, query)
        found += [one["item"] for one in page["items"]]
        if page["next"] is None:
            break
        query = f"?limit=1&cursor={page['next']}"
    assert found == [1, 3]
    open_.ledger.time += 30 * DAY_SECONDS
    assert read(open_)["items"] == []


def test_the_read_model_is_the_archives(open_: World) -> None:
    assert compare(open_.engine, open_.reader, open_.ledger.state) == []
