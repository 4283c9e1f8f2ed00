"""Orders as their owner reads them: where each stands, and never its code."""

from __future__ import annotations

from typing import Any

import pytest
from api_ledger import person
from api_loop import CODE, MUG, PRICE, Loop, grove, shop
from api_world import World

from chain_node.protocol.kinds.rewards import RefundCause
from chain_node.protocol.merkle import leaf_hash

ONE = f"0x{person(1).hex()}"


@pytest.fixture
def open_(world: World) -> World:
    grove(world.ledger)
    shop(world.ledger)
    world.project()
    return world


def read(world: World, url: str, number: int = 1) -> dict[str, Any]:
    answer = world.client().get(url, world.token(f"account:0x{person(number).hex()}"))
    assert answer.status_code == 200, answer.text
    assert CODE.hex() not in answer.text
    found: dict[str, Any] = answer.json()
    return found


def test_where_each_order_stands(open_: World) -> None:
    marks = open_.ledger.marks
    shown = read(open_, f"/v1/orders?account={ONE}")["orders"]
    assert [one["index"] for one in shown] == [marks["regretted"], marks["taken"], marks["open"]]
    assert [one["state"] for one in shown] == ["refunded", "fulfilled", "open"]
    book = open_.ledger.state.loop.rewards.orders
    assert [one["state"] for one in shown] == [book[one["index"]].state.name.lower() for one in shown]
    regretted, taken, still = shown
    assert (regretted["refunded"]["index"], regretted["refunded"]["cause"]) == (marks["refund"], "resident")
    assert taken["fulfilled"] == {"index": marks["fulfilled"], "time": open_.ledger.time}
    assert still["state_text"] == {"zh": "待核销", "en": "waits to be handed over"}


def test_an_orders_terms(open_: World) -> None:
    index = open_.ledger.marks["taken"]
    shown, act = read(open_, f"/v1/orders/{index}"), open_.ledger.state.loop.rewards.orders[index].order
    assert (shown["account"], shown["item"], shown["quantity"]) == (ONE, MUG, 2)
    assert (shown["millipoints"], shown["settlement_fen"]) == (2 * PRICE, 2 * 990)
    assert (shown["fulfil_by"], shown["refund_until"]) == (act.fulfil_by, act.refund_until)
    assert shown["parts"] == [{"vintage": part.vintage, "amount": part.amount} for part in act.parts]
    assert shown["code_hash"] == act.code_hash.hex()
    assert shown["leaf_hash"] == leaf_hash(open_.ledger.bodies[index]).hex()


def test_what_was_handed_over_may_still_be_given_back(open_: World) -> None:
    index = open_.ledger.marks["taken"]
    Loop(open_.ledger).refund(index, RefundCause.MERCHANT)
    open_.project()
    shown = read(open_, f"/v1/orders/{index}")
    assert (shown["state"], shown["refunded"]["cause_text"]["zh"]) == ("refunded", "商户退还")
    assert shown["fulfilled"] is not None


def test_only_its_owner_reads_it(open_: World) -> None:
    client, marks = open_.client(), open_.ledger.marks
    mine, theirs = open_.token(f"account:{ONE}"), open_.token(f"account:0x{person(2).hex()}")
    assert client.get(f"/v1/orders/{marks['open']}", theirs).status_code == 403
    assert client.get(f"/v1/orders?account={ONE}", theirs).status_code == 403
    assert client.get(f"/v1/orders/{marks['theirs_open']}", theirs).status_code == 200
    for index in (marks["fulfilled"], marks["mine"], 1 << 40):
        assert client.get(f"/v1/orders/{index}", mine).status_code == 404
    answer = client.get("/v1/orders?account=0x" + "zz" * 20, mine)
    assert (answer.status_code, answer.json()["parameter"]) == (400, "account")
    assert client.get(f"/v1/orders?account=0x{'77' * 20}", open_.token("auditor")).status_code == 404


def test_pages_follow_each_other(open_: World) -> None:
    whole = read(open_, f"/v1/orders?account={ONE}")["orders"]
    found, query = [], ""
    while True:
        page = read(open_, f"/v1/orders?account={ONE}&limit=2{query}")
        found += page["orders"]
        if page["next"] is None:
            break
        query = f"&cursor={page['next']}"
    assert found == whole
