"""The end of the import phase: seen once, kept for good; nothing that an endpoint says later brings the phase back."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from auditor_lies import batches_of, flip, in_batch, named
from auditor_support import Refuses, auditor, proxied

from chain_node.auditor.chain import ChainView
from chain_node.auditor.events import topics
from chain_node.auditor.metrics import AuditorMetrics
from chain_node.engine.base import Finality
from chain_node.errors import Discrepancy
from chain_node.node.node import Node
from chain_node.rpc.client import JsonRpc

CAP = 60


def capped(method: str, params: list[Any], result: Any) -> Any:
    """An endpoint that refuses wide ranges."""
    if method == "eth_getLogs" and int(params[0]["toBlock"], 16) - int(params[0]["fromBlock"], 16) >= CAP:
        raise Refuses(-32000, "maximum block range exceeded")
    return result


def asks_for_the_seal(method: str, params: list[Any]) -> bool:
    return method == "eth_getLogs" and params[0]["topics"] == [[topics()["LedgerSealed"]]]


def test_more_blocks_than_an_endpoint_answers_for(node: Node, tmp_path: Path) -> None:
    node.rpc.call("anvil_mine", hex(5 * CAP))
    with proxied(node.engine.rpc_url) as proxy:
        proxy.lie = capped
        with auditor(node.manifest, proxy.url, tmp_path) as one:
            one.once()
            created, final = one.facts.created, one.counts.block
            assert final - created > 5 * CAP
        with auditor(node.manifest, proxy.url, tmp_path) as one:
            one.once()
        with JsonRpc(proxy.url) as rpc:
            chain = ChainView(rpc, node.manifest.ledger_address, Finality("latest"))
            assert chain.sealed_by(final, created)
            seals = chain._get_logs(created, created + CAP - 1, [topics()["LedgerSealed"]])
            sealed = int(seals[0]["blockNumber"], 16)
            assert chain.sealed_by(sealed, created)
            assert not chain.sealed_by(sealed - 1, created)
            assert not chain.sealed_by(final, sealed + 1), "asked to the end, in pieces"
        lie = in_batch(3, node, 2, lambda records: flip(records, 64 * 17 + 31))
        proxy.lie = lambda *asked: lie(*asked[:2], capped(*asked))
        with auditor(node.manifest, proxy.url, tmp_path / "lied") as one, pytest.raises(Discrepancy) as caught:
            one.once()
    assert caught.value.index == batches_of(node)[3][0] + 17


@pytest.mark.parametrize("forgotten", [False, True], ids=["kept", "by its batches"])
def test_no_endpoint_takes_the_seal_back(node: Node, tmp_path: Path, forgotten: bool) -> None:
    """A ledger that is not sealed takes reductions without a signature."""
    with auditor(node.manifest, node.engine.rpc_url, tmp_path) as one:
        one.catch_up()
        one.store.stand_at(one._anchor)  # type: ignore[arg-type]
        assert one.counts.sealed
    if forgotten:
        (tmp_path / "sealed.json").unlink()
    with proxied(node.engine.rpc_url) as proxy:
        proxy.lie = lambda method, params, result: [] if asks_for_the_seal(method, params) else result
        with auditor(node.manifest, proxy.url, tmp_path) as one:
            assert one._next > one.facts.created
            assert one._replica.sealed
            assert one.counts.sealed
            one.once()
            assert one.counts.comparisons == 1


def test_the_seal_waits_for_its_entries(node: Node, tmp_path: Path) -> None:
    """It is kept before the entries: a crash in between must not end the import phase too early."""
    with auditor(node.manifest, node.engine.rpc_url, tmp_path) as one:
        one.store.seal(5)
        assert not one.store.sealed
        one.catch_up()
        assert one.store.sealed
    with auditor(node.manifest, node.engine.rpc_url, tmp_path) as one:
        one.once()


def test_a_seal_that_is_withheld_is_no_all_clear(node: Node, tmp_path: Path) -> None:
    """Without a batch nothing contradicts the lie, so it is said aloud."""
    before = min(node.archive.call_of(first).block for first, _ in batches_of(node)) - 1  # type: ignore[union-attr]

    def lie(method: str, _params: list[Any], result: Any) -> Any:
        if method == "eth_blockNumber":
            return hex(before)
        return [log for log in result if named(log) != "LedgerSealed"] if method == "eth_getLogs" else result

    with proxied(node.engine.rpc_url) as proxy:
        proxy.lie = lie
        with auditor(node.manifest, proxy.url, tmp_path) as one:
            one.once()
            assert not one.counts.sealed
            metrics = {family.name: family.samples[0].value for family in AuditorMetrics(one.counts).collect()}
            assert metrics["luya_auditor_sealed"] == 0


def test_no_logs_are_asked_for_from_block_0(node: Node, tmp_path: Path) -> None:
    """luyad takes height 0 for the newest block."""
    newest: list[Any] = []

    def like_luyad(method: str, params: list[Any], result: Any) -> Any:
        if method != "eth_getLogs":
            return result
        newest.extend(result[-1:])
        return [*newest[-1:], *result] if int(params[0]["fromBlock"], 16) == 0 else result

    with proxied(node.engine.rpc_url) as proxy:
        proxy.lie = like_luyad
        with auditor(node.manifest, proxy.url, tmp_path, created=0) as one:
            newest.extend(one._chain.logs_of(1, one._chain.final())[-1:])
            assert one._chain.logs_of(0, 0) == []
            one.once()
            assert one.size == node.archive.size
