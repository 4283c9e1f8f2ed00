"""Where engines put revert data: one place knows, and all get bytes."""

from __future__ import annotations

from typing import Any

import pytest

from chain_node.errors import RpcError
from chain_node.rpc.client import _outcome

DATA = bytes.fromhex("ac339000") + bytes(31) + b"\x07"


@pytest.mark.parametrize(
    ("error", "data"),
    [
        ({"data": "0x" + DATA.hex()}, DATA),  # anvil, luyad, Besu
        ({"data": {"message": "reverted", "data": "0x" + DATA.hex()}}, DATA),  # Hardhat's node
        ({"data": {"hash": "0x01", "result": "0x" + DATA.hex()}}, DATA),
        ({"data": "0x"}, b""),  # anvil, where a contract gave no reason
        ({}, None),  # luyad, there
        ({"data": "out of luck"}, None),
        ({"data": "0xabc"}, None),
    ],
)
def test_revert_data(error: dict[str, Any], data: bytes | None) -> None:
    outcome = _outcome("eth_call", {"error": {"code": 3, "message": "execution reverted", **error}})
    assert isinstance(outcome, RpcError)
    assert outcome.data == data
