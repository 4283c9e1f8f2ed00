"""Queries on the law's history (methods, feeds): shared by the features that show it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import bindparam, func, select

from api.store.database import Reader
from api.store.models import EntryRow, LawRow

_E: Any = EntryRow.__table__
_L: Any = LawRow.__table__


@dataclass(frozen=True, slots=True)
class LawChange:
    """One entry of the law's history."""

    id: int
    index: int
    body: bytes


_newest = select(_L.c.id, func.max(_L.c.idx).label("idx")).where(_L.c.kind == bindparam("kind")).group_by(_L.c.id)
_NEWEST = _newest.subquery()
_LATEST = select(_NEWEST.c.id, _E.c.idx, _E.c.body).join(_E, _E.c.idx == _NEWEST.c.idx).order_by(_NEWEST.c.id)
_HISTORY = (
    select(_L.c.id, _E.c.idx, _E.c.body)
    .join(_E, _E.c.idx == _L.c.idx)
    .where(_L.c.kind == bindparam("kind"), _L.c.id == bindparam("id"))
    .order_by(_L.c.idx)
)


async def latest(connection: Reader, kind: int) -> Sequence[LawChange]:
    """The newest entry of every id of this kind, by id."""
    rows = await connection.execute(_LATEST, {"kind": kind})
    return [LawChange(*row) for row in rows]


async def history(connection: Reader, kind: int, identity: int) -> Sequence[LawChange]:
    """All entries that set this id, oldest first; empty where there is none."""
    rows = await connection.execute(_HISTORY, {"kind": kind, "id": identity})
    return [LawChange(*row) for row in rows]
