"""An account's statement: every posting, in order, and what is left is what the ledger's state has."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

import pytest
from api_ledger import person
from api_world import World

from api.accounts import statement as service
from chain_node.protocol.postings import Unit

ONE = f"0x{person(1).hex()}"
Totals = dict[tuple[str, int | None, str], int]


def position(rows: list[dict[str, Any]]) -> Totals:
    return {(row["unit"], row["vintage"], row["bucket"]): row["amount"] for row in rows}


def pages(world: World, query: str) -> list[dict[str, Any]]:
    client, token = world.client(), world.token(f"account:{ONE}")
    found, cursor = [], ""
    while True:
        answer = client.get(f"/v1/accounts/{ONE}/statement?{query}{cursor}", token)
        assert answer.status_code == 200, answer.text
        found.append(answer.json())
        if found[-1]["next"] is None:
            return found
        cursor = f"&cursor={found[-1]['next']}"


def in_debt(world: World) -> None:
    """Several records, and revocations until something is owed and met again."""
    for day in range(3, 12):
        world.ledger.record_batch(1, [world.ledger.record(1, 1000 + day, day=20_048 + day, slot=3)])
    world.ledger.revoke(world.ledger.marks["rides"])
    world.project()


def test_it_ends_with_what_the_account_has(world: World) -> None:
    in_debt(world)
    (page,) = pages(world, "limit=1000")
    state, who = world.ledger.state, person(1)
    wanted: Totals = {}
    for (account, year), pair in state.balances.items():
        if account == who:
            wanted |= {(unit.name.lower(), year, "held"): pair[unit] for unit in Unit if pair[unit]}
    wanted |= {(unit.name.lower(), None, "owed"): state.owed(who, unit) for unit in Unit if state.owed(who, unit)}
    assert position(page["closing"]) == wanted
    assert (page["opening"], page["log_size"]) == ([], state.size)
    assert {line["entry"] for line in page["lines"]} == {"reduction", "revocation"}


@pytest.mark.parametrize("limit", [1, 3, 7])
def test_pages_follow_each_other_and_no_entry_is_parted(world: World, limit: int) -> None:
    in_debt(world)
    (whole,) = pages(world, "limit=1000")
    parts = pages(world, f"limit={limit}")
    assert [line for page in parts for line in page["lines"]] == whole["lines"]
    running: dict[tuple[str, int | None, str], int] = defaultdict(int)
    for page in parts:
        assert position(page["opening"]) == {key: amount for key, amount in running.items() if amount}
        for line in page["lines"]:
            key = (line["unit"], line["vintage"], line["bucket"])
            running[key] += line["change"]
            assert running[key] == line["after"] >= 0
        assert position(page["closing"]) == {key: amount for key, amount in running.items() if amount}
    indexes = [{line["index"] for line in page["lines"]} for page in parts]
    assert sum(map(len, indexes)) == len(set().union(*indexes))


def test_a_span_of_days_opens_with_what_lies_before(world: World) -> None:
    in_debt(world)
    (whole,) = pages(world, "limit=1000")
    (later,) = pages(world, "since=2149-01-01")
    assert (later["opening"], later["lines"]) == (whole["closing"], [])
    (earlier,) = pages(world, "until=2008-01-01")
    assert (earlier["opening"], earlier["lines"], earlier["closing"]) == ([], [], [])


@pytest.mark.parametrize("query", ["since=x", "until=0001-01-01", "limit=0", "limit=1001", "cursor=!!"])
def test_what_makes_no_sense_is_named(world: World, query: str) -> None:
    answer = world.client().get(f"/v1/accounts/{ONE}/statement?{query}", world.token(f"account:{ONE}"))
    assert (answer.status_code, answer.json()["parameter"]) == (400, query.partition("=")[0])


def test_an_account_that_is_none_or_has_too_much_is_told_so(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    client, token = world.client(), world.token("auditor")
    assert client.get(f"/v1/accounts/0x{'12' * 20}/statement", token).status_code == 404
    monkeypatch.setattr(service, "MOST", 1)
    answer = client.get(f"/v1/accounts/{ONE}/statement", token)
    assert answer.status_code == 422
    assert "luya auditor statement" in answer.json()["detail"]
