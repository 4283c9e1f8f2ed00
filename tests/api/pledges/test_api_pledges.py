"""An account's pledges: each unit is somewhere, and leads to its delivery."""

from __future__ import annotations

from typing import Any

import pytest
from api_ledger import person
from api_loop import FISH, PRICE, TREES, Loop, grove
from api_world import World

from chain_node.protocol import trail
from chain_node.protocol.kinds.act import amount_of
from chain_node.protocol.merkle import leaf_hash


@pytest.fixture
def planted(world: World) -> World:
    grove(world.ledger)
    world.project()
    return world


def pledges(world: World, number: int, query: str = "") -> dict[str, Any]:
    who = f"0x{person(number).hex()}"
    answer = world.client().get(f"/v1/accounts/{who}/pledges{query}", world.token(f"account:{who}"))
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def test_a_pledge_leads_to_its_deliveries(planted: World) -> None:
    marks = planted.ledger.marks
    fish, trees = pledges(planted, 1)["pledges"]
    assert (trees["index"], trees["project"], trees["first"], trees["units"]) == (marks["mine"], TREES, 0, 4)
    assert trees["leaf_hash"] == leaf_hash(planted.ledger.bodies[marks["mine"]]).hex()
    assert trees["progress"] == {"waiting": 0, "delivered": 2, "accepted": 2, "returned": 0}
    shown = [(one["index"], one["first"], one["units"], one["state"], one["decision"]) for one in trees["deliveries"]]
    assert shown == [(marks["planted"], 0, 2, "accepted", marks["accepted"]), (marks["again"], 2, 2, "pending", None)]
    assert trees["deliveries"][0]["state_text"] == {"zh": "已验收通过", "en": "accepted"}
    # the delivery that was refused is counted, and holds nothing
    assert (trees["refused"], trees["returned"]) == (1, None)
    assert (fish["project"], fish["kind_text"]["en"], fish["returned"]) == (FISH, "fish released", marks["returned"])
    assert fish["progress"] == {"waiting": 0, "delivered": 0, "accepted": 0, "returned": 2}
    assert sum(part["amount"] for part in trees["parts"]) == trees["millipoints"] == 4 * PRICE


def test_a_delivery_of_several_pledges_is_each_ones_part(planted: World) -> None:
    (theirs,) = pledges(planted, 2)["pledges"]
    again = planted.ledger.marks["again"]
    assert [(one["index"], one["first"], one["units"]) for one in theirs["deliveries"]] == [(again, 4, 1)]
    assert theirs["progress"] == {"waiting": 2, "delivered": 1, "accepted": 0, "returned": 0}


def test_every_unit_is_somewhere_as_the_replay_says(planted: World) -> None:
    loop = Loop(planted.ledger)
    loop.decide(planted.ledger.marks["again"], accepted=True)
    loop.deliver(TREES, 6, 1)
    planted.project()
    book = planted.ledger.state.loop.projects
    for number in (1, 2):
        for shown in pledges(planted, number)["pledges"]:
            act = book.pledges[shown["index"]]
            taken = book.projects[act.project].taken
            assert shown["millipoints"] == amount_of(act.parts)
            assert sum(shown["progress"].values()) == act.units
            assert shown["progress"]["waiting"] == taken.count(0, act.first, act.first + act.units)


def test_pages_follow_each_other(planted: World) -> None:
    whole = pledges(planted, 1)
    first = pledges(planted, 1, "?limit=1")
    second = pledges(planted, 1, f"?limit=1&cursor={first['next']}")
    assert [*first["pledges"], *second["pledges"]] == whole["pledges"]
    assert whole["next"] is second["next"] is None
    assert pledges(planted, 3)["pledges"] == []


def test_a_trail_verifies_under_the_logs_key(planted: World) -> None:
    marks, who = planted.ledger.marks, f"0x{person(1).hex()}"
    client, token = planted.client(), planted.token(f"account:{who}")
    answer = client.get(f"/v1/accounts/{who}/pledges/{marks['mine']}/trail", token)
    assert answer.status_code == 200, answer.text
    assert "luya-" in answer.headers["content-disposition"]
    shown = trail.verify(answer.content, planted.ledger.log_key)
    assert (shown.pledge.account, shown.pledge.units, shown.delivered) == (person(1), 4, 2)
    assert [one.delivery_index for one in shown.deliveries] == [marks["planted"]]
    assert [one.index for one in shown.records] == [marks["rides"]]
    for index in (marks["theirs"], marks["planted"], 1 << 40):
        assert client.get(f"/v1/accounts/{who}/pledges/{index}/trail", token).status_code == 404
