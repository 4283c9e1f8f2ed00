"""Raw transactions are decoded as eth-account wrote them, and nothing else is taken."""

from __future__ import annotations

from typing import Any

import pytest
import rlp
from eth_account import Account
from hypothesis import given, settings
from hypothesis import strategies as st

from chain_node.errors import CallRefused
from chain_node.gateway.transactions import _item, decode

KEY = b"\x07" * 32
SENDER = bytes.fromhex(Account.from_key(KEY).address[2:])
TO = "0x" + "12" * 20


def signed(**fields: Any) -> tuple[bytes, str]:
    made = Account.from_key(KEY).sign_transaction(
        {"nonce": 3, "gas": 90_000, "value": 0, "data": b"\x01\x02\x03\x04five", "chainId": 77, **fields}
    )
    return bytes(made.raw_transaction), made.hash.to_0x_hex()


TYPES: list[dict[str, Any]] = [
    {"gasPrice": 0},
    {"gasPrice": 10**9, "accessList": [{"address": TO, "storageKeys": ["0x" + "01" * 32]}], "type": 1},
    {"maxFeePerGas": 5, "maxPriorityFeePerGas": 1, "type": 2},
    {"maxFeePerGas": 5, "maxPriorityFeePerGas": 1, "type": 2, "accessList": []},
]


@pytest.mark.parametrize("fees", TYPES)
@pytest.mark.parametrize("to", [TO, None])
def test_what_a_library_signs_is_read(fees: dict[str, Any], to: str | None) -> None:
    raw, digest = signed(**fees, **({} if to is None else {"to": to}))
    found = decode(raw)
    assert found.sender == SENDER
    assert found.to == (None if to is None else bytes.fromhex(to[2:]))
    assert (found.chain_id, found.nonce, found.gas, found.value, found.hash) == (77, 3, 90_000, 0, digest)
    assert found.selector == b"\x01\x02\x03\x04"


def test_without_a_chain_it_is_refused() -> None:
    account = Account.from_key(KEY)
    made = account.sign_transaction({"nonce": 0, "gas": 21_000, "gasPrice": 0, "to": TO, "value": 0, "data": b""})
    with pytest.raises(CallRefused, match="EIP-155"):
        decode(bytes(made.raw_transaction))


def test_other_types_are_refused() -> None:
    for kind in (0, 3, 4, 5, 0x7F, 0x80, 0xBF):
        with pytest.raises(CallRefused):
            decode(bytes([kind]) + signed(gasPrice=0, to=TO)[0])


@pytest.mark.parametrize("fees", TYPES)
def test_every_changed_byte_is_noticed(fees: dict[str, Any]) -> None:
    """A changed byte is refused, or makes another transaction by another sender: never this sender's."""
    raw, _ = signed(**fees, to=TO)
    for at in range(len(raw)):
        for change in (0x01, 0x80):
            other = raw[:at] + bytes([raw[at] ^ change]) + raw[at + 1 :]
            try:
                found = decode(other)
            except CallRefused:
                continue
            assert found.sender != SENDER, at
    for other in (raw + b"\0", raw[:-1], b""):
        with pytest.raises(CallRefused):
            decode(other)


def test_a_high_s_is_refused() -> None:
    raw, _ = signed(gasPrice=0, to=TO)
    fields = rlp.decode(raw)
    order = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
    high = (order - int.from_bytes(fields[8], "big")).to_bytes(32, "big")
    v = int.from_bytes(fields[6], "big")
    flipped = (v + 1 if v % 2 else v - 1).to_bytes(1, "big")
    with pytest.raises(CallRefused, match="upper half"):
        decode(rlp.encode([*fields[:6], flipped, fields[7], high]))


def test_long_forms_are_refused() -> None:
    raw, _ = signed(gasPrice=0, to=TO)
    fields = rlp.decode(raw)
    for at, value in ((0, b"\0\3"), (1, b"\0"), (2, b"\0" * 33)):
        changed = [*fields[:at], value, *fields[at + 1 :]]
        with pytest.raises(CallRefused):
            decode(rlp.encode(changed))
    body = b"".join(rlp.encode(field) for field in fields)
    assert len(body) > 55
    for header in (
        bytes([0xF9]) + len(body).to_bytes(2, "big"),  # a length with a leading zero
        bytes([0xFF]) + b"\xff" * 8,
        bytes([0xC0 + 55]),
    ):
        with pytest.raises(CallRefused):
            decode(header + body)
    nested: list[Any] = []
    for _ in range(50):
        nested = [nested]
    with pytest.raises(CallRefused):
        decode(rlp.encode(nested))


@given(st.recursive(st.binary(max_size=80), lambda inner: st.lists(inner, max_size=8), max_leaves=20))
def test_what_is_read_is_what_the_library_reads(item: Any) -> None:
    raw = rlp.encode(item)
    for one in (raw, raw[:-1], raw + b"\0", bytes([raw[0] ^ 0x40]) + raw[1:], raw[:1] + b"\0" + raw[1:]):
        expected = library(one)
        if depth(expected) <= 4:  # more is refused here
            assert read(one) == expected


def read(raw: bytes) -> Any:
    """The item in these bytes; None where they are refused."""
    try:
        item, end = _item(raw, 0, len(raw), 0)
    except CallRefused:
        return None
    return item if end == len(raw) else None


def library(raw: bytes) -> Any:
    try:
        return plain(rlp.decode(raw))
    except rlp.DecodingError:
        return None


def plain(item: Any) -> Any:
    return item if isinstance(item, bytes) else [plain(part) for part in item]


def depth(item: Any) -> int:
    return 1 + max((depth(part) for part in item), default=0) if isinstance(item, list) else 0


@settings(max_examples=400)
@given(st.binary(max_size=400))
def test_any_bytes_are_decoded_or_refused(raw: bytes) -> None:
    with pytest.raises(CallRefused):
        decode(raw)
