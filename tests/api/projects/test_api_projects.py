"""Public-good projects as anyone reads them: what is said adds up to the replay, and nobody's pledge is in it."""

from __future__ import annotations

from typing import Any

import pytest
from api_ledger import person
from api_loop import EAST, FISH, NORTH, PLANTER, PRICE, TREES, grove, hashed
from api_world import World

from api.projection.compare import compare
from chain_node.protocol.merkle import leaf_hash


@pytest.fixture
def planted(world: World) -> World:
    grove(world.ledger)
    world.project()
    return world


def get(world: World, url: str) -> dict[str, Any]:
    answer = world.client().get(url)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def test_a_projects_terms_and_progress(planted: World) -> None:
    marks = planted.ledger.marks
    trees, fish = get(planted, "/v1/projects")["projects"]
    assert (trees["project"], trees["organisation"], trees["millipoints"]) == (TREES, PLANTER, PRICE)
    assert (trees["kind"], trees["kind_text"]["zh"]) == ("seedlings", "种植树苗")
    assert (trees["state"], trees["text"]) == ("open", hashed("project 1").hex())
    assert trees["leaf_hash"] == leaf_hash(planted.ledger.bodies[marks["trees"]]).hex()
    assert trees["progress"] == {
        "pledged": 7,
        "waiting": 2,
        "delivered": 3,
        "accepted": 2,
        "returned": 0,
        "accepted_millipoints": 2 * PRICE,
        "settlement_fen": 4_000,
        "survival": [{"months": 12, "deliveries": 1, "units": 2, "surviving": 1}],
    }
    assert (fish["state"], fish["progress"]["returned"], fish["progress"]["waiting"]) == ("abandoned", 2, 0)
    assert fish["index"] == marks["abandoned"]
    history = get(planted, f"/v1/projects/{FISH}")["history"]
    assert [(one["index"], one["state"]) for one in history] == [
        (marks["fish"] - 1, "open"),
        (marks["abandoned"], "abandoned"),
    ]


def test_the_progress_is_the_replays(planted: World) -> None:
    for number, book in planted.ledger.state.loop.projects.projects.items():
        progress = get(planted, f"/v1/projects/{number}")["progress"]
        assert progress["pledged"] == book.pledged
        assert progress["accepted"] + progress["returned"] == book.settled
        assert progress["waiting"] == book.taken.count(0)
        parts = ("waiting", "delivered", "accepted", "returned")
        assert sum(progress[part] for part in parts) == progress["pledged"]


def test_a_delivery_with_its_decision_and_report(planted: World) -> None:
    marks = planted.ledger.marks
    newest, poor, first = get(planted, f"/v1/projects/{TREES}")["deliveries"]
    assert first == get(planted, f"/v1/projects/{TREES}/deliveries/{marks['planted']}")
    assert [one["state"] for one in (newest, poor, first)] == ["pending", "refused", "accepted"]
    assert newest["state_text"] == {"zh": "待验收", "en": "waits for an acceptor"}
    assert (first["first"], first["units"], first["day"]) == (0, 2, "2023-11-28")
    assert (first["latitude_e6"], first["longitude_e6"]) == (NORTH, EAST)
    assert (first["decision"]["index"], first["decision"]["accepted"]) == (marks["accepted"], True)
    assert [(one["index"], one["surviving"]) for one in first["survival"]] == [(marks["report"], 1)]
    proof = get(planted, f"/v1/proof/{first['leaf_hash']}")
    assert proof["index"] == marks["planted"]


def test_what_is_no_delivery_of_the_project_is_not_found(planted: World) -> None:
    client, marks = planted.client(), planted.ledger.marks
    for url in (
        f"/v1/projects/{FISH}/deliveries/{marks['planted']}",
        f"/v1/projects/{TREES}/deliveries/{marks['mine']}",
        f"/v1/projects/{TREES}/deliveries/{1 << 40}",
        "/v1/projects/3",
    ):
        answer = client.get(url)
        assert answer.status_code == 404, url
        assert answer.json()["messages"].keys() == {"zh", "en"}
    assert client.get("/v1/projects/-1").status_code == 400
    assert client.get(f"/v1/projects/{1 << 32}").status_code == 400
    assert client.get(f"/v1/projects/{TREES}?cursor=%21").status_code == 400


def test_pages_follow_each_other(planted: World) -> None:
    whole = get(planted, f"/v1/projects/{TREES}")
    assert whole["next"] is None
    found, cursor = [], ""
    while True:
        page = get(planted, f"/v1/projects/{TREES}?limit=1{cursor}")
        found += page["deliveries"]
        if page["next"] is None:
            break
        cursor = f"&cursor={page['next']}"
    assert found == whole["deliveries"]
    first = get(planted, "/v1/projects?limit=1")
    second = get(planted, f"/v1/projects?limit=1&cursor={first['next']}")
    assert [*first["projects"], *second["projects"]] == get(planted, "/v1/projects")["projects"]
    assert second["next"] is None


def test_no_answer_holds_who_pledged(planted: World) -> None:
    urls = ("/v1/projects", f"/v1/projects/{TREES}", f"/v1/projects/{FISH}")
    said = "".join(planted.client().get(url).text for url in urls)
    for number in (1, 2):
        assert person(number).hex() not in said


def test_an_answer_that_is_known_is_not_sent_again(planted: World) -> None:
    client = planted.client()
    tag = client.get("/v1/projects").headers["etag"]
    assert client.get("/v1/projects", if_none_match=tag).status_code == 304


def test_the_read_model_is_the_archives(planted: World) -> None:
    assert compare(planted.engine, planted.reader, planted.ledger.state) == []
