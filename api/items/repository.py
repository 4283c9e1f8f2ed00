"""Queries on the catalogue."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import select

from api import subjects
from api.store.database import Reader
from api.store.models import LedgerRow
from api.subjects import SubjectAct, Sums
from chain_node.protocol.kinds.rewards import ITEM

_L: Any = LedgerRow.__table__


@dataclass(frozen=True, slots=True)
class FoundItem:
    """An item's entries, oldest first, and its sums."""

    changes: list[SubjectAct]
    sums: Sums


async def items(connection: Reader, *, after: int, limit: int) -> list[FoundItem]:
    """Items by number, sold or not."""
    ids = await subjects.numbers(connection, ITEM, after=after, limit=limit)
    changes = await subjects.acts(connection, ITEM, ids, ITEM)
    sums = await subjects.sums(connection, ITEM, ids)
    return [FoundItem(changes[number], sums[number]) for number in ids]


async def newest_time(connection: Reader) -> int:
    """The time of the log's newest entry."""
    row = (await connection.execute(select(_L.c.time))).first()
    return 0 if row is None else int(row.time)
