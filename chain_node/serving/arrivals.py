"""A server does not wait for ever: a request's head is whole in time, small, and one of a bounded number under way.

Plain asyncio, for the door's HTTP server and the API's alike.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final

HEAD_SECONDS: Final = 10.0
BODY_SECONDS: Final = 30.0
HEAD_BYTES: Final = 32 * 1024
HEADS: Final = 1_024
"""Under way at once: with their bytes, what half-sent heads may cost. No fewer than a backlog lets in at once."""


class Arrivals:
    """The connections of one server whose requests are arriving.

    Args:
        head_seconds: for a request's head, from the connection's first moment, or a later head's first byte.
        body_seconds: for the rest of a request.
        heads: under way at once; of more, the one that waits longest is cut off: an honest head comes in one piece.
        head_bytes: of a head that is not whole.
    """

    def __init__(
        self,
        head_seconds: float = HEAD_SECONDS,
        body_seconds: float = BODY_SECONDS,
        heads: int = HEADS,
        head_bytes: int = HEAD_BYTES,
    ) -> None:
        self.head_seconds = head_seconds
        self.body_seconds = body_seconds
        self.head_bytes = head_bytes
        self._most = heads
        self._heads: dict[Arrival, None] = {}

    def begin(self, arrival: Arrival) -> None:
        """A head is under way."""
        self._heads[arrival] = None
        if len(self._heads) > self._most:
            next(iter(self._heads)).cut()

    def end(self, arrival: Arrival) -> None:
        """It is so no longer."""
        self._heads.pop(arrival, None)


class Arrival:
    """What one connection is sending.

    Args:
        all_arrivals: of its server.
        close: cuts the connection off.
    """

    __slots__ = ("_all", "_close", "_size", "_timer", "under_way")

    def __init__(self, all_arrivals: Arrivals, close: Callable[[], None]) -> None:
        self._all = all_arrivals
        self._close = close
        self._size = 0
        self._timer: asyncio.TimerHandle | None = None
        self.under_way = False

    def head(self) -> None:
        """A head is expected, or has begun; nothing new where one is under way."""
        if not self.under_way:
            self.whole()
            self.under_way, self._size = True, 0
            self._within(self._all.head_seconds)
            self._all.begin(self)

    def received(self, size: int) -> None:
        """So many bytes more of a head that is under way, which is not whole; nothing where none is."""
        if self.under_way:
            self._size += size
            if self._size > self._all.head_bytes:
                self.cut()

    def body(self) -> None:
        """The head is whole; a body may follow."""
        self.whole()
        self._within(self._all.body_seconds)

    def whole(self) -> None:
        """All has arrived, or the connection is gone."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self.under_way = False
        self._all.end(self)

    def cut(self) -> None:
        """Close the connection."""
        self.whole()
        self._close()

    def _within(self, seconds: float) -> None:
        self._timer = asyncio.get_running_loop().call_later(seconds, self.cut)
