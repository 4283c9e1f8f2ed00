"""Projects as the log has them: whose each unit is, where it was delivered, and what has become of it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from chain_node.protocol.entries import decode
from chain_node.protocol.kinds.projects import (
    ACCEPTANCE,
    DELIVERY,
    PLEDGE,
    PLEDGE_RETURN,
    PROJECT,
    SURVIVAL,
    Acceptance,
    Pledge,
    PledgeReturn,
    Project,
    ProjectDelivery,
    Survival,
)
from luya.loop.amounts import place_text, points_text, yuan_text

_TYPES = frozenset({PROJECT, PLEDGE, DELIVERY, ACCEPTANCE, SURVIVAL, PLEDGE_RETURN})


@dataclass(slots=True)
class DeliveryView:
    """A delivery and what followed. accepted: None while it is pending. surviving: months → units."""

    entry: ProjectDelivery
    accepted: bool | None = None
    surviving: dict[int, int] = field(default_factory=dict)

    @property
    def outcome(self) -> str:
        """Pending, accepted or refused."""
        return {None: "pending", True: "accepted", False: "refused"}[self.accepted]


@dataclass(slots=True)
class ProjectView:
    """A project's newest entry; its pledges, deliveries and returned units (pledge → units), by index."""

    newest: Project
    pledges: dict[int, Pledge] = field(default_factory=dict)
    deliveries: dict[int, DeliveryView] = field(default_factory=dict)
    returned: dict[int, int] = field(default_factory=dict)

    @property
    def pledged(self) -> int:
        """Units pledged so far."""
        return sum(pledge.units for pledge in self.pledges.values())

    def units(self, outcome: str) -> int:
        """Units in deliveries with this outcome."""
        return sum(one.entry.units for one in self.deliveries.values() if one.outcome == outcome)

    def free(self) -> Iterator[tuple[int, int]]:
        """(first, units) of each stretch that is pledged and in no delivery that stands; returned ones included."""
        at = 0
        taken = [one.entry for one in self.deliveries.values() if one.accepted is not False]
        for entry in sorted(taken, key=lambda one: one.first):
            if entry.first > at:
                yield at, entry.first - at
            at = entry.first + entry.units
        if at < self.pledged:
            yield at, self.pledged - at

    def summary(self) -> dict[str, Any]:
        """In a line."""
        terms = self.newest
        return {
            "project": terms.project,
            "organisation": terms.organisation,
            "kind": terms.kind.name.lower(),
            "state": terms.state.name.lower(),
            "price_points": points_text(terms.price),
            "settlement_yuan": yuan_text(terms.settlement),
            "target": terms.target,
            "opens": terms.opens,
            "closes": terms.closes,
            "survival": terms.survival,
            "pledged": self.pledged,
            "pending": self.units("pending"),
            "accepted": self.units("accepted"),
            "returned": sum(self.returned.values()),
        }

    def details(self) -> dict[str, Any]:
        """All of it: each pledge with its deliveries, each delivery with its pledges."""
        return self.summary() | {
            "free": [{"first": first, "units": units} for first, units in self.free()],
            "pledges": [self._pledge(index, pledge) for index, pledge in self.pledges.items()],
            "deliveries": [self._delivery(index, one) for index, one in self.deliveries.items()],
        }

    def _pledge(self, index: int, pledge: Pledge) -> dict[str, Any]:
        found = (number for number, one in self.deliveries.items() if _meet(pledge, one.entry))
        return {
            "pledge": index,
            "account": "0x" + pledge.account.hex(),
            "first": pledge.first,
            "units": pledge.units,
            "returned": self.returned.get(index, 0),
            "deliveries": list(found),
        }

    def _delivery(self, index: int, one: DeliveryView) -> dict[str, Any]:
        entry = one.entry
        return {
            "delivery": index,
            "first": entry.first,
            "units": entry.units,
            "day": entry.day,
            "place": place_text(entry.latitude, entry.longitude),
            "evidence": entry.evidence.hex(),
            "outcome": one.outcome,
            "surviving": {str(months): units for months, units in one.surviving.items()},
            "pledges": [number for number, pledge in self.pledges.items() if _meet(pledge, entry)],
        }


def views(entries: Iterable[bytes]) -> dict[int, ProjectView]:
    """All projects of a log, by number; `entries` from the first on, each judged by the ledger already."""
    found: dict[int, ProjectView] = {}
    for index, data in enumerate(entries):
        if data[0] not in _TYPES:
            continue
        entry = decode(data)
        if isinstance(entry, Project):
            found.setdefault(entry.project, ProjectView(entry)).newest = entry
        elif isinstance(entry, Pledge):
            found[entry.project].pledges[index] = entry
        elif isinstance(entry, ProjectDelivery):
            found[entry.project].deliveries[index] = DeliveryView(entry)
        elif isinstance(entry, Acceptance):
            found[entry.project].deliveries[entry.delivery].accepted = entry.accepted
        elif isinstance(entry, Survival):
            found[entry.project].deliveries[entry.delivery].surviving[entry.months] = entry.surviving
        elif isinstance(entry, PledgeReturn):
            returned = found[entry.project].returned
            returned[entry.pledge] = returned.get(entry.pledge, 0) + entry.units
    return found


def _meet(pledge: Pledge, delivery: ProjectDelivery) -> bool:
    return pledge.first < delivery.first + delivery.units and delivery.first < pledge.first + pledge.units
