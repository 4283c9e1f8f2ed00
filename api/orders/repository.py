"""Queries on orders."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from api import subjects
from api.store.database import Reader
from api.subjects import SubjectAct
from chain_node.protocol.kinds.rewards import FULFILMENT, ORDER, REFUND


@dataclass(frozen=True, slots=True)
class FoundOrder:
    """An order, and what became of it."""

    order: SubjectAct
    about: list[SubjectAct]


async def orders(connection: Reader, found: Sequence[SubjectAct]) -> list[FoundOrder]:
    """These orders with what became of them."""
    about = await subjects.acts(connection, ORDER, [one.index for one in found], FULFILMENT, REFUND)
    return [FoundOrder(one, about.get(one.index, [])) for one in found]
