"""Queries on accounts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Row, RowMapping, bindparam, select

from api.store.database import Reader
from api.store.models import AccountRow, BalanceRow, EntryRow, LedgerRow
from chain_node.protocol.entries import REDUCTION, REDUCTION_NULLIFIER, REVOCATION
from chain_node.protocol.moves import BY_TYPE

_A: Any = AccountRow.__table__
_B: Any = BalanceRow.__table__
_E: Any = EntryRow.__table__
_L: Any = LedgerRow.__table__
_MOVING = (REDUCTION, REDUCTION_NULLIFIER, REVOCATION, *sorted(BY_TYPE))
_ACCOUNT = select(_A, _L.c.size).join(_L, _L.c.id == 1).where(_A.c.address == bindparam("address"))
_BALANCES = select(_B).where(_B.c.account == bindparam("address")).order_by(_B.c.vintage)


@dataclass(frozen=True, slots=True)
class EntryFilter:
    """Which of an account's entries. None: any. days: local day numbers, inclusive."""

    types: tuple[int, ...] | None = None
    method: int | None = None
    feed: int | None = None
    from_day: int | None = None
    to_day: int | None = None


async def account(connection: Reader, address: bytes) -> RowMapping | None:
    """An account, with the log's size; None where it was never registered."""
    return (await connection.execute(_ACCOUNT, {"address": address})).mappings().first()


async def balances(connection: Reader, address: bytes) -> Sequence[Row[Any]]:
    """Its balances, by vintage."""
    return (await connection.execute(_BALANCES, {"address": address})).all()


async def moving(connection: Reader, address: bytes, limit: int) -> list[tuple[int, bytes]]:
    """Its entries that may move something, in the log's order: index and bytes."""
    query: Any = select(_E.c.idx, _E.c.body).where(_E.c.account == address, _E.c.type.in_(_MOVING))
    rows = (await connection.execute(query.order_by(_E.c.idx).limit(limit))).all()
    return [(row.idx, row.body) for row in rows]


async def entries(
    connection: Reader, address: bytes, wanted: EntryFilter, *, after: int | None, ascending: bool, limit: int
) -> Sequence[Row[Any]]:
    """A page of its entries: from the index `after` on, in log order or against it."""
    query: Any = select(_E.c.idx, _E.c.body, _E.c.account, _E.c.method, _E.c.day, _E.c.revoked_by)
    query = query.where(_E.c.account == address)
    if wanted.types is not None:
        query = query.where(_E.c.type.in_(wanted.types))
    if wanted.method is not None:
        query = query.where(_E.c.method == wanted.method)
    if wanted.feed is not None:
        query = query.where(_E.c.feed == wanted.feed)
    if wanted.from_day is not None:
        query = query.where(_E.c.day >= wanted.from_day)
    if wanted.to_day is not None:
        query = query.where(_E.c.day <= wanted.to_day)
    if after is not None:
        query = query.where(_E.c.idx > after if ascending else _E.c.idx < after)
    query = query.order_by(_E.c.idx.asc() if ascending else _E.c.idx.desc())
    rows: Sequence[Row[Any]] = (await connection.execute(query.limit(limit))).all()
    return rows
