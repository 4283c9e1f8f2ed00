"""The follower: final blocks → archive → signed checkpoint.

It can be killed at any instruction: where to go on is read from the archive itself. An entry is checked (index,
sequence, root against the event, and against the contract) before it is archived, and archived before any checkpoint
covers it.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from typing import Any, Final

from chain_node.archive.calls import BATCH, CALL
from chain_node.archive.reader import ArchiveReader
from chain_node.archive.writer import Archive
from chain_node.contracts.handles import LuyaLedger
from chain_node.deployment.manifest import Manifest
from chain_node.engine.base import Finality
from chain_node.errors import ContractError, FollowerError, NodeError, RpcError, RpcUnavailable
from chain_node.following.events import Known, Rebuilder, topics
from chain_node.protocol.checkpoint import Checkpoint
from chain_node.rpc.client import JsonRpc
from chain_node.storage import disk_space as room

MAX_RANGE: Final = 2_000
"""Blocks in one `eth_getLogs` (engines allow 10,000 blocks and 10,000 logs)."""
_FIRST_RANGE: Final = 32
_COMPARE_EVERY: Final = 1.0
_STILL: Final = 10.0
"""Seconds without a new final block after which another endpoint is looked for."""
_PATIENCE: Final = 5
"""Failures in a row, a second apart, that may be an index that lags; then it is the chain."""
_MANY: Final = 20_000
"""Entries in one step from which the range shrinks: bounds memory and the time between checkpoints."""


def _nobody(_blocks: Mapping[str, int]) -> None:
    """Nobody waits for what is archived."""


class Follower:
    """Follows one ledger into one archive.

    Args:
        rpc: the endpoint.
        manifest: the ledger's.
        archive: open for appending.
        finality: when a block is final.
        sign: signs checkpoints.
        archived: told of each published step: the transactions that brought its entries (hash → block). From the
            follower's thread, which it must not hold up.
    """

    def __init__(
        self,
        rpc: JsonRpc,
        manifest: Manifest,
        archive: Archive,
        *,
        finality: Finality,
        sign: Callable[[Checkpoint], str],
        archived: Callable[[Mapping[str, int]], None] = _nobody,
    ) -> None:
        self._rpc = rpc
        self._manifest = manifest
        self._archive = archive
        self._finality = finality
        self._sign = sign
        self._archived = archived
        self._ledger = LuyaLedger(rpc, manifest.ledger_address)
        self._topics = list(topics().values())
        self._range = _FIRST_RANGE
        self._compared = 0.0
        self._publish()
        self._next = self._resume_block()
        self._rebuilder = self._from_archive()

    @property
    def size(self) -> int:
        """Entries archived."""
        return self._archive.size

    @property
    def next_block(self) -> int:
        """The first block not read yet."""
        return self._next

    def lag(self) -> int:
        """Final blocks not read yet."""
        return max(0, self._finality.height(self._rpc) + 1 - self._next)

    def step(self) -> int:
        """Read one range of final blocks, archive, publish; returns the log's size.

        Raises:
            FollowerError: what the chain says does not continue the archive.
            RpcUnavailable: the endpoint does not answer; try again.
        """
        final = self._finality.height(self._rpc)
        if final < self._next:
            return self.size
        last, logs = self._logs(self._next, final)
        try:
            entries, calls = self._rebuilder.take(logs)
            if entries:
                self._check_contract()
                self._archive.append(entries, calls)
                self._publish()
                self._archived({call.tx_hash: call.block for call in calls})
        except NodeError:
            # What was taken and not archived is read again; also blocks before, whose logs an index may have lacked.
            self._rebuilder = self._from_archive()
            self._next = self._resume_block()
            raise
        self._next = last + 1
        if last == final:
            self._check_complete(last)
        if len(entries) > _MANY:
            self._range = max(1, self._range // 2)
        elif len(entries) < _MANY // 4:
            self._range = min(MAX_RANGE, self._range * 2)
        return self.size

    def catch_up(self) -> int:
        """Step until no final block is left; returns the log's size.

        Raises:
            FollowerError: what the chain says does not continue the archive, also when it is asked again.
            RpcUnavailable: the endpoint does not answer.
        """
        failed_at = -1
        while self.lag():
            try:
                self.step()
            except (FollowerError, RpcError):
                if failed_at == self.size:
                    raise
                failed_at = self.size
                time.sleep(1.0)
        return self.size

    def run(self, stop: threading.Event, *, poll: float = 0.1) -> None:
        """Follow until `stop` is set; an endpoint that is away for a while is waited for.

        Raises:
            FollowerError: what the chain says does not continue the archive, also when it is asked again.
        """
        failed_at, failures = -1, 0
        moved = time.monotonic()
        while not stop.is_set():
            if not room.enough(self._archive.folder):
                stop.wait(1.0)  # what is final stays so: it is archived when there is room
                continue
            try:
                before = self._next
                self.step()
                if self._next != before:
                    moved = time.monotonic()
                    if self.lag():
                        continue
            except RpcUnavailable:
                stop.wait(1.0)
            except (FollowerError, RpcError):
                failures = failures + 1 if failed_at == self.size else 1
                failed_at = self.size
                if failures > _PATIENCE:
                    raise
                self._rpc.reconsider()
                stop.wait(1.0)
            if time.monotonic() - moved > _STILL:
                self._rpc.reconsider()  # this endpoint's chain stands still; another's may not
                moved = time.monotonic()
            stop.wait(poll)

    def _publish(self) -> None:
        self._archive.publish(self._sign, self._manifest.origin)

    def _resume_block(self) -> int:
        """The block of the newest archived call of this chain; its entries are recognised and skipped."""
        if self._archive.size < self._manifest.start_size:
            raise FollowerError(
                f"the archive has {self._archive.size} entries and the chain began with {self._manifest.start_size}: "
                "the archive is an older copy; restore the newest one"
            )
        call = ArchiveReader(self._archive.folder).last_call()
        if call is None or call.first_index < self._manifest.start_size:
            return self._manifest.start_block
        return max(call.block, self._manifest.start_block)

    def _from_archive(self) -> Rebuilder:
        """Continues the archive: sequences from the calls' index, the rest from the entries that no batch brought."""
        reader = ArchiveReader(self._archive.folder)
        known = Known()
        for row in reader.call_rows():
            if row.kind == BATCH:
                known.sequences[row.feed] = row.sequence + row.count
            elif row.kind == CALL:
                for data in reader.entries(row.first_index, row.first_index + row.count):
                    known.take(data)
        return Rebuilder(self._archive.tree(), known, self._manifest.domain)

    def _logs(self, first: int, final: int) -> tuple[int, list[dict[str, Any]]]:
        """(last block read, its logs), in a range that the endpoint is willing to answer."""
        while True:
            last = min(final, first + self._range - 1)
            query = {
                "address": self._manifest.ledger,
                "topics": [self._topics],
                "fromBlock": hex(first),
                "toBlock": hex(last),
            }
            try:
                logs: list[dict[str, Any]] = self._rpc.call("eth_getLogs", query)
            except RpcError:
                if self._range > 1:
                    self._range = max(1, self._range // 4)  # engines refuse what is too much in words of their own
                    continue
                logs = self._logs_of_receipts(first)
            logs.sort(key=lambda log: (int(log["blockNumber"], 16), int(log["logIndex"], 16)))
            return last, logs

    def _logs_of_receipts(self, block: int) -> list[dict[str, Any]]:
        """The logs of one block that has more of them than the endpoint lists."""
        receipts = self._rpc.call("eth_getBlockReceipts", hex(block))
        if receipts is None:
            raise RpcUnavailable(f"block {block} is not indexed yet")
        logs = [log for receipt in receipts for log in receipt["logs"]]
        wanted = set(self._topics)
        address = self._manifest.ledger.lower()
        return [
            log
            for log in logs
            if log["address"].lower() == address and log["topics"][:1] and log["topics"][0] in wanted
        ]

    def _check_complete(self, block: int) -> None:
        """The contract has no more entries than were read: an index may have lacked some without saying so.

        Raises:
            FollowerError: it has; what was read is read again.
        """
        if time.monotonic() - self._compared < _COMPARE_EVERY:
            return
        self._compared = time.monotonic()
        try:
            size = int(self._ledger.read("logSize", block=hex(block)))
        except (ContractError, RpcError):
            return  # past states are not kept here
        if size > self.size:
            self._rebuilder = self._from_archive()
            self._next = self._resume_block()
            raise FollowerError(f"the contract has {size} entries at block {block}, its events show {self.size}")

    def _check_contract(self) -> None:
        """The contract itself keeps the root that the events lead to."""
        tree = self._rebuilder.tree
        root = self._ledger.root_at(tree.size)
        if root != tree.root():
            raise FollowerError(
                f"the contract's root at {tree.size} is {root.hex() if root else 'unknown'}, by its events it is "
                f"{tree.root().hex()}: the endpoint shows two chains"
            )
