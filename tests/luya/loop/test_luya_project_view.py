"""A project as its log tells it: each pledge leads to its deliveries, and each delivery back."""

from __future__ import annotations

from dataclasses import replace

from chain_node.protocol import entries as e
from chain_node.protocol.kinds.act import AgentTail, Part, ResidentTail
from chain_node.protocol.kinds.projects import (
    Acceptance,
    Pledge,
    PledgeReturn,
    Project,
    ProjectDelivery,
    ProjectKind,
    ProjectState,
    Survival,
)
from luya.loop.project_view import views

HASH, WHO, OTHER, SIGNATURE = bytes([7]) * 32, bytes([1]) * 20, bytes([2]) * 20, bytes(65)
RESIDENT, AGENT = ResidentTail(WHO, 0, 9, SIGNATURE), AgentTail(OTHER, SIGNATURE)
TERMS = Project(1, 5, 2, ProjectKind.SEEDLINGS, 1_000, 2_550, 100, 1, 9, True, HASH, ProjectState.OPEN)


def pledge(who: bytes, first: int, units: int) -> Pledge:
    return Pledge(1, who, 5, first, units, 1_000, 1_000 * units, (Part(2025, 1_000 * units),), RESIDENT)


def delivery(first: int, units: int) -> ProjectDelivery:
    return ProjectDelivery(1, 5, first, units, 20_000, 118_871_000, 285_442_000, HASH, HASH, AGENT)


LOG = [
    e.Pause(1, 0),
    TERMS,
    pledge(WHO, 0, 6),
    pledge(OTHER, 6, 4),
    delivery(2, 2),
    delivery(5, 2),
    delivery(8, 1),
    Acceptance(1, 4, 5, True, HASH, (Part(2025, 2_000),), AGENT),
    Acceptance(1, 5, 5, False, HASH, (), AGENT),
    Survival(1, 4, 5, 12, 1, 20_400, HASH, HASH, AGENT),
    replace(TERMS, state=ProjectState.ABANDONED),
    PledgeReturn(1, 2, 5, WHO, 4, (Part(2025, 4_000),)),
]


def test_it_tells_units_and_what_leads_where() -> None:
    found = views(map(e.encode, LOG))[5].details()
    assert {name: found[name] for name in ("state", "pledged", "pending", "accepted", "returned")} == {
        "state": "abandoned",
        "pledged": 10,
        "pending": 1,
        "accepted": 2,
        "returned": 4,
    }
    assert (found["price_points"], found["settlement_yuan"]) == ("1", "25.50")
    assert found["free"] == [{"first": 0, "units": 2}, {"first": 4, "units": 4}, {"first": 9, "units": 1}]
    assert [(one["pledge"], one["deliveries"], one["returned"]) for one in found["pledges"]] == [
        (2, [4, 5], 4),
        (3, [5, 6], 0),
    ]
    assert [(one["delivery"], one["outcome"], one["pledges"]) for one in found["deliveries"]] == [
        (4, "accepted", [2]),
        (5, "refused", [2, 3]),
        (6, "pending", [3]),
    ]
    assert found["deliveries"][0]["surviving"] == {"12": 1}
    assert found["deliveries"][0]["place"] == "28.871000,105.442000"


def test_a_log_without_projects_has_none() -> None:
    assert views(map(e.encode, LOG[:1])) == {}
