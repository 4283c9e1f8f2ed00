"""Who may read what: every protected address with every kind of token."""

from __future__ import annotations

import pytest
from api_ledger import person
from api_loop import grove, shop
from api_world import Client, World

from api.projection import outcomes
from api.projection.outcomes import ReportedRow
from chain_node.protocol.rules import Rule

WHO = ("nobody", "owner", "other", "feed", "other-feed", "auditor", "operator")


@pytest.fixture
def asked(world: World) -> tuple[World, Client, dict[str, str | None]]:
    tokens: dict[str, str | None] = {
        "nobody": None,
        "owner": world.token(f"account:0x{person(1).hex()}"),
        "other": world.token(f"account:0x{person(2).hex()}"),
        "feed": world.token("feed:1"),
        "other-feed": world.token("feed:2"),
        "auditor": world.token("auditor"),
        "operator": world.token("operator"),
    }
    rows = [
        ReportedRow(1, "a.csv", 1, "k1", "final", account=person(1), sequence=0),
        ReportedRow(1, "a.csv", 2, "k2", "refused", int(Rule.TOO_LONG), "802101 s"),
    ]
    outcomes.take(world.engine, rows)
    grove(world.ledger)
    shop(world.ledger)
    world.project()
    return world, world.client(), tokens


ALL = {"owner", "feed", "auditor", "operator"}
PEOPLE = {"owner", "auditor", "operator"}
ANY_TOKEN = set(WHO) - {"nobody"}


@pytest.mark.parametrize(
    ("what", "allowed"),
    [
        ("/v1/accounts/0x{person1}", PEOPLE),
        ("/v1/accounts/0x{person1}/entries", PEOPLE),
        ("/v1/accounts/0x{person1}/statement", PEOPLE),
        ("/v1/accounts/0x{person1}/pledges", PEOPLE),
        ("/v1/accounts/0x{person1}/controller", PEOPLE),
        ("/v1/accounts/0x{person1}/pledges/{pledge}/trail", PEOPLE),
        ("/v1/entries/{ride}", ALL),
        ("/v1/entries/{ride}/bundle", ALL),
        ("/v1/entries/{refusal}", ALL),
        ("/v1/entries/{registration}", PEOPLE),
        ("/v1/entries/{method}", ANY_TOKEN),
        ("/v1/entries/{pledge}", PEOPLE),
        ("/v1/entries/{delivery}", ANY_TOKEN),
        ("/v1/orders?account=0x{person1}", PEOPLE),
        ("/v1/orders/{order}", PEOPLE),
        ("/v1/entries/{order}", PEOPLE),
        ("/v1/items", set(WHO)),
        ("/v1/projects/1", set(WHO)),
        ("/v1/records?feed=1&row=k1", ALL),
        ("/v1/records?feed=1&row=a.csv:1", ALL),
        ("/v1/records?feed=1&row=k2", {"feed", "auditor", "operator"}),
    ],
)
def test_the_matrix(asked: tuple[World, Client, dict[str, str | None]], what: str, allowed: set[str]) -> None:
    world, client, tokens = asked
    marks = world.ledger.marks
    url = what.format(
        person1=person(1).hex(),
        ride=marks["rides"],
        refusal=marks["clash"] + 1,
        registration=world.ledger.marks["registered"],
        method=21,
        pledge=marks["mine"],
        order=marks["open"],
        delivery=marks["planted"],
    )
    got = {who: client.get(url, token).status_code for who, token in tokens.items()}
    refused = 404 if "/records" in url else 403
    expected = {who: 200 if who in allowed else 401 if who == "nobody" else refused for who in WHO}
    assert got == expected


def test_a_revocation_is_read_by_whom_it_concerns(asked: tuple[World, Client, dict[str, str | None]]) -> None:
    world, client, tokens = asked
    index = world.ledger.marks["revocation"]
    victim = world.token(f"account:0x{person(3).hex()}")
    got = client.get(f"/v1/entries/{index}", victim)
    assert got.status_code == 200
    assert got.json()["entry"]["account"] == f"0x{person(3).hex()}"
    assert client.get(f"/v1/entries/{index}", tokens["feed"]).status_code == 200
    assert client.get(f"/v1/entries/{index}", tokens["other-feed"]).status_code == 403
    assert client.get(f"/v1/entries/{index}", tokens["owner"]).status_code == 403


def test_several_scopes_add_up(world: World) -> None:
    client = world.client()
    token = world.token("feed:2", f"account:0x{person(1).hex()}")
    assert client.get(f"/v1/accounts/0x{person(1).hex()}", token).status_code == 200
    assert client.get(f"/v1/entries/{world.ledger.marks['walks'] + 1}", token).status_code == 200
    assert client.get(f"/v1/entries/{world.ledger.marks['rides'] + 1}", token).status_code == 403


def test_what_is_private_is_never_cached_by_others(asked: tuple[World, Client, dict[str, str | None]]) -> None:
    world, client, tokens = asked
    for url in (f"/v1/accounts/0x{person(1).hex()}", f"/v1/entries/{world.ledger.marks['rides']}"):
        headers = client.get(url, tokens["owner"]).headers
        assert headers["cache-control"] == "private, no-cache"
        assert headers["vary"] == "Authorization"
