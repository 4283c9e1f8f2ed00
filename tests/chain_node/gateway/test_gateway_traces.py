"""What may be asked of a node that makes blocks: bounded traces, followers first, no wrong keys, no waiting heads."""

from __future__ import annotations

import asyncio
import time
from functools import partial
from typing import Any

import pytest
from gateway_support import Door, World, refused

from chain_node.engine.base import Finality
from chain_node.errors import CallRefused, GatewaySettingsError
from chain_node.gateway import traces, wire
from chain_node.gateway.nodes import UpstreamState
from chain_node.gateway.params import slot
from chain_node.gateway.pool import Pool
from chain_node.gateway.settings import GatewaySettings

HASH = "0x" + "11" * 32


@pytest.mark.parametrize(
    ("given", "asked"),
    [
        ([HASH], {"timeout": "20s", "limit": traces.MAX_BYTES}),
        ([HASH, None], {"timeout": "20s", "limit": traces.MAX_BYTES}),
        ([HASH, {"timeout": "90s"}], {"timeout": "20s", "limit": traces.MAX_BYTES}),
        ([HASH, {"TIMEOUT": "1m30s", "Limit": 2**40}], {"timeout": "20s", "limit": traces.MAX_BYTES}),
        ([HASH, {"timeout": "1500ms", "limit": 5}], {"timeout": "1500ms", "limit": 5}),
        ([HASH, {"tracer": "callTracer"}], {"tracer": "callTracer", "timeout": "20s"}),
    ],
)
def test_a_trace_is_bounded(given: list[Any], asked: dict[str, Any]) -> None:
    assert traces.bounded("debug_traceTransaction", given) == [HASH, asked]
    assert traces.bounded("debug_traceCall", [{}, "latest", *given[1:]]) == [{}, "latest", asked]


@pytest.mark.parametrize(
    "options",
    [{"timeout": "soon"}, {"timeout": 90}, {"timeout": "-5s"}, {"limit": -1}, {"limit": "1"}, {"tracer": "{}"}, [], 1],
)
def test_options_that_are_none_are_refused(options: object) -> None:
    with pytest.raises(CallRefused):
        traces.bounded("debug_traceTransaction", [HASH, options])


def test_a_trace_that_was_cut_off_is_refused() -> None:
    cut = b"x" * (traces.MAX_BYTES + 1)
    by_steps = traces.bounded("debug_traceTransaction", [HASH])
    with pytest.raises(CallRefused, match="name a tracer"):
        traces.refuse_cut("debug_traceTransaction", by_steps, cut)
    traces.refuse_cut("debug_traceTransaction", by_steps, cut[:-1])
    traces.refuse_cut(
        "debug_traceTransaction", traces.bounded("debug_traceTransaction", [HASH, {"tracer": "callTracer"}]), cut
    )
    traces.refuse_cut("eth_getLogs", [{}], cut)


class StandIn:
    """A node that says who was asked."""

    def __init__(self, name: str, head: int) -> None:
        self.name, self.asked = name, 0
        self.state = UpstreamState(up=True, head=head, final=head, moved=time.monotonic())

    async def look(self, _chain_id: int, _finality: Finality) -> None: ...

    async def ask(self, _method: str, _params: list[Any], _timeout: float) -> wire.Reply:
        self.asked += 1
        return wire.Reply(b'"0x1"')


def test_heavy_calls_go_to_a_follower_that_is_far_enough() -> None:
    async def ask() -> tuple[int, int]:
        validator, follower = StandIn("validator", 100), StandIn("follower", 99)
        pool = Pool([validator, follower], 1, Finality.parse("latest"), followers=("follower",))  # type: ignore[list-item]  # stand-ins
        pool._checked = time.monotonic()
        await pool.look()
        await pool.ask("debug_traceTransaction", [], aside=0)
        await pool.ask("eth_getLogs", [], aside=99)
        assert (validator.asked, follower.asked) == (0, 2)
        await pool.ask("eth_getLogs", [], aside=100)  # it has not got this block yet
        await pool.ask("eth_call", [])
        return validator.asked, follower.asked

    assert asyncio.run(ask()) == (2, 2)


def test_followers_are_nodes_of_the_settings(door: Door) -> None:
    values = {name: getattr(door.gateway.settings, name) for name in ("nodes", "store", "audit", "chain_id")}
    assert GatewaySettings(**values, followers=("one",)).followers == ("one",)
    with pytest.raises(GatewaySettingsError, match="no node is named two"):
        GatewaySettings(**values, followers=("two",))


def test_one_trace_at_a_time_is_the_default(door: Door) -> None:
    assert door.gateway.settings.heavy_in_flight == 1


def test_a_storage_key_is_up_to_32_bytes_of_hex(door: Door, world: World) -> None:
    assert slot("0x1") == slot("0x" + "0" * 63 + "1") == "0x" + "0" * 63 + "1"
    ledger = world.address("ledger")
    wrong: tuple[Any, ...] = ("0xasdf", "0x" + "00" * 35, "0x", "1", 1, None)
    for key in wrong:
        error = refused(partial(door.gateway.call, "eth_getStorageAt", ledger, key, "latest", token=door.auditor))
        assert error.code == wire.INVALID_PARAMS, key
    assert len(door.gateway.call("eth_getStorageAt", ledger, "0x0", token=door.auditor)) == 66


def test_a_batch_with_one_id_twice_is_answered_in_order(door: Door) -> None:
    """JSON-RPC 2.0 does not forbid it; the place tells the answers apart."""
    calls = [{"jsonrpc": "2.0", "id": 1, "method": method, "params": []} for method in ("eth_chainId", "net_listening")]
    answers = door.gateway.post(calls)[1]
    assert [answer["id"] for answer in answers] == [1, 1]
    assert answers[1]["result"] is True


def test_a_version_is_one_line_and_peers_are_a_quantity(door: Door) -> None:
    assert "\n" not in door.gateway.call("web3_clientVersion", token=door.auditor)
