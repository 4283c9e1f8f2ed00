"""Where a sender's transactions went: found by following final blocks, never by asking after a pending hash.

Some engines hold a question after a pending transaction's receipt for half a minute; and what a receipt says of a block
that is not final may change. So: the hashes of each final block (cheap), and receipts of the blocks that hold ours.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, Final

from chain_node.contracts.handles import revert_reason
from chain_node.errors import RevertReason, RpcError
from chain_node.rpc.client import JsonRpc

_CHUNK: Final = 100
"""Blocks asked for at once."""
_FAR: Final = 1_000
"""From so many blocks on, the first is searched by the account's nonce in past states, where the engine has them."""
_NO_METHOD: Final = -32601


@dataclass(frozen=True, slots=True)
class Mined:
    """A transaction in a final block.

    Attributes:
        tx_hash: 0x and 64 hex digits.
        block: number of its block.
        receipt: as the engine gives it.
    """

    tx_hash: str
    block: int
    receipt: dict[str, Any]


class Inclusion:
    """Follows final blocks for one sender.

    Args:
        rpc: the endpoint.
        address: of the sender, 0x hex.
        first: the first block that may hold one of its pending transactions.
    """

    def __init__(self, rpc: JsonRpc, address: str, first: int) -> None:
        self._rpc = rpc
        self._address = address
        self._next = first
        self._by_block = True

    @property
    def next_block(self) -> int:
        """The first block not looked at yet."""
        return self._next

    def nothing_until(self, final: int) -> None:
        """The account's nonce says that no pending transaction is in a block up to `final`."""
        self._next = max(self._next, final + 1)

    def look(self, wanted: Collection[str], nonce: int, final: int) -> list[Mined]:
        """Which of these transactions are in blocks up to `final` that were not looked at yet.

        It stops before a block that the endpoint has not indexed yet; the next call goes on there.

        Args:
            wanted: hashes.
            nonce: the lowest of theirs.
            final: newest final block.
        """
        if final - self._next > _FAR:
            self._leap(nonce, final)
        found: list[Mined] = []
        while self._next <= final and len(found) < len(wanted):
            numbers = range(self._next, min(final, self._next + _CHUNK - 1) + 1)
            blocks = self._rpc.batch([("eth_getBlockByNumber", [hex(number), False]) for number in numbers])
            for number, block in zip(numbers, blocks, strict=True):
                receipts = self._of(number, block, wanted)
                if receipts is None:
                    return found
                found += receipts
                self._next = number + 1
        return found

    def _of(self, number: int, block: Any, wanted: Collection[str]) -> list[Mined] | None:
        """Ours in a block; None where the endpoint does not have the block, or all its receipts, yet."""
        if not isinstance(block, dict):
            return None
        hashes: list[str] = block["transactions"]
        ours = [tx_hash for tx_hash in hashes if tx_hash in wanted]
        if not ours:
            return []
        receipts = self._receipts(number, ours, few=len(ours) * 4 < len(hashes))
        if any(tx_hash not in receipts for tx_hash in ours):
            return None
        return [Mined(tx_hash, number, receipts[tx_hash]) for tx_hash in ours]

    def _receipts(self, number: int, ours: list[str], *, few: bool) -> Mapping[str, dict[str, Any]]:
        if self._by_block and not few:
            answer = self._rpc.batch([("eth_getBlockReceipts", [hex(number)])])[0]
            if isinstance(answer, RpcError):
                if answer.code != _NO_METHOD:
                    return {}
                self._by_block = False  # an older engine: its receipts by hash, which are of a block and so not pending
            else:
                return {receipt["transactionHash"]: receipt for receipt in answer or ()}
        answers = self._rpc.batch([("eth_getTransactionReceipt", [tx_hash]) for tx_hash in ours])
        return {answer["transactionHash"]: answer for answer in answers if isinstance(answer, dict)}

    def _leap(self, nonce: int, final: int) -> None:
        """To the block in which the account's nonce passed `nonce`; nothing where past states are not kept."""
        low, high = self._next, final  # the block is in [low, high], or beyond
        while low < high:
            middle = (low + high) // 2
            answer = self._rpc.batch([("eth_getTransactionCount", [self._address, hex(middle)])])[0]
            if not isinstance(answer, str):
                return
            if int(answer, 16) > nonce:
                high = middle
            else:
                low = middle + 1
        self._next = low


def why(rpc: JsonRpc, tx_hash: str, gas_used: int) -> RevertReason:
    """Why a mined transaction was refused: asks what it meets now; states change, so it is a hint."""
    tx = rpc.call("eth_getTransactionByHash", tx_hash) or {}
    if gas_used >= int(tx.get("gas", "0x0"), 16) > 0:
        return RevertReason(note=f"out of gas: all of {gas_used:,} was used")
    request = {name: tx[name] for name in ("from", "to", "gas", "input") if tx.get(name)}
    try:
        rpc.call("eth_call", request, "latest")
    except RpcError as error:
        return revert_reason(error)
    return RevertReason(note="refused then, would pass now")
