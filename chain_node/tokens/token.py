"""One token: its text, what is kept of it, and whether a secret is its own."""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from dataclasses import dataclass
from typing import Final

_ID_CHARS: Final = 8
_SECRET_CHARS: Final = 43
_NOBODY: Final = bytes(32)


@dataclass(frozen=True, slots=True)
class Token:
    """What a store keeps of a token. Times are unix seconds.

    Attributes:
        id: eight letters and digits; no secret.
        digest: SHA-256 of the secret; None where the entry has none (its caller comes another way).
        label: its purpose.
        expires: None for never.
        revoked: when; None while it holds.
    """

    id: str
    digest: bytes | None
    label: str
    created: int
    expires: int | None = None
    revoked: int | None = None

    def lives(self, now: float) -> bool:
        """Neither revoked nor expired."""
        return self.revoked is None and (self.expires is None or self.expires > now)


def mint(label: str, now: int, lifetime: int | None, *, secret: bool = True) -> tuple[Token, str]:
    """A new token and its secret, which is kept nowhere; "" for an entry without one."""
    identifier = base64.b32encode(secrets.token_bytes(5)).decode().lower()
    text = secrets.token_urlsafe(32) if secret else ""
    expires = None if lifetime is None else now + lifetime
    return Token(identifier, secret_hash(text) if secret else None, label, now, expires), text


def split(prefix: str, text: str) -> tuple[str, str] | None:
    """(id, secret) of a token's text; None where it has another form."""
    parts = text.split("_", 2)
    if len(parts) != 3 or parts[0] != prefix or len(parts[1]) != _ID_CHARS or len(parts[2]) != _SECRET_CHARS:
        return None
    return parts[1], parts[2]


def admits(token: Token | None, secret: str, now: float) -> bool:
    """The secret is this token's, and the token lives. Takes the same time for every wrong secret, also of no token."""
    kept = _NOBODY if token is None or token.digest is None else token.digest
    same = hmac.compare_digest(kept, secret_hash(secret))
    return same and token is not None and token.lives(now)


def secret_hash(secret: str) -> bytes:
    """What is kept of a secret."""
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).digest()
