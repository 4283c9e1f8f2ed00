"""Tokens: made, listed, revoked; only their hash is kept; nobody gets in with anything else."""

from __future__ import annotations

import hashlib
import time

import pytest
from api_ledger import person
from api_world import World
from sqlalchemy import text

from api.tokens import scopes
from api.tokens.service import ApiTokens
from chain_node.errors import TokenError
from chain_node.tokens.token import secret_hash

ADDRESS = "0x" + person(1).hex()


@pytest.mark.parametrize(
    "bad",
    [
        [],
        ["admin"],
        ["account:"],
        ["account:0x12"],
        ["account:" + "zz" * 20],
        ["account:0x" + " 1" * 20],
        ["feed:"],
        ["feed:-1"],
        ["feed:65536"],
        ["feed:１"],
        ["auditor:x"],
        [f"feed:{n}" for n in range(65)],
    ],
)
def test_what_is_no_scope_is_refused(world: World, bad: list[str]) -> None:
    with pytest.raises(TokenError):
        ApiTokens(world.engine).create(bad)


def test_scopes_are_kept_canonically() -> None:
    given = ["feed:3", f"account:{ADDRESS.upper().replace('0X', '0x')}", "auditor", "auditor"]
    assert scopes.texts(scopes.parse(given)) == [f"account:{ADDRESS}", "auditor", "feed:3"]


def test_only_the_hash_of_a_secret_is_stored(world: World) -> None:
    info, token = ApiTokens(world.engine).create(["operator"], label="dashboards")
    secret = token.split("_", 2)[2]
    with world.engine.begin() as connection:
        stored = connection.execute(text("SELECT * FROM token")).all()
    assert secret not in repr(stored)
    assert secret_hash(secret) == stored[0][1]
    assert ApiTokens(world.engine).entries() == [info]


def test_a_token_lets_in_until_it_is_revoked(world: World) -> None:
    client = world.client(token_cache_seconds=0)
    info, token = ApiTokens(world.engine).create(["auditor"])
    assert client.get("/v1/entries/0", token).status_code == 200
    revoked = ApiTokens(world.engine).revoke(info.id)
    assert revoked.revoked is not None
    assert ApiTokens(world.engine).revoke(token) == revoked
    assert client.get("/v1/entries/0", token).status_code == 401
    with pytest.raises(TokenError, match="nobody"):
        ApiTokens(world.engine).revoke("nobody")


def test_the_cache_ends(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    client = world.client(token_cache_seconds=5)
    info, token = ApiTokens(world.engine).create(["auditor"])
    assert client.get("/v1/entries/0", token).status_code == 200
    ApiTokens(world.engine).revoke(info.id)
    assert client.get("/v1/entries/0", token).status_code == 200
    now = time.monotonic
    monkeypatch.setattr("api.tokens.verifier.time.monotonic", lambda: now() + 6)
    assert client.get("/v1/entries/0", token).status_code == 401


def test_an_expired_token_is_nothing(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    client = world.client()
    _, token = ApiTokens(world.engine).create(["auditor"], lifetime=60)
    assert client.get("/v1/entries/0", token).status_code == 200
    now = time.time
    monkeypatch.setattr("api.tokens.verifier.time.time", lambda: now() + 61)
    assert client.get("/v1/entries/0", token).status_code == 401
    with pytest.raises(TokenError):
        ApiTokens(world.engine).create(["auditor"], lifetime=0)
    with pytest.raises(TokenError):
        ApiTokens(world.engine).create(["auditor"], label="x" * 201)


def test_a_token_of_an_earlier_version_lets_in(world: World) -> None:
    secret = "Hv5bZf0PZ0y6yvO2mSxm4G0m5yJ1Hq2yJ9mV0d3k7Qw"
    row = {"id": "mfzwizlt", "digest": hashlib.sha256(secret.encode()).digest(), "scopes": '["auditor"]'}
    with world.engine.begin() as connection:
        connection.execute(text("INSERT INTO token VALUES (:id, :digest, :scopes, '', 1700000000, NULL, NULL)"), row)
    assert world.client().get("/v1/entries/0", f"luya_mfzwizlt_{secret}").status_code == 200


def test_nothing_else_lets_in(world: World) -> None:
    client = world.client()
    _, token = ApiTokens(world.engine).create(["auditor"])
    _, other = ApiTokens(world.engine).create(["auditor"])
    prefix, identifier, secret = token.split("_", 2)
    forged = [
        "",
        "x",
        token[:-1],
        token + "x",
        f"{prefix}_{identifier}_{'A' * 43}",
        f"{prefix}_{identifier}_{other.split('_', 2)[2]}",
        f"{prefix}_zzzzzzzz_{secret}",
        f"{prefix}__{secret}",
    ]
    for wrong in forged:
        answer = client.get("/v1/entries/0", wrong)
        assert answer.status_code == 401, wrong
        assert answer.headers["www-authenticate"].startswith("Bearer")
    assert client.get("/v1/entries/0", authorization=f"Basic {token}").status_code == 401
    assert client.get("/v1/entries/0", authorization=f"bearer {token}").status_code == 200
