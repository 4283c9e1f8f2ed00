"""`eth_subscribe`: new blocks and their logs, read by number from the nodes as they come.

Not passed through from a node's own subscription: luyad's `newHeads` names another hash than its blocks have, and a
subscription would end with its node.
"""

from __future__ import annotations

import json
import logging
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from chain_node.errors import CallRefused
from chain_node.gateway import wire
from chain_node.gateway.guards import open_block
from chain_node.gateway.logs import Criteria, LogReader
from chain_node.gateway.pool import Pool

_NOT_IN_HEADERS: Final = ("transactions", "uncles", "withdrawals", "size", "totalDifficulty")

log = logging.getLogger("luya.gateway")


@dataclass(frozen=True, slots=True)
class Subscription:
    """One subscription.

    Attributes:
        first: block from which on it is told.
        criteria: None for new blocks.
        reader: sees blocks as they are.
        deliver: takes a message.
    """

    id: str
    first: int
    criteria: Criteria | None
    reader: bool
    deliver: Callable[[bytes], None]


class HeadFeed:
    """Tells subscribers of each new block once, in order, none left out while they are subscribed.

    Args:
        pool: the nodes.
        logs: reads the logs of a block.
        final: tell of final blocks only.
    """

    def __init__(self, pool: Pool, logs: LogReader, final: bool) -> None:
        self._pool = pool
        self._logs = logs
        self._final = final
        self._subscriptions: dict[str, Subscription] = {}
        self._next = -1
        self._genesis = pool.genesis

    def __len__(self) -> int:
        return len(self._subscriptions)

    @property
    def height(self) -> int:
        """Newest block that subscribers have been, or would have been, told of."""
        return self._pool.final if self._final else self._pool.head

    async def add(self, criteria: Criteria | None, reader: bool, deliver: Callable[[bytes], None]) -> str:
        """Subscribe, from the next block on; returns the subscription's id.

        Raises:
            CallRefused: no node answers.
        """
        height = self.height
        if not self._final or self._pool.finality.tag == "latest":
            height = int(await self._pool.value("eth_blockNumber"), 16)  # newer than the last look
        if not self._subscriptions:
            self._next = height + 1
        identifier = "0x" + (secrets.token_hex(16).lstrip("0") or "1")
        self._subscriptions[identifier] = Subscription(identifier, height + 1, criteria, reader, deliver)
        return identifier

    def remove(self, identifier: str) -> bool:
        """Unsubscribe; True where there was one."""
        return self._subscriptions.pop(identifier, None) is not None

    async def run(self) -> None:
        """Tell of new blocks after each look at the nodes, until cancelled."""
        while True:
            await self._pool.looked.wait()
            self._pool.looked.clear()
            try:
                await self.advance()
            except CallRefused as error:
                log.warning("heads_delayed", extra={"block": self._next, "error": str(error)})
            except (ValueError, KeyError, TypeError) as error:
                log.error("heads_delayed", extra={"block": self._next, "error": repr(error)})

    async def advance(self) -> None:
        """Tell of what is new since the last time.

        Raises:
            CallRefused: no node answers; the next time begins with the same block.
        """
        height = self.height
        rebuilt = self._genesis not in ("", self._pool.genesis)
        self._genesis = self._pool.genesis
        if not self._subscriptions or rebuilt:  # nobody listens, or it is another chain
            self._next = height + 1
            return
        while self._next <= height and self._subscriptions:
            if not await self._tell(self._next):
                return
            self._next += 1

    async def _tell(self, number: int) -> bool:
        """Tell of one block; False where the node that is asked now has not got it yet."""
        listening = [one for one in self._subscriptions.values() if one.first <= number]
        block: dict[str, Any] | None = None
        if any(one.criteria is None for one in listening):
            block = await self._pool.value("eth_getBlockByNumber", hex(number), False)
            if block is None:
                return False
        logs: list[dict[str, Any]] = []
        if any(one.criteria is not None for one in listening):
            logs = json.loads(await self._logs.read(Criteria(number, number, None, (), ()), whole=True))
        for one in listening:
            if one.criteria is None:
                if block is not None:
                    one.deliver(_message(one.id, header(block, one.reader)))
            else:
                for entry in logs:
                    if one.criteria.matches(entry):
                        one.deliver(_message(one.id, entry))
        return True


def header(block: dict[str, Any], reader: bool) -> dict[str, Any]:
    """A block's header as `newHeads` gives it."""
    shown = {name: value for name, value in block.items() if name not in _NOT_IN_HEADERS}
    return shown if reader else open_block(shown)


def _message(identifier: str, result: dict[str, Any]) -> bytes:
    return wire.dumps(
        {
            "jsonrpc": "2.0",
            "method": "eth_subscription",
            "params": {"subscription": identifier, "result": result},
        }
    )
