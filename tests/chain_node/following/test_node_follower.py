"""The follower: killed at every disk operation it goes on to the same archive; a lying chain is refused."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from dying_disk import DyingDisk, Killed
from node_support import Batches, settings

from chain_node.archive.reader import ArchiveReader
from chain_node.archive.writer import Archive
from chain_node.errors import ArchiveError, FollowerError
from chain_node.following.events import Known, Rebuilder, topics
from chain_node.following.follower import Follower
from chain_node.following.watcher import ArchiveWatcher
from chain_node.node.fsck import fsck
from chain_node.node.node import Node
from chain_node.protocol.checkpoint import sign
from chain_node.protocol.entries import Reduction, decode, encode
from chain_node.protocol.merkle import Tree
from chain_node.rpc.client import JsonRpc
from chain_node.sending.sender import Tx


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Node]:
    with Node.open(tmp_path_factory.mktemp("home"), settings=settings()) as opened:
        batches = Batches(opened)
        riders = list(opened.registrar.enrol_many(1, [f"r{n}" for n in range(40)]).values())
        for turn in range(6):
            batches.send(batches.records([*riders, b"\x66" * 20]))
            opened.registrar.enrol_many(1, [f"later {turn}"])
        opened.catch_up()
        yield opened


def follower(node: Node, archive: Archive, rpc: JsonRpc | None = None, **more: Any) -> Follower:
    origin, key = node.manifest.origin, node.keystore.log_key()
    finality = node.engine.finality
    made = Follower(
        rpc or node.rpc, node.manifest, archive, finality=finality, sign=lambda c: sign(c, origin, key), **more
    )
    made._range = 1
    return made


@pytest.mark.parametrize("persisted", [False, True], ids=["failed", "persisted"])
def test_killed_again_and_again(node: Node, tmp_path: Path, persisted: bool) -> None:
    folder = tmp_path / "archive"
    deaths = 0
    while True:
        try:
            with Archive(folder, DyingDisk(3 if persisted else 2, persisted)) as archive:
                follower(node, archive).catch_up()
                break
        except (Killed, ArchiveError):
            deaths += 1
            reader = ArchiveReader(folder)
            assert reader.size == 0 or reader.root_at(reader.size) == reader.checkpoint().root  # type: ignore[union-attr]
            assert deaths < 200
    assert deaths >= 3  # more where the blocks came apart
    reader = ArchiveReader(folder)
    assert reader.checkpoint() == node.archive.checkpoint()
    assert list(reader.entries()) == list(node.archive.entries())
    theirs = [node.archive.read_call(row) for row in node.archive.call_rows()]
    assert [reader.read_call(row) for row in reader.call_rows()] == theirs


def test_whoever_follows_or_watches_tells_the_same(node: Node, tmp_path: Path) -> None:
    """In the follower's process each step is told; in another the watcher sees it by the archive alone."""
    told: list[dict[str, int]] = []
    watched: list[dict[str, int]] = []
    with Archive(tmp_path / "archive") as archive:
        follow = follower(node, archive, archived=lambda blocks: told.append(dict(blocks)))
        watcher = ArchiveWatcher(ArchiveReader(tmp_path / "archive"), lambda blocks: watched.append(dict(blocks)))
        assert not watcher.look()
        while follow.lag():
            before = archive.size
            follow.step()
            assert watcher.look() == (archive.size > before)
            assert not watcher.look()
        follow.catch_up()
    assert watched == told
    assert len(told) > 1
    calls = [node.archive.read_call(row) for row in node.archive.call_rows()]
    assert {tx_hash: block for blocks in told for tx_hash, block in blocks.items()} == {
        call.tx_hash: call.block for call in calls
    }


def test_entries_are_the_codecs_bytes(node: Node) -> None:
    for data in node.archive.entries():
        assert encode(decode(data)) == data
    assert any(isinstance(decode(data), Reduction) for data in node.archive.entries())


class Tampered(JsonRpc):
    """An endpoint that changes what it shows."""

    kind = ""

    def call(self, method: str, *params: Any) -> Any:
        answer = super().call(method, *params)
        if method != "eth_getLogs":
            return answer
        batch = topics()["BatchRecorded"]
        for number, log in enumerate(answer):
            if log["topics"][0] != batch:
                continue
            if self.kind == "record":
                log["data"] = _changed(log["data"], 2 + 64 * 7)  # the first record's account
            elif self.kind == "signature":
                log["data"] = _changed(log["data"], -200)
            elif self.kind == "settings":
                log["data"] = _changed(log["data"], 2 + 64 * 4)
            elif self.kind == "sequence":
                log["topics"][2] = "0x" + (99).to_bytes(32, "big").hex()
            elif self.kind == "index":
                log["topics"][3] = "0x" + (10_000).to_bytes(32, "big").hex()
            elif self.kind == "missing":
                del answer[number]
            break
        return answer


def _changed(text: str, at: int) -> str:
    at %= len(text)
    return text[:at] + ("1" if text[at] == "0" else "0") + text[at + 1 :]


@pytest.mark.parametrize("kind", ["record", "signature", "settings", "sequence", "index", "missing"])
def test_a_lying_endpoint_is_refused_and_nothing_archived_of_it(node: Node, tmp_path: Path, kind: str) -> None:
    with Tampered(node.rpc.url) as rpc, Archive(tmp_path / "archive") as archive:
        follow = follower(node, archive, rpc)
        rpc.kind = kind
        with pytest.raises(FollowerError):
            follow.catch_up()
        stopped = archive.size
        assert list(ArchiveReader(tmp_path / "archive").entries()) == list(node.archive.entries(0, stopped))
        rpc.kind = ""
        follow.catch_up()  # the same follower goes on when the endpoint tells the truth
        assert archive.root == node.ledger.root()


def test_background_run_survives_an_endpoint_that_is_away(node: Node, tmp_path: Path) -> None:
    class Away(JsonRpc):
        fail = True

        def call(self, method: str, *params: Any) -> Any:
            from chain_node.errors import RpcUnavailable

            if self.fail and method == "eth_getLogs":
                self.fail = False
                raise RpcUnavailable("away")
            return super().call(method, *params)

    stop = threading.Event()
    with Away(node.rpc.url) as rpc, Archive(tmp_path / "archive") as archive:
        follow = follower(node, archive, rpc)
        thread = threading.Thread(target=follow.run, args=(stop,), kwargs={"poll": 0.01})
        thread.start()
        deadline = time.monotonic() + 20
        while archive.size < node.archive.size and time.monotonic() < deadline:
            time.sleep(0.02)
        stop.set()
        thread.join()
        assert archive.root == node.ledger.root()


def test_events_in_another_order_give_the_same(node: Node) -> None:
    """Refusals before or after their batch's event: contracts may choose."""
    query = {
        "address": node.manifest.ledger,
        "topics": [list(topics().values())],
        "fromBlock": hex(node.manifest.start_block),
        "toBlock": "latest",
    }
    logs = node.rpc.call("eth_getLogs", query)
    refused = topics()["RecordRefused"]
    reordered = [log for log in logs if log["topics"][0] != refused] + [
        log for log in logs if log["topics"][0] == refused
    ]
    results = [Rebuilder(Tree(), Known(), node.manifest.domain).take(some) for some in (logs, reordered)]
    assert results[0] == results[1]
    assert results[0][0] == list(node.archive.entries())


# Sends what follows the first word of its call data to the address in that word.
RELAY = bytes.fromhex("601b8060095f395ff3602036038060205f375f5f915f5f5f355af115601757005b5f5ffd")


def test_a_batch_sent_through_another_contract_keeps_its_signatures(tmp_path: Path) -> None:
    with Node.open(tmp_path, settings=settings()) as node:
        sender, batches = node.sender("relay"), Batches(node)
        rider = next(iter(node.registrar.enrol_many(1, ["r"]).values()))
        relay = sender.run([Tx(None, RELAY, 200_000, "deploy the relay")])[0].contract
        batch = batches.tx(batches.records([rider]))
        assert relay is not None
        assert batch.to is not None
        sender.run([Tx(relay, batch.to.rjust(32, b"\0") + batch.data, batch.gas, batch.key)])
        node.catch_up()
        call = node.archive.last_call()
        assert call is not None
        assert call.batch is not None
        assert len(call.batch.signatures) == 2
        assert fsck(node.archive, log_key=node.manifest.log_key, chain=(node.rpc, node.manifest), deep=True).ok
