"""The conformance suite's contract: `Probe.sol`, and `Probe.json`, what npm's solc makes of it with these settings."""

from __future__ import annotations

import functools
import json
from importlib import resources
from typing import Any

from chain_node.contracts.abi import Abi
from chain_node.rpc.client import to_bytes


@functools.cache
def compiled() -> dict[str, Any]:
    """Compiler, settings, ABI and creation code."""
    value: dict[str, Any] = json.loads((resources.files(__name__) / "Probe.json").read_text("utf-8"))
    return value


@functools.cache
def abi() -> Abi:
    """Its interface."""
    return Abi(compiled()["abi"])


def creation() -> bytes:
    """Creation code."""
    return to_bytes(compiled()["bytecode"])


def padding(size: int) -> bytes:
    """Creation code of a contract whose code is `size` zero bytes, to find an engine's size limit."""
    return bytes.fromhex(f"62{size:06x}6000f3")
