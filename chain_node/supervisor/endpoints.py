"""Several endpoints of one chain, each for itself: the ledger goes on over the others, and somebody shall know why.

Nodes that answer and lag, or whose chain stands still, look well to whoever asks only one of them.
"""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from chain_node.errors import NodeError
from chain_node.rpc.client import JsonRpc
from chain_node.supervisor.problems import Problem, problem

BEHIND: Final = 10
"""Blocks behind the furthest that are worth a word."""
_PATIENCE: Final = 2.0
_SAMPLE: Final = 128
_FEW: Final = 3


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One look at an endpoint.

    Attributes:
        url: its address.
        head: newest block, -1 where it did not answer.
        detail: why it did not, else "".
    """

    url: str
    head: int
    detail: str = ""


def look_at(urls: Sequence[str]) -> list[Endpoint]:
    """Asks all of them at once; one that is silent costs two seconds."""
    if not urls:
        return []
    with ThreadPoolExecutor(len(urls)) as pool:
        return list(pool.map(_look, urls))


def endpoint_problems(found: Sequence[Endpoint]) -> list[Problem]:
    """Of several endpoints: which do not answer, and which lag. Nothing where none answers: that is another problem."""
    best = max((one.head for one in found), default=-1)
    if len(found) < 2 or best < 0:
        return []
    problems = [
        problem("endpoint-down", url=one.url, reason=one.detail, others=sum(each.head >= 0 for each in found))
        for one in found
        if one.head < 0
    ]
    problems += [
        problem("endpoint-behind", url=one.url, blocks=best - one.head, head=one.head)
        for one in found
        if 0 <= one.head < best - BEHIND
    ]
    return problems


def usual_block_time(rpc: JsonRpc) -> float | None:
    """Seconds between blocks, as the newest ones show; None where that is not to be seen.

    Only blocks with nothing in them tell: a chain that makes blocks only when there is something to put into them has
    no rhythm, and never counts as halted. The median is taken, for every stop leaves a long gap.
    """
    try:
        head = int(rpc.call("eth_blockNumber"), 16)
        numbers = range(max(2, head - _SAMPLE), head + 1)  # the first block has the time of the genesis
        blocks = rpc.batch([("eth_getBlockByNumber", [hex(number), False]) for number in numbers])
        seen = [(int(block["timestamp"], 16), not block["transactions"]) for block in blocks]
    except (NodeError, TypeError, KeyError):
        return None
    gaps = [after - before for (before, _), (after, empty) in pairwise(seen) if empty]
    return max(1.0, statistics.median(gaps)) if len(gaps) >= _FEW else None


def _look(url: str) -> Endpoint:
    try:
        with JsonRpc(url, timeout=_PATIENCE) as rpc:
            return Endpoint(url, int(rpc.call("eth_blockNumber"), 16))
    except (NodeError, TypeError, ValueError) as error:
        return Endpoint(url, -1, str(error))
