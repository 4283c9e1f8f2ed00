"""A quorum of a feed's signers: who signs counts, who is broken is named; keys open by their passphrase."""

from __future__ import annotations

import pytest
from insecure_ledger import SIGNERS, feed_entry

from chain_node.protocol.attestation import Attestation, Domain, check_quorum, digest
from oracle.attest.signer import LocalSigner, Quorum
from oracle.errors import SignerError
from oracle.feeds import toml_files


class Broken:
    def __init__(self, signer: LocalSigner, signature: bytes | None) -> None:
        self.address = signer.address
        self.signature = signature

    def sign(self, domain: Domain, attestation: Attestation) -> bytes:
        if self.signature is None:
            raise SignerError("is offline")
        return self.signature


def test_a_quorum_does_with_those_who_sign() -> None:
    domain, said = Domain(31337, b"\x01" * 20, bytes(32)), Attestation(1, 0, 1, b"r" * 32, b"c" * 32)
    by_address = sorted(SIGNERS, key=lambda signer: signer.address)
    feed = feed_entry(toml_files.shipped()["bike-share"])
    stranger = LocalSigner(b"\x09" * 32)
    quorum = Quorum([stranger, by_address[2], Broken(by_address[0], None), by_address[1]], feed)
    signed = quorum.sign(domain, said)
    parts = [signed[:65], signed[65:]]
    assert check_quorum(digest(domain, said), parts, feed.signers, 2) == [s.address for s in by_address[1:]]
    wrong = Quorum(
        [Broken(by_address[0], stranger.sign(domain, said)), Broken(by_address[1], b"x"), by_address[2]], feed
    )
    with pytest.raises(SignerError, match=r"1 of 2 signatures: .*another key.*65 bytes"):
        wrong.sign(domain, said)


def test_a_keystore_opens_with_its_passphrase() -> None:
    from eth_account import Account

    keystore = Account.encrypt(b"\x07" * 32, "right", kdf="scrypt", iterations=2)
    assert LocalSigner.open(keystore, "right").address == LocalSigner(b"\x07" * 32).address
    assert "0707" not in repr(LocalSigner.open(keystore, "right"))
    with pytest.raises(SignerError, match="cannot be opened"):
        LocalSigner.open(keystore, "wrong")
