"""The auditor on a real engine: no alarm on the truth, whatever dies; it resumes, on the durable engine too."""

from __future__ import annotations

import contextlib
from pathlib import Path

import pytest
from auditor_lies import alarm, batches_of, flip, in_batch
from auditor_support import audit_settings, auditor
from dying_disk import DyingDisk, Killed
from luyad_built import need_luyad
from node_support import Batches, settings

from chain_node.archive.reader import ArchiveReader
from chain_node.auditor.follow import Auditor
from chain_node.errors import Discrepancy
from chain_node.node.node import Node
from chain_node.protocol.entries import decode


def test_the_truth_raises_no_alarm(node: Node, tmp_path: Path) -> None:
    with auditor(node.manifest, node.engine.rpc_url, tmp_path) as one:
        one.once()
        assert one.counts.notes == []
        assert (one.size, one.store.root) == (node.archive.size, node.archive.checkpoint().root)  # type: ignore[union-attr]
        assert one.counts.comparisons == 1
        assert one.counts.words > 100
        assert one.counts.contradictions == 0
    own = list(ArchiveReader(tmp_path / "archive").entries())
    assert own == list(node.archive.entries())
    assert {type(decode(data)).__name__ for data in own} >= {"Refusal", "Revocation", "Pause", "Account", "Reduction"}


@pytest.mark.parametrize("persisted", [False, True], ids=["failed", "persisted"])
def test_killed_again_and_again(node: Node, tmp_path: Path, persisted: bool) -> None:
    deaths = 0
    while True:
        try:
            opened = Auditor(
                audit_settings(node.manifest, node.engine.rpc_url, tmp_path), disk=DyingDisk(3 + deaths % 3, persisted)
            )
        except Killed:
            deaths += 1
            continue
        try:
            opened._chain._range = 1
            opened.catch_up()
            break
        except Killed:
            deaths += 1
        finally:
            with contextlib.suppress(Killed):
                opened.close()
        assert deaths < 500
    assert deaths >= 3
    with auditor(node.manifest, node.engine.rpc_url, tmp_path) as one:
        one.once()
        assert one.store.root == node.archive.root_at(one.size)
        assert one.size == node.archive.size
        sizes = [anchor.size for anchor in one.store.anchors()]
        assert sizes == sorted(sizes)


def test_it_resumes_where_it_stood(node: Node, tmp_path: Path) -> None:
    with auditor(node.manifest, node.engine.rpc_url, tmp_path) as one:
        one.catch_up()
        size = one.size
    with auditor(node.manifest, node.engine.rpc_url, tmp_path) as one:
        assert one.size == size
        one.once()
        assert one.size == size


def test_on_the_durable_engine(tmp_path: Path) -> None:
    """luyad: other block hashes, another finality, all states kept."""
    need_luyad()
    with Node.open(tmp_path / "home", settings=settings(engine="luyad", block_time=0.5)) as node:
        batches = Batches(node)
        riders = list(node.registrar.enrol_many(1, [f"r{n}" for n in range(9)]).values())
        for _ in range(2):
            batches.send(batches.records([*riders, b"\x66" * 20]))
        node.catch_up()
        with auditor(node.manifest, node.engine.rpc_url, tmp_path / "store") as one:
            one.once()
            assert one.counts.notes == []
            assert one.counts.comparisons == 1
            assert one.store.root == node.archive.root_at(one.size)
        target = batches_of(node)[1][0] + 4
        lie = in_batch(1, node, 2, lambda records: flip(records, 64 * 4 + 31))
        assert alarm(node, tmp_path / "lied", lie).index == target


def audit_until(one: Auditor) -> None:
    while True:
        one.step()


def test_another_history(tmp_path: Path) -> None:
    """A real engine forgets blocks that were final and makes others."""
    with Node.open(tmp_path / "home", settings=settings(block_time=0.5)) as node:
        batches = Batches(node)
        riders = list(node.registrar.enrol_many(1, [f"r{n}" for n in range(5)]).values())
        for _ in range(3):
            batches.send(batches.records(riders))
        node.catch_up()
        with auditor(node.manifest, node.engine.rpc_url, tmp_path / "store") as one:
            one.catch_up()
            size = one.size
            last, _ = batches_of(node)[-1]
            assert size == last + 5
            depth = int(node.rpc.call("eth_blockNumber"), 16) - node.archive.call_of(last).block + 1  # type: ignore[union-attr]
            node.rpc.call("anvil_reorg", depth, [])
            with pytest.raises(Discrepancy) as caught:
                audit_until(one)
        assert (caught.value.index, caught.value.rule) == (last, "history")
        node.follower = None  # what it archived is no longer on the chain
