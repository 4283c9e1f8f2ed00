"""Checks a bearer token on a request: one look-up by id, then a comparison in constant time.

What was found is remembered for a few seconds (settings: `token_cache_seconds`), so that the hot path asks the database
once. The memory is bounded; only ids that exist enter it.
"""

from __future__ import annotations

import json
import time
from collections import OrderedDict
from dataclasses import dataclass

from sqlalchemy import bindparam, select

from api.errors import Unauthorised
from api.store.database import Database
from api.store.models import TokenRow
from api.tokens import scopes as scoping
from api.tokens.service import PREFIX
from chain_node.tokens.token import Token, admits, split

_QUERY = select(
    TokenRow.__table__.c.secret_hash,
    TokenRow.__table__.c.scopes,
    TokenRow.__table__.c.label,
    TokenRow.__table__.c.created,
    TokenRow.__table__.c.expires,
    TokenRow.__table__.c.revoked,
).where(TokenRow.__table__.c.id == bindparam("id"))


@dataclass(frozen=True, slots=True)
class Principal:
    """Who asks: the token's id (for the rate limit) and its scopes."""

    token: str
    scopes: scoping.Scopes


@dataclass(frozen=True, slots=True)
class _Known:
    token: Token
    principal: Principal
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
        parts = split(PREFIX, token.strip()) if scheme.lower() == "bearer" else None
        if parts is None:
            raise Unauthorised
        identifier, secret = parts
        known = await self._find(identifier)
        admitted = admits(known.token if known else None, secret, time.time())
        if known is None or not admitted:
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
        token = Token(identifier, row.secret_hash, row.label, row.created, row.expires, row.revoked)
        known = _Known(token, principal, now + self._seconds)
        self._cache[identifier] = known
        self._cache.move_to_end(identifier)
        while len(self._cache) > self._size:
            self._cache.popitem(last=False)
        return known
