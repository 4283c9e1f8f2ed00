"""Queries on rows' outcomes, joined with what the ledger made of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Row, and_, bindparam, select

from api.store.database import Reader
from api.store.models import EntryRow, OutcomeRow

LIMIT = 50
_O: Any = OutcomeRow.__table__
_E: Any = EntryRow.__table__
_JOINED: Any = select(
    _O.c.file,
    _O.c.line,
    _O.c.key,
    _O.c.state,
    _O.c.rule,
    _O.c.value,
    _O.c.account,
    _O.c.sequence,
    _E.c.idx,
    _E.c.rule.label("ledger_rule"),
    _E.c.credits_mg,
    _E.c.millipoints,
    _E.c.bonus_millipoints,
    _E.c.revoked_by,
    _E.c.account.label("entry_account"),
).outerjoin(_E, and_(_E.c.feed == _O.c.feed, _E.c.sequence == _O.c.sequence))
_BY_KEY = _JOINED.where(_O.c.feed == bindparam("feed"), _O.c.key == bindparam("key"))
_BY_PLACE = _JOINED.where(
    _O.c.feed == bindparam("feed"), _O.c.file == bindparam("file"), _O.c.line == bindparam("line")
)


async def by_key(connection: Reader, feed: int, key: str) -> Sequence[Row[Any]]:
    """Rows with this idempotency key (or partner's record id)."""
    query = _BY_KEY.order_by(_O.c.id.desc()).limit(LIMIT)
    rows: Sequence[Row[Any]] = (await connection.execute(query, {"feed": feed, "key": key})).all()
    return rows


async def by_place(connection: Reader, feed: int, file: str, line: int) -> Sequence[Row[Any]]:
    """Rows at this line of a file of this name."""
    query = _BY_PLACE.order_by(_O.c.id.desc()).limit(LIMIT)
    rows: Sequence[Row[Any]] = (await connection.execute(query, {"feed": feed, "file": file, "line": line})).all()
    return rows
