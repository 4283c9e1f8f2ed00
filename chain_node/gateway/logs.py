"""`eth_getLogs` over any range: cut into spans that a node answers, asked in order, joined as they come.

Nodes cap a query by blocks and by logs (10,000 each on luyad); an auditor's tool knows neither. Spans are aligned to
powers of two, so that the same history is always cut alike and found in the cache; one that a node finds too large is
halved, down to a single block, whose receipts are read where even that holds too many logs.
"""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Final

from chain_node.errors import CallRefused
from chain_node.gateway import params as checked
from chain_node.gateway import wire
from chain_node.gateway.cache import Cache
from chain_node.gateway.pool import Pool, refusal, unavailable
from chain_node.gateway.room import Hold, Room

_MAX_ADDRESSES: Final = 1_000
_MAX_TOPICS: Final = 4
_MAX_ALTERNATIVES: Final = 1_000
_HEAVY_RANGE: Final = 1_000
"""Blocks from which on a query of logs is a follower's, where there is one."""
_TOO_LARGE: Final = re.compile(
    r"more than \d+ (?:results|logs)|exceeds? (?:the )?(?:max|range|limit)|max(?:imum)?[ a-z\[\]-]*(?:block )?range|"
    r"range (?:is )?(?:too|limit)|too (?:large|many|wide)|limited to|query (?:timeout|exceeds)|response size|"
    r"block ?range|blocks? distance",
    re.IGNORECASE,
)
"""How nodes and providers say that a query is too large (after eRPC's list)."""
_BLOCK: Final = re.compile(rb'"blockNumber"\s*:\s*"0x([0-9a-fA-F]{1,16})"')

log = logging.getLogger("luya.gateway")


@dataclass(frozen=True, slots=True)
class Criteria:
    """A filter, checked. Addresses and topics are 0x hex in lower case.

    Attributes:
        first, last: block numbers or tags.
        block_hash: one block instead of a range.
        addresses: any of them; empty for all.
        topics: by position, each a tuple of alternatives, empty for any.
    """

    first: int | str
    last: int | str
    block_hash: str | None
    addresses: tuple[str, ...]
    topics: tuple[tuple[str, ...], ...]

    @staticmethod
    def of(value: Any) -> Criteria:
        """From a filter object.

        Raises:
            CallRefused: it is none.
        """
        if not isinstance(value, dict) or set(value) - {"fromBlock", "toBlock", "blockHash", "address", "topics"}:
            raise checked.bad("a filter has fromBlock, toBlock, blockHash, address, topics, and nothing else")
        block_hash = value.get("blockHash")
        if block_hash is not None:
            if value.get("fromBlock") is not None or value.get("toBlock") is not None:
                raise checked.bad("a filter has either blockHash, or fromBlock and toBlock")
            block_hash = checked.hash32(block_hash, "blockHash")
        first = "latest" if value.get("fromBlock") is None else checked.block(value["fromBlock"], "fromBlock")
        last = "latest" if value.get("toBlock") is None else checked.block(value["toBlock"], "toBlock")
        return Criteria(first, last, block_hash, _addresses(value.get("address")), _topics(value.get("topics")))

    def matches(self, entry: dict[str, Any]) -> bool:
        """A log is one of these, whatever its block."""
        if self.addresses and str(entry["address"]).lower() not in self.addresses:
            return False
        found = entry["topics"]
        if len(found) < len(self.topics):
            return False
        pairs = zip(self.topics, found, strict=False)
        return all(not wanted or str(topic).lower() in wanted for wanted, topic in pairs)

    def between(self, first: int, last: int) -> Criteria:
        """The same in these blocks."""
        return replace(self, first=first, last=last)

    def params(self) -> dict[str, Any]:
        """As a node takes it, without its blocks."""
        value: dict[str, Any] = {}
        if self.addresses:
            value["address"] = list(self.addresses)
        if self.topics:
            value["topics"] = [list(wanted) if wanted else None for wanted in self.topics]
        return value


def _addresses(value: Any) -> tuple[str, ...]:
    if value is None:
        return ()
    given = value if isinstance(value, list) else [value]
    if len(given) > _MAX_ADDRESSES:
        raise checked.bad(f"a filter has up to {_MAX_ADDRESSES} addresses")
    return tuple("0x" + checked.address(one, "address").hex() for one in given)


def _topics(value: Any) -> tuple[tuple[str, ...], ...]:
    if value is None:
        return ()
    if not isinstance(value, list) or len(value) > _MAX_TOPICS:
        raise checked.bad(f"topics are a list of up to {_MAX_TOPICS}")
    found = []
    for wanted in value:
        alternatives = wanted if isinstance(wanted, list) else [] if wanted is None else [wanted]
        if len(alternatives) > _MAX_ALTERNATIVES:
            raise checked.bad(f"a topic has up to {_MAX_ALTERNATIVES} alternatives")
        if None in alternatives:
            alternatives = []  # 'this or anything' is anything
        found.append(tuple(checked.hash32(one, "a topic") for one in alternatives))
    return tuple(found)


class LogReader:
    """Reads logs.

    Args:
        pool: the nodes.
        cache: for spans of final blocks.
        room: of answers.
        span_blocks: most blocks in one query of a node.
        max_answer: bytes of logs in one answer.
    """

    def __init__(self, pool: Pool, cache: Cache, room: Room, span_blocks: int, max_answer: int) -> None:
        self._pool = pool
        self._cache = cache
        self._room = room
        self._span = 1 << (span_blocks.bit_length() - 1)  # a power of two, within the cap
        self._max_answer = max_answer

    async def read(
        self, criteria: Criteria, charge: Callable[[], None] = lambda: None, *, whole: bool = False
    ) -> bytes:
        """All logs of a filter, in order, as a JSON list. What lies beyond the head has none.

        Args:
            charge: called before each further query of a node after the first.
            whole: the last block has been seen: where the node that is asked now has not got it, that is no answer.

        Raises:
            CallRefused: the range ends before it begins, the answer would be too large, or no node answers.
        """
        if criteria.block_hash is not None:
            return await self._of_block(criteria)
        first, last = await self._range(criteria, whole)
        hold = Hold(self._room)
        try:
            return await self._joined(criteria, first, last, charge, hold)
        finally:
            hold.release()

    async def _joined(self, criteria: Criteria, first: int, last: int, charge: Callable[[], None], hold: Hold) -> bytes:
        pieces: list[bytes] = []
        at, span, queries = first, self._span, 0
        while at <= last:
            end = min(last, at + _aligned(at, span) - 1)
            if queries:
                charge()
            queries += 1
            found = await self._query(criteria, at, end)
            if found is None:
                if at < end:
                    span = max(1, 1 << ((end - at).bit_length() - 1))
                    continue
                found = await self._of_receipts(criteria, at)
            inner = found.strip()[1:-1].strip()
            if inner:
                pieces.append(inner)
                hold.take(len(inner))
                if hold.size > self._max_answer:
                    raise CallRefused(
                        wire.LIMIT, f"more than {self._max_answer} bytes of logs: ask for a smaller range or fewer"
                    )
            at = end + 1
            span = min(self._span, span * 2)
        return b"[" + b",".join(pieces) + b"]"

    async def _range(self, criteria: Criteria, whole: bool) -> tuple[int, int]:
        head = int(await self._pool.value("eth_blockNumber"), 16)
        first, last = (self._number(one, head) for one in (criteria.first, criteria.last))
        if first > last:
            raise checked.bad(f"fromBlock {first} lies after toBlock {last}")
        if whole and head < last:
            raise unavailable(f"the node that is asked now has not got block {last} yet")
        # block 0 has no logs, and luyad takes its number for the newest block's
        return max(1, first), min(last, head)

    def _number(self, reference: int | str, head: int) -> int:
        if isinstance(reference, int):
            return reference
        if reference == "earliest":
            return 0
        return max(0, min(head, self._pool.final)) if reference in ("safe", "finalized") else head

    async def _query(self, criteria: Criteria, first: int, last: int) -> bytes | None:
        """A span's logs; None where the node finds it too large."""
        query = criteria.params() | {"fromBlock": hex(first), "toBlock": hex(last)}
        settled = last <= self._pool.final
        key = b"eth_getLogs" + wire.dumps(query)
        kept = self._cache.get(key) if settled else None
        if kept is not None:
            return kept
        try:
            aside = last if last - first >= _HEAVY_RANGE else None
            reply = await self._pool.ask("eth_getLogs", [query], aside=aside)
        except CallRefused as refused:
            if first == last or refused.code != wire.LIMIT:
                raise
            return None  # too large to take: half of it may do
        if reply.error is not None:
            if _TOO_LARGE.search(str(reply.error.get("message"))):
                return None
            raise refusal(reply.error)
        found = reply.result or b"[]"
        if not found.lstrip().startswith(b"["):
            found = b"[]"  # some nodes answer null for none
        if not all(first <= int(number, 16) <= last for number in _BLOCK.findall(found)):
            log.error("logs_of_other_blocks", extra={"first": first, "last": last})
            raise unavailable("one gave logs of blocks that it was not asked for")
        if settled:
            self._cache.put(key, found)
        return found

    async def _of_block(self, criteria: Criteria) -> bytes:
        reply = await self._pool.ask("eth_getLogs", [criteria.params() | {"blockHash": criteria.block_hash}])
        if reply.error is not None:
            raise refusal(reply.error)
        return reply.result or b"[]"

    async def _of_receipts(self, criteria: Criteria, number: int) -> bytes:
        """A block with more logs than a node gives at once, read from its receipts."""
        receipts = await self._pool.value("eth_getBlockReceipts", hex(number))
        if not isinstance(receipts, list):
            raise unavailable(f"block {number} has no receipts there")
        found = [entry for receipt in receipts for entry in receipt["logs"] if criteria.matches(entry)]
        return json.dumps(found, separators=(",", ":")).encode()


def _aligned(at: int, span: int) -> int:
    """Length of the span from `at` to the next multiple of `span`."""
    return span - at % span
