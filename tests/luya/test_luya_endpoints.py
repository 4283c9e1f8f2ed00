"""Endpoints as people write them become lists once, at the edge."""

from __future__ import annotations

import pytest
from luya_process import refuses

from luya.endpoints import parse_endpoints
from luya.errors import UsageError


def test_options_and_commas_make_one_list() -> None:
    assert parse_endpoints(["http://a:1"], "--rpc") == ("http://a:1",)
    assert parse_endpoints(["http://a:1, http://b:1", "http://c:1/x"], "--rpc") == (
        "http://a:1", "http://b:1", "http://c:1/x",
    )  # fmt: skip
    assert parse_endpoints([], "--rpc") == ()


@pytest.mark.parametrize(
    ("texts", "said"),
    [
        ([""], "address 1 of 1 is empty"),
        (["http://a:1,,http://b:1"], "address 2 of 3 is empty"),
        (["http://a:1", "http://b:1", "http://a:1"], "addresses 1 and 3 are the same"),
        (["http://a:1/,http://a:1"], "addresses 1 and 2 are the same"),
        (["http://me:word@a:1,http://me:word@a:1"], "addresses 1 and 2 are the same"),
    ],
)
def test_empty_and_doubled_ones_are_refused(texts: list[str], said: str) -> None:
    with pytest.raises(UsageError, match=f"LUYA_RPC: {said}") as caught:
        parse_endpoints(texts, "LUYA_RPC")
    assert "word" not in str(caught.value), "an address may hold a secret"


def test_every_command_that_takes_endpoints_says_so() -> None:
    twice = ("--rpc", "http://127.0.0.1:9,http://127.0.0.1:9")
    assert "--rpc: addresses 1 and 2 are the same" in refuses("engine", "conformance", *twice)
    assert "--rpc: addresses 1 and 2 are the same" in refuses("up", *twice)
    key = "luya.local/x+00000000+AQ=="
    asked = ("auditor", "follow", "--store", "/nonexistent", "--ledger", "0x" + "11" * 20, "--log-key", key)
    assert "--rpc: addresses 1 and 2 are the same" in refuses(*asked, *twice)
