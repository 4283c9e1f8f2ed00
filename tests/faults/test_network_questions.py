"""Four validators and a follower under an auditor's heaviest questions: blocks go on, and all nodes agree on each."""

from __future__ import annotations

import contextlib
import json
import threading
import time
import urllib.request
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fault_load import Load
from fault_network import PATIENCE, FaultNetwork, FaultNode, settings_of, wait_for
from gateway_support import GatewayThread, World, let_in
from gateway_support import settings as gateway_settings
from node_support import Batches

from chain_node.errors import CallRefused, NodeError
from chain_node.gateway import logs
from chain_node.gateway.nodes import UpstreamNode
from chain_node.gateway.settings import UpstreamSettings
from chain_node.gateway.wire import Reply
from chain_node.network.council import CouncilMember
from chain_node.network.folders import OrganisationFolder
from chain_node.network.founding import second_node
from chain_node.node.fsck import fsck
from chain_node.node.node import Node
from chain_node.rpc.client import JsonRpc

pytestmark = pytest.mark.deep
RECORDS = 180
BLOCKS = 60
HEAVY = ("debug_traceTransaction", "eth_getLogs")


@pytest.fixture
def follower(four: FaultNetwork) -> Iterator[FaultNode]:
    """A node of the first organisation's without a vote, caught up."""
    original = four.nodes[0].folder
    folder = OrganisationFolder(four.root / "follower")
    port = settings_of(original.settings().port, len(four.nodes) + 1)
    part = second_node(folder, original, port, four.luyad)
    four.goes_on()  # a node that has just started refuses for a moment
    with JsonRpc(four.nodes[0].rpc_url) as rpc:
        member = CouncilMember(rpc, original.council_key(), original.network.charter().chain_id)
        member.list_own_node(bytes.fromhex(part.node_id), listed=True)
    node = FaultNode(folder, four.luyad)
    try:
        node.start()
        wait_for(lambda: node.height >= four.height - 1 > 0, "the follower has caught up")
        yield node
    finally:
        node.stop()


class Pace:
    """Looks at a node's height all the time. longest: seconds without a new block, since `restart`."""

    def __init__(self, url: str) -> None:
        self.longest = 0.0
        self._url, self._stop = url, threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def restart(self) -> None:
        self.longest = 0.0

    def stop(self) -> None:
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        height, since = -1, time.monotonic()
        with JsonRpc(self._url) as rpc:
            while not self._stop.wait(0.02):
                with contextlib.suppress(NodeError):
                    found = int(rpc.call("eth_blockNumber"), 16)
                    now = time.monotonic()
                    self.longest = max(self.longest, now - since)
                    if found > height:
                        height, since = found, now


def headers(url: str, first: int, last: int) -> dict[int, tuple[str, str]]:
    """By height: CometBFT's block hash, and the application's after the block before it."""
    found: dict[int, tuple[str, str]] = {}
    for low in range(first, last + 1, 20):
        asked = f"{url}/blockchain?minHeight={low}&maxHeight={min(low + 19, last)}"
        with urllib.request.urlopen(asked, timeout=60) as answer:
            metas = json.load(answer)["result"]["block_metas"]
        found |= {int(m["header"]["height"]): (m["block_id"]["hash"], m["header"]["app_hash"]) for m in metas}
    assert sorted(found) == list(range(first, last + 1)), f"{url} has {sorted(found)}"
    return found


def world_of(node: Node, riders: list[bytes]) -> World:
    manifest = node.manifest
    contracts = tuple((name, getattr(manifest, name)) for name in ("ledger", "law", "views", "authority"))
    return World(node.rpc.url, manifest.chain_id, contracts, riders, b"", str, str)


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> Counter[tuple[str, str]]:
    """How often a door has asked a node, by its name and the method."""
    found: Counter[tuple[str, str]] = Counter()
    ask = UpstreamNode.ask

    async def counted(node: UpstreamNode, method: str, *rest: Any) -> Reply:
        found[node.name, method] += 1
        return await ask(node, method, *rest)

    monkeypatch.setattr(UpstreamNode, "ask", counted)
    return found


def test_blocks_go_on_under_questions(
    four: FaultNetwork,
    follower: FaultNode,
    asked: Counter[tuple[str, str]],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(logs, "_HEAVY_RANGE", 20)  # a thousand blocks would take this chain minutes
    with four.opened() as node:
        riders = list(node.registrar.enrol_many(1, ["auditor's rider"]).values())
        node.release_sender("registrar")
        batches = Batches(node)
        batches.send(batches.records(riders * RECORDS, day=18_100))
        names = {f"validator-{at}": each.rpc_url for at, each in enumerate(four.nodes, 1)}
        upstream = [UpstreamSettings(name, url) for name, url in {**names, "follower": follower.rpc_url}.items()]
        token = let_in(tmp_path, role="auditor")[1]
        door = GatewayThread(
            gateway_settings(
                world_of(node, riders),
                tmp_path,
                nodes=tuple(upstream),
                followers=("follower",),
                cache_bytes=0,
                max_lag=100,
            )
        )
        pace = Pace(four.nodes[0].rpc_url)
        stop = threading.Event()
        answered: dict[str, int] = {}
        event = door.call("eth_getLogs", {"fromBlock": "0x1"}, token=token)[-1]
        batch, at = event["transactionHash"], event["blockNumber"]
        questions: dict[str, tuple[str, list[Any]]] = {
            "trace by steps": ("debug_traceTransaction", [batch, {"timeout": "90s"}]),
            "trace by calls": ("debug_traceTransaction", [batch, {"tracer": "callTracer"}]),
            "trace by state": ("debug_traceTransaction", [batch, {"tracer": "prestateTracer"}]),
            "all logs": ("eth_getLogs", [{"fromBlock": "0x1", "toBlock": at}]),
        }

        def ask(name: str) -> None:
            method, params = questions[name]
            while not stop.is_set():
                with contextlib.suppress(CallRefused):  # an error of the call is an answer, too
                    door.call(method, *params, token=token)
                answered[name] = answered.get(name, 0) + 1

        threads = [threading.Thread(target=ask, args=(name,), daemon=True) for name in questions]
        try:
            with Load(node).going_on() as load:
                pace.restart()
                four.goes_on(BLOCKS // 2)
                before = pace.longest
                pace.restart()
                first = four.height
                for thread in threads:
                    thread.start()
                last = four.goes_on(BLOCKS)
                under = pace.longest
            wait_for(lambda: len(answered) == len(questions), f"each question is answered: {answered}")
        finally:
            stop.set()
            pace.stop()
            for thread in threads:
                thread.join(60)
        door.stop()
        traces, ranges = ({name: asked[name, method] for name in (*names, "follower")} for method in HEAVY)
        assert traces["follower"] == sum(traces.values()) > 0, f"validators were asked for traces: {traces}"
        # a node's index may lag for a moment; then another one is asked
        assert ranges["follower"] > 0.8 * sum(ranges.values()), f"validators were asked for logs: {ranges}"
        receipts = node.sender("relay").wait(load.keys, PATIENCE)
        assert [receipt.reason for receipt in receipts if receipt.reason] == []
        node.catch_up(PATIENCE)
        four.all_caught_up()
        four.check_same(node)
        assert fsck(node.archive, log_key=node.manifest.log_key, chain=(node.rpc, node.manifest)).differences == []
        wait_for(lambda: follower.height >= last, "the follower has the last of the blocks")
        nodes = [*four.nodes, follower]
        agreed = [headers(each.folder.settings().comet_url, first, last) for each in nodes]
        assert all(each == agreed[0] for each in agreed)
    print(f"{last - first} blocks under {answered}, asked {traces} and {ranges}")
    print(f"longest gap {before:.2f} s before, {under:.2f} s under them; {len(load.keys)} batches came in meanwhile")
    print(f"{len(agreed[0])} block and app hashes equal on {len(nodes)} nodes")
