"""Entries, bundles and accounts: their content against the ledger's own state."""

from __future__ import annotations

import json

import pytest
from api_ledger import CYCLING, GENESIS_NONCE, METHOD_WALK, ORIGIN, SIGNERS, person
from api_world import World

from chain_node.archive import bundles, domains
from chain_node.archive.calls import Call
from chain_node.errors import ArchiveError
from chain_node.protocol import bundle, entries
from chain_node.protocol.merkle import leaf_hash

ONE = f"0x{person(1).hex()}"


def test_every_entry_shows_its_provenance(world: World) -> None:
    client, token = world.client(), world.token("auditor")
    names = set()
    for index, body in enumerate(world.ledger.bodies):
        answer = client.get(f"/v1/entries/{index}", token)
        assert answer.status_code == 200, answer.text
        shown = answer.json()
        assert (shown["index"], shown["bytes"], shown["leaf_hash"]) == (index, body.hex(), leaf_hash(body).hex())
        call = shown["call"]
        assert call["first_index"] <= index < call["first_index"] + call["count"]
        assert call["transaction"].startswith("0x")
        names.add(shown["entry"]["type"])
    assert names == {
        "log-key", "organisation", "group-caps", "method", "feed", "account", "reduction", "refusal", "revocation"
    }  # fmt: skip
    assert client.get(f"/v1/entries/{index + 1}", token).status_code == 404
    assert client.get(f"/v1/entries/{1 << 63}", token).status_code == 400
    assert client.get("/v1/entries/-1", token).status_code == 400


def test_a_reduction_names_signers_method_and_feed_in_force(world: World) -> None:
    ledger = world.ledger
    ledger.time += 100
    feed = ledger.state.feeds[1]
    changed = entries.Feed(
        ledger.time, 1, 1, 2, 2, SIGNERS, 65_535, feed.credits_cap, 5, (CYCLING,), entries.Standing.ACTIVE
    )
    ledger.append(changed)
    world.project()
    client, token = world.client(), world.token("auditor")
    index = ledger.marks["rides"]
    shown = client.get(f"/v1/entries/{index}", token).json()
    assert shown["signers"] == sorted(f"0x{signer.hex()}" for signer in SIGNERS)[:2]
    assert shown["method"]["entry"]["id"] == CYCLING
    assert shown["feed"]["entry"]["version"] == 1
    assert shown["entry"]["credits_mg"] == 3001 * 48
    assert shown["revoked_by"] is None
    assert client.get(f"/v1/entries/{index + 2}", token).json()["revoked_by"] == ledger.marks["revocation"]
    assert [one["law"]["version"] for one in client.get("/v1/feeds/1").json()["history"]] == [1, 2]


def test_an_entry_revalidates_until_it_is_revoked(world: World) -> None:
    client, token = world.client(), world.token("auditor")
    url = f"/v1/entries/{world.ledger.marks['rides']}"
    etag = client.get(url, token).headers["etag"]
    assert client.get(url, token, if_none_match=etag).status_code == 304
    world.ledger.revoke(world.ledger.marks["rides"])
    world.project()
    assert client.get(url, token, if_none_match=etag).status_code == 200


def test_every_reduction_has_a_bundle_that_verifies(world: World) -> None:
    client, token = world.client(), world.token("auditor")
    for index, body in enumerate(world.ledger.bodies):
        answer = client.get(f"/v1/entries/{index}/bundle", token)
        if not isinstance(entries.decode(body), entries.Reduction):
            assert answer.status_code == 404
            continue
        verified = bundle.verify(answer.content, world.ledger.log_key)
        assert verified.index == index
        assert entries.encode(verified.entry) == body
        assert answer.content == bundles.assemble(world.reader, index)
        assert len(answer.content) <= 6 * 1024
        assert f"luya-{index}" in answer.headers["content-disposition"]
    assert client.get(f"/v1/entries/{index + 1}/bundle", token).status_code == 404


def test_a_bundle_relies_on_the_law_before_it(world: World) -> None:
    ledger = world.ledger
    ledger.time += 100
    method = ledger.state.methods[CYCLING]
    values = {name: getattr(method, name) for name in entries.Method.__slots__}
    ended = entries.Method(**{**values, "time": ledger.time, "valid_to": 30_000})
    ledger.append(ended)
    new = ledger.record_batch(1, [ledger.record(4, 1234)])
    world.project()
    old = bundles.law_before(world.reader, ledger.marks["rides"], CYCLING, 1)
    now = bundles.law_before(world.reader, new, CYCLING, 1)
    assert old.method is not None
    assert now.method == new - 1
    assert now.feed == old.feed
    client, token = world.client(), world.token("auditor")
    for index, wanted in ((ledger.marks["rides"], old.method), (new, new - 1)):
        data = client.get(f"/v1/entries/{index}/bundle", token).content
        bundle.verify(data, ledger.log_key)
        assert json.loads(data)["law"]["method"]["index"] == wanted
    history = client.get(f"/v1/methods/{CYCLING}").json()["history"]
    assert [one["valid_to"] for one in history] == [None, "2052-02-20"]


def test_bundles_say_what_is_missing(world: World) -> None:
    reader, ledger = world.reader, world.ledger
    with pytest.raises(ArchiveError, match="nonce"):
        bundles.assemble(reader, ledger.marks["rides"], domains={})
    with pytest.raises(ArchiveError, match="only reductions"):
        bundles.assemble(reader, 0)
    with pytest.raises(ArchiveError, match="not under"):
        bundles.assemble(reader, ledger.state.size)
    body = entries.encode(entries.Reduction(ledger.time, 1, 7, ledger.record(4, 10, slot=3), 480, 48))
    ledger.archive.append([body], [Call(ledger.state.size, 1, "", 0)])
    ledger.publish()
    with pytest.raises(ArchiveError, match="by which batch"):
        bundles.assemble(reader, ledger.state.size)


def test_domains_are_remembered_once_and_over_a_torn_write(world: World) -> None:
    folder = world.reader.folder
    domains.remember(folder, ORIGIN, GENESIS_NONCE)
    assert list(domains.nonces(folder).values()) == [GENESIS_NONCE]
    path = folder / "domains"
    path.write_bytes(path.read_bytes() + b'{"genesis_nonce":"0a')
    domains.remember(folder, ORIGIN, b"\x08" * 32)
    assert list(domains.nonces(folder).values()) == [GENESIS_NONCE, b"\x08" * 32]
    path.write_bytes(b'{"origin":"x"}\n')
    with pytest.raises(ArchiveError, match="deployment"):
        domains.nonces(folder)
    assert domains.nonces(folder / "none") == {}


def test_an_account_shows_its_balances(world: World) -> None:
    client, token = world.client(), world.token(f"account:{ONE}")
    shown = client.get(f"/v1/accounts/{ONE}", token).json()
    state = world.ledger.state
    held = {year: pair for (who, year), pair in state.balances.items() if who == person(1)}
    assert {one["vintage"]: (one["credits_mg"], one["millipoints"]) for one in shown["balances"]} == held
    assert shown["credits_mg"] == sum(pair[0] for pair in held.values())
    assert (shown["state"], shown["log_size"]) == ("active", state.size)
    stranger = "0x" + "12" * 20
    assert client.get(f"/v1/accounts/{stranger}", world.token("auditor")).status_code == 404
    assert client.get(f"/v1/accounts/{ONE.upper().replace('X', 'x')}", token).status_code == 200
    assert client.get(f"/v1/accounts/{'z' * 40}", token).json()["parameter"] == "address"


def test_an_accounts_entries_page_in_both_orders(world: World) -> None:
    for day in range(3, 40):  # up to yesterday, within the ring
        world.ledger.record_batch(1, [world.ledger.record(1, 1000 + day, day=20_048 + day, slot=3)])
    world.project()
    client, token = world.client(), world.token(f"account:{ONE}")
    pages: dict[str, list[int]] = {}
    for order in ("newest", "oldest"):
        indexes, cursor = [], ""
        while True:
            page = client.get(f"/v1/accounts/{ONE}/entries?limit=7&order={order}{cursor}", token).json()
            assert len(page["entries"]) <= 7
            indexes += [one["index"] for one in page["entries"]]
            if page["next"] is None:
                break
            cursor = f"&cursor={page['next']}"
        pages[order] = indexes
    assert pages["newest"] == pages["oldest"][::-1]
    assert len(pages["newest"]) == len(set(pages["newest"])) == 37 + 1 + 1 + 2 + 1


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("type=refusal", ["refusal"]),
        ("type=account", ["account"]),
        ("type=refusal&type=account", ["refusal", "account"]),
        (f"method={METHOD_WALK}", ["reduction"]),
        ("feed=2", ["reduction"]),
        ("from_day=2024-12-31&to_day=2024-12-31", ["reduction", "refusal", "reduction", "reduction"]),
        ("from_day=2025-01-01", []),
        ("to_day=2024-12-30", []),
    ],
)
def test_filters(world: World, query: str, expected: list[str]) -> None:
    client, token = world.client(), world.token(f"account:{ONE}")
    found = client.get(f"/v1/accounts/{ONE}/entries?{query}", token).json()["entries"]
    assert [one["entry"]["type"] for one in found] == expected


@pytest.mark.parametrize(
    "query", ["limit=0", "limit=201", "cursor=!!", "cursor=" + "9" * 39, "order=up", "type=method", "from_day=x",
              "from_day=0001-01-01", "method=-1"]
)  # fmt: skip
def test_bad_filters_are_named(world: World, query: str) -> None:
    answer = world.client().get(f"/v1/accounts/{ONE}/entries?{query}", world.token(f"account:{ONE}"))
    assert answer.status_code == 400
    assert answer.json()["parameter"] == query.partition("=")[0]


def test_a_refused_resident_reads_why(world: World) -> None:
    client, token = world.client(), world.token(f"account:{ONE}")
    found = client.get(f"/v1/accounts/{ONE}/entries?type=refusal", token).json()["entries"][0]["entry"]
    assert found["rule"]["name"] == "overlap"
    assert found["day"] == "2024-12-31"
    assert found["rule"]["remedy"]["zh"]
