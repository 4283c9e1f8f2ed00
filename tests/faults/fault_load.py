"""A steady load of real batches through the real sender, and what must hold of them whatever happened meanwhile."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

from fault_network import FaultNetwork
from node_support import FEED, Batches

from chain_node.contracts.handles import LuyaLedger
from chain_node.errors import RpcUnavailable
from chain_node.node.fsck import fsck
from chain_node.node.node import Node
from chain_node.protocol.entries import Reduction, decode
from chain_node.rpc.client import JsonRpc

RIDERS = 20


@dataclass
class Load:
    """Signs a batch every `every` seconds and sends it; a failing endpoint delays it and loses nothing.

    Attributes:
        node: the ledger's.
        every: seconds between batches.
        size: records in a batch.
        keys: idempotency keys of what was accepted (on disk in the outbox).
        evidence: of each accepted record, in order.
        seen: roots that were published while it went on, by size of the log.
        away: how often no endpoint answered.
    """

    node: Node
    every: float = 0.4
    size: int = RIDERS
    keys: list[str] = field(default_factory=list)
    evidence: list[bytes] = field(default_factory=list)
    seen: dict[int, bytes] = field(default_factory=dict)
    away: int = 0
    failure: Exception | None = None

    @contextmanager
    def going_on(self) -> Iterator[Load]:
        """While inside."""
        accounts = list(self.node.registrar.enrol_many(1, [f"rider {n}" for n in range(self.size)]).values())
        self.node.release_sender("registrar")
        self._first = self.node.ledger.next_sequence(FEED)
        stop = threading.Event()
        thread = threading.Thread(target=self._run, args=(accounts, stop), name="load", daemon=True)
        thread.start()
        try:
            yield self
        finally:
            stop.set()
            thread.join()
        if self.failure is not None:
            raise self.failure

    def final(self) -> int:
        """Records in the archive now."""
        return sum(isinstance(decode(data), Reduction) for data in self.node.archive.entries())

    def _run(self, accounts: list[bytes], stop: threading.Event) -> None:
        batches, sender = Batches(self.node), self.node.sender("relay")
        try:
            while not stop.wait(self.every):
                # `records` makes each ride longer than the last: a long run would leave what the law believes
                records = [replace(record, activity=2_000) for record in batches.records(accounts)]
                tx = batches.tx(records, sequence=self._first + len(self.evidence))
                with self._patience():
                    try:
                        sender.send_many([tx])
                    finally:
                        if sender.knows(tx.key):
                            self.keys.append(tx.key)
                            self.evidence += [record.evidence for record in records]
                with self._patience():
                    sender.poll()
                checkpoint = self.node.archive.checkpoint()
                if checkpoint is not None:
                    self.seen[checkpoint.size] = checkpoint.root
        except Exception as error:  # `going_on` raises it: nobody sees a thread end
            self.failure = error

    @contextmanager
    def _patience(self) -> Iterator[None]:
        try:
            yield
        except RpcUnavailable:
            self.away += 1


def check_whole(network: FaultNetwork, load: Load, *, patience: float = 120.0) -> None:
    """Everything accepted is final, once, in order; nothing that was final has gone; all validators agree."""
    node = load.node
    assert load.keys, "the load sent nothing"
    receipts = node.sender("relay").wait(load.keys, patience)
    assert [receipt.reason for receipt in receipts if receipt.reason] == []
    node.catch_up(patience)
    entries = [decode(data) for data in node.archive.entries()]
    reductions = [entry for entry in entries if isinstance(entry, Reduction)]
    assert [entry.sequence for entry in reductions] == list(range(len(load.evidence)))
    assert [entry.record.evidence for entry in reductions] == load.evidence
    network.all_caught_up()
    network.check_same(node)
    for size, root in load.seen.items():
        assert node.archive.root_at(size) == root, f"the root at {size} is another one than was published"
    newest = max(load.seen, default=0)
    for url in network.urls:
        with JsonRpc(url) as rpc:
            assert LuyaLedger(rpc, node.manifest.ledger_address).root_at(newest) == load.seen[newest], url
    result = fsck(node.archive, log_key=node.manifest.log_key, chain=(node.rpc, node.manifest))
    assert result.differences == []
