"""Queries on projects and their deliveries."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from api import subjects
from api.store.database import Reader
from api.subjects import SubjectAct, Sums
from chain_node.protocol.kinds.projects import ACCEPTANCE, DELIVERY, PROJECT, SURVIVAL


@dataclass(frozen=True, slots=True)
class FoundProject:
    """A project's entries, oldest first, and its sums."""

    changes: list[SubjectAct]
    sums: Sums


@dataclass(frozen=True, slots=True)
class FoundDelivery:
    """A delivery, and what was decided and reported about it."""

    delivery: SubjectAct
    about: list[SubjectAct]


async def projects(connection: Reader, ids: Sequence[int]) -> list[FoundProject]:
    """Those of the projects that are there, by number."""
    changes = await subjects.acts(connection, PROJECT, ids, PROJECT)
    sums = await subjects.sums(connection, PROJECT, ids)
    return [FoundProject(changes[number], sums[number]) for number in sorted(changes)]


async def deliveries(connection: Reader, found: Sequence[SubjectAct]) -> list[FoundDelivery]:
    """These deliveries with what is about them."""
    about = await subjects.acts(connection, DELIVERY, [one.index for one in found], ACCEPTANCE, SURVIVAL)
    return [FoundDelivery(one, about.get(one.index, [])) for one in found]
