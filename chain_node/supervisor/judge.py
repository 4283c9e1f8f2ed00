"""Pure: what was measured → what is wrong. The supervisor and `luya status` share these rules."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from chain_node.supervisor.problems import RANK, Problem, problem

_MIB: Final = 1024 * 1024
SKEW: Final = 5.0
"""Seconds of difference that are worth a word: blocks carry whole seconds, and peers' dates too."""
HALT_AFTER: Final = 30.0
_BLOCKS: Final = 10
"""A chain is halted when this many block times have passed without a block, and never before `HALT_AFTER`."""


@dataclass(frozen=True, slots=True)
class DiskSpace:
    """Free room where something lies.

    Attributes:
        place: what lies there, for people.
        free, reserve: bytes.
    """

    place: str
    free: int
    reserve: int

    @property
    def enough(self) -> bool:
        """Something new may be accepted."""
        return self.free >= self.reserve


def room_problems(rooms: Sequence[DiskSpace]) -> list[Problem]:
    """'disk-full' below the reserve, 'disk-low' below twice as much."""
    found = []
    for room in rooms:
        if room.free < 2 * room.reserve:
            code = "disk-low" if room.enough else "disk-full"
            sizes = {"free_mib": room.free // _MIB, "reserve_mib": room.reserve // _MIB}
            found.append(problem(code, place=room.place, **sizes))
    return found


def halt_limit(block_time: float | None) -> float | None:
    """Seconds without a block after which a chain counts as halted; None where nobody knows how often it makes one."""
    return None if block_time is None else max(HALT_AFTER, _BLOCKS * block_time)


def chain_problems(
    *, head: int, still: float, peers: int | None, block_time: float | None, alone: bool
) -> list[Problem]:
    """Of an engine that answers.

    Args:
        head: newest block.
        still: seconds since a new block was seen, or since the newest one's time.
        peers: nodes it is connected to; None where it does not say.
        block_time: seconds between blocks; None where unknown.
        alone: it needs no peers (a single validator, the embedded engine).
    """
    found = []
    limit = halt_limit(block_time)
    if limit is not None and still > limit:
        found.append(problem("halted", head=head, seconds=still, peers="?" if peers is None else peers))
    if peers == 0 and not alone:
        found.append(problem("no-peers"))
    return found


def clock_problems(offsets: Mapping[str, float | None], jump: float = 0.0) -> list[Problem]:
    """Of seconds that this clock is ahead, by whom it was compared with; and of a jump since the last look."""
    found = [problem("clock-skew", seconds=off, by=by) for by, off in offsets.items() if off and abs(off) > SKEW]
    if abs(jump) > SKEW:
        found.append(problem("clock-jumped", seconds=jump))
    return found


def block_offset(head_time: int, seen_at: float, block_time: float | None) -> float:
    """Seconds that this clock seems ahead of the chain's, from a block's time and when it was first seen.

    A block is as old as one block time when it is seen. Only blocks that come while one is watching count: what a node
    shows at its start, or while it catches up, is old by itself.
    """
    age = seen_at - head_time
    return age if age < -1.0 else max(0.0, age - (block_time or age) - 1.0)


def ordered(problems: Sequence[Problem]) -> list[Problem]:
    """The worst first; each code and its facts once."""
    unique = {(one.code, tuple(sorted((k, str(v)) for k, v in one.facts.items()))): one for one in problems}
    return sorted(unique.values(), key=lambda one: (RANK[one.severity], one.code))
