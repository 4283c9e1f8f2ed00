"""Public-good projects: what is pledged unit by unit, delivered, accepted by somebody else, and still lives later."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import Final

from chain_node.protocol.kinds.act import Act, AgentTail, Part, ResidentTail, act_kind, amount_of, pairs
from chain_node.protocol.kinds.kind import NO_HASH, require
from chain_node.protocol.moves import MoveKind, posted
from chain_node.protocol.postings import NOBODY, Posting, Unit

PROJECT: Final = 0x18
PLEDGE: Final = 0x19
DELIVERY: Final = 0x1A
ACCEPTANCE: Final = 0x1B
SURVIVAL: Final = 0x1C
PLEDGE_RETURN: Final = 0x1D

MOST_UNITS: Final = 1_000
"""Units of one pledge, and of one delivery."""
MOST_LATITUDE: Final = 180_000_000
"""(90 degrees north + 90) × 10^6."""
MOST_LONGITUDE: Final = 360_000_000
"""(180 degrees east + 180) × 10^6."""
DUE_DAYS: Final = {12: 366, 36: 1_096}
"""Months → days after the delivery's day from which the report may be of: so many months have then passed for sure."""

_LIMIT: Final = 1 << 64


class ProjectKind(IntEnum):
    """What a unit is: a tree planted, a fish released, a stretch of river cleaned."""

    SEEDLINGS = 1
    FISH = 2
    RIVER_CLEANING = 3


class ProjectState(IntEnum):
    """Open: takes pledges and deliveries. Closed: deliveries only. Abandoned: neither; the undelivered goes back."""

    OPEN = 1
    CLOSED = 2
    ABANDONED = 3


@dataclass(frozen=True, slots=True)
class Project(Act):
    """0x18: a project's terms, which never change, and its state.

    organisation: who carries it out. price: millipoints a unit; settlement: fen a unit. target: units that can be
    pledged at most. opens, closes: units are pledged from the one and before the other. survival: reports are due 12
    and 36 months after a delivery. text: SHA-256 of the published description.
    """

    project: int
    organisation: int
    kind: ProjectKind
    price: int
    settlement: int
    target: int
    opens: int
    closes: int
    survival: bool
    text: bytes
    state: ProjectState


@dataclass(frozen=True, slots=True)
class Pledge(Act):
    """0x19: units first … first + units − 1 of a project, for points that wait there. Its id is its index.

    price: each. max_price: what the resident agreed to, all units together. Unit j of it has the millipoints
    [j × price, (j + 1) × price) of its parts, one part after the other.
    """

    account: bytes
    project: int
    first: int
    units: int
    price: int
    max_price: int
    parts: tuple[Part, ...]
    tail: ResidentTail


@dataclass(frozen=True, slots=True)
class ProjectDelivery(Act):
    """0x1A: units that were carried out, where and when, and what shows it. Its id is its index.

    day: when. latitude: (degrees north + 90) × 10^6; longitude: (degrees east + 180) × 10^6. evidence: salted
    commitment. nullifier: of its photo, once over all deliveries and survival reports.
    """

    project: int
    first: int
    units: int
    day: int
    latitude: int
    longitude: int
    evidence: bytes
    nullifier: bytes
    tail: AgentTail


@dataclass(frozen=True, slots=True)
class Acceptance(Act):
    """0x1B: an acceptor of another organisation has decided on a delivery.

    Accepted: its units' points are redeemed, `parts`. Else its units are free to be delivered again.
    """

    delivery: int
    project: int
    accepted: bool
    evidence: bytes
    parts: tuple[Part, ...]
    tail: AgentTail


@dataclass(frozen=True, slots=True)
class Survival(Act):
    """0x1C: how many of a delivery's units live after so many months, as an acceptor of another organisation saw."""

    delivery: int
    project: int
    months: int
    surviving: int
    day: int
    evidence: bytes
    nullifier: bytes
    tail: AgentTail


@dataclass(frozen=True, slots=True)
class PledgeReturn(Act):
    """0x1D: the undelivered units of an abandoned project's pledge give their points back, of the vintages they came
    from."""

    pledge: int
    project: int
    account: bytes
    units: int
    parts: tuple[Part, ...]


def _check_project(e: Project) -> None:
    require(e.project > 0 and e.organisation > 0, e, "a project and its organisation are numbered from 1")
    require(e.price > 0 and e.target > 0, e, "a project has a price and a target")
    fits = e.price * e.target < _LIMIT and e.settlement * e.target < _LIMIT
    require(fits, e, "price and settlement of all a project's units are below 2^64")
    require(e.opens < e.closes, e, "a project opens before it closes")
    require(e.text != NO_HASH, e, "a project has a description")


def _check_units(e: Pledge | ProjectDelivery) -> None:
    require(0 < e.units <= MOST_UNITS, e, f"units are 1 to {MOST_UNITS}")


def _check_pledge(e: Pledge) -> None:
    _check_units(e)
    require(e.price * e.units == amount_of(e.parts), e, "a pledge's parts are its price")
    require(e.price * e.units <= e.max_price, e, "a pledge costs no more than was agreed to")


def _check_delivery(e: ProjectDelivery) -> None:
    _check_units(e)
    placed = e.latitude <= MOST_LATITUDE and e.longitude <= MOST_LONGITUDE
    require(placed, e, "a place is within 180 and 360 degrees")
    require(NO_HASH not in (e.evidence, e.nullifier), e, "a delivery has evidence and a photo's nullifier")


def _check_acceptance(e: Acceptance) -> None:
    require(e.evidence != NO_HASH, e, "a decision has evidence")
    require(e.accepted == bool(e.parts), e, "just an accepted delivery has parts")


def _check_survival(e: Survival) -> None:
    require(e.months in DUE_DAYS, e, "reports are due after 12 and 36 months")
    require(NO_HASH not in (e.evidence, e.nullifier), e, "a report has evidence and a photo's nullifier")


def _check_return(e: PledgeReturn) -> None:
    require(0 < e.units <= MOST_UNITS, e, f"units are 1 to {MOST_UNITS}")


def _pledge(e: Pledge) -> list[Posting]:
    return posted(MoveKind.PLEDGE, Unit.MILLIPOINTS, pairs(e.parts), e.account)


def _deliver(e: Acceptance) -> list[Posting]:
    return posted(MoveKind.DELIVER, Unit.MILLIPOINTS, pairs(e.parts))


def _give_back(e: PledgeReturn) -> list[Posting]:
    return posted(MoveKind.RETURN, Unit.MILLIPOINTS, pairs(e.parts), NOBODY, e.account)


PROJECTS: Final = act_kind(
    "project",
    PROJECT,
    Project,
    "project:I organisation:H kind:B price:Q settlement:Q target:I opens:Q closes:Q survival:B text:32s state:B",
    check=_check_project,
    public=True,
)
PLEDGES: Final = act_kind(
    "pledge",
    PLEDGE,
    Pledge,
    "account:20s project:I first:I units:I price:Q max_price:Q",
    check=_check_pledge,
    moves=_pledge,
    oldest_first=True,
)
DELIVERIES: Final = act_kind(
    "delivery",
    DELIVERY,
    ProjectDelivery,
    "project:I first:I units:I day:H latitude:I longitude:I evidence:32s nullifier:32s",
    check=_check_delivery,
    public=True,
)
ACCEPTANCES: Final = act_kind(
    "acceptance",
    ACCEPTANCE,
    Acceptance,
    "delivery:Q project:I accepted:B evidence:32s",
    check=_check_acceptance,
    moves=_deliver,
    may_be_empty=True,
    public=True,
)
SURVIVALS: Final = act_kind(
    "survival report",
    SURVIVAL,
    Survival,
    "delivery:Q project:I months:B surviving:I day:H evidence:32s nullifier:32s",
    check=_check_survival,
    public=True,
)
PLEDGE_RETURNS: Final = act_kind(
    "pledge returned",
    PLEDGE_RETURN,
    PledgeReturn,
    "pledge:Q project:I account:20s units:I",
    check=_check_return,
    moves=_give_back,
)
