"""Attestations against eth-account's EIP-712, and signatures in their one canonical form."""

from __future__ import annotations

from dataclasses import replace

import pytest
from eth_account import Account
from eth_account.messages import encode_typed_data
from eth_hash.auto import keccak
from hypothesis import given
from hypothesis import strategies as st
from protocol_world import DOMAIN, NONCE, ORIGIN, SIGNERS, secret, sign_all

from chain_node.protocol import attestation as at
from chain_node.protocol.errors import AttestationError

KEY = secret("a key")
TYPES = {
    "Attestation": [
        {"name": "feed", "type": "uint16"},
        {"name": "firstSequence", "type": "uint64"},
        {"name": "count", "type": "uint32"},
        {"name": "recordsRoot", "type": "bytes32"},
        {"name": "configDigest", "type": "bytes32"},
    ]
}
hashes = st.binary(min_size=32, max_size=32)
attestations = st.builds(
    at.Attestation, st.integers(0, 2**16 - 1), st.integers(0, 2**64 - 1), st.integers(0, 2**32 - 1), hashes, hashes
)
domains = st.builds(at.Domain, st.integers(0, 2**256 - 1), st.binary(min_size=20, max_size=20), hashes)


@given(domains, attestations)
def test_the_digest_is_eip_712(domain: at.Domain, attested: at.Attestation) -> None:
    message = encode_typed_data(
        domain_data={
            "name": "LuyaLedger",
            "version": "1",
            "chainId": domain.chain_id,
            "verifyingContract": "0x" + domain.ledger.hex(),
            "salt": domain.salt,
        },
        message_types=TYPES,
        message_data={
            "feed": attested.feed,
            "firstSequence": attested.first_sequence,
            "count": attested.count,
            "recordsRoot": attested.records_root,
            "configDigest": attested.config_digest,
        },
    )
    signed = Account.sign_message(message, KEY)
    digest = at.digest(domain, attested)
    assert bytes(signed.message_hash) == digest
    assert at.sign(KEY, digest) == bytes(signed.signature)
    assert at.recover(digest, at.sign(KEY, digest)) == bytes.fromhex(Account.from_key(KEY).address[2:])


def test_salt() -> None:
    assert at.domain_salt(ORIGIN, NONCE) == keccak(ORIGIN.encode() + NONCE)
    with pytest.raises(AttestationError):
        at.domain_salt(ORIGIN, b"short")


def test_config_digest_does_not_depend_on_order() -> None:
    assert at.config_digest({"b": 1, "a": [1.5, "x", None]}) == at.config_digest({"a": [1.5, "x", None], "b": 1})
    with pytest.raises(AttestationError):
        at.config_digest({"a": 2**60})
    with pytest.raises(AttestationError):
        at.config_digest({"a": object()})


def test_only_the_canonical_signature() -> None:
    digest = secret("message")
    signature = at.sign(KEY, digest)
    s = int.from_bytes(signature[32:64], "big")
    assert s <= at.CURVE_ORDER // 2
    mirrored = signature[:32] + (at.CURVE_ORDER - s).to_bytes(32, "big") + bytes([55 - signature[64]])
    for bad, reason in (
        (mirrored, "upper half"),
        (signature[:64], "65 bytes"),
        (signature[:64] + b"\0", "27 or 28"),
        (bytes(64) + b"\x1b", "no key"),
        (b"\xff" * 32 + signature[32:], "no key"),
    ):
        with pytest.raises(AttestationError, match=reason):
            at.recover(digest, bad)
    with pytest.raises(AttestationError):
        at.sign(KEY, b"short")
    with pytest.raises(AttestationError):
        at.sign(bytes(32), digest)


def test_quorum() -> None:
    attested = at.Attestation(1, 0, 1, bytes(32), bytes(32))
    digest = at.digest(DOMAIN, attested)
    one, two, three = sign_all(attested, 3)
    assert at.check_quorum(digest, [one, three], SIGNERS, 2) == [SIGNERS[0], SIGNERS[2]]
    assert at.check_quorum(digest, [one, two, three], SIGNERS, 2) == list(SIGNERS)
    stranger = at.sign(KEY, digest)
    for signatures, reason in (
        ([one], "1 signatures"),
        ([two, one], "ascending"),
        ([one, one], "ascending"),
        ([one, stranger], "none of the feed"),
    ):
        with pytest.raises(AttestationError, match=reason):
            at.check_quorum(digest, signatures, SIGNERS, 2)


def test_fields_out_of_range() -> None:
    good = at.Attestation(1, 0, 1, bytes(32), bytes(32))
    for bad in (
        replace(good, feed=1 << 16),
        replace(good, first_sequence=-1),
        replace(good, count=1 << 32),
        replace(good, records_root=b""),
    ):
        with pytest.raises(AttestationError):
            at.digest(DOMAIN, bad)
    with pytest.raises(AttestationError):
        at.digest(replace(DOMAIN, ledger=b""), good)
