"""Raw transactions, decoded as strictly as consensus does: what is checked is what a node would execute.

Legacy (EIP-155), EIP-2930 and EIP-1559; RLP by Ethereum's yellow paper, appendix B, shortest form only. Blob and
set-code transactions (types 3 and 4) have no use on this ledger and are refused. What a stranger hands in is read here
and not by `rlp`, whose time grows with the square of the length (docs/decisions/0013-own-rlp-and-digests.md).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, TypeAlias

import rlp  # type: ignore[import-untyped]  # it ships no types
from eth_hash.auto import keccak

from chain_node.errors import CallRefused
from chain_node.gateway import wire
from chain_node.protocol.attestation import recover
from chain_node.protocol.errors import AttestationError

Item: TypeAlias = "bytes | list[Item]"

_MAX_DEPTH: Final = 4
_TYPED_FIELDS: Final = {1: 11, 2: 12}


@dataclass(frozen=True, slots=True)
class Transaction:
    """What the door looks at. to: None creates a contract; hash: 0x hex; sender: recovered from the signature."""

    chain_id: int
    sender: bytes
    nonce: int
    to: bytes | None
    value: int
    gas: int
    data: bytes
    hash: str

    @property
    def selector(self) -> bytes:
        """First four bytes of the call data."""
        return self.data[:4]


def decode(raw: bytes) -> Transaction:
    """A signed transaction.

    Raises:
        CallRefused: it is none, is not for one chain (EIP-155), or its signature does not hold.
    """
    if not raw:
        raise _refused("it is empty")
    kind = raw[0]
    digest = "0x" + keccak(raw).hex()
    if kind >= 0xC0:
        return _legacy(_fields(raw, 9), digest)
    if kind not in _TYPED_FIELDS:
        raise _refused(f"type {kind} is not taken: send a legacy, EIP-2930 or EIP-1559 one")
    fields = _fields(raw[1:], _TYPED_FIELDS[kind])
    return _typed(kind, fields, digest)


def _legacy(fields: list[Item], digest: str) -> Transaction:
    v = _number(fields[6], "v")
    if v < 35:
        raise _refused("its signature names no chain (EIP-155): it could be replayed elsewhere")
    chain_id, parity = divmod(v - 35, 2)
    unsigned = [*fields[:6], _bytes(chain_id), b"", b""]
    sender = _sender(keccak(_encode(unsigned)), parity, fields[7], fields[8])
    nonce, gas, to, value, data = fields[0], fields[2], fields[3], fields[4], fields[5]
    _number(fields[1], "gasPrice")
    return _made(chain_id, sender, (nonce, to, value, gas, data), digest)


def _typed(kind: int, fields: list[Item], digest: str) -> Transaction:
    parity = _number(fields[-3], "yParity")
    if parity > 1:
        raise _refused("its yParity is neither 0 nor 1")
    fees = 2 if kind == 2 else 1
    for fee in fields[2 : 2 + fees]:
        _number(fee, "fee")
    gas, to, value, data, access = fields[2 + fees : 7 + fees]
    if not isinstance(access, list):
        raise _refused("its access list is no list")
    sender = _sender(keccak(bytes([kind]) + _encode(fields[:-3])), parity, fields[-2], fields[-1])
    return _made(_number(fields[0], "chainId"), sender, (fields[1], to, value, gas, data), digest)


def _made(chain_id: int, sender: bytes, parts: tuple[Item, Item, Item, Item, Item], digest: str) -> Transaction:
    nonce, to, value, gas, data = parts
    if not isinstance(to, bytes) or len(to) not in (0, 20) or not isinstance(data, bytes):
        raise _refused("its recipient has not 20 bytes, or its data is a list")
    return Transaction(
        chain_id,
        sender,
        _number(nonce, "nonce"),
        to or None,
        _number(value, "value"),
        _number(gas, "gas"),
        data,
        digest,
    )


def _sender(digest: bytes, parity: int, r: Item, s: Item) -> bytes:
    signature = _number(r, "r").to_bytes(32, "big") + _number(s, "s").to_bytes(32, "big") + bytes([27 + parity])
    try:
        return recover(digest, signature)
    except AttestationError as error:
        raise _refused(str(error)) from None


def _number(item: Item, what: str) -> int:
    if not isinstance(item, bytes) or len(item) > 32 or item[:1] == b"\0":
        raise _refused(f"its {what} is no integer of up to 32 bytes without leading zeros")
    return int.from_bytes(item, "big")


def _bytes(number: int) -> bytes:
    return number.to_bytes((number.bit_length() + 7) // 8, "big")


def _encode(item: Item) -> bytes:
    return bytes(rlp.encode(item, infer_serializer=False))


def _refused(why: str) -> CallRefused:
    return CallRefused(wire.INVALID_PARAMS, f"not a transaction that is taken here: {why}")


# ------------------------------------------------------------------------------------------------------------------ RLP


def _fields(raw: bytes, count: int) -> list[Item]:
    item, end = _item(raw, 0, len(raw), 0)
    if end != len(raw):
        raise _refused(f"{len(raw) - end} bytes follow it")
    if not isinstance(item, list) or len(item) != count:
        raise _refused(f"it has not {count} fields")
    return item


def _item(raw: bytes, at: int, end: int, depth: int) -> tuple[Item, int]:
    """The item at `at`, and where it ends; nothing reaches beyond `end`."""
    if at >= end:
        raise _refused("its RLP ends too early")
    first = raw[at]
    if first < 0x80:
        return raw[at : at + 1], at + 1
    start, length = _span(raw, at, end, 0x80 if first < 0xC0 else 0xC0)
    stop = start + length
    if stop > end:
        raise _refused("its RLP ends too early")
    if first < 0xC0:
        if length == 1 and raw[start] < 0x80:
            raise _refused("its RLP is not in the shortest form")
        return raw[start:stop], stop
    if depth >= _MAX_DEPTH:
        raise _refused("its RLP is nested too deeply")
    items: list[Item] = []
    while start < stop:
        item, start = _item(raw, start, stop, depth + 1)
        items.append(item)
    return items, stop


def _span(raw: bytes, at: int, end: int, base: int) -> tuple[int, int]:
    """(where the payload starts, its length)."""
    short = raw[at] - base
    if short <= 55:
        return at + 1, short
    size = short - 55
    digits = raw[at + 1 : at + 1 + size]
    if at + 1 + size > end or digits[0] == 0:
        raise _refused("its RLP has a bad length")
    length = int.from_bytes(digits, "big")
    if length <= 55:
        raise _refused("its RLP is not in the shortest form")
    return at + 1 + size, length
