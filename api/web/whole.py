"""Whether the read model is whole. While it is projected again (`api.projection.projector`), or still waits for that
since it is of an older version, what it says is not what this program reads there: whatever reads it does so by
`whole`, and answers 503. Tokens, checkpoint and health go on.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from sqlalchemy import select

from api.errors import ErrorText, Unavailable
from api.store.database import Database, Reader
from api.store.models import PROJECTION_VERSION, LedgerRow

_QUERY = select(LedgerRow.__table__.c.size, LedgerRow.__table__.c.version, LedgerRow.__table__.c.again_to)


@dataclass(frozen=True, slots=True)
class Extent:
    """How far the read model goes: entries in it; `again`: (entries projected again so far, entries there were), None
    where it is whole."""

    size: int
    again: tuple[int, int] | None


async def extent(reader: Reader) -> Extent:
    """At the reader's moment."""
    row = (await reader.execute(_QUERY)).first()
    if row is None:
        return Extent(0, None)
    if row.version < PROJECTION_VERSION:
        return Extent(row.size, (0, max(row.size, row.again_to or 0)))
    return Extent(row.size, None if row.again_to is None else (row.size, row.again_to))


@asynccontextmanager
async def whole(database: Database) -> AsyncIterator[Reader]:
    """A snapshot of a whole read model: it is looked at in the snapshot itself, so nothing is cleared in between.

    Raises Unavailable: it is being projected again.
    """
    async with database.snapshot() as reader:
        again = (await extent(reader)).again
        if again is not None:
            done, of = again
            raise Unavailable(
                ErrorText(
                    f"程序升级后正在由归档重新投影：{of:,} 条中已完成 {done:,} 条",
                    f"after an upgrade the read model is projected again from the archive: {done:,} of {of:,} entries",
                )
            )
        yield reader
