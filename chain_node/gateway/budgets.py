"""Budgets: how much a caller may ask. Two token buckets each: calls a second, and units of cost a second."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from chain_node.errors import CallRefused
from chain_node.gateway import wire

_CALLERS: Final = 20_000


@dataclass(frozen=True, slots=True)
class Rates:
    """What refills. burst: seconds' worth that may be saved up."""

    calls_per_s: float
    units_per_s: float
    burst: float = 5.0


@dataclass(slots=True)
class _Bucket:
    calls: float
    units: float
    at: float
    flying: int = 0


class Budgets:
    """Every caller's buckets, bounded in number: the one that asked longest ago is forgotten, and starts full again.

    Args:
        in_flight: calls of one caller that may be under way at once.
        clock: seconds, for tests.
    """

    def __init__(self, in_flight: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._in_flight = in_flight
        self._clock = clock
        self._buckets: OrderedDict[str, _Bucket] = OrderedDict()

    def take(self, key: str, rates: Rates, cost: int, paid: int = 0) -> None:
        """Charge one call.

        A cost beyond what can be saved up is let through from a full bucket, and leaves a debt.

        Args:
            paid: of its cost, before it was read; it counts as a call already.

        Raises:
            CallRefused: -32005 (HTTP 429): the budget is spent; its data says for how long.
        """
        bucket = self._refilled(key, rates)
        units_needed = min(float(cost), rates.units_per_s * rates.burst)
        if (not paid and bucket.calls < 1.0) or bucket.units < units_needed - paid:
            # who asks again pays for all of it again
            raise spent(
                max((1.0 - bucket.calls) / rates.calls_per_s, (units_needed - bucket.units) / rates.units_per_s)
            )
        if not paid:
            bucket.calls -= 1.0
        bucket.units -= cost - paid

    def charge(self, key: str, cost: int) -> None:
        """Charge afterwards what a call turned out to cost: the caller's next calls wait for it."""
        bucket = self._buckets.get(key)
        if bucket is not None:
            bucket.units -= cost

    def enter(self, key: str) -> None:
        """A call is under way.

        Raises:
            CallRefused: too many of this caller are.
        """
        bucket = self._buckets[key]
        if bucket.flying >= self._in_flight:
            raise CallRefused(
                wire.LIMIT, f"{bucket.flying} calls of yours are under way: wait for some to end", status=429
            )
        bucket.flying += 1

    def leave(self, key: str) -> None:
        """It has ended."""
        bucket = self._buckets.get(key)
        if bucket is not None:
            bucket.flying -= 1

    def _refilled(self, key: str, rates: Rates) -> _Bucket:
        now = self._clock()
        most_calls, most_units = max(1.0, rates.calls_per_s * rates.burst), rates.units_per_s * rates.burst
        bucket = self._buckets.get(key)
        if bucket is None:
            self._make_room()
            bucket = self._buckets[key] = _Bucket(most_calls, most_units, now)
            return bucket
        self._buckets.move_to_end(key)
        passed = now - bucket.at
        bucket.at = now
        bucket.calls = min(most_calls, bucket.calls + passed * rates.calls_per_s)
        bucket.units = min(most_units, bucket.units + passed * rates.units_per_s)
        return bucket

    def _make_room(self) -> None:
        if len(self._buckets) < _CALLERS:
            return
        # those with calls under way are kept, or their number would be lost
        oldest = next((key for key, one in self._buckets.items() if not one.flying), None)
        if oldest is not None:
            del self._buckets[oldest]


def spent(wait: float) -> CallRefused:
    """The refusal for a spent budget."""
    shown = round(wait, 3)
    return CallRefused(
        wire.LIMIT, f"the budget is spent: try again in {shown:g} s", {"retry_after_s": shown}, status=429
    )
