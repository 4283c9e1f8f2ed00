"""The record an oracle attests (64 bytes), its evidence commitment, and the Merkle root over a batch of records."""

from __future__ import annotations

import hashlib
import json
import struct
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from eth_hash.auto import keccak

from chain_node.protocol import merkle
from chain_node.protocol.errors import CodecError, ProofError
from chain_node.protocol.layout import Layout

RECORD_BYTES: Final = 64
ADDRESS_BYTES: Final = 20
HASH_BYTES: Final = 32

RECORD_FIELDS: Final = "account:20s method:H day:H slot:B slots:B campaign:H activity:I evidence:32s"
RECORD: Final = Layout(RECORD_FIELDS)
_METHOD: Final = RECORD.place["method"]
_ACTIVITY: Final = RECORD.place["activity"]
_encode_json = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


@dataclass(frozen=True, slots=True)
class Record:
    """One action of one resident, as attested.

    account: pseudonymous address (20 bytes); method: id of a methodology version; day: local day number;
    slot, slots: first slot and how many; campaign: 0 or the campaign whose bonus is claimed; activity: amount in the
    method's unit; evidence: SHA-256(salt ‖ raw record as RFC 8785 JSON).
    """

    account: bytes
    method: int
    day: int
    slot: int
    slots: int
    campaign: int
    activity: int
    evidence: bytes

    def encode(self) -> bytes:
        """The record's 64 bytes. Raises CodecError: a field outside its type's range."""
        if len(self.account) != ADDRESS_BYTES or len(self.evidence) != HASH_BYTES:
            raise CodecError(
                f"a record's account has {len(self.account)} bytes (wants 20), its evidence {len(self.evidence)} (32)"
            )
        try:
            return RECORD.codes.pack(
                self.account,
                self.method,
                self.day,
                self.slot,
                self.slots,
                self.campaign,
                self.activity,
                self.evidence,
            )
        except struct.error as error:
            raise CodecError(f"a field of {self!r} is out of range: {error}") from None

    @classmethod
    def decode(cls, data: bytes) -> Record:
        """The record in these 64 bytes. Raises CodecError: not 64 bytes."""
        if len(data) != RECORD_BYTES:
            raise CodecError(f"a record has {RECORD_BYTES} bytes, not {len(data)}")
        return cls(*RECORD.codes.unpack(data))


def method_of(record: bytes) -> int:
    """The method of a record's 64 bytes."""
    return int.from_bytes(record[_METHOD], "big")


def activity_of(record: bytes) -> int:
    """The activity of a record's 64 bytes, in its method's unit."""
    return int.from_bytes(record[_ACTIVITY], "big")


def canonical(raw: Mapping[str, str]) -> bytes:
    """The RFC 8785 JSON of a raw record, whose values are all strings.

    For strings alone, RFC 8785 is compact JSON with the members sorted by UTF-16 code units; the standard library's
    encoder escapes just as it asks, four times as fast as a general one (a test compares them).

    Raises CodecError: a key or value that is not a string, or text that UTF-8 cannot hold.
    """
    for key, value in raw.items():
        if not isinstance(key, str) or not isinstance(value, str):
            raise CodecError(f"raw record: {key!r} must be text with text as its value, not {value!r}")
    try:
        order = None if "".join(raw).isascii() else _utf16
        return _encode_json({key: raw[key] for key in sorted(raw, key=order)}).encode()
    except UnicodeError as error:
        raise CodecError(f"raw record can't be written as RFC 8785 JSON: {error}") from None


def _utf16(text: str) -> bytes:
    return text.encode("utf-16-be")


def evidence(salt: bytes, raw: Mapping[str, str] | bytes) -> bytes:
    """The commitment to a raw record: SHA-256(salt ‖ its RFC 8785 JSON). `raw` may be that JSON already.

    Raises CodecError: the salt is not 32 bytes, or `canonical` raises it.
    """
    if len(salt) != HASH_BYTES:
        raise CodecError(f"an evidence salt has {HASH_BYTES} bytes, not {len(salt)}")
    return hashlib.sha256(salt + (raw if isinstance(raw, bytes) else canonical(raw))).digest()


def text_hash(*fields: str) -> bytes:
    """SHA-256 over `u32 length ‖ UTF-8` of each field: the hash of a published text."""
    encoded = (field.encode() for field in fields)
    return hashlib.sha256(b"".join(len(data).to_bytes(4, "big") + data for data in encoded)).digest()


def keccak_leaf(payload: bytes) -> bytes:
    """Leaf of the records tree: keccak-256(0x00 ‖ record [‖ nullifier])."""
    return keccak(b"\x00" + payload)


def keccak_node(left: bytes, right: bytes) -> bytes:
    """Inner node of the records tree: keccak-256(0x01 ‖ left ‖ right)."""
    return keccak(b"\x01" + left + right)


def records_root(payloads: Sequence[bytes]) -> bytes:
    """The root over a batch: RFC 6962's structure with keccak-256; a payload is `record` or `record ‖ nullifier`.

    Raises CodecError: an empty batch.
    """
    if not payloads:
        raise CodecError("a batch has at least one record")
    return merkle.root_from_leaves([keccak_leaf(payload) for payload in payloads], keccak_node)


def records_path(payloads: Sequence[bytes], position: int) -> list[bytes]:
    """The inclusion path of the record at `position` (from 0) of a batch, leaf's sibling first.

    Raises ProofError: no such position.
    """
    leaves = [keccak_leaf(payload) for payload in payloads]
    return merkle.path_from_leaves(leaves, position, keccak_node)


def verify_records_path(payload: bytes, position: int, count: int, path: Sequence[bytes], root: bytes) -> None:
    """Check that `payload` is the record at `position` of the batch of `count` under `root`.

    Raises ProofError: it is not.
    """
    if not merkle.computes_root(keccak_leaf(payload), position, count, path, keccak_node) == root:
        raise ProofError(f"the record is not at position {position} of {count} under the attested records root")


def payloads(records: bytes, nullifiers: bytes, needs_nullifier: Callable[[int], bool]) -> list[bytes]:
    """The payloads of a batch as it was sent: each record, with its nullifier where its method's flag asks for one.

    records: n × 64 bytes; nullifiers: the 32-byte words in record order; needs_nullifier: by method id.
    Raises CodecError: not whole records, or nullifiers are missing or left over.
    """
    if len(records) % RECORD_BYTES:
        raise CodecError(f"{len(records)} bytes are not whole records of {RECORD_BYTES}")
    result, used = [], 0
    for at in range(0, len(records), RECORD_BYTES):
        record = records[at : at + RECORD_BYTES]
        if needs_nullifier(method_of(record)):
            record += nullifiers[used : used + HASH_BYTES]
            used += HASH_BYTES
        result.append(record)
    if used != len(nullifiers):
        raise CodecError(f"{len(nullifiers)} bytes of nullifiers, the records need {used}")
    return result
