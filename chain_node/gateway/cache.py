"""Answers that will never change, kept within a bound of bytes, least recently used out first."""

from __future__ import annotations

import re
from collections import OrderedDict
from typing import Any, Final

from chain_node.gateway import wire
from chain_node.gateway.params import is_hash
from chain_node.gateway.policy import BLOCK_AT

_OVERHEAD: Final = 300
"""Bytes that an entry costs beside its key and value: measured with tracemalloc, rounded up."""
_CONSTANT: Final = frozenset({"eth_chainId", "net_version"})
_BY_HASH: Final = frozenset(
    {"eth_getBlockByHash", "eth_getHeaderByHash", "eth_getTransactionByHash", "eth_getTransactionReceipt",
     "eth_getTransactionByBlockHashAndIndex"}
)  # fmt: skip
_NOT_BY_NUMBER: Final = frozenset({"eth_estimateGas", "eth_simulateV1", "eth_feeHistory"})
_NUMBER: Final = re.compile(rb'"(?:blockNumber|number)"\s*:\s*"0x([0-9a-fA-F]{1,16})"')


def settled_key(method: str, params: list[Any], final: int) -> bytes | None:
    """The key under which an answer may be looked up and, where `may_keep` agrees, kept; None: never.

    Args:
        final: newest final block.
    """
    if method in _CONSTANT:
        return method.encode()
    if method in _BY_HASH:
        return _key(method, params)
    at = BLOCK_AT.get(method)
    if at is None or method in _NOT_BY_NUMBER or len(params) <= at:
        return None
    number = params[at]
    if not isinstance(number, str) or not number.startswith("0x") or is_hash(number):
        return None
    return _key(method, params) if int(number, 16) <= final else None


def may_keep(method: str, value: bytes, final: int) -> bool:
    """An answer that was found under a settled key will not change.

    What was asked by hash is kept when the block it names is final; 'not found' never is.
    """
    if value == b"null":
        return False
    if method not in _BY_HASH:
        return True
    number = _NUMBER.search(value)
    return number is not None and int(number[1], 16) <= final


def _key(method: str, params: list[Any]) -> bytes:
    return method.encode() + wire.dumps(params)


class Cache:
    """The store.

    Args:
        capacity: bytes, keys and bookkeeping included; 0 keeps nothing.
        largest: bytes of the largest answer that is kept.
    """

    def __init__(self, capacity: int, largest: int) -> None:
        self._capacity = capacity
        self._largest = largest
        self._entries: OrderedDict[bytes, bytes] = OrderedDict()
        self.size = 0

    def __len__(self) -> int:
        return len(self._entries)

    def get(self, key: bytes) -> bytes | None:
        """What was kept."""
        value = self._entries.get(key)
        if value is not None:
            self._entries.move_to_end(key)
        return value

    def put(self, key: bytes, value: bytes) -> None:
        """Keep it, unless it is too large."""
        if len(value) > self._largest or _OVERHEAD + len(key) + len(value) > self._capacity:
            return
        before = self._entries.pop(key, None)
        if before is not None:
            self.size -= _OVERHEAD + len(key) + len(before)
        self._entries[key] = value
        self.size += _OVERHEAD + len(key) + len(value)
        while self.size > self._capacity:
            old_key, old = self._entries.popitem(last=False)
            self.size -= _OVERHEAD + len(old_key) + len(old)

    def clear(self) -> None:
        """Forget all: the chain is another one."""
        self._entries.clear()
        self.size = 0
