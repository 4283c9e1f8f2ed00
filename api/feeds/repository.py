"""Queries on feeds' totals."""

from __future__ import annotations

from typing import Any

from sqlalchemy import select

from api.store.database import Reader
from api.store.models import FeedTotalRow

_T: Any = FeedTotalRow.__table__
_COUNTS = select(_T.c.feed, _T.c.rule, _T.c.records).order_by(_T.c.feed, _T.c.rule)


async def counts(connection: Reader) -> dict[int, dict[int, int]]:
    """Feed → rule (0: recorded) → records."""
    found: dict[int, dict[int, int]] = {}
    for feed, rule, records in await connection.execute(_COUNTS):
        found.setdefault(feed, {})[rule] = records
    return found
