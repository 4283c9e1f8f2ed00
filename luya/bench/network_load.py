"""The load of `luya bench network`: signed batches through the real sender, timed until they are in a final block.

Records are rides of registered accounts, two a day of each, in a feed of its own whose quorum is two of three. A batch
is made and signed as it is sent (claims, Merkle root, two EIP-712 signatures, call data, the transaction's own
signature, an outbox on disk), so the client's work is part of every figure. A watcher asks one node which of them its
newest final state has: what counts is what is final, not what was taken. That none was refused is checked in the end.
"""

from __future__ import annotations

import hashlib
import statistics
import threading
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from chain_node.contracts.handles import LuyaLedger
from chain_node.errors import NodeError, RpcError, RpcUnavailable
from chain_node.node.node import Node
from chain_node.protocol.attestation import Attestation, Domain, digest, sign
from chain_node.protocol.records import Record, records_root
from chain_node.rpc.client import JsonRpc
from chain_node.sending.sender import Sender, Tx
from luya.errors import HomeError
from oracle.attest.batching import GAS_BATCH, gas_of

FEED: Final = 1
METHOD: Final = 101
"""Cycling, which ships with the package."""
_FIRST_DAY: Final = 18_000
_SLOTS: Final = (50, 110)
_CONFIG: Final = hashlib.sha256(b"luya bench network").digest()
_LOOK: Final = 0.05
_LOOK_CLOSELY: Final = 0.01
_PUMP: Final = 0.2
_TENTHS: Final = 10
_SPARE: Final = 120.0
"""Seconds, beside the run's own length, within which everything that was sent has to be final."""


@dataclass(frozen=True, slots=True)
class ReadyBatch:
    """A batch that can be sent. records: how many it holds."""

    tx: Tx
    records: int


class Rides:
    """Makes batches, one after the other, for ever.

    Args:
        node: the ledger's.
        accounts: who rides, in turn.
        keys: of the feed's signers who sign, by ascending address.
    """

    def __init__(self, node: Node, accounts: Sequence[bytes], keys: Sequence[bytes]) -> None:
        self._ledger = node.ledger
        self._domain = node.manifest.domain
        self._accounts = accounts
        self._keys = keys
        self.made = 0
        """Records made so far; the next batch begins at this sequence."""

    def batch(self, size: int) -> ReadyBatch:
        """The next one."""
        first, gas, rides = self.made, GAS_BATCH, []
        for turn in range(first, first + size):
            lap, who = divmod(turn, len(self._accounts))
            day, again = divmod(lap, len(_SLOTS))
            evidence = hashlib.sha256(turn.to_bytes(8, "big")).digest()
            ride = Record(
                self._accounts[who], METHOD, _FIRST_DAY + day, _SLOTS[again], 2, 0, 1_500 + turn % 3_000, evidence
            )
            rides.append(ride)
            gas += gas_of(bool(again), b"")
        data = attested(self._ledger, self._domain, self._keys, first, rides)
        self.made += size
        key = f"bench/{first}/{hashlib.sha256(data).hexdigest()[:16]}"
        return ReadyBatch(Tx(self._ledger.address, data, gas, key), size)


def attested(ledger: LuyaLedger, domain: Domain, keys: Sequence[bytes], first: int, records: Sequence[Record]) -> bytes:
    """Call data of a batch of the feed, signed by these keys. first: its first sequence."""
    bodies = [record.encode() for record in records]
    signed = digest(domain, Attestation(FEED, first, len(bodies), records_root(bodies), _CONFIG))
    signatures = b"".join(sign(key, signed) for key in keys)
    return ledger.record_data(FEED, first, b"".join(bodies), b"", _CONFIG, signatures)


@dataclass(frozen=True, slots=True)
class _Final:
    """A batch in a final block. at, took: monotonic seconds when it was seen there, and since it was due."""

    at: float
    took: float
    records: int
    block: int


class _Watcher:
    """Times a sender's batches: which of its nonces the newest final state has used.

    Asking for blocks would tell the same, but costs an engine much where a block holds ten thousand events.
    """

    def __init__(self, sender: Sender, rpc: JsonRpc, look: float = _LOOK) -> None:
        self._sender = sender
        self._rpc = rpc
        self._every = look
        self._guard = threading.Lock()
        self._due: deque[tuple[str, float, int]] = deque()
        self._done = self._count()[0]
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="bench-watcher", daemon=True)
        self.final: list[_Final] = []
        self.records_pending = 0
        self.failure: Exception | None = None
        self._thread.start()

    def expect(self, tx_hash: str, due: float, records: int) -> None:
        """The sender's next transaction, this batch, was due at that time and is on its way."""
        with self._guard:
            self.records_pending += records
            self._due.append((tx_hash, due, records))

    @property
    def pending(self) -> int:
        """Transactions that are not final."""
        return len(self._due)

    def close(self) -> None:
        """Stop looking; idempotent."""
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        try:
            while not self._stop.wait(self._every):
                self._look()
        except Exception as error:  # the load raises it: nobody sees a thread end
            self.failure = error

    def _look(self) -> None:
        try:
            count, block = self._count()
        except RpcUnavailable:
            return  # a busy node may take long; what it made meanwhile is seen later
        except RpcError as error:
            if "timed out" in error.message:
                return  # so does luyad say that it is busy
            raise
        now, done = time.monotonic(), {}
        with self._guard:
            while self._done < count and self._due:  # one that is final may not be expected yet: the next look has it
                tx_hash, due, records = self._due.popleft()
                done[tx_hash] = block
                self._done += 1
                self.records_pending -= records
                self.final.append(_Final(now, now - due, records, block))
        if done:
            self._sender.archived(done)

    def _count(self) -> tuple[int, int]:
        """Transactions of the sender in final blocks, and about which block is the newest."""
        address = "0x" + self._sender.address.hex()
        answers = self._rpc.batch([("eth_getTransactionCount", [address, "latest"]), ("eth_blockNumber", [])])
        for answer in answers:
            if isinstance(answer, NodeError):
                raise answer
        return int(answers[0], 16), int(answers[1], 16)


class NetworkLoad:
    """Loads one ledger, one way after the other.

    Args:
        rides: makes the batches.
        sender: sends them.
        rpc: the node that is asked what is final; its newest block has to be.
    """

    def __init__(self, rides: Rides, sender: Sender, rpc: JsonRpc) -> None:
        self._rides = rides
        self._sender = sender
        self._rpc = rpc

    def first(self) -> None:
        """One batch, alone: an engine may take no second of a new account before. Not measured."""
        tx = self._rides.batch(1).tx
        self._sender.run([tx])

    def saturated(self, seconds: float, size: int, in_flight: int) -> dict[str, Any]:
        """As fast as it goes, with up to `in_flight` records not final: records/s that became final in these seconds.

        Raises:
            HomeError: batches do not become final.
        """
        watcher = _Watcher(self._sender, self._rpc)
        try:
            begun = pumped = time.monotonic()
            while (now := time.monotonic()) < begun + seconds:
                if watcher.records_pending + size <= in_flight:
                    self._send(watcher, self._rides.batch(size))
                else:
                    time.sleep(0.005)
                    if now - pumped > _PUMP:
                        self._pump()
                        pumped = now
                _check(watcher)
            self._drain(watcher, seconds)
        finally:
            watcher.close()
        return self._told(watcher.final, begun, seconds) | {"records_per_batch": size, "records_in_flight": in_flight}

    def steady(self, seconds: float, size: int, rate: int) -> dict[str, Any]:
        """Open loop: batches at fixed times, each timed from when it was due until it is seen in a final block.

        Raises:
            HomeError: batches do not become final.
        """
        watcher = _Watcher(self._sender, self._rpc)
        try:
            begun, late = time.monotonic() + 0.1, 0.0
            for number in range(max(2, round(seconds * rate / size))):
                signed, due = self._rides.batch(size), begun + number * size / rate
                while (rest := due - time.monotonic()) > 0:
                    time.sleep(min(rest, _PUMP))
                    self._pump()
                late = max(late, time.monotonic() - due)
                self._send(watcher, signed, due)
                _check(watcher)
            self._drain(watcher, seconds)
        finally:
            watcher.close()
        told = self._told(watcher.final, begun, seconds)
        return told | {"records_per_batch": size, "asked_per_s": rate, "latest_start_s": round(late, 3)}

    def _send(self, watcher: _Watcher, signed: ReadyBatch, due: float | None = None) -> None:
        due = time.monotonic() if due is None else due
        watcher.expect(self._sender.send_many([signed.tx])[0], due, signed.records)

    def _pump(self) -> None:
        self._sender.send_many([])  # what the engine held back is sent when the time has come

    def _drain(self, watcher: _Watcher, seconds: float) -> None:
        deadline = time.monotonic() + seconds + _SPARE
        while watcher.records_pending:
            _check(watcher)
            if time.monotonic() > deadline:
                said = self._sender.state().refusal
                raise HomeError(
                    f"{watcher.records_pending:,} records are not final {seconds + _SPARE:.0f} s after the last was "
                    f"sent: ask for less (--rate), or see the nodes' logs{'; the engine says: ' + said if said else ''}"
                )
            time.sleep(_PUMP)
            self._pump()

    def _told(self, final: Sequence[_Final], begun: float, seconds: float) -> dict[str, Any]:
        within = [one for one in final if one.at <= begun + seconds]
        tenths = [0] * _TENTHS
        for one in within:
            tenths[min(_TENTHS - 1, int((one.at - begun) / seconds * _TENTHS))] += one.records
        blocks = {one.block for one in final}
        return {
            "records_per_s": round(sum(one.records for one in within) / seconds, 1),
            "seconds": seconds,
            "records": sum(one.records for one in final),
            "seconds_until_all_final": round(max(one.at for one in final) - begun, 2),
            "blocks_with_batches": len(blocks),
            "records_per_s_by_tenth": [round(count * _TENTHS / seconds) for count in tenths],
            **latencies([one.took for one in final]),
        }


def through(
    sender: Sender, rpc: JsonRpc, batches: Sequence[ReadyBatch], in_flight: int, patience: float = _SPARE
) -> float:
    """Sends them all, with so many transactions not final at a time: seconds until the last is in a final block.

    Args:
        sender: sends them.
        rpc: the node that is asked what is final.
        batches: in their order.
        in_flight: transactions that are not final at a time.
        patience: seconds without any more that are final.

    Raises:
        HomeError: they do not become final.
    """
    watcher, given, done = _Watcher(sender, rpc, _LOOK_CLOSELY), 0, 0
    try:
        begun = moved = time.monotonic()
        while done < len(batches):
            room = min(in_flight - watcher.pending, len(batches) - given)
            now = time.monotonic()
            if room > 0:
                some = batches[given : given + room]
                for tx_hash, batch in zip(sender.send_many([batch.tx for batch in some]), some, strict=True):
                    watcher.expect(tx_hash, now, batch.records)
                given += room
            else:
                time.sleep(0.002)
            _check(watcher)
            if len(watcher.final) > done:
                done, moved = len(watcher.final), now
            elif now - moved > patience:
                raise HomeError(
                    f"{watcher.pending} transactions are not final, {patience:.0f} s after the last that is"
                )
        return watcher.final[-1].at - begun
    finally:
        watcher.close()


def latencies(took: Sequence[float]) -> dict[str, float]:
    """p50, p99 and the longest, in seconds."""
    cuts = statistics.quantiles(took, n=100, method="inclusive") if len(took) > 1 else list(took) * 99
    return {"p50_s": round(cuts[49], 3), "p99_s": round(cuts[98], 3), "max_s": round(max(took), 3)}


def run_transfers(sender: Sender, count: int) -> dict[str, Any]:
    """A peer on the same network: the cheapest transaction there is, one for each record, through the same sender."""
    begun, run = time.monotonic(), time.time_ns()
    sender.run([Tx(sender.address, b"", 21_000, f"peer-{run}-{number}") for number in range(count)])
    return {"count": count, "per_s": round(count / (time.monotonic() - begun), 1)}


def _check(watcher: _Watcher) -> None:
    if watcher.failure is not None:
        raise HomeError(f"the chain cannot be followed: {watcher.failure}") from (
            watcher.failure if isinstance(watcher.failure, NodeError) else None
        )
