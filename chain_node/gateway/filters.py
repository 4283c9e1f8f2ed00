"""Filters (`eth_newFilter` …) kept at the door: they survive a node's end, and belong to the caller that made them."""

from __future__ import annotations

import secrets
import time
from collections import OrderedDict
from dataclasses import dataclass
from typing import Final

from chain_node.errors import CallRefused
from chain_node.gateway import wire
from chain_node.gateway.callers import Caller
from chain_node.gateway.logs import Criteria
from chain_node.gateway.room import share

IDLE_SECONDS: Final = 300.0
_ALL: Final = 10_000


@dataclass(slots=True)
class Filter:
    """One filter. criteria: None for new blocks; next: first block that has not been told yet; flying: one asks now."""

    owner: str
    criteria: Criteria | None
    next: int
    used: float
    flying: bool = False


class Filters:
    """All filters, bounded; those that nobody asks for five minutes are forgotten.

    Args:
        per_caller: most of one caller.
    """

    def __init__(self, per_caller: int) -> None:
        self._per_caller = per_caller
        self._filters: OrderedDict[str, Filter] = OrderedDict()

    def __len__(self) -> int:
        return len(self._filters)

    def add(self, caller: Caller, criteria: Criteria | None, next_block: int) -> str:
        """A new filter's id.

        Raises:
            CallRefused: too many.
        """
        now = time.monotonic()
        while self._filters and next(iter(self._filters.values())).used < now - IDLE_SECONDS:
            self._filters.popitem(last=False)
        mine = sum(1 for one in self._filters.values() if one.owner == caller.key)
        if mine >= self._per_caller:
            raise CallRefused(wire.LIMIT, f"{mine} filters of yours are open: uninstall some")
        if len(self._filters) >= share(caller.role, _ALL):
            raise CallRefused(wire.LIMIT, "too many filters are open here: try again later")
        identifier = "0x" + secrets.token_hex(16).lstrip("0")
        self._filters[identifier] = Filter(caller.key, criteria, next_block, now)
        return identifier

    def get(self, caller: Caller, identifier: object) -> Filter:
        """The caller's filter, marked as used.

        Raises:
            CallRefused: there is none of that id, or it is another's.
        """
        found = self._filters.get(identifier) if isinstance(identifier, str) else None
        if found is None or found.owner != caller.key or found.used < time.monotonic() - IDLE_SECONDS:
            raise CallRefused(-32000, "filter not found")
        found.used = time.monotonic()
        self._filters.move_to_end(str(identifier))
        return found

    def of_logs(self, identifier: object) -> bool:
        """There is a filter of that id, whosever it is, and it is one of logs."""
        found = self._filters.get(identifier) if isinstance(identifier, str) else None
        return found is not None and found.criteria is not None

    def remove(self, caller: Caller, identifier: object) -> bool:
        """Forget it; True where there was one."""
        try:
            self.get(caller, identifier)
        except CallRefused:
            return False
        del self._filters[str(identifier)]
        return True
