"""Records, evidence and the records tree."""

from __future__ import annotations

import hashlib
import json

import pytest
import rfc8785
from eth_hash.auto import keccak
from hypothesis import given
from hypothesis import strategies as st
from protocol_world import secret

from chain_node.protocol import records
from chain_node.protocol.errors import CodecError, ProofError
from chain_node.protocol.records import Record

addresses = st.binary(min_size=20, max_size=20)
hashes = st.binary(min_size=32, max_size=32)
u8, u16, u32 = (st.integers(0, 2**bits - 1) for bits in (8, 16, 32))
any_record = st.builds(Record, addresses, u16, u16, u8, u8, u16, u32, hashes)
texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)


@given(any_record)
def test_records_survive_their_bytes(record: Record) -> None:
    data = record.encode()
    assert len(data) == 64
    assert Record.decode(data) == record


def test_the_layout_of_a_record() -> None:
    record = Record(bytes(range(20)), 101, 20_600, 10, 2, 0, 1_234, bytes(range(32, 64)))
    assert record.encode().hex() == (
        "000102030405060708090a0b0c0d0e0f10111213" + "0065" + "5078" + "0a" + "02" + "0000" + "000004d2"
        "202122232425262728292a2b2c2d2e2f303132333435363738393a3b3c3d3e3f"
    )


def test_fields_out_of_range() -> None:
    good = (bytes(20), 1, 1, 1, 1, 0, 1, bytes(32))
    for at, bad in ((0, bytes(19)), (1, 1 << 16), (2, -1), (3, 256), (6, 1 << 32), (7, bytes(31))):
        with pytest.raises(CodecError):
            Record(*good[:at], bad, *good[at + 1 :]).encode()  # type: ignore[arg-type]
    with pytest.raises(CodecError):
        Record.decode(bytes(63))


@given(st.dictionaries(texts, texts), hashes)
def test_evidence_opens_with_salt_and_json(raw: dict[str, str], salt: bytes) -> None:
    data = records.canonical(raw)
    assert data == rfc8785.dumps(raw)
    assert json.loads(data) == raw
    assert records.evidence(salt, raw) == records.evidence(salt, data) == hashlib.sha256(salt + data).digest()


def test_canonical_json_is_rfc_8785() -> None:
    # Keys by UTF-16 code units: a surrogate pair stands before U+FB33.
    raw = {"\ufb33": "\u0001", "€": "\r", "1": "é", "\U0001f600": "x"}
    assert records.canonical(raw) == '{"1":"é","€":"\\r","\U0001f600":"x","\ufb33":"\\u0001"}'.encode()
    for bad in ({"a": 1}, {1: "a"}, {"a": None}, {"a": "\ud800"}):
        with pytest.raises(CodecError):
            records.canonical(bad)  # type: ignore[arg-type]
    with pytest.raises(CodecError):
        records.evidence(b"short", {})


def test_text_hash() -> None:
    data = b"\0\0\0\3abc\0\0\0\2\xc3\xa9"
    assert records.text_hash("abc", "é") == hashlib.sha256(data).digest()
    assert records.text_hash("ab", "c") != records.text_hash("a", "bc")


def naive_keccak_root(payloads: list[bytes]) -> bytes:
    if len(payloads) == 1:
        return keccak(b"\0" + payloads[0])
    k = 1
    while k * 2 < len(payloads):
        k *= 2
    return keccak(b"\1" + naive_keccak_root(payloads[:k]) + naive_keccak_root(payloads[k:]))


@given(st.integers(1, 40), st.data())
def test_the_records_tree(count: int, data: st.DataObject) -> None:
    payloads = [secret(str(number)) * (2 + number % 2) for number in range(count)]
    root = records.records_root(payloads)
    assert root == naive_keccak_root(payloads)
    position = data.draw(st.integers(0, count - 1))
    path = records.records_path(payloads, position)
    records.verify_records_path(payloads[position], position, count, path, root)
    for bad in (
        (payloads[position] + b"\0", position, count, path, root),
        (payloads[position], count, count, path, root),
        (payloads[position], position, count, [*path, bytes(32)], root),
        (payloads[position], position, count, path, bytes(32)),
    ):
        with pytest.raises(ProofError):
            records.verify_records_path(*bad)


def test_an_empty_batch_has_no_root() -> None:
    with pytest.raises(CodecError):
        records.records_root([])


def test_payloads_of_a_batch() -> None:
    batch = [Record(bytes(20), method, 1, 0, 1, 0, 1, bytes(32)).encode() for method in (1, 104, 1, 104)]
    once = [b"\1" * 32, b"\2" * 32]
    assert records.payloads(b"".join(batch), b"".join(once), lambda method: method == 104) == [
        batch[0],
        batch[1] + once[0],
        batch[2],
        batch[3] + once[1],
    ]
    for data, words in ((b"".join(batch), once[0]), (b"".join(batch), b"".join(once) + bytes(32)), (batch[0][1:], b"")):
        with pytest.raises(CodecError):
            records.payloads(data, words, lambda method: method == 104)
