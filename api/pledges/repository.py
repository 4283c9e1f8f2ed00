"""Queries on pledges: which deliveries are of their units."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import and_, bindparam, func, select

from api import subjects
from api.store.database import Reader
from api.store.models import CallRow, EntryRow, SubjectRow
from api.subjects import SubjectAct
from chain_node.protocol.entries import REDUCTION, REDUCTION_NULLIFIER
from chain_node.protocol.kinds.act import amount_of
from chain_node.protocol.kinds.projects import (
    ACCEPTANCE,
    DELIVERY,
    MOST_UNITS,
    PLEDGE,
    PLEDGE_RETURN,
    PROJECT,
    Pledge,
    Project,
)
from chain_node.protocol.times import year_of
from chain_node.protocol.trail import MOST_RECORDS

_C: Any = CallRow.__table__
_E: Any = EntryRow.__table__
_D: Any = SubjectRow.__table__.alias("delivery")
_A: Any = SubjectRow.__table__.alias("decision")
_DECIDED = and_(_A.c.topic == DELIVERY, _A.c.id == _D.c.idx, _A.c.type == ACCEPTANCE)
# a delivery has few units, so that those of the pledge's are in a short stretch of the index
_COVERING = (
    select(_D.c.idx, _D.c.first, _D.c.units, _A.c.idx.label("decision"), _A.c.outcome)
    .outerjoin(_A, _DECIDED)
    .where(
        _D.c.topic == PROJECT,
        _D.c.id == bindparam("project"),
        _D.c.type == DELIVERY,
        _D.c.first > bindparam("first") - MOST_UNITS,
        _D.c.first < bindparam("end"),
        _D.c.first + _D.c.units > bindparam("first"),
    )
    .order_by(_D.c.first, _D.c.idx)
)


@dataclass(frozen=True, slots=True)
class Covering:
    """A delivery of a project's units. decision: the index of its acceptance; accepted: None while there is none."""

    index: int
    first: int
    units: int
    decision: int | None
    accepted: bool | None


@dataclass(frozen=True, slots=True)
class FoundPledge:
    """A pledge, its project's terms, the deliveries of its units, and what was given back."""

    found: SubjectAct
    act: Pledge
    terms: Project
    deliveries: list[Covering]
    returned: SubjectAct | None


async def pledges(connection: Reader, found: Sequence[SubjectAct]) -> list[FoundPledge]:
    """These pledges with what became of them."""
    acts = [one.act for one in found]
    projects = sorted({act.project for act in acts if isinstance(act, Pledge)})
    changes = await subjects.acts(connection, PROJECT, projects, PROJECT)
    returns = await subjects.acts(connection, PLEDGE, [one.index for one in found], PLEDGE_RETURN)
    shown = []
    for one, act in zip(found, acts, strict=True):
        assert isinstance(act, Pledge)
        terms = changes[act.project][-1].act
        assert isinstance(terms, Project)
        deliveries = await _covering(connection, act)
        shown.append(FoundPledge(one, act, terms, deliveries, next(iter(returns.get(one.index, [])), None)))
    return shown


async def earned_before(connection: Reader, index: int, act: Pledge) -> list[int]:
    """The account's reductions before the pledge, of the vintages it spent, until they make up what it spent."""
    query: Any = select(_E.c.idx, _E.c.day, _E.c.millipoints, _E.c.bonus_millipoints).where(
        _E.c.account == act.account, _E.c.type.in_((REDUCTION, REDUCTION_NULLIFIER)), _E.c.idx < index
    )
    vintages, missing = {part.vintage for part in act.parts}, amount_of(act.parts)
    found: list[int] = []
    for row in await connection.execute(query.order_by(_E.c.idx)):
        if year_of(row.day) not in vintages:
            continue
        found.append(row.idx)
        missing -= row.millipoints + row.bonus_millipoints
        if missing <= 0 or len(found) == MOST_RECORDS:
            break
    return found


async def newest_batch(connection: Reader) -> int | None:
    """The first entry of the newest batch: it is signed in the domain of this ledger."""
    row = (await connection.execute(select(func.max(_C.c.first)).where(_C.c.feed.is_not(None)))).first()
    return None if row is None else row[0]


async def _covering(connection: Reader, act: Pledge) -> list[Covering]:
    place = {"project": act.project, "first": act.first, "end": act.first + act.units}
    return [
        Covering(row.idx, row.first, row.units, row.decision, None if row.outcome is None else bool(row.outcome))
        for row in await connection.execute(_COVERING, place)
    ]
