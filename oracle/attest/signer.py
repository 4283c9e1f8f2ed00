"""Who signs: one interface, a local encrypted keystore behind it, and the quorum of a feed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Protocol

from chain_node.keys import recursion
from chain_node.protocol import attestation as protocol
from chain_node.protocol.attestation import Attestation, Domain
from chain_node.protocol.entries import Feed
from chain_node.protocol.errors import AttestationError
from oracle.errors import SignerError


class Signer(Protocol):
    """One of a feed's oracles. It is given what it attests, not a bare digest, so that it can look before it signs."""

    @property
    def address(self) -> bytes:
        """Its address on the ledger (20 bytes)."""

    def sign(self, domain: Domain, attestation: Attestation) -> bytes:
        """r ‖ s ‖ v over the attestation's EIP-712 digest. Raises SignerError: it does not sign."""


class LocalSigner:
    """A key from an encrypted keystore (Web3 Secret Storage), held in this process's memory."""

    __slots__ = ("_key", "address")

    def __init__(self, private_key: bytes) -> None:
        self._key = private_key
        self.address = protocol.address_of(private_key)

    @classmethod
    def open(cls, keystore: Mapping[str, Any], passphrase: str) -> LocalSigner:
        """Raises SignerError: the passphrase does not open the keystore."""
        # Half a second to import, and only keystores need it.
        with recursion.held():
            from eth_account import Account

        try:
            return cls(bytes(Account.decrypt(dict(keystore), passphrase)))
        except (ValueError, TypeError, KeyError) as error:
            raise SignerError(f"keystore of {keystore.get('address', 'unknown')} cannot be opened: {error}") from None

    def sign(self, domain: Domain, attestation: Attestation) -> bytes:
        return protocol.sign(self._key, protocol.digest(domain, attestation))

    def __repr__(self) -> str:
        return f"LocalSigner(0x{self.address.hex()})"


class Quorum:
    """The signers at hand, and as many of their signatures as the feed wants.

    Raises SignerError: too few of them are the feed's.
    """

    def __init__(self, signers: Iterable[Signer], feed: Feed) -> None:
        ours = {signer.address: signer for signer in signers if signer.address in feed.signers}
        self._signers = [ours[address] for address in sorted(ours)]
        self.threshold = feed.threshold
        if len(self._signers) < self.threshold:
            raise SignerError(
                f"feed {feed.feed} wants {self.threshold} of its {len(feed.signers)} signers, "
                f"only {len(self._signers)} are here"
            )

    def sign(self, domain: Domain, attestation: Attestation) -> bytes:
        """The signatures of the first `threshold` signers that sign, by ascending address, each checked.

        Raises SignerError: too few signed; the text says who did not, and why.
        """
        digest = protocol.digest(domain, attestation)
        signatures: list[bytes] = []
        reasons: list[str] = []
        for signer in self._signers:
            try:
                signature = signer.sign(domain, attestation)
                if protocol.recover(digest, signature) != signer.address:
                    raise SignerError("signed with another key")
            except (SignerError, AttestationError) as error:
                reasons.append(f"0x{signer.address.hex()}: {error}")
                continue
            signatures.append(signature)
            if len(signatures) == self.threshold:
                return b"".join(signatures)
        raise SignerError(f"{len(signatures)} of {self.threshold} signatures: {'; '.join(reasons)}")
