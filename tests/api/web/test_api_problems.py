"""Problems (RFC 9457), languages, rate limits, logs, the OpenAPI document."""

from __future__ import annotations

import json
from typing import Any

import pytest
import structlog
from api_ledger import person
from api_world import World
from sqlalchemy import text

from api.errors import RateLimited
from api.web import problems
from api.web.limits import RateLimiter, client_key
from api.web.types import exact
from chain_node.archive.reader import ArchiveReader


@pytest.mark.parametrize(
    ("header", "english"),
    [
        (None, False),
        ("", False),
        ("en", True),
        ("en-GB,zh;q=0.8", True),
        ("zh-CN,en;q=0.9", False),
        ("fr", False),
        ("zh;q=0.1, en;q=0.2", True),
        ("en;q=x", False),
        ("*", False),
    ],
)
def test_the_language_is_chosen(header: str | None, english: bool) -> None:
    assert problems.prefers_english(header) is english


@pytest.mark.parametrize(
    ("url", "status", "slug"),
    [
        ("/v1/entries/1", 401, "unauthorised"),
        ("/v1/methods/9999", 404, "not-found"),
        ("/v1/methods/x", 400, "bad-parameter"),
        ("/nowhere", 404, "not-found"),
        ("/v1/proof/" + "00" * 32, 404, "not-found"),
    ],
)
def test_every_error_is_a_problem_in_both_languages(world: World, url: str, status: int, slug: str) -> None:
    client = world.client()
    answer = client.get(url, accept_language="en")
    body = answer.json()
    assert answer.status_code == body["status"] == status
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["content-language"] == "en"
    assert answer.headers["cache-control"] == "no-store"
    assert body["type"] == f"urn:luya:problem:{slug}"
    assert body["instance"] == url
    assert answer.headers["x-request-id"] == body["request"]
    assert {key: body[key] for key in ("title", "detail", "remedy")} == body["messages"]["en"]
    chinese = client.get(url)
    assert chinese.headers["content-language"] == "zh-CN"
    assert chinese.json()["title"] == body["messages"]["zh"]["title"] != body["title"]


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH"])
def test_nothing_can_be_written(world: World, method: str) -> None:
    answer = world.client().request(method, "/v1/totals")
    assert answer.status_code == 405
    assert answer.json()["type"].endswith("method-not-allowed")
    assert answer.headers["allow"] == "GET"


def test_faults_of_ours_tell_nothing(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    client = world.client()

    def broken(*_args: object) -> None:
        raise ValueError("secret detail 0xabc")

    monkeypatch.setattr("api.totals.service.totals", broken)
    with structlog.testing.capture_logs() as logs, pytest.raises(ValueError, match="secret"):
        client.get("/v1/totals")
    assert "secret" not in json.dumps(logs)
    assert any(log["failure"] == "ValueError" for log in logs)


def test_a_database_that_is_gone_is_503(world: World) -> None:
    client = world.client(database_url=f"sqlite:///{world.settings.archive.parent / 'empty.sqlite'}")
    with structlog.testing.capture_logs() as logs:
        answer = client.get("/v1/totals")
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "2")
    assert any(log["event"] == "database" for log in logs)


def test_a_damaged_archive_is_503(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    client = world.client()
    for path in (world.settings.archive / "tile").rglob("*"):
        if path.is_file():
            path.unlink()
    assert ArchiveReader(world.settings.archive).size
    with structlog.testing.capture_logs():
        assert client.get("/v1/consistency?from=3").status_code == 503
        token = world.token("auditor")
        assert client.get(f"/v1/entries/{world.ledger.marks['rides']}/bundle", token).status_code == 503
        assert client.get(f"/v1/entries/{world.ledger.marks['rides']}", token).status_code == 200


def test_logs_hold_no_personal_data(world: World) -> None:
    client = world.client()
    who, token = person(1).hex(), world.token("auditor")
    with structlog.testing.capture_logs() as logs:
        client.get(f"/v1/accounts/0x{who}", token)
        client.get(f"/v1/records?feed=1&row=secret-{who}", token)
        client.get(f"/v1/accounts/0x{who}x")
    text_ = json.dumps(logs)
    assert [log["route"] for log in logs] == ["/v1/accounts/{address}", "/v1/records", "/v1/accounts/{address}"]
    for personal in (who, "secret", token, token.split("_")[2], "203.0.113.7"):
        assert personal not in text_


def test_clients_are_limited_one_by_one(world: World) -> None:
    client = world.client(public_rate=1, public_burst=3)
    assert [client.get("/v1/totals").status_code for _ in range(4)] == [200, 200, 200, 429]
    answer = client.get("/v1/totals")
    assert answer.headers["retry-after"] == "1"
    assert answer.json()["type"].endswith("rate-limited")
    # a token has its own allowance, and guessing tokens uses the client's
    token = world.token("auditor")
    assert client.get("/v1/entries/0", token).status_code == 200
    assert client.get("/v1/entries/0", "luya_aaaaaaaa_" + "b" * 43).status_code == 429


def test_tokens_are_limited_one_by_one(world: World) -> None:
    client = world.client(token_rate=1, token_burst=2)
    first, second = world.token("auditor"), world.token("auditor")
    assert [client.get("/v1/entries/0", first).status_code for _ in range(3)] == [200, 200, 429]
    assert client.get("/v1/entries/0", second).status_code == 200


def test_a_bucket_fills_again_and_memory_is_bounded() -> None:
    now = [0.0]
    limiter = RateLimiter(2, 4, 3, lambda: now[0])
    for _ in range(4):
        limiter.charge("a")
    with pytest.raises(RateLimited) as caught:
        limiter.charge("a")
    assert caught.value.headers == {"Retry-After": "1"}
    now[0] = 0.5
    limiter.charge("a")
    with pytest.raises(RateLimited):
        limiter.charge("a")
    now[0] = 1000.0
    for _ in range(4):
        limiter.charge("a")
    for number in range(10_000):
        limiter.charge(f"client {number}")
    assert len(limiter) == 3
    unlimited = RateLimiter(0, 0, 1)
    for _ in range(100):
        unlimited.charge("a")
    assert len(unlimited) == 0


def test_clients_are_told_apart_by_household() -> None:
    assert client_key("203.0.113.7") == "203.0.113.7"
    assert client_key("::ffff:203.0.113.7") == "203.0.113.7"
    assert client_key("2001:db8:1:2:3:4:5:6") == client_key("2001:db8:1:2:ffff::1") == "2001:db8:1:2::/64"
    assert client_key(None) == client_key("") == "unknown"
    assert client_key("testclient") == "testclient"


def test_large_amounts_are_strings_everywhere(world: World) -> None:
    assert exact(1 << 53) == 1 << 53
    assert exact((1 << 53) + 1) == str((1 << 53) + 1)
    with world.engine.begin() as connection:
        connection.execute(text("UPDATE vintage_total SET credits_minted = 9007199254740999 WHERE vintage = 2023"))
    totals = world.client().get("/v1/totals").json()
    assert totals["by_vintage"][0]["minted_credits_mg"] == "9007199254740999"
    assert isinstance(totals["credits_mg"], str)


def _schemas(node: Any) -> list[dict[str, Any]]:
    found = [node] if isinstance(node, dict) else []
    for child in node.values() if isinstance(node, dict) else node if isinstance(node, list) else []:
        found += _schemas(child)
    return found


def test_the_openapi_document_is_whole(world: World) -> None:
    document = world.client().get("/openapi.json").json()
    assert document["info"]["title"] == "Luya 绿芽"
    for node in _schemas(document):
        assert node.get("type") != "number", "amounts are never floats"
        reference = node.get("$ref")
        if isinstance(reference, str):
            assert reference.rsplit("/", 1)[1] in document["components"]["schemas"], reference
    for path, operations in document["paths"].items():
        operation = operations["get"]
        assert operation["summary"], path
        assert "429" in operation["responses"], path
        content = (
            operation["responses"]["200"]["content"]["application/json"]
            if not path.endswith(("bundle", "trail"))
            else {}
        )
        if content:
            name = content["schema"]["$ref"].rsplit("/", 1)[1]
            schema = document["components"]["schemas"][name]
            assert "examples" in schema or name in {"MethodList", "MethodDetail", "FeedList", "FeedDetail"}, name
