"""Whether the read model is whole. While it is projected again (`api.projection.projector`), or still waits for that
since it is of an older version, what it says is not what this program reads there: whatever reads it answers 503
(`api.web.access.projected`). Tokens, checkpoint and health go on.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from sqlalchemy import select

from api.store.database import Database
from api.store.models import PROJECTION_VERSION, LedgerRow

REMEMBERED = 1.0
"""Seconds for which an answer of the database counts: the hot path asks it once a second."""
_QUERY = select(LedgerRow.__table__.c.size, LedgerRow.__table__.c.version, LedgerRow.__table__.c.again_to)


class Wholeness:
    """Whether the read model is whole."""

    def __init__(self, database: Database, clock: Callable[[], float] = time.monotonic) -> None:
        self._database = database
        self._clock = clock
        self._looked = float("-inf")
        self._missing: tuple[int, int] | None = None

    async def missing(self, remembered: float = REMEMBERED) -> tuple[int, int] | None:
        """(entries projected again so far, entries there were); None: it is whole."""
        now = self._clock()
        if now - self._looked >= remembered:
            async with self._database.read() as connection:
                row = (await connection.execute(_QUERY)).first()
            if row is not None and row.version < PROJECTION_VERSION:
                self._missing = (0, max(row.size, row.again_to or 0))
            else:
                self._missing = None if row is None or row.again_to is None else (row.size, row.again_to)
            self._looked = now
        return self._missing
