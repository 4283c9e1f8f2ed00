"""One suite for every engine: anvil, luyad, and rpc pointed at each of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from luyad_built import need_luyad
from luyad_support import CHAIN, DEPLOYER, make, plan

from chain_node.conformance.suite import FAILED, OK, SKIPPED, WARNED, Result, passed, run
from chain_node.engine.anvil import AnvilEngine, AnvilSettings
from chain_node.engine.base import Engine, EngineOrder, Finality
from chain_node.engine.capabilities import ENGINES, capabilities, reached
from chain_node.errors import NodeError, RpcUnavailable

OWNED = [one.name for one in ENGINES.values() if one.owned]
NOT_MET = {"luyad": {"log-order"}}


@pytest.fixture(params=[*OWNED, *(f"{reached().name} on {name}" for name in OWNED)])
def engines(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[Engine, Engine]]:
    """(the engine that is asked, the one that really runs)."""
    *through, name = request.param.split(" on ")
    kind = capabilities(name)
    if not kind.available():
        need_luyad()
    port = 27_340 if through and kind.keeps_chain else 0
    own = kind.make(EngineOrder(tmp_path / "chain", CHAIN, plan, block_time=0.2, port=port))
    own.start()
    asked = own
    if through:
        order = EngineOrder(tmp_path, CHAIN, plan, rpc_urls=own.rpc_urls, finality="latest")
        asked = capabilities(through[0]).make(order)
    asked.start()
    yield asked, own
    asked.stop()
    own.stop()


def test_conformance_of(engines: tuple[Engine, Engine], tmp_path: Path) -> None:
    asked, own = engines

    def restart() -> Sequence[str]:
        own.stop()
        own.start()
        return own.rpc_urls

    results = run(asked.rpc_urls, asked.finality, tmp_path, key=DEPLOYER, limits=asked.limits, restart=restart)
    by_status: dict[str, set[str]] = {}
    for result in results:
        by_status.setdefault(result.status, set()).add(result.name)
    assert FAILED not in by_status, [result for result in results if result.status == FAILED]
    assert by_status.get(WARNED, set()) <= NOT_MET.get(own.name, set()), results
    assert SKIPPED not in by_status
    assert passed(results)
    assert len(by_status[OK]) >= 20  # of 21: the order of logs differs from time to time on luyad


def test_what_an_engine_lacks_is_named(tmp_path: Path) -> None:
    """An engine that asks a price is refused by name; the rest is still asked."""
    from dataclasses import replace

    from chain_node.conformance.checks import CHECKS

    assert len({check.name for check in CHECKS}) == len(CHECKS)
    engine = AnvilEngine(tmp_path / "chain", AnvilSettings(chain_id=CHAIN, block_time=0.1))
    engine.start()
    small = replace(engine.limits, max_tx_gas=4_000_000_001)
    results = {r.name: r for r in run(engine.rpc_urls, engine.finality, tmp_path / "a", only=["restart", "blocks"])}
    assert set(results) == {"blocks", "deploy", "restart"}
    assert results["restart"].status == SKIPPED
    assert "not restarted" in results["restart"].detail
    tiny = replace(engine.limits, max_tx_bytes=4_000)
    found = {
        r.name: r
        for r in run(engine.rpc_urls, engine.finality, tmp_path / "b", limits=tiny, only=["transaction-size", "logs"])
    }
    assert found["transaction-size"].status == OK
    assert found["transaction-size"].measured["bytes"] == 4_000 - 1_024
    assert small.max_tx_gas > 4_000_000_000
    engine.stop()
    gone = Result("x", "wanted", "", WARNED, 0.0, "", {})
    assert passed([gone])
    assert not passed([Result("x", "needed", "", FAILED, 0.0, "", {})])


def test_unknown_check_and_nobody_there(tmp_path: Path) -> None:
    with pytest.raises(NodeError, match="there is no check nonsense"):
        run(("http://127.0.0.1:9",), Finality("latest"), tmp_path, only=["nonsense"])
    with pytest.raises(RpcUnavailable, match="does not answer"):
        run(("http://127.0.0.1:9",), Finality("latest"), tmp_path)


def test_without_the_right_to_deploy(tmp_path: Path) -> None:
    """A permissioned engine and a key without permission: said where it is needed, the rest is skipped."""
    engine = make(tmp_path / "chain")
    engine.start()
    results = {
        result.name: result for result in run(engine.rpc_urls, engine.finality, tmp_path / "o", key=b"\x08" * 32)
    }
    engine.stop()
    assert results["identity"].status == OK
    assert results["deploy"].status == FAILED
    assert "may not create contracts" in results["deploy"].detail
    assert results["logs"].status == SKIPPED
