"""Accounts and identity nullifiers, derived under the registrar's master secret.

Every input is `u32 length ‖ bytes` per field, so that no two different inputs look alike; every use has its own subkey.
"""

from __future__ import annotations

import hashlib
import hmac
from typing import Final

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from chain_node.protocol.attestation import CURVE_ORDER, address_of

TRIAL_SCHEME: Final = "luya-trial"
"""Scheme of persons enrolled without an identity: unique per organisation and user id, joins nobody."""


class Subkeys:
    """What the master secret is used for, each under a key of its own.

    Args:
        master: 32 bytes.
    """

    def __init__(self, master: bytes) -> None:
        def subkey(purpose: str) -> bytes:
            return HKDF(hashes.SHA256(), 32, None, b"luya/registry/" + purpose.encode()).derive(master)

        self.lookup = subkey("lookup")
        self.account = subkey("account")
        self.identity = subkey("identity")
        self.store = subkey("store")


def fields(*parts: str | bytes) -> bytes:
    """`u32 length ‖ bytes` of each field, texts as UTF-8."""
    raw = [part.encode() if isinstance(part, str) else part for part in parts]
    return b"".join(len(part).to_bytes(4, "big") + part for part in raw)


def mac(key: bytes, *parts: str | bytes) -> bytes:
    """HMAC-SHA256 over the fields."""
    return hmac.new(key, fields(*parts), hashlib.sha256).digest()


def member_key(keys: Subkeys, organisation: int, user: str) -> bytes:
    """Under which a member is found: without the key, user ids cannot be tried out."""
    return mac(keys.lookup, organisation.to_bytes(2, "big"), user)


def nullifier_of(keys: Subkeys, scheme: str, number: str, epoch: int = 0) -> bytes:
    """Identity nullifier: HMAC(key, scheme ‖ identity number [‖ epoch])."""
    return mac(keys.identity, scheme, number, *([str(epoch)] if epoch else []))


def trial_nullifier(keys: Subkeys, organisation: int, user: str) -> bytes:
    """Nullifier of somebody enrolled without an identity."""
    return mac(keys.identity, TRIAL_SCHEME, organisation.to_bytes(2, "big"), user)


def account_key(keys: Subkeys, salt: bytes) -> bytes:
    """The custodial private key of an account. It hangs on a random salt in the store: deleting that erases the link
    between person and account for ever, also for whoever holds the master secret."""
    counter = 0
    while True:
        candidate = mac(keys.account, salt, counter.to_bytes(4, "big"))
        if 0 < int.from_bytes(candidate, "big") < CURVE_ORDER:
            return candidate
        counter += 1


def account_of(keys: Subkeys, salt: bytes) -> bytes:
    """The account's address, 20 bytes."""
    return address_of(account_key(keys, salt))
