"""Make, list and revoke tokens: what the `luya token` commands call (synchronous, over the writer's engine)."""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
import time
from collections.abc import Iterable
from dataclasses import dataclass

from sqlalchemy import Engine, insert, select, update

from api.errors import TokenError
from api.store.database import reading
from api.store.models import TokenRow
from api.tokens import scopes as scoping

PREFIX = "luya"
_ID_BYTES = 5
_SECRET_BYTES = 32
_ID_CHARS = 8
_SECRET_CHARS = 43


@dataclass(frozen=True, slots=True)
class TokenInfo:
    """A token as the operator sees it: never its secret. Times are unix seconds."""

    id: str
    scopes: tuple[str, ...]
    label: str
    created: int
    expires: int | None
    revoked: int | None


def create(
    engine: Engine, scopes: Iterable[str], *, label: str = "", lifetime: int | None = None
) -> tuple[TokenInfo, str]:
    """Make a token. Returns its description and the token itself, which is shown this once and kept nowhere.

    Args:
        scopes: `account:<address>`, `feed:<id>`, `auditor`, `operator`.
        label: for the operator's list; name a purpose, not a person.
        lifetime: seconds until it expires; None: until it is revoked.

    Raises TokenError: no such scope, label too long, or a lifetime that is not positive.
    """
    granted = scoping.texts(scoping.parse(scopes))
    if len(label) > 200:
        raise TokenError(f"the label has {len(label)} characters: give 200 or fewer")
    if lifetime is not None and lifetime <= 0:
        raise TokenError(f"a lifetime of {lifetime} s would have ended already: give more than 0")
    now = int(time.time())
    identifier = base64.b32encode(secrets.token_bytes(_ID_BYTES)).decode().lower()
    secret = secrets.token_urlsafe(_SECRET_BYTES)
    info = TokenInfo(identifier, tuple(granted), label, now, None if lifetime is None else now + lifetime, None)
    with engine.begin() as connection:
        connection.execute(
            insert(TokenRow).values(
                id=identifier,
                secret_hash=secret_hash(secret),
                scopes=json.dumps(granted),
                label=label,
                created=now,
                expires=info.expires,
                revoked=None,
            )
        )
    return info, f"{PREFIX}_{identifier}_{secret}"


def list_tokens(engine: Engine) -> list[TokenInfo]:
    """All tokens, oldest first, revoked and expired ones too."""
    table = TokenRow.__table__.c
    query = select(table.id, table.scopes, table.label, table.created, table.expires, table.revoked)
    with reading(engine) as connection:
        rows = connection.execute(query.order_by(table.created, table.id)).all()
    return [TokenInfo(row[0], tuple(json.loads(row[1])), *row[2:]) for row in rows]


def revoke(engine: Engine, identifier: str) -> TokenInfo:
    """Revoke a token by its id (or the whole token); revoking it again changes nothing.

    Running servers follow within `token_cache_seconds`. Raises TokenError: there is none.
    """
    wanted = identifier.strip()
    if wanted.startswith(f"{PREFIX}_"):
        wanted = wanted.split("_")[1]
    with engine.begin() as connection:
        statement = update(TokenRow).where(TokenRow.id == wanted, TokenRow.revoked.is_(None))
        connection.execute(statement.values(revoked=int(time.time())))
    for info in list_tokens(engine):
        if info.id == wanted:
            return info
    raise TokenError(f"there is no token {wanted!r}: `luya token list` shows them")


def secret_hash(secret: str) -> bytes:
    """What is kept of a secret."""
    return hashlib.sha256(secret.encode()).digest()


def split(token: str) -> tuple[str, str] | None:
    """(id, secret) of a token's text; None where it has another form."""
    parts = token.split("_", 2)
    if len(parts) != 3 or parts[0] != PREFIX or len(parts[1]) != _ID_CHARS or len(parts[2]) != _SECRET_CHARS:
        return None
    return parts[1], parts[2]
