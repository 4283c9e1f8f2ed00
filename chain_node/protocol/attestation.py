"""What oracles sign: the EIP-712 attestation of a batch, and secp256k1 signatures in their one canonical form."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import rfc8785
from coincurve import PrivateKey, PublicKey
from eth_hash.auto import keccak

from chain_node.protocol.errors import AttestationError

DOMAIN_NAME: Final = "LuyaLedger"
DOMAIN_VERSION: Final = "1"
DOMAIN_TYPE: Final = "EIP712Domain(string name,string version,uint256 chainId,address verifyingContract,bytes32 salt)"
ATTESTATION_TYPE: Final = (
    "Attestation(uint16 feed,uint64 firstSequence,uint32 count,bytes32 recordsRoot,bytes32 configDigest)"
)
SIGNATURE_BYTES: Final = 65
CURVE_ORDER: Final = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141

_DOMAIN_TYPEHASH = keccak(DOMAIN_TYPE.encode())
_ATTESTATION_TYPEHASH = keccak(ATTESTATION_TYPE.encode())
_NAME_HASH = keccak(DOMAIN_NAME.encode())
_VERSION_HASH = keccak(DOMAIN_VERSION.encode())


@dataclass(frozen=True, slots=True)
class Domain:
    """The ledger that an attestation is for. ledger: its address (20 bytes); salt: see `domain_salt`."""

    chain_id: int
    ledger: bytes
    salt: bytes

    def separator(self) -> bytes:
        """EIP-712's domain separator. Raises AttestationError: a field outside its type."""
        if len(self.ledger) != 20 or len(self.salt) != 32:
            raise AttestationError("a domain's ledger has 20 bytes, its salt 32")
        fields = [_word(self.chain_id, 256), self.ledger.rjust(32, b"\0"), self.salt]
        return keccak(b"".join([_DOMAIN_TYPEHASH, _NAME_HASH, _VERSION_HASH, *fields]))


@dataclass(frozen=True, slots=True)
class Attestation:
    """A feed's quorum says: these `count` records, from this sequence on, were verified under these settings."""

    feed: int
    first_sequence: int
    count: int
    records_root: bytes
    config_digest: bytes

    def struct_hash(self) -> bytes:
        """EIP-712's hashStruct. Raises AttestationError: a field outside its type."""
        if len(self.records_root) != 32 or len(self.config_digest) != 32:
            raise AttestationError("an attestation's root and digest have 32 bytes")
        numbers = [_word(self.feed, 16), _word(self.first_sequence, 64), _word(self.count, 32)]
        return keccak(b"".join([_ATTESTATION_TYPEHASH, *numbers, self.records_root, self.config_digest]))


def _word(value: int, bits: int) -> bytes:
    if not 0 <= value < 1 << bits:
        raise AttestationError(f"{value} is not a uint{bits}")
    return value.to_bytes(32, "big")


def domain_salt(origin: str, nonce: bytes) -> bytes:
    """keccak-256(origin as UTF-8 ‖ genesis nonce). Raises AttestationError: the nonce has not 32 bytes."""
    if len(nonce) != 32:
        raise AttestationError(f"a genesis nonce has 32 bytes, not {len(nonce)}")
    return keccak(origin.encode() + nonce)


def config_digest(settings: Mapping[str, Any]) -> bytes:
    """SHA-256 of a feed's settings as RFC 8785 JSON. Raises AttestationError: they can't be written so."""
    try:
        return hashlib.sha256(rfc8785.dumps(dict(settings))).digest()
    except (rfc8785.CanonicalizationError, UnicodeError) as error:
        raise AttestationError(f"settings can't be written as RFC 8785 JSON: {error}") from None


def digest(domain: Domain, attestation: Attestation) -> bytes:
    """The EIP-712 digest that is signed."""
    return keccak(b"\x19\x01" + domain.separator() + attestation.struct_hash())


def address_of(private_key: bytes) -> bytes:
    """The address of a private key, both as bytes."""
    return _address(PrivateKey(private_key).public_key)


def sign(private_key: bytes, digest: bytes) -> bytes:
    """r ‖ s ‖ v, with v 27 or 28; deterministic (RFC 6979) and low-s, as libsecp256k1 writes it.

    Raises AttestationError: the digest or the key is not 32 bytes of the right range.
    """
    if len(digest) != 32:
        raise AttestationError(f"a digest has 32 bytes, not {len(digest)}")
    try:
        signature = PrivateKey(private_key).sign_recoverable(digest, hasher=None)
    except (ValueError, TypeError) as error:
        raise AttestationError(f"the key can't sign: {error}") from None
    return signature[:64] + bytes([signature[64] + 27])


def recover(digest: bytes, signature: bytes) -> bytes:
    """The address (20 bytes) that signed the digest.

    Raises AttestationError: not 65 bytes, v not 27 or 28, s in the upper half, or no key recovers.
    """
    if len(signature) != SIGNATURE_BYTES:
        raise AttestationError(f"a signature has {SIGNATURE_BYTES} bytes, not {len(signature)}")
    v = signature[64]
    if v not in (27, 28):
        raise AttestationError(f"a signature's v is 27 or 28, not {v}")
    if int.from_bytes(signature[32:64], "big") > CURVE_ORDER // 2:
        raise AttestationError("a signature's s lies in the upper half of the curve's order")
    try:
        key = PublicKey.from_signature_and_message(signature[:64] + bytes([v - 27]), digest, hasher=None)
    except Exception as error:  # coincurve raises bare Exception where the signature can't be parsed
        raise AttestationError(f"no key recovers from the signature: {error}") from None
    return _address(key)


def _address(key: PublicKey) -> bytes:
    return keccak(key.format(compressed=False)[1:])[12:]


def check_quorum(digest: bytes, signatures: Sequence[bytes], signers: Sequence[bytes], threshold: int) -> list[bytes]:
    """The signers' addresses, where at least `threshold` of `signers` signed, in strictly ascending order.

    Raises AttestationError: a signature is bad, a stranger's, out of order, or there are too few.
    """
    found: list[bytes] = []
    for position, signature in enumerate(signatures):
        address = recover(digest, signature)
        if address not in signers:
            raise AttestationError(f"signature {position} is of 0x{address.hex()}, which is none of the feed's signers")
        if found and found[-1] >= address:
            raise AttestationError(f"signature {position} of 0x{address.hex()} is not in ascending order")
        found.append(address)
    if len(found) < threshold:
        raise AttestationError(f"{len(found)} signatures, the feed's threshold is {threshold}")
    return found
