"""The door in front of luyad: what it does differently from other nodes does not reach callers."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import threading
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import aiohttp
import psutil
import pytest
from gateway_support import GatewayThread, World, let_in, refused, wait_until
from gateway_support import settings as gateway_settings
from luyad_built import need_luyad
from node_support import Batches, settings

from chain_node.errors import CallRefused
from chain_node.gateway import wire
from chain_node.gateway.policy import TRACERS
from chain_node.node.node import Node

ABSENT = "0x" + "22" * 32


@pytest.fixture(scope="module")
def luyad(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Node, World]]:
    """A ledger with records on luyad."""
    need_luyad()
    with Node.open(tmp_path_factory.mktemp("luyad"), settings=settings(engine="luyad", block_time=1.0)) as node:
        riders = list(node.registrar.enrol_many(1, ["rider 1", "rider 2"]).values())
        batches = Batches(node)
        batches.send(batches.records(riders))
        node.catch_up()
        manifest = node.manifest
        contracts = tuple((name, getattr(manifest, name)) for name in ("ledger", "law", "views", "authority"))
        yield node, World(node.engine.rpc_url, manifest.chain_id, contracts, riders, b"", str, str)


def test_luyad_through_the_door(luyad: tuple[Node, World], tmp_path: Path) -> None:
    node, world = luyad
    token = let_in(tmp_path, role="auditor")[1]
    gateway = GatewayThread(gateway_settings(world, tmp_path))
    try:
        # beyond the head, and unknown: null and nothing, not errors
        assert gateway.call("eth_getBlockByNumber", "0xffffff", False) is None
        assert gateway.call("eth_getBlockByHash", ABSENT, False) is None
        assert gateway.call("eth_getTransactionByHash", ABSENT, token=token) is None
        began = time.monotonic()
        assert gateway.call("eth_getTransactionReceipt", ABSENT, token=token) is None
        assert time.monotonic() - began < 10  # by itself it may hold the answer back for 30 s
        logs = gateway.call("eth_getLogs", {"fromBlock": "0x0", "toBlock": "0xffffff"}, token=token)
        assert logs == node.rpc.call("eth_getLogs", {"fromBlock": "0x0", "toBlock": "latest"})
        receipt = gateway.call("eth_getTransactionReceipt", logs[-1]["transactionHash"], token=token)
        assert receipt["status"] == "0x1"
        assert gateway.call("eth_getBlockByNumber", "finalized", False)["number"] > "0x0"
        trace = gateway.call(
            "debug_traceTransaction", receipt["transactionHash"], {"tracer": "callTracer"}, token=token
        )
        assert trace["to"] == receipt["to"]
        # what luyad answers in another shape than execution-apis, or takes without looking
        assert gateway.call("eth_getBlockReceipts", ABSENT, token=token) is None
        assert gateway.call("eth_getBlockReceipts", "0xffffff", token=token) is None
        assert gateway.call("net_peerCount", token=token) == "0x0"
        assert "\n" not in gateway.call("web3_clientVersion", token=token)
        assert refused(lambda: gateway.call("eth_getStorageAt", receipt["to"], "0xasdf", token=token)).code == -32602
        long_key = "0x" + "00" * 35
        assert refused(lambda: gateway.call("eth_getStorageAt", receipt["to"], long_key, token=token)).code == -32602
        assert gateway.call("eth_getStorageAt", receipt["to"], "0x0", token=token).startswith("0x")
        for method in ("eth_getProof", "eth_createAccessList"):
            assert refused(lambda name=method: gateway.call(name, receipt["to"], [], "0x1", token=token)).code == -32601
        twice = [{"jsonrpc": "2.0", "id": 1, "method": name, "params": []} for name in ("eth_chainId", "net_listening")]
        assert [answer["result"] for answer in gateway.post(twice, token)[1]] == [hex(world.chain_id), True]
        steps = gateway.call("debug_traceTransaction", receipt["transactionHash"], {"timeout": "90s"}, token=token)
        assert steps["structLogs"]
        asyncio.run(heads_have_their_blocks_hashes(gateway, token))
    finally:
        gateway.stop()


SCRIPT = "{step: function(){}, fault: function(){}, result: function(){ return 1 }}"


def traces_of(gateway: GatewayThread, token: str) -> list[tuple[str, list[Any]]]:
    """The ways to ask for the newest batch's trace, without options."""
    batch = gateway.call("eth_getLogs", {"fromBlock": "0x1"}, token=token)[-1]
    asked = gateway.call("eth_getTransactionByHash", batch["transactionHash"], token=token)
    call = {"from": asked["from"], "to": asked["to"], "data": asked["input"], "gas": hex(60_000_000)}
    return [
        ("debug_traceTransaction", [batch["transactionHash"]]),
        ("debug_traceBlockByNumber", [batch["blockNumber"]]),
        ("debug_traceBlockByHash", [asked["blockHash"]]),
        ("debug_traceCall", [call, hex(int(batch["blockNumber"], 16) - 1)]),
    ]


def test_each_tracer_answers_or_is_refused_by_name(luyad: tuple[Node, World], tmp_path: Path) -> None:
    _, world = luyad
    token = let_in(tmp_path, role="auditor")[1]
    gateway = GatewayThread(gateway_settings(world, tmp_path))
    mux = {"tracer": "muxTracer", "tracerConfig": {"callTracer": {}, "prestateTracer": {}, "4byteTracer": {}}}
    answered: list[dict[str, Any]] = [
        *({"tracer": name} for name in sorted(TRACERS - {"muxTracer"})),
        {"tracer": "callTracer", "tracerConfig": {"onlyTopCall": True}},
        {"tracer": "prestateTracer", "tracerConfig": {"diffMode": True}},
        {"tracer": "prestateTracer", "tracerConfig": {"disableCode": True, "disableStorage": True}},
        mux,
        {"disableStack": True, "disableStorage": True, "enableReturnData": True},
    ]
    by_name: list[dict[str, Any]] = [
        {"tracer": SCRIPT},
        {"tracer": "opcountTracer"},
        {"tracer": "muxTracer", "tracerConfig": {SCRIPT: {}}},
        {"tracer": "muxTracer", "tracerConfig": {"muxTracer": {}}},
    ]
    try:
        for method, params in traces_of(gateway, token):
            for options in answered:
                assert gateway.call(method, *params, options, token=token) is not None, (method, options)
            for options in by_name:
                error = refused(partial(gateway.call, method, *params, options, token=token))
                assert (error.code, "the tracer is none of" in error.message) == (wire.UNAUTHORISED, True), options
    finally:
        gateway.stop()


@pytest.mark.deep
def test_a_batch_of_hundreds_of_records_is_traced_within_bounds(luyad: tuple[Node, World], tmp_path: Path) -> None:
    """By calls or by touched state it is answered; by steps it is refused, whatever timeout is asked for, where luyad
    once took 90 s, gigabytes and the blocks' time."""
    node, world = luyad
    batches = Batches(node, itertools.count(1_000))
    batches.send(batches.records(world.riders * 200, day=18_100))
    token = let_in(tmp_path, role="auditor")[1]
    gateway = GatewayThread(gateway_settings(world, tmp_path))
    assert node.engine.pid is not None
    engine = psutil.Process(node.engine.pid)
    resident = [engine.memory_info().rss]
    try:
        began = int(node.rpc.call("eth_blockNumber"), 16)
        for method, params in traces_of(gateway, token):
            for tracer in ("callTracer", "prestateTracer"):
                assert gateway.call(method, *params, {"tracer": tracer, "timeout": "90s"}, token=token)
                resident.append(engine.memory_info().rss)
            assert max(resident) - resident[0] < 300e6  # named tracers keep calls and words, no steps
        for method, params in traces_of(gateway, token):
            for options in ({"timeout": "90s"}, {"disableStack": True, "enableMemory": True, "timeout": "90s"}):
                error = refused(partial(gateway.call, method, *params, options, token=token))
                assert "name a tracer" in error.message, (method, error)
                resident.append(engine.memory_info().rss)
        assert max(resident) < 2e9
        assert int(node.rpc.call("eth_blockNumber"), 16) > began
    finally:
        gateway.stop()
    print("resident MB", [size // 1_000_000 for size in resident])


async def heads_have_their_blocks_hashes(gateway: GatewayThread, token: str) -> None:
    async with aiohttp.ClientSession() as session, session.ws_connect(f"{gateway.ws_url}/t/{token}") as socket:
        await socket.send_json({"jsonrpc": "2.0", "id": 1, "method": "eth_subscribe", "params": ["newHeads"]})
        assert "result" in await socket.receive_json(timeout=10)
        for _ in range(3):
            head = (await socket.receive_json(timeout=20))["params"]["result"]
            block = await asyncio.to_thread(gateway.call, "eth_getBlockByNumber", head["number"], False)
            assert block["hash"] == head["hash"]


def test_blocks_go_on_under_an_auditors_questions(luyad: tuple[Node, World], tmp_path: Path) -> None:
    """Traces, calls and ranges of logs without pause, and block follows block."""
    node, world = luyad
    token = let_in(tmp_path, role="auditor")[1]
    gateway = GatewayThread(gateway_settings(world, tmp_path))
    ledger = world.address("ledger")
    newest = gateway.call("eth_getLogs", {"fromBlock": "0x1"}, token=token)[-1]["transactionHash"]
    questions: list[tuple[str, list[Any]]] = [
        ("debug_traceTransaction", [newest]),
        ("debug_traceTransaction", [newest, {"tracer": "prestateTracer"}]),
        ("eth_call", [{"to": ledger, "data": "0x"}, "latest"]),
        ("eth_getLogs", [{"fromBlock": "0x1"}]),
    ]
    stop = threading.Event()
    answered = [0] * len(questions)

    def ask(at: int) -> None:
        method, params = questions[at]
        while not stop.is_set():
            with contextlib.suppress(CallRefused):  # an error of the call is an answer, too
                gateway.call(method, *params, token=token)
            answered[at] += 1

    threads = [threading.Thread(target=ask, args=(at,)) for at in range(len(questions))]
    for thread in threads:
        thread.start()
    try:
        before = int(node.rpc.call("eth_blockNumber"), 16)
        wait_until(lambda: int(node.rpc.call("eth_blockNumber"), 16) >= before + 5, 60)
        wait_until(lambda: min(answered) >= 2, 60)
    finally:
        stop.set()
        for thread in threads:
            thread.join(60)
        gateway.stop()
