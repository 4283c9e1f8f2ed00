"""Puts a project's terms, sums and deliveries into words."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from api.entries.decoded import day_text
from api.errors import ErrorText, NotFound
from api.projects.repository import FoundDelivery, FoundProject
from api.projects.schemas import (
    Decision,
    DeliveryState,
    ProjectChange,
    ProjectDetail,
    ProjectList,
    ProjectProgress,
    PublicDelivery,
    PublicProject,
    SurvivalReport,
    SurvivalSum,
)
from api.subjects import SubjectAct, Sums
from api.web.cursors import cursor
from api.web.types import Bilingual, address_text
from chain_node.protocol.kinds.projects import (
    ACCEPTANCE,
    DELIVERY,
    DUE_DAYS,
    PLEDGE,
    PLEDGE_RETURN,
    SURVIVAL,
    Acceptance,
    Project,
    ProjectDelivery,
    ProjectKind,
    ProjectState,
    Survival,
)
from chain_node.protocol.merkle import leaf_hash

KINDS: Final = {
    ProjectKind.SEEDLINGS: Bilingual(zh="种植树苗", en="seedlings planted"),
    ProjectKind.FISH: Bilingual(zh="放流鱼苗", en="fish released"),
    ProjectKind.RIVER_CLEANING: Bilingual(zh="河道清洁", en="river cleaned"),
}
STATES: Final = {
    ProjectState.OPEN: Bilingual(zh="接受认捐", en="takes pledges"),
    ProjectState.CLOSED: Bilingual(zh="已停止认捐，继续交付", en="takes no more pledges, deliveries go on"),
    ProjectState.ABANDONED: Bilingual(zh="已终止，未交付部分退还积分", en="abandoned, what is undelivered goes back"),
}
DELIVERY_STATES: Final[dict[DeliveryState, Bilingual]] = {
    "pending": Bilingual(zh="待验收", en="waits for an acceptor"),
    "accepted": Bilingual(zh="已验收通过", en="accepted"),
    "refused": Bilingual(zh="验收未通过，须重新交付", en="refused, to be delivered again"),
}
_NORTH, _EAST = 90_000_000, 180_000_000


def no_project(number: int) -> NotFound:
    """The ledger has no such project."""
    return NotFound(ErrorText(f"账本上没有编号为 {number} 的公益项目", f"the ledger has no project {number}"))


def no_delivery(number: int, index: int) -> NotFound:
    """Entry `index` is no delivery of the project."""
    return NotFound(
        ErrorText(f"条目 {index} 不是项目 {number} 的交付", f"entry {index} is no delivery of project {number}")
    )


def listed(found: Sequence[FoundProject], limit: int) -> ProjectList:
    """A page from `limit + 1` projects: the last one only says that there is more."""
    shown = [PublicProject(**_fields(one)) for one in found[:limit]]
    return ProjectList(projects=shown, next=cursor(shown[-1].project) if len(found) > limit else None)


def detail(found: FoundProject, deliveries: Sequence[FoundDelivery], limit: int) -> ProjectDetail:
    """A project with a page from `limit + 1` deliveries."""
    history = [
        ProjectChange(index=one.index, leaf_hash=_leaf(one), time=one.time, state=_terms(one).state.name.lower())
        for one in found.changes
    ]
    shown = [delivery(one) for one in deliveries[:limit]]
    more = cursor(shown[-1].index) if len(deliveries) > limit else None
    return ProjectDetail(**_fields(found), history=history, deliveries=shown, next=more)


def delivery(found: FoundDelivery) -> PublicDelivery:
    """A delivery, its decision and its reports."""
    act = found.delivery.act
    assert isinstance(act, ProjectDelivery)
    decision: Decision | None = None
    reports: list[SurvivalReport] = []
    for one in found.about:
        said = one.act
        head: dict[str, Any] = {"index": one.index, "leaf_hash": _leaf(one), "time": one.time}
        if isinstance(said, Acceptance):
            decision = Decision(
                **head, accepted=said.accepted, commitment=said.evidence.hex(), signer=address_text(said.tail.signer)
            )
        elif isinstance(said, Survival):
            report = SurvivalReport(
                **head,
                months=said.months,
                surviving=said.surviving,
                day=day_text(said.day),
                commitment=said.evidence.hex(),
                signer=address_text(said.tail.signer),
            )
            reports.append(report)
    state: DeliveryState = "pending" if decision is None else "accepted" if decision.accepted else "refused"
    return PublicDelivery(
        index=found.delivery.index,
        leaf_hash=_leaf(found.delivery),
        project=act.project,
        first=act.first,
        units=act.units,
        time=act.time,
        day=day_text(act.day),
        latitude_e6=act.latitude - _NORTH,
        longitude_e6=act.longitude - _EAST,
        commitment=act.evidence.hex(),
        signer=address_text(act.tail.signer),
        state=state,
        state_text=DELIVERY_STATES[state],
        decision=decision,
        survival=reports,
    )


def _fields(found: FoundProject) -> dict[str, Any]:
    last = found.changes[-1]
    terms = _terms(last)
    return {
        "project": terms.project,
        "index": last.index,
        "leaf_hash": _leaf(last),
        "organisation": terms.organisation,
        "kind": terms.kind.name.lower().replace("_", "-"),
        "kind_text": KINDS[terms.kind],
        "millipoints": terms.price,
        "settlement_fen": terms.settlement,
        "target": terms.target,
        "opens": terms.opens,
        "closes": terms.closes,
        "survival": terms.survival,
        "text": terms.text.hex(),
        "state": terms.state.name.lower(),
        "state_text": STATES[terms.state],
        "progress": _progress(terms, found.sums),
    }


def _progress(terms: Project, sums: Sums) -> ProjectProgress:
    pledged, returned = sums.of(PLEDGE).units, sums.of(PLEDGE_RETURN).units
    accepted = sums.of(ACCEPTANCE, 1)
    undecided = sums.of(DELIVERY).units - sums.of(ACCEPTANCE).units
    reports = [(months, sums.of(SURVIVAL, months)) for months in DUE_DAYS]
    return ProjectProgress(
        pledged=pledged,
        waiting=pledged - undecided - accepted.units - returned,
        delivered=undecided,
        accepted=accepted.units,
        returned=returned,
        accepted_millipoints=accepted.amount,
        settlement_fen=accepted.units * terms.settlement,
        survival=[
            SurvivalSum(months=months, deliveries=one.acts, units=one.units, surviving=one.amount)
            for months, one in reports
            if one.acts
        ],
    )


def _terms(found: SubjectAct) -> Project:
    act = found.act
    assert isinstance(act, Project)
    return act


def _leaf(found: SubjectAct) -> str:
    return leaf_hash(found.body).hex()
