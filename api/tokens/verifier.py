"""Checks a bearer token on a request: one look-up by id, then a comparison in constant time.

What was found is remembered for a few seconds (settings: `token_cache_seconds`), so that the hot path asks the database
once. The memory is bounded; only ids that exist enter it.
"""

from __future__ import annotations

import hmac
import json
import time
from collections import OrderedDict
from dataclasses import dataclass

from sqlalchemy import bindparam, select

from api.errors import Unauthorised
from api.store.database import Database
from api.store.models import TokenRow
from api.tokens import scopes as scoping
from api.tokens.service import secret_hash, split

_QUERY = select(
    TokenRow.__table__.c.secret_hash,
    TokenRow.__table__.c.scopes,
    TokenRow.__table__.c.expires,
    TokenRow.__table__.c.revoked,
).where(TokenRow.__table__.c.id == bindparam("id"))
_NOBODY = bytes(32)


@dataclass(frozen=True, slots=True)
class Principal:
    """Who asks: the token's id (for the rate limit) and its scopes."""

    token: str
    scopes: scoping.Scopes


@dataclass(frozen=True, slots=True)
class _Known:
    digest: bytes
    principal: Principal
    expires: int | None
    until: float


class Verifier:
    """Turns `Authorization` headers into principals."""

    def __init__(self, database: Database, cache_seconds: int, size: int = 10_000) -> None:
        self._database = database
        self._seconds = cache_seconds
        self._size = size
        self._cache: OrderedDict[str, _Known] = OrderedDict()

    async def principal(self, authorization: str | None) -> Principal:
        """Whose token this is. Raises Unauthorised: nobody's."""
        scheme, _, token = (authorization or "").partition(" ")
        parts = split(token.strip()) if scheme.lower() == "bearer" else None
        if parts is None:
            raise Unauthorised
        identifier, secret = parts
        known = await self._find(identifier)
        same = hmac.compare_digest(known.digest if known else _NOBODY, secret_hash(secret))
        if known is None or not same or (known.expires is not None and known.expires <= time.time()):
            raise Unauthorised
        return known.principal

    async def _find(self, identifier: str) -> _Known | None:
        now = time.monotonic()
        known = self._cache.get(identifier)
        if known is not None and known.until > now:
            return known
        async with self._database.read() as connection:
            row = (await connection.execute(_QUERY, {"id": identifier})).first()
        if row is None or row.revoked is not None:
            self._cache.pop(identifier, None)
            return None
        principal = Principal(identifier, scoping.parse(json.loads(row.scopes)))
        known = _Known(row.secret_hash, principal, row.expires, now + self._seconds)
        self._cache[identifier] = known
        self._cache.move_to_end(identifier)
        while len(self._cache) > self._size:
            self._cache.popitem(last=False)
        return known
