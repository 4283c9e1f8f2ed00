"""What anyone may read, checked with the protocol's own verification, and how it may be cached."""

from __future__ import annotations

import pytest
from api_ledger import CYCLING, METHOD_WALK
from api_world import World

from chain_node.protocol import checkpoint, merkle
from chain_node.protocol.merkle import leaf_hash


def test_health(world: World) -> None:
    size = world.ledger.state.size
    answer = world.client().get("/healthz")
    assert answer.json() == {"status": "ok", "log_size": size, "archive_size": size, "lag": 0}
    world.ledger.register(50, 51)
    world.ledger.publish()
    assert world.client(max_lag=1).get("/healthz").json() == {
        "status": "behind",
        "log_size": size,
        "archive_size": size + 2,
        "lag": 2,
    }


def test_checkpoint_verifies_under_the_logs_key(world: World) -> None:
    client = world.client()
    answer = client.get("/v1/checkpoint").json()
    point = checkpoint.open_note(answer["note"], world.ledger.log_key)
    assert (point.origin, point.size, point.root.hex()) == (answer["origin"], answer["log_size"], answer["log_root"])
    assert answer["log_key"] == world.ledger.log_key
    text = client.get("/v1/checkpoint", accept="text/plain")
    assert text.text == answer["note"]
    assert text.headers["content-type"].startswith("text/plain")


def test_totals_add_up_to_the_replay(world: World) -> None:
    totals = world.client().get("/v1/totals").json()
    state = world.ledger.state
    assert (totals["log_size"], totals["log_root"]) == (state.size, state.root().hex())
    held = list(state.balances.values())
    assert totals["credits_mg"] == sum(pair[0] for pair in held)
    assert totals["millipoints"] == sum(pair[1] for pair in held)
    assert totals["debt_credits_mg"] == totals["debt_millipoints"] == 0
    for amount in ("credits_mg", "millipoints"):
        assert sum(one[amount] for one in totals["by_vintage"]) == totals[amount]
        assert sum(one[amount] for one in totals["by_method"]) == totals[amount]
    assert [one["vintage"] for one in totals["by_vintage"]] == sorted(state.totals)
    walking, cycling = totals["by_method"]
    assert (walking["method"], cycling["method"]) == (METHOD_WALK, CYCLING)
    assert cycling["revoked_records"] == 1
    assert cycling["name"] == {"zh": "骑行", "en": "cycling"}
    for one in totals["by_method"]:
        assert one["minted_credits_mg"] - one["revoked_credits_mg"] == one["credits_mg"]


def test_methods_show_law_and_published_text(world: World) -> None:
    client = world.client()
    methods = client.get("/v1/methods").json()["methods"]
    assert [one["id"] for one in methods] == sorted(world.ledger.state.methods)
    cycling = client.get(f"/v1/methods/{CYCLING}").json()
    assert cycling["law"]["credits"] == [48, 1]
    assert cycling["published"]["zh"].startswith("每骑行")
    assert len(cycling["history"]) == 1
    assert client.get("/v1/methods/999").status_code == 404
    assert client.get("/v1/methods/70000").status_code == 400
    assert client.get(f"/v1/proof/{cycling['leaf_hash']}").json()["index"] == cycling["index"]


def test_feeds_show_signers_and_how_records_ended(world: World) -> None:
    client = world.client()
    feeds = client.get("/v1/feeds").json()["feeds"]
    assert [one["id"] for one in feeds] == [1, 2]
    one = client.get("/v1/feeds/1").json()
    assert (one["records"], one["recorded"]) == (7, 5)
    assert one["refused"] == {"overlap": 1, "unknown-person": 1}
    assert one["law"]["trial"] is True
    assert one["law"]["credits_cap_mg"] == str(1 << 62)
    assert one["law"]["millipoints_cap"] == str((1 << 64) - 1)
    assert client.get("/v1/feeds/9").status_code == 404


def test_every_leaf_can_be_proven(world: World) -> None:
    client = world.client()
    for index, body in enumerate(world.ledger.bodies):
        leaf = leaf_hash(body)
        proof = client.get(f"/v1/proof/{leaf.hex()}").json()
        assert proof["index"] == index
        path = [bytes.fromhex(part) for part in proof["proof"]]
        merkle.verify_inclusion(leaf, index, proof["log_size"], path, bytes.fromhex(proof["log_root"]))
        parsed = checkpoint.parse_tlog_proof(proof["tlog_proof"])
        assert (parsed.index, list(parsed.proof), parsed.note) == (index, path, proof["note"])
    text = client.get(f"/v1/proof/{leaf.hex()}", accept="text/plain")
    assert text.text == proof["tlog_proof"]


def test_a_hash_that_only_begins_alike_is_not_found(world: World) -> None:
    client = world.client()
    leaf = bytearray(leaf_hash(world.ledger.bodies[3]))
    leaf[-1] ^= 1
    assert client.get(f"/v1/proof/{leaf.hex()}").status_code == 404
    assert client.get("/v1/proof/" + "zz" * 32).status_code == 400
    assert client.get("/v1/proof/12").status_code == 400


def test_consistency_proofs_verify(world: World) -> None:
    client = world.client()
    size = world.ledger.state.size
    for old in (0, 1, 5, 32, size - 1, size):
        answer = client.get(f"/v1/consistency?from={old}").json()
        assert (answer["from"], answer["to"]) == (old, size)
        path = [bytes.fromhex(part) for part in answer["proof"]]
        roots = (bytes.fromhex(answer["from_root"]), bytes.fromhex(answer["to_root"]))
        merkle.verify_consistency(old, size, path, *roots)
        assert checkpoint.parse_consistency(answer["text"]) == (old, path)
    assert client.get(f"/v1/consistency?from=1&to={size + 1}").json()["parameter"] == "to"
    assert client.get("/v1/consistency?from=9&to=8").json()["parameter"] == "from"
    assert client.get("/v1/consistency").json()["parameter"] == "from"
    assert client.get("/v1/consistency?from=1&to=2", accept="text/plain").text.startswith("old 1\n")


@pytest.mark.parametrize("url", ["/v1/checkpoint", "/v1/totals", "/v1/methods", "/v1/methods/101", "/v1/feeds/1"])
def test_what_changes_is_revalidated(world: World, url: str) -> None:
    client = world.client()
    first = client.get(url)
    assert first.headers["cache-control"] == "public, no-cache"
    etag = first.headers["etag"]
    again = client.get(url, if_none_match=f'W/{etag}, "other"')
    assert (again.status_code, again.content) == (304, b"")
    assert again.headers["etag"] == etag
    assert client.get(url, if_none_match='"other"').status_code == 200
    world.ledger.record_batch(1, [world.ledger.record(1, 777, slot=150)])
    world.project()
    changed = client.get(url, if_none_match=etag)
    assert changed.status_code == (304 if "/methods" in url else 200)


def test_what_cannot_change_is_immutable(world: World) -> None:
    client = world.client()
    assert client.get("/v1/consistency?from=3&to=9").headers["cache-control"].endswith("immutable")
    assert client.get("/v1/consistency?from=3").headers["cache-control"] == "public, no-cache"
    proof = client.get(f"/v1/proof/{leaf_hash(world.ledger.bodies[3]).hex()}")
    assert proof.headers["cache-control"] == "public, no-cache"


def test_before_the_first_checkpoint(tmp_path: object, world: World) -> None:
    client = world.client(archive=world.settings.archive.parent / "nowhere")
    answer = client.get("/v1/checkpoint")
    assert answer.status_code == 503
    assert answer.headers["retry-after"] == "2"
    assert client.get("/v1/consistency?from=0").status_code == 503


def test_metrics_count_routes_and_nothing_else(world: World) -> None:
    client = world.client()
    client.get("/v1/methods/101")
    client.get(f"/v1/accounts/0x{'ab' * 20}")
    client.get("/nowhere/0xabab")
    text = client.get("/metrics").text
    assert 'luya_api_requests_total{route="/v1/methods/{id}",status="200"} 1.0' in text
    assert 'route="/v1/accounts/{address}",status="401"' in text
    assert f"luya_read_model_size {float(world.ledger.state.size)}" in text
    assert "abab" not in text
    assert world.client(metrics=False).get("/metrics").status_code == 404
