"""Rate limits: a token bucket per client or per bearer token, in bounded memory.

At most `clients` buckets are kept; the one that was not used for the longest goes first. A client that comes back after
that starts with a full bucket, so the memory bound never punishes anyone. Addresses live in memory only.
"""

from __future__ import annotations

import ipaddress
import math
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

from api.errors import RateLimited

_IPV6_CLIENT_BITS = 64


@dataclass(slots=True)
class _Bucket:
    level: float
    at: float


class RateLimiter:
    """One limit for many keys. `rate` requests a second on average, `burst` at once; rate 0: no limit."""

    def __init__(self, rate: int, burst: int, clients: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._rate = rate
        self._burst = max(burst, 1)
        self._clients = clients
        self._clock = clock
        self._buckets: OrderedDict[str, _Bucket] = OrderedDict()

    def charge(self, key: str) -> None:
        """Take one request from the key's bucket. Raises RateLimited: it is empty."""
        if self._rate <= 0:
            return
        now = self._clock()
        bucket = self._buckets.get(key)
        if bucket is None:
            bucket = self._buckets[key] = _Bucket(float(self._burst), now)
            while len(self._buckets) > self._clients:
                self._buckets.popitem(last=False)
        else:
            self._buckets.move_to_end(key)
        bucket.level = min(self._burst, bucket.level + (now - bucket.at) * self._rate)
        bucket.at = now
        if bucket.level < 1:
            raise RateLimited(max(1, math.ceil((1 - bucket.level) / self._rate)))
        bucket.level -= 1

    def __len__(self) -> int:
        return len(self._buckets)


def client_key(host: str | None) -> str:
    """The key of a client: its IPv4 address, or the /64 of its IPv6 address, which is one household's."""
    if not host:
        return "unknown"
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return host
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped is not None:
            return str(address.ipv4_mapped)
        return str(ipaddress.ip_network((address, _IPV6_CLIENT_BITS), strict=False))
    return str(address)
