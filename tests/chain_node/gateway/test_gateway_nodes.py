"""Several nodes behind one door: which is asked, and what happens when one has a bad day."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from gateway_support import GatewayThread, World, let_in, refused, wait_until
from gateway_support import settings as gateway_settings
from relay import Relay

from chain_node.engine.anvil import AnvilEngine, AnvilSettings
from chain_node.errors import GatewayError
from chain_node.gateway.settings import UpstreamSettings


class Cluster:
    """A door in front of relays to one chain."""

    def __init__(self, world: World, folder: Path, count: int, **changes: Any) -> None:
        self.relays = [Relay(world.rpc_url) for _ in range(count)]
        self.auditor = let_in(folder, role="auditor")[1]
        self.operator = let_in(folder, role="operator")[1]
        nodes = tuple(UpstreamSettings(f"n{number}", relay.url) for number, relay in enumerate(self.relays))
        values = {"nodes": nodes, "node_timeout": 1.0, **changes}
        self.gateway = GatewayThread(gateway_settings(world, folder, **values))

    def standing(self) -> list[str]:
        assert self.gateway.running is not None
        pool = self.gateway.running.pool
        return [pool.standing(node) for node in pool.nodes]

    def asked(self) -> list[int]:
        """Which relays a call reaches."""
        for relay in self.relays:
            relay.asked.clear()
        self.gateway.call("eth_gasPrice")
        return [number for number, relay in enumerate(self.relays) if "eth_gasPrice" in relay.asked]

    def stop(self) -> None:
        self.gateway.stop()
        for relay in self.relays:
            relay.stop()


@pytest.fixture
def cluster(world: World, tmp_path: Path) -> Iterator[Cluster]:
    made = Cluster(world, tmp_path, 3)
    try:
        yield made
    finally:
        made.stop()


def test_one_node_is_asked_and_the_next_takes_over(cluster: Cluster) -> None:
    assert cluster.standing() == ["ok"] * 3
    assert [cluster.asked() for _ in range(3)] == [[0]] * 3
    cluster.relays[0].broken = True
    assert cluster.asked()[-1] == 1  # within the very call that meets the failure
    wait_until(lambda: cluster.standing()[0] == "down")
    wait_until(lambda: cluster.asked() == [1])
    cluster.relays[0].broken = False
    wait_until(lambda: cluster.standing()[0] == "ok" and cluster.asked() == [0])


def test_a_node_that_comes_back_elsewhere_is_found_there(world: World, tmp_path: Path) -> None:
    relays = [Relay(world.rpc_url) for _ in range(2)]
    now: list[UpstreamSettings] = []
    values: dict[str, Any] = {"nodes": (UpstreamSettings("one", relays[0].url),), "node_timeout": 1.0}
    gateway = GatewayThread(gateway_settings(world, tmp_path, **values), lambda: now)
    try:
        now.append(UpstreamSettings("one", relays[1].url))
        gateway.call("eth_gasPrice")
        assert not relays[1].asked, "as long as it answers, it is asked where it was"
        relays[0].stop()
        now[:] = [UpstreamSettings("other", relays[1].url)]
        assert refused(lambda: gateway.call("eth_gasPrice")).status == 503
        now[:] = [UpstreamSettings("one", relays[1].url)]
        assert gateway.running is not None
        pool = gateway.running.pool
        wait_until(lambda: relays[1].asked and pool.candidates())
        assert int(gateway.call("eth_gasPrice"), 16) >= 0
    finally:
        gateway.stop()
        for relay in relays:
            relay.stop()


def test_a_silent_node_costs_one_wait_only(cluster: Cluster) -> None:
    cluster.relays[0].silent = True
    assert cluster.gateway.running is not None
    pool = cluster.gateway.running.pool
    wait_until(lambda: pool.nodes[0] not in pool.candidates())
    assert cluster.standing()[0] == "down"
    # from now on no call is so much as sent to it, so none waits for it
    assert [cluster.asked() for _ in range(3)] == [[1]] * 3


def test_a_lagging_node_is_not_asked(cluster: Cluster) -> None:
    cluster.relays[0].behind = 6
    wait_until(lambda: cluster.standing() == ["lagging", "ok", "ok"])
    wait_until(lambda: cluster.asked() == [1])
    cluster.relays[0].behind = 0
    wait_until(lambda: cluster.standing() == ["ok"] * 3)


def test_one_node_that_runs_ahead_makes_nobody_late(cluster: Cluster) -> None:
    cluster.relays[2].behind = -1_000_000
    time.sleep(0.5)
    assert cluster.standing()[:2] == ["ok", "ok"]
    assert cluster.asked() == [0]


def test_a_node_of_other_blocks_is_not_asked(world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("chain_node.gateway.pool._CHECK_EVERY", 0.2)
    cluster = Cluster(world, tmp_path, 3)
    try:
        cluster.relays[0].lies = True
        wait_until(lambda: cluster.standing()[0] == "diverged")
        wait_until(lambda: cluster.asked() == [1])
    finally:
        cluster.stop()


def test_a_halted_node_is_not_asked_a_halted_chain_is_read(world: World, tmp_path: Path, ledger_node: Any) -> None:
    cluster = Cluster(world, tmp_path, 2, halt_seconds=1, max_lag=10_000)
    try:
        head = int(ledger_node.rpc.call("eth_blockNumber"), 16)
        cluster.relays[0].frozen = head
        wait_until(lambda: cluster.standing() == ["halted", "ok"])
        wait_until(lambda: cluster.asked() == [1])
        assert cluster.gateway.get("/healthz")[0] == 200
        cluster.relays[1].frozen = head
        wait_until(lambda: cluster.standing() == ["halted", "halted"])
        wait_until(lambda: cluster.asked() == [0])  # what is there can be read
        status, text = cluster.gateway.get("/healthz")
        assert status == 503
        assert '"halted":true' in text
    finally:
        cluster.stop()


def test_a_node_of_another_chain_is_never_asked(world: World, tmp_path: Path) -> None:
    engine = AnvilEngine(tmp_path / "other", AnvilSettings(world.chain_id + 1, 0.5))
    engine.start()
    try:
        nodes = (UpstreamSettings("other", engine.rpc_url),)
        with pytest.raises(GatewayError, match=f"is of chain {world.chain_id + 1}, not {world.chain_id}"):
            GatewayThread(gateway_settings(world, tmp_path, nodes=nodes))
        nodes += (UpstreamSettings("right", world.rpc_url),)
        gateway = GatewayThread(gateway_settings(world, tmp_path, nodes=nodes))
        try:
            assert int(gateway.call("eth_blockNumber"), 16) > 0
            assert 'luya_gateway_node_up{node="other"} 0.0' in gateway.metrics()
        finally:
            gateway.stop()
    finally:
        engine.stop()


def test_transactions_go_to_several_nodes(cluster: Cluster, world: World) -> None:
    digest = cluster.gateway.call("eth_sendRawTransaction", world.other_tx(), token=cluster.operator)
    assert len(digest) == 66
    assert all("eth_sendRawTransaction" in relay.asked for relay in cluster.relays)
    # one that accepts is enough
    for relay in cluster.relays[:2]:
        relay.replies["eth_sendRawTransaction"] = {"error": {"code": -32000, "message": "mempool is full"}}
    assert cluster.gateway.call("eth_sendRawTransaction", world.other_tx(), token=cluster.operator)
    cluster.relays[2].replies = cluster.relays[0].replies
    raw = world.other_tx()
    error = refused(lambda: cluster.gateway.call("eth_sendRawTransaction", raw, token=cluster.operator))
    assert (error.code, error.message) == (-32000, "mempool is full")
    for relay in cluster.relays:
        relay.replies = {}
        relay.broken = True
    error = refused(lambda: cluster.gateway.call("eth_sendRawTransaction", raw, token=cluster.operator))
    assert (error.code, error.status) == (-32002, 503)
    assert "send the same bytes again" in error.message


def test_no_node_at_all(cluster: Cluster) -> None:
    for relay in cluster.relays:
        relay.broken = True
    wait_until(lambda: cluster.standing() == ["down"] * 3)
    error = refused(lambda: cluster.gateway.call("eth_blockNumber"))
    assert (error.code, error.status) == (-32002, 503)
    assert cluster.gateway.get("/healthz")[0] == 503


def test_a_nodes_error_comes_through_as_it_is(cluster: Cluster) -> None:
    for relay in cluster.relays:
        relay.replies["eth_gasPrice"] = {"error": {"code": 3, "message": "execution reverted", "data": "0x08c379a0"}}
    error = refused(lambda: cluster.gateway.call("eth_gasPrice"))
    assert (error.code, error.message, error.data) == (3, "execution reverted", "0x08c379a0")


def test_index_lag_is_waited_out(cluster: Cluster) -> None:
    """luyad's 'from comet block' passes; another node may have the answer already."""
    for relay in cluster.relays:
        relay.replies["eth_gasPrice"] = {"error": {"code": -32000, "message": "could not read from comet block 5"}}
    cluster.relays[2].replies = {}
    assert cluster.gateway.call("eth_gasPrice") == "0x0"
    assert "eth_gasPrice" in cluster.relays[2].asked


def test_odd_answers_of_a_node(cluster: Cluster) -> None:
    """Members in another order, an error beside a result, an answer that is none."""
    for relay in cluster.relays:
        relay.replies["eth_gasPrice"] = {"error": None, "result": "0x5"}
    assert cluster.gateway.call("eth_gasPrice") == "0x5"
    for answer in ({"result": None}, {"result": {"deep": [1, {"b": "ü"}]}}):
        for relay in cluster.relays:
            relay.replies["eth_gasPrice"] = answer
        assert cluster.gateway.call("eth_gasPrice") == answer["result"]


def test_a_rebuilt_chain_empties_the_cache(world: World, tmp_path: Path) -> None:
    """The same chain id, other blocks: nothing kept of the old one may be told of the new one."""
    port_holder = AnvilEngine(tmp_path / "a", AnvilSettings(world.chain_id, 0.1))
    port_holder.start()
    port = int(port_holder.rpc_url.rpartition(":")[2])
    gateway = GatewayThread(
        gateway_settings(world, tmp_path, nodes=(UpstreamSettings("a", port_holder.rpc_url),), node_timeout=1.0)
    )
    engine = port_holder
    try:
        wait_until(lambda: int(gateway.call("eth_blockNumber"), 16) > 2)
        old = gateway.call("eth_getBlockByNumber", "0x1", False)
        assert gateway.call("eth_getBlockByNumber", "0x1", False) == old
        engine.stop()
        time.sleep(1.1)  # anvil's genesis holds the second at which it was made
        engine = AnvilEngine(tmp_path / "b", AnvilSettings(world.chain_id, 0.1, port=port))
        engine.start()
        fresh = wait_until(
            lambda: next(
                (block for _ in [0] if (block := answer_of(gateway)) is not None and block["hash"] != old["hash"]), None
            )
        )
        assert fresh["number"] == "0x1"
    finally:
        gateway.stop()
        engine.stop()


def answer_of(gateway: GatewayThread) -> Any:
    _, answer, _ = gateway.post({"jsonrpc": "2.0", "id": 1, "method": "eth_getBlockByNumber", "params": ["0x1", False]})
    return answer.get("result")
