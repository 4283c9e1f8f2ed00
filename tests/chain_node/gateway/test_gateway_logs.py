"""`eth_getLogs` over any range, on a node that caps; and what is kept of it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from gateway_support import GatewayThread, World, let_in, refused
from gateway_support import settings as gateway_settings
from hypothesis import given
from hypothesis import strategies as st
from relay import Relay

from chain_node.errors import CallRefused
from chain_node.gateway.cache import Cache
from chain_node.gateway.logs import Criteria
from chain_node.gateway.settings import UpstreamSettings
from chain_node.rpc.client import JsonRpc


@pytest.fixture(scope="module")
def rpc(world: World) -> Iterator[JsonRpc]:
    with JsonRpc(world.rpc_url) as client:
        yield client


@pytest.fixture
def capped(world: World, tmp_path: Path) -> Iterator[tuple[GatewayThread, Relay, str]]:
    relay = Relay(world.rpc_url)
    token = let_in(tmp_path, role="auditor")[1]
    gateway = GatewayThread(gateway_settings(world, tmp_path, nodes=(UpstreamSettings("capped", relay.url),)))
    try:
        yield gateway, relay, token
    finally:
        gateway.stop()
        relay.stop()


def test_no_range_meets_a_cap(capped: tuple[GatewayThread, Relay, str], world: World, rpc: JsonRpc) -> None:
    gateway, relay, token = capped
    head = int(rpc.call("eth_blockNumber"), 16)
    # the caps first: what was once read whole is in the cache, and no cap is met
    for cap_blocks, cap_logs in ((1, 0), (3, 0), (0, 5), (2, 4), (0, 0)):
        relay.cap_blocks, relay.cap_logs = cap_blocks, cap_logs
        for criteria in (
            {},
            {"address": world.address("ledger")},
            {"address": [world.address("law")], "topics": [None]},
        ):
            span = {"fromBlock": "0x0", "toBlock": hex(head)}
            assert gateway.call("eth_getLogs", {**criteria, **span}, token=token) == rpc.call(
                "eth_getLogs", {**criteria, **span}
            )


def test_a_block_with_more_logs_than_the_cap_is_read_from_its_receipts(
    capped: tuple[GatewayThread, Relay, str], world: World, rpc: JsonRpc
) -> None:
    gateway, relay, token = capped
    relay.cap_logs = 1
    everything = {"fromBlock": "0x0", "toBlock": rpc.call("eth_blockNumber")}
    for criteria in (everything, everything | {"address": world.address("ledger")}):
        expected = rpc.call("eth_getLogs", criteria)
        assert len({log["blockNumber"] for log in expected}) < len(expected)
        found = gateway.call("eth_getLogs", criteria, token=token)
        assert [(log["transactionHash"], log["logIndex"]) for log in found] == [
            (log["transactionHash"], log["logIndex"]) for log in expected
        ]
    assert "eth_getBlockReceipts" in relay.asked


def test_the_range_is_cut_at_the_head(capped: tuple[GatewayThread, Relay, str], rpc: JsonRpc) -> None:
    gateway, _, token = capped
    beyond = {"fromBlock": "0x0", "toBlock": "0xffffffff"}
    assert gateway.call("eth_getLogs", beyond, token=token)
    assert gateway.call("eth_getLogs", {"fromBlock": "0xfffffff0", "toBlock": "0xffffffff"}, token=token) == []
    assert (
        refused(lambda: gateway.call("eth_getLogs", {"fromBlock": "0x5", "toBlock": "0x4"}, token=token)).code == -32602
    )
    for first, last in (("earliest", "latest"), ("earliest", "finalized"), ("safe", "pending"), (None, None)):
        gateway.call("eth_getLogs", {"fromBlock": first, "toBlock": last}, token=token)
    log = rpc.call("eth_getLogs", {"fromBlock": "0x0"})[0]
    by_hash = gateway.call("eth_getLogs", {"blockHash": log["blockHash"]}, token=token)
    assert by_hash == rpc.call("eth_getLogs", {"blockHash": log["blockHash"]})


def test_final_spans_are_asked_once(capped: tuple[GatewayThread, Relay, str], world: World) -> None:
    gateway, relay, token = capped
    criteria = {"fromBlock": "0x0", "toBlock": "0x2", "address": world.address("ledger")}
    first = gateway.call("eth_getLogs", criteria, token=token)
    before = len(relay.spans)
    assert gateway.call("eth_getLogs", criteria, token=token) == first
    assert len(relay.spans) == before


def test_block_0_is_never_asked_for(capped: tuple[GatewayThread, Relay, str], world: World, rpc: JsonRpc) -> None:
    """luyad takes 0 for the newest block: its logs would be kept as those of block 0."""
    gateway, relay, token = capped
    assert gateway.call("eth_getLogs", {"fromBlock": "earliest"}, token=token)
    assert gateway.call("eth_getLogs", {"fromBlock": "0x0", "toBlock": "0x0"}, token=token) == []
    assert all(first > 0 for first, _ in relay.spans)


def test_logs_of_other_blocks_are_refused_and_not_kept(
    capped: tuple[GatewayThread, Relay, str], world: World, rpc: JsonRpc
) -> None:
    gateway, relay, token = capped
    every = rpc.call("eth_getLogs", {"fromBlock": "0x1"})
    relay.replies["eth_getLogs"] = {"result": every}
    span = {"fromBlock": "0x1", "toBlock": every[0]["blockNumber"]}
    assert every[-1]["blockNumber"] != every[0]["blockNumber"]
    error = refused(lambda: gateway.call("eth_getLogs", span, token=token))
    assert (error.code, error.status) == (-32002, 503)
    relay.replies.clear()
    assert gateway.call("eth_getLogs", span, token=token) == rpc.call("eth_getLogs", span)


@pytest.mark.parametrize(
    "criteria",
    [
        {"fromBlock": "0x00"},
        {"fromBlock": 1},
        {"fromBlock": "1"},
        {"fromBlock": "0x" + "f" * 17},
        {"toBlock": "newest"},
        {"address": "0x12"},
        {"address": ["0x" + "11" * 20, 5]},
        {"address": ["0x" + "11" * 20] * 1001},
        {"topics": "0x"},
        {"topics": [None] * 5},
        {"topics": [["0x12"]]},
        {"topics": [{"a": 1}]},
        {"blockHash": "0x12"},
        {"blockHash": "0x" + "00" * 32, "fromBlock": "0x0"},
        {"limit": 5},
        [],
        "x",
    ],
)
def test_a_filter_that_is_none_is_refused(criteria: Any) -> None:
    with pytest.raises(CallRefused) as error:
        Criteria.of(criteria)
    assert error.value.code == -32602


HASHES = [f"0x{n:064x}" for n in range(3)]


@given(
    st.lists(st.none() | st.sampled_from(HASHES) | st.lists(st.sampled_from(HASHES), max_size=2), max_size=4),
    st.lists(st.sampled_from(HASHES), max_size=4),
)
def test_topics_match_by_position(wanted: list[Any], found: list[str]) -> None:
    """As execution-apis says: null is anything, a list is any of these, more positions than topics match nothing."""
    entry = {"address": "0x" + "11" * 20, "topics": found}
    expected = len(found) >= len(wanted) and all(
        one is None or one == [] or topic == one or (isinstance(one, list) and topic in one)
        for one, topic in zip(wanted, found, strict=False)
    )
    assert Criteria.of({"topics": wanted}).matches(entry) == expected


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 400)), max_size=60))
def test_the_cache_keeps_within_its_bytes(steps: list[tuple[int, int]]) -> None:
    cache = Cache(2_000, 600)
    newest: dict[bytes, bytes] = {}
    for key, size in steps:
        name, value = b"%d" % key, b"x" * size
        cache.put(name, value)
        newest[name] = value
        assert cache.size <= 2_000
        assert cache.get(name) == value
    for name, value in newest.items():
        assert cache.get(name) in (None, value)
    cache.clear()
    assert (cache.size, len(cache)) == (0, 0)
    cache.put(b"large", b"x" * 601)
    assert cache.get(b"large") is None
