"""Parameters of Ethereum's methods, checked by execution-apis' types: quantities, data, addresses, block references."""

from __future__ import annotations

import re
from typing import Any, Final

from chain_node.errors import CallRefused
from chain_node.gateway import wire

TAGS: Final = ("earliest", "latest", "pending", "safe", "finalized")
_QUANTITY: Final = re.compile(r"0x(?:0|[1-9a-fA-F][0-9a-fA-F]{0,63})")
_DATA: Final = re.compile(r"0x(?:[0-9a-fA-F]{2})*")
_HASH: Final = re.compile(r"0x[0-9a-fA-F]{64}")
_SLOT: Final = re.compile(r"0x[0-9a-fA-F]{1,64}")
_ADDRESS: Final = re.compile(r"0x[0-9a-fA-F]{40}")
_MAX_BLOCK: Final = 2**63 - 1


def bad(message: str) -> CallRefused:
    """The error for wrong parameters."""
    return CallRefused(wire.INVALID_PARAMS, message)


def quantity(value: Any, what: str) -> int:
    """A hex quantity without leading zeros."""
    if not isinstance(value, str) or not _QUANTITY.fullmatch(value):
        raise bad(f"{what} is a hex quantity such as 0x1f, without leading zeros")
    return int(value, 16)


def data(value: Any, what: str) -> bytes:
    """Hex data of whole bytes."""
    if not isinstance(value, str) or not _DATA.fullmatch(value):
        raise bad(f"{what} is hex data: 0x and two digits a byte")
    return bytes.fromhex(value[2:])


def address(value: Any, what: str) -> bytes:
    """20 bytes."""
    if not isinstance(value, str) or not _ADDRESS.fullmatch(value):
        raise bad(f"{what} is an address: 0x and 40 hex digits")
    return bytes.fromhex(value[2:])


def hash32(value: Any, what: str) -> str:
    """A 32-byte hash, in lower case."""
    if not isinstance(value, str) or not _HASH.fullmatch(value):
        raise bad(f"{what} is a hash: 0x and 64 hex digits")
    return value.lower()


def slot(value: Any) -> str:
    """A storage key: up to 32 bytes of hex, leading zeros or none; as 32 bytes."""
    if not isinstance(value, str) or not _SLOT.fullmatch(value):
        raise bad("a storage key is 0x and 1 to 64 hex digits")
    return f"0x{int(value, 16):064x}"


def is_hash(value: Any) -> bool:
    """It has a 32-byte hash's form."""
    return isinstance(value, str) and _HASH.fullmatch(value) is not None


def block(value: Any, what: str = "the block") -> int | str:
    """A block's number, or its tag."""
    if isinstance(value, str) and value in TAGS:
        return value
    number = quantity(value, f"{what} (a tag of {', '.join(TAGS)}, or a number)")
    if number > _MAX_BLOCK:
        raise bad(f"{what} {value} is beyond any chain")
    return number


def block_reference(value: Any) -> int | str | dict[str, Any]:
    """A block's number, tag, or EIP-1898 object by hash (an object by number becomes the number)."""
    if not isinstance(value, dict):
        if is_hash(value):
            return {"blockHash": hash32(value, "the block's hash")}
        return block(value)
    if set(value) - {"blockHash", "blockNumber", "requireCanonical"}:
        raise bad("a block object has blockHash, or blockNumber, and requireCanonical")
    if ("blockHash" in value) == ("blockNumber" in value):
        raise bad("a block object has either blockHash or blockNumber")
    if "blockNumber" in value:
        return block(value["blockNumber"])
    canonical = value.get("requireCanonical", False)
    if not isinstance(canonical, bool):
        raise bad("requireCanonical is true or false")
    found: dict[str, Any] = {"blockHash": hash32(value["blockHash"], "blockHash")}
    return found | {"requireCanonical": True} if canonical else found
