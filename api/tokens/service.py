"""The API's tokens, in the read model's database: what the `luya token` commands call, over the writer's engine."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import ClassVar

from sqlalchemy import Engine, insert, select, update

from api.store.database import reading
from api.store.models import TokenRow
from api.tokens import scopes as scoping
from chain_node.tokens.store import TokenStore
from chain_node.tokens.token import Token

PREFIX = "luya"


@dataclass(frozen=True, slots=True)
class TokenInfo:
    """A token as the operator sees it: never its secret. Times are unix seconds."""

    id: str
    scopes: tuple[str, ...]
    label: str
    created: int
    expires: int | None
    revoked: int | None


class ApiTokens(TokenStore[scoping.Scopes, TokenInfo]):
    """The table `token`. Running servers follow what is revoked within `token_cache_seconds`."""

    prefix: ClassVar[str] = PREFIX
    entry: ClassVar[str] = "token"
    command: ClassVar[str] = "luya token list"

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def create(self, scopes: Iterable[str], *, label: str = "", lifetime: int | None = None) -> tuple[TokenInfo, str]:
        """Make a token; see `issue`.

        Args:
            scopes: `account:<address>`, `feed:<id>`, `auditor`, `operator`.

        Raises TokenError: no such scope, label too long, or a lifetime that is not positive.
        """
        info, text = self.issue(scoping.parse(scopes), label, lifetime)
        assert text is not None
        return info, text

    def entries(self) -> list[TokenInfo]:
        """All tokens, oldest first, revoked and expired ones too."""
        table = TokenRow.__table__.c
        query = select(table.id, table.scopes, table.label, table.created, table.expires, table.revoked)
        with reading(self._engine) as connection:
            rows = connection.execute(query.order_by(table.created, table.id)).all()
        return [TokenInfo(row[0], tuple(json.loads(row[1])), *row[2:]) for row in rows]

    def _insert(self, token: Token, grant: scoping.Scopes) -> None:
        values = {
            "id": token.id,
            "secret_hash": token.digest,
            "scopes": json.dumps(scoping.texts(grant)),
            "label": token.label,
            "created": token.created,
            "expires": token.expires,
            "revoked": None,
        }
        with self._engine.begin() as connection:
            connection.execute(insert(TokenRow).values(values))

    def _mark(self, identifier: str, now: int) -> None:
        statement = update(TokenRow).where(TokenRow.id == identifier, TokenRow.revoked.is_(None))
        with self._engine.begin() as connection:
            connection.execute(statement.values(revoked=now))
