"""What one node has shown, another that is behind must not lose: filters, subscriptions, a node without block 0."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import pytest
from gateway_support import GatewayThread, World, let_in, refused, wait_until
from gateway_support import settings as gateway_settings
from relay import Relay

from chain_node.engine.base import Finality
from chain_node.errors import CallRefused
from chain_node.gateway import wire
from chain_node.gateway.cache import Cache
from chain_node.gateway.heads import HeadFeed
from chain_node.gateway.logs import Criteria, LogReader
from chain_node.gateway.pool import Pool
from chain_node.gateway.room import Room
from chain_node.gateway.settings import UpstreamSettings


@pytest.fixture
def behind(world: World, tmp_path: Path) -> Iterator[tuple[GatewayThread, Relay, str]]:
    """A door that looks at its node once; what the node says afterwards is news."""
    relay = Relay(world.rpc_url)
    token = let_in(tmp_path, role="operator")[1]
    nodes = (UpstreamSettings("one", relay.url),)
    gateway = GatewayThread(gateway_settings(world, tmp_path, nodes=nodes, poll_seconds=60))
    try:
        yield gateway, relay, token
    finally:
        gateway.stop()
        relay.stop()


def test_a_filter_loses_no_log_to_a_node_that_is_behind(behind: tuple[GatewayThread, Relay, str], world: World) -> None:
    gateway, relay, token = behind
    identifier = gateway.call("eth_newFilter", {}, token=token)
    digest = gateway.call("eth_sendRawTransaction", world.record_tx(), token=token)
    block = wait_until(lambda: gateway.call("eth_getTransactionReceipt", digest, token=token))["blockNumber"]
    wait_until(lambda: int(gateway.call("eth_blockNumber"), 16) > int(block, 16))
    # the head comes from a node at the end of the chain, the logs from one that has not got the block
    relay.heads = [int(block, 16), int(block, 16) - 1]
    error = refused(lambda: gateway.call("eth_getFilterChanges", identifier, token=token))
    assert (error.code, error.status) == (-32002, 503)
    found = gateway.call("eth_getFilterChanges", identifier, token=token)
    assert digest in {entry["transactionHash"] for entry in found}


def test_a_block_filter_loses_no_block(behind: tuple[GatewayThread, Relay, str]) -> None:
    gateway, relay, token = behind
    identifier = gateway.call("eth_newBlockFilter", token=token)
    time.sleep(0.5)
    relay.replies["eth_getBlockByNumber"] = {"result": None}
    error = refused(lambda: gateway.call("eth_getFilterChanges", identifier, token=token))
    assert (error.code, error.status) == (-32002, 503)
    relay.replies.clear()
    assert len(gateway.call("eth_getFilterChanges", identifier, token=token)) >= 2


class OneBlock:
    """As a pool: one log in block 5, which the node that is asked has or not."""

    finality = Finality.parse("finalized")
    genesis = "0x00"

    def __init__(self) -> None:
        self.final = self.node = 4

    async def value(self, _method: str) -> str:
        return hex(self.node)

    async def ask(self, _method: str, params: list[Any], _timeout: float = 30.0, **_more: Any) -> wire.Reply:
        if int(params[0]["toBlock"], 16) > self.node:
            return wire.Reply(None, {"code": -32000, "message": f"beyond the head {self.node}"})
        return wire.Reply(wire.dumps([{"address": "0x", "topics": [], "blockNumber": "0x5"}]))


def test_a_subscription_loses_no_log() -> None:
    """A node that is behind has not got a block yet: it is told of later."""

    async def run() -> None:
        pool, told = OneBlock(), list[bytes]()
        stand_in = cast(Pool, pool)
        feed = HeadFeed(stand_in, LogReader(stand_in, Cache(0, 0), Room(1000), 1000, 1000), final=True)
        await feed.add(Criteria.of({}), True, told.append)
        pool.final = 5
        with pytest.raises(CallRefused):
            await feed.advance()
        assert told == []
        pool.node = 5
        await feed.advance()
        assert len(told) == 1

    asyncio.run(run())


@pytest.mark.parametrize(
    "answer", [{"result": None}, {"error": {"code": -32000, "message": "block 0 not found"}}], ids=["null", "error"]
)
def test_a_node_without_block_0_is_asked(world: World, tmp_path: Path, answer: dict[str, Any]) -> None:
    """It began with a later block (state sync)."""
    relay = Relay(world.rpc_url)
    relay.block_0 = answer
    nodes = (UpstreamSettings("young", relay.url), UpstreamSettings("old", world.rpc_url))
    gateway = GatewayThread(gateway_settings(world, tmp_path, nodes=nodes))
    try:
        assert gateway.running is not None
        pool = gateway.running.pool
        assert pool.standing(pool.nodes[0]) == "ok"
        relay.asked.clear()
        gateway.call("eth_gasPrice")
        assert "eth_gasPrice" in relay.asked
    finally:
        gateway.stop()
        relay.stop()
