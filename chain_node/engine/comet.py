"""What CometBFT's own RPC of a luyad node tells beyond JSON-RPC: every word of a contract's storage.

It listens on the machine's loopback only. The answers have no proofs: whoever asks trusts this node, as with JSON-RPC.
"""

from __future__ import annotations

import base64
import http.client
import itertools
import json
import tomllib
import urllib.parse
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

_STORAGE: Final = b"\x02"
"""Prefix of the EVM store's keys: then come a contract's address and the word's position (cosmos/evm, x/vm/types)."""
_PAGE: Final = 4_096
"""Words of a page, about: the node holds its lock, and makes no block, while it puts one together."""
_TIMEOUT: Final = 10.0


def address(folder: Path) -> str | None:
    """Where the node of an engine's folder serves it; None where there is no such node.

    Args:
        folder: holds `node/`.
    """
    try:
        settings = tomllib.loads((folder / "node" / "config" / "config.toml").read_text("utf-8"))
        return "http://" + str(settings["rpc"]["laddr"]).removeprefix("tcp://")
    except (OSError, ValueError, KeyError, TypeError):
        return None


def storage(url: str, chain_id: int, contract: bytes, about: int) -> dict[bytes, int] | None:
    """Every word of a contract's storage that is not zero: position (32 bytes) → value; None where it cannot be had.

    Args:
        url: CometBFT's RPC.
        chain_id: EIP-155 chain id that the node must be of.
        contract: its address.
        about: how many words are expected: so large are the pages, cut by the positions' first bytes.
    """
    width = next(width for width in itertools.count() if about <= _PAGE * 256**width)
    found: dict[bytes, int] = {}
    try:
        if _asked(url, "status")["node_info"]["network"] != f"luya-{chain_id}":
            return None
        for page in itertools.product(range(256), repeat=width):
            prefix = _STORAGE + contract + bytes(page)
            for key, value in _pairs(_subspace(url, prefix)):
                if len(key) != len(_STORAGE) + 52 or not key.startswith(prefix):
                    return None
                found[key[-32:]] = int.from_bytes(value, "big")
    except (OSError, http.client.HTTPException, ValueError, KeyError, TypeError, IndexError):
        return None
    return {position: value for position, value in found.items() if value}


def _subspace(url: str, prefix: bytes) -> bytes:
    answer = _asked(url, "abci_query", path='"/store/evm/subspace"', data=f"0x{prefix.hex()}")["response"]
    if answer.get("code"):
        raise ValueError(answer.get("log"))
    return base64.b64decode(answer.get("value") or "")


def _asked(url: str, method: str, **parameters: str) -> Any:
    asked = f"{url}/{method}?{urllib.parse.urlencode(parameters)}"
    if not asked.startswith(("http://", "https://")):
        raise ValueError(f"{url} is not http://host:port")
    with urllib.request.urlopen(asked, timeout=_TIMEOUT) as answer:  # noqa: S310  # http(s) only
        return json.load(answer)["result"]


def _pairs(message: bytes) -> Iterator[tuple[bytes, bytes]]:
    """The keys and values of a protobuf message `Pairs` (cosmos-sdk, types/kv: pairs = 1; key = 1, value = 2)."""
    for pair in (content for number, content in _fields(message) if number == 1):
        members = dict(_fields(pair))
        yield members[1], members.get(2, b"")


def _fields(message: bytes) -> Iterator[tuple[int, bytes]]:
    """(number, content) of a message whose members are all of length-delimited types."""
    at = 0
    while at < len(message):
        tag, at = _varint(message, at)
        size, at = _varint(message, at)
        if tag & 7 != 2 or at + size > len(message):
            raise ValueError("not what a store's answer is made of")
        yield tag >> 3, message[at : at + size]
        at += size


def _varint(message: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = message[at]
        value |= (byte & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if byte < 0x80:
            return value, at
