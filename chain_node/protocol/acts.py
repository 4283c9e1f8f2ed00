"""What residents and agents sign: EIP-712 messages under the ledger's domain, one table of types.

An entry keeps the signature and all that the message has, so that anyone recovers who signed it (docs/protocol.md,
section 9). The contracts hash the same types.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from eth_hash.auto import keccak

from chain_node.protocol import attestation
from chain_node.protocol.attestation import Domain
from chain_node.protocol.errors import AttestationError
from chain_node.protocol.records import ADDRESS_BYTES, HASH_BYTES

Values = Mapping[str, int | bytes]
"""A message's fields by name: numbers (bool too), addresses of 20 bytes, hashes of 32."""

SIGNED_ACTS: Final[dict[str, str]] = {
    "Order": (
        "address account,uint32 item,uint16 quantity,uint64 maxPrice,bytes32 codeHash,uint64 nonce,uint64 deadline"
    ),
    "Fulfilment": "uint64 order,bytes32 code",
    "Refund": "uint64 order,uint8 cause",
    "Pledge": "address account,uint32 project,uint32 units,uint64 maxPrice,uint64 nonce,uint64 deadline",
    "Delivery": (
        "uint32 project,uint32 first,uint32 units,uint16 day,uint32 latitude,uint32 longitude,bytes32 evidence,"
        "bytes32 nullifier"
    ),
    "Acceptance": "uint64 delivery,uint8 accepted,bytes32 evidence",
    "Survival": "uint64 delivery,uint8 months,uint32 surviving,uint16 day,bytes32 evidence,bytes32 nullifier",
    "Retirement": (
        "address account,uint8 beneficiaryKind,bytes32 beneficiary,bytes32 reason,bytes32 lines,uint64 nonce,"
        "uint64 deadline"
    ),
    "Controller": "address account,address key,uint8 kind,uint64 effective,uint64 nonce,uint64 deadline",
    "CancelController": "address account,uint64 nonce,uint64 deadline",
    "SessionKey": (
        "address account,address key,uint64 dailyLimit,uint64 expires,uint16 scopes,uint64 nonce,uint64 deadline"
    ),
    "Consent": ("address account,uint16 purpose,uint16 version,bytes32 text,bool given,uint64 nonce,uint64 deadline"),
}
"""Name → fields, as EIP-712 writes them."""

_FIELDS: Final[dict[str, list[tuple[str, str]]]] = {
    act: [(kind, name) for kind, name in (field.split(" ") for field in text.split(","))]
    for act, text in SIGNED_ACTS.items()
}
_TYPEHASHES: Final = {act: keccak(f"{act}({text})".encode()) for act, text in SIGNED_ACTS.items()}
_BYTES: Final = {"address": ADDRESS_BYTES, "bytes32": HASH_BYTES}


def struct_hash(act: str, values: Values) -> bytes:
    """EIP-712's hashStruct of an act.

    Args:
        act: its name in `SIGNED_ACTS`.
        values: all of its fields and no others.

    Raises:
        AttestationError: no such act, a field missing or unknown, or one outside its type.
    """
    fields = _FIELDS.get(act)
    if fields is None:
        raise AttestationError(f"nobody signs a {act!r}: acts are {', '.join(SIGNED_ACTS)}")
    if {name for _, name in fields} != values.keys():
        raise AttestationError(f"a {act} has {SIGNED_ACTS[act]}, not {', '.join(values)}")
    return keccak(_TYPEHASHES[act] + b"".join(_word(act, kind, name, values[name]) for kind, name in fields))


def digest(domain: Domain, act: str, values: Values) -> bytes:
    """What is signed. Raises AttestationError: see `struct_hash`."""
    return keccak(b"\x19\x01" + domain.separator() + struct_hash(act, values))


def sign(private_key: bytes, domain: Domain, act: str, values: Values) -> bytes:
    """r ‖ s ‖ v. Raises AttestationError: see `struct_hash`, or the key can't sign."""
    return attestation.sign(private_key, digest(domain, act, values))


def recover(domain: Domain, act: str, values: Values, signature: bytes) -> bytes:
    """The address that signed. Raises AttestationError: see `struct_hash`, or it is no signature in its one form."""
    return attestation.recover(digest(domain, act, values), signature)


def _word(act: str, kind: str, name: str, value: int | bytes) -> bytes:
    if kind in _BYTES:
        if not isinstance(value, bytes) or len(value) != _BYTES[kind]:
            raise AttestationError(f"{act}.{name} has {_BYTES[kind]} bytes")
        return value.rjust(32, b"\0")
    bits = 1 if kind == "bool" else int(kind.removeprefix("uint"))
    if isinstance(value, bytes) or not 0 <= value < 1 << bits:
        raise AttestationError(f"{act}.{name} is no {kind}: {value!r}")
    return int(value).to_bytes(32, "big")
