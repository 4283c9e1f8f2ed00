"""Public-good projects in the replay: each rule of the contract, and every unit's points in a book of its own.

Organisation 2 plants, organisation 3 accepts, the custodian acts for everybody. Each of three people has 4.8 points of
2025 and 2.4 of 2026; a tree costs one.
"""

from __future__ import annotations

import random
from dataclasses import replace
from typing import Any

import pytest
from protocol_world import START, person, secret
from replay_support import PEOPLE, begin

from chain_node.protocol import entries as e
from chain_node.protocol.errors import CodecError, ReplayError
from chain_node.protocol.kinds.act import Act, AgentTail, Part, ResidentTail
from chain_node.protocol.kinds.agents import Agent, AgentRole
from chain_node.protocol.kinds.controllers import Custodian, CustodianState
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
from chain_node.protocol.postings import Bucket, Unit
from chain_node.protocol.times import DAY_SECONDS, day_of

PLANTER, INSPECTORS, TREES = 2, 3, 1
PRICE, OLD, NEW = 1_000, 4_800, 2_400
CUSTODIAN, PLANTER_KEY, INSPECTOR_KEY = (secret(name)[:20] for name in ("custodian", "planter", "inspector"))
SIGNATURE = bytes(65)
PERIOD = (START, START + 90 * DAY_SECONDS)
TERMS = Project(
    START,
    TREES,
    PLANTER,
    ProjectKind.SEEDLINGS,
    PRICE,
    2_000,
    100,
    *PERIOD,
    True,
    secret("trees"),
    ProjectState.OPEN,
)


class Grove:
    """A replay with a project, and acts that follow from what it knows."""

    def __init__(self, terms: Project = TERMS) -> None:
        self.state = begin(
            *(
                e.Organisation(START, number, secret(str(number)), e.Standing.ACTIVE)
                for number in (PLANTER, INSPECTORS)
            ),
            Custodian(START, CUSTODIAN, CustodianState.ACTIVE),
            Agent(START, PLANTER_KEY, PLANTER, AgentRole.MERCHANT, e.Standing.ACTIVE),
            Agent(START, INSPECTOR_KEY, INSPECTORS, AgentRole.ACCEPTOR, e.Standing.ACTIVE),
        )
        for number in range(PEOPLE):
            self.state.balances[person(number), 2025] = (0, OLD)
            self.state.balances[person(number), 2026] = (0, NEW)
            self.state._accounts[person(number)].vintage = 2026
        self.terms, self.time, self._photos = terms, START, 0
        self._nonces = dict.fromkeys(map(person, range(PEOPLE)), 0)
        self.put(terms)

    def put(self, act: Act, **changes: Any) -> int:
        index = self.state.apply(e.encode(replace(act, **{"time": self.time, **changes})))
        if isinstance(act, Pledge):
            self._nonces[act.account] += 1
        return index

    def refuses(self, act: Act, why: str) -> None:
        before = (self.state.size, dict(self.state.balances), dict(self.state.bucket_totals))
        with pytest.raises(ReplayError, match=why):
            self.put(act)
        assert (self.state.size, self.state.balances, self.state.bucket_totals) == before

    @property
    def book(self) -> Any:
        return self.state.loop.projects.projects[self.terms.project]

    def pledge(self, who: int, units: int) -> Pledge:
        account, amount, parts = person(who), units * self.terms.price, []
        for year in (2025, 2026):
            part = min(amount, self.state.held(account, year, Unit.MILLIPOINTS))
            amount -= part
            if part:
                parts.append(Part(year, part))
        tail = ResidentTail(CUSTODIAN, self._nonces[account], self.time + 60, SIGNATURE)
        cost = units * self.terms.price
        project, price = self.terms.project, self.terms.price
        return Pledge(self.time, account, project, self.book.pledged, units, price, cost, tuple(parts), tail)

    def photo(self) -> bytes:
        self._photos += 1
        return secret(f"photo {self._photos}")

    def delivery(self, first: int, units: int) -> ProjectDelivery:
        shown = (day_of(self.time), 118_870_000, 285_440_000, secret("evidence"), self.photo())
        return ProjectDelivery(self.time, self.terms.project, first, units, *shown, AgentTail(PLANTER_KEY, SIGNATURE))

    def decision(self, delivery: int, accepted: bool, *parts: tuple[int, int]) -> Acceptance:
        found = tuple(Part(*part) for part in parts)
        tail = AgentTail(INSPECTOR_KEY, SIGNATURE)
        return Acceptance(self.time, delivery, self.terms.project, accepted, secret("seen"), found, tail)

    def report(self, delivery: int, months: int, surviving: int) -> Survival:
        shown = (day_of(self.time), secret("they live"), self.photo())
        tail = AgentTail(INSPECTOR_KEY, SIGNATURE)
        return Survival(self.time, delivery, self.terms.project, months, surviving, *shown, tail)

    def back(self, pledge: int, who: int, units: int, *parts: tuple[int, int]) -> PledgeReturn:
        found = tuple(Part(*part) for part in parts)
        return PledgeReturn(self.time, pledge, self.terms.project, person(who), units, found)

    def points(self, who: int) -> tuple[int, int]:
        years = (2025, 2026)
        return tuple(self.state.held(person(who), year, Unit.MILLIPOINTS) for year in years)  # type: ignore[return-value]

    def bucket(self, bucket: Bucket) -> tuple[int, int]:
        years = (2025, 2026)
        return tuple(self.state.total(Unit.MILLIPOINTS, year, bucket) for year in years)  # type: ignore[return-value]


@pytest.fixture
def grove() -> Grove:
    return Grove()


@pytest.fixture
def planted(grove: Grove) -> tuple[Grove, int, int]:
    """Units 0–5 are person 0's (4,800 of 2025, 1,200 of 2026), 6–9 person 1's (4,000 of 2025)."""
    return grove, grove.put(grove.pledge(0, 6)), grove.put(grove.pledge(1, 4))


# --------------------------------------------------------------------------------------------------------- projects


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"organisation": 99}, "organisation 99 is unknown"),
        ({"state": ProjectState.CLOSED}, "begins open"),
        ({"opens": START - 9, "closes": START}, "before its entry"),
    ],
)
def test_a_new_project_is_open_and_an_active_organisations(grove: Grove, changes: dict[str, Any], why: str) -> None:
    grove.refuses(replace(TERMS, project=7, **changes), why)
    grove.put(replace(TERMS, project=7))


def test_a_disabled_organisation_opens_nothing(grove: Grove) -> None:
    grove.put(e.Organisation(START, PLANTER, secret("2"), e.Standing.DISABLED))  # type: ignore[arg-type]
    grove.refuses(replace(TERMS, project=7), "disabled")


@pytest.mark.parametrize(
    "changes",
    [
        {"organisation": INSPECTORS},
        {"kind": ProjectKind.FISH},
        {"price": PRICE - 1},
        {"settlement": 1},
        {"target": 101},
        {"opens": START - 1},
        {"closes": PERIOD[1] + 1},
        {"survival": False},
        {"text": secret("others")},
    ],
)
def test_terms_never_change(grove: Grove, changes: dict[str, Any]) -> None:
    grove.refuses(replace(TERMS, state=ProjectState.CLOSED, **changes), "changes its terms")


def test_states_go_one_way(grove: Grove) -> None:
    for before in ProjectState:
        for after in ProjectState:
            terms = replace(TERMS, project=10 * before + after)
            grove.put(terms)
            if before is not ProjectState.OPEN:
                grove.put(terms, state=before)
            if after > before:
                grove.put(terms, state=after)
            else:
                grove.refuses(replace(terms, state=after), "can't become")


@pytest.mark.parametrize(
    "changes",
    [
        {"project": 0},
        {"organisation": 0},
        {"price": 0},
        {"target": 0},
        {"price": 2**64 // 100 + 1},
        {"settlement": 2**64 // 100 + 1},
        {"closes": START},
        {"text": bytes(32)},
    ],
)
def test_terms_that_no_project_has_have_no_bytes(changes: dict[str, Any]) -> None:
    with pytest.raises(CodecError):
        e.encode(replace(TERMS, **changes))


# ---------------------------------------------------------------------------------------------------------- pledges


def test_a_pledge_takes_the_oldest_points_and_numbers_its_units(grove: Grove) -> None:
    grove.put(grove.pledge(0, 6))
    assert (grove.points(0), grove.bucket(Bucket.PLEDGED)) == ((0, 1_200), (4_800, 1_200))
    second = grove.pledge(1, 2)
    assert second.first == 6
    grove.put(second)
    assert grove.book.pledged == 8


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"project": 9}, "project 9 is unknown"),
        ({"first": 1}, "is at 0 for 1000"),
        ({"price": 500, "units": 4}, "is at 0 for 1000"),
        ({"parts": (Part(2026, 2_000),)}, "not its oldest"),
        ({"account": person(77)}, "too little"),
        ({"tail": ResidentTail(PLANTER_KEY, 0, START + 60, SIGNATURE)}, "neither controls it"),
        ({"tail": ResidentTail(CUSTODIAN, 1, START + 60, SIGNATURE)}, "nonce 1"),
        ({"tail": ResidentTail(CUSTODIAN, 0, START - 1, SIGNATURE)}, "deadline"),
    ],
)
def test_what_no_pledge_is(grove: Grove, changes: dict[str, Any], why: str) -> None:
    grove.refuses(replace(grove.pledge(0, 2), **changes), why)
    grove.put(grove.pledge(0, 2))


def test_pledges_are_taken_while_the_project_is_open() -> None:
    grove = Grove(replace(TERMS, opens=START + 10))
    grove.refuses(grove.pledge(0, 1), "not at")
    for grove.time in (START + 10, PERIOD[1] - 1):
        grove.put(grove.pledge(0, 1))
    grove.time = PERIOD[1]
    grove.refuses(grove.pledge(0, 1), "not at")
    grove = Grove()
    for state in (ProjectState.CLOSED, ProjectState.ABANDONED):
        grove.put(TERMS, state=state)
        grove.refuses(grove.pledge(0, 1), state.name.lower())


def test_pledges_never_pass_the_target() -> None:
    grove = Grove(replace(TERMS, target=5))
    grove.put(grove.pledge(0, 4))
    grove.refuses(grove.pledge(1, 2), "beyond the target of 5")
    grove.put(grove.pledge(1, 1))
    grove.refuses(grove.pledge(2, 1), "beyond the target")


@pytest.mark.parametrize("changes", [{"units": 0}, {"units": 1_001}, {"max_price": 1_999}, {"parts": (Part(2025, 1),)}])
def test_a_pledge_that_contradicts_itself_has_no_bytes(grove: Grove, changes: dict[str, Any]) -> None:
    with pytest.raises(CodecError):
        e.encode(replace(grove.pledge(0, 2), **changes))


# ------------------------------------------------------------------------------------------------------- deliveries


@pytest.mark.parametrize(
    ("first", "units", "why"),
    [(9, 2, "10 are pledged"), (4_000_000_000, 1, "10 are pledged"), (3, 3, "delivered"), (5, 5, "delivered")],
)
def test_units_are_delivered_once_and_only_if_pledged(
    planted: tuple[Grove, int, int], first: int, units: int, why: str
) -> None:
    grove, _, _ = planted
    grove.put(grove.delivery(3, 3))
    grove.refuses(grove.delivery(first, units), why)
    grove.put(grove.delivery(0, 3))
    grove.put(grove.delivery(6, 4))


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"day": day_of(START) + 1}, "day"),
        ({"day": day_of(START) - 1}, "day"),
        ({"project": 9}, "unknown"),
        ({"tail": AgentTail(INSPECTOR_KEY, SIGNATURE)}, "no merchant's agent"),
        ({"tail": AgentTail(CUSTODIAN, SIGNATURE)}, "no merchant's agent"),
    ],
)
def test_what_no_delivery_is(planted: tuple[Grove, int, int], changes: dict[str, Any], why: str) -> None:
    grove, _, _ = planted
    grove.refuses(replace(grove.delivery(0, 1), **changes), why)


@pytest.mark.parametrize(
    "changes",
    [
        {"units": 0},
        {"units": 1_001},
        {"latitude": 180_000_001},
        {"longitude": 360_000_001},
        {"evidence": bytes(32)},
        {"nullifier": bytes(32)},
    ],
)
def test_a_delivery_that_shows_nothing_has_no_bytes(grove: Grove, changes: dict[str, Any]) -> None:
    with pytest.raises(CodecError):
        e.encode(replace(grove.delivery(0, 1), **changes))


def test_a_closed_project_is_delivered_an_abandoned_one_is_not(planted: tuple[Grove, int, int]) -> None:
    grove, _, _ = planted
    grove.put(TERMS, state=ProjectState.CLOSED)
    grove.put(grove.delivery(0, 1))
    grove.put(TERMS, state=ProjectState.ABANDONED)
    grove.refuses(grove.delivery(1, 1), "abandoned")


def test_agents_of_other_organisations_and_roles_deliver_nothing(planted: tuple[Grove, int, int]) -> None:
    grove, _, _ = planted
    for name, organisation, role in (("other", INSPECTORS, AgentRole.MERCHANT), ("own", PLANTER, AgentRole.ACCEPTOR)):
        key = secret(name)[:20]
        grove.put(Agent(START, key, organisation, role, e.Standing.ACTIVE))
        grove.refuses(replace(grove.delivery(0, 1), tail=AgentTail(key, SIGNATURE)), "no merchant's agent")
    grove.put(Agent(START, PLANTER_KEY, PLANTER, AgentRole.MERCHANT, e.Standing.DISABLED))
    grove.refuses(grove.delivery(0, 1), "no merchant's agent")


# -------------------------------------------------------------------------------------------------------- decisions


def test_an_accepted_delivery_redeems_its_own_units_points(planted: tuple[Grove, int, int]) -> None:
    """Units 4–7: 800 of 2025 and 1,200 of 2026 by person 0, 2,000 of 2025 by person 1."""
    grove, _, _ = planted
    delivery = grove.put(grove.delivery(4, 4))
    right = ((2025, 2_800), (2026, 1_200))
    for wrong in (((2025, 4_000),), ((2025, 2_801), (2026, 1_199)), ((2025, 2_800), (2026, 1_000))):
        grove.refuses(grove.decision(delivery, True, *wrong), "have the points")
    grove.put(grove.decision(delivery, True, *right))
    assert grove.bucket(Bucket.REDEEMED) == (2_800, 1_200)
    assert grove.bucket(Bucket.PLEDGED) == (6_000, 0)
    grove.refuses(grove.decision(delivery, False), "decided already")


def test_a_refused_deliverys_units_are_free_again(planted: tuple[Grove, int, int]) -> None:
    grove, _, _ = planted
    delivery = grove.put(grove.delivery(4, 4))
    grove.put(grove.decision(delivery, False))
    assert grove.bucket(Bucket.PLEDGED) == (8_800, 1_200)
    grove.put(grove.decision(grove.put(grove.delivery(0, 10)), True, (2025, 8_800), (2026, 1_200)))
    grove.refuses(grove.decision(delivery, False), "decided already")
    assert grove.bucket(Bucket.PLEDGED) == (0, 0)


def test_who_accepts_is_of_another_organisation(planted: tuple[Grove, int, int]) -> None:
    grove, pledge, _ = planted
    own, merchant = secret("own acceptor")[:20], secret("merchant")[:20]
    grove.put(Agent(START, own, PLANTER, AgentRole.ACCEPTOR, e.Standing.ACTIVE))
    grove.put(Agent(START, merchant, INSPECTORS, AgentRole.MERCHANT, e.Standing.ACTIVE))
    delivery = grove.put(grove.delivery(0, 1))
    right = grove.decision(delivery, True, (2025, 1_000))
    for key in (own, merchant, PLANTER_KEY, CUSTODIAN):
        grove.refuses(replace(right, tail=AgentTail(key, SIGNATURE)), "no acceptor of another organisation")
    grove.refuses(replace(right, delivery=pledge), "no delivery of project 1")
    grove.refuses(replace(right, project=2), "no delivery of project 2")
    grove.put(right)


def test_decisions_that_contradict_themselves_have_no_bytes(grove: Grove) -> None:
    for wrong in (grove.decision(1, True), grove.decision(1, False, (2025, 1))):
        with pytest.raises(CodecError):
            e.encode(wrong)
    with pytest.raises(CodecError):
        e.encode(replace(grove.decision(1, False), evidence=bytes(32)))


# --------------------------------------------------------------------------------------------------------- survival


def test_reports_are_due_after_twelve_and_thirty_six_months(planted: tuple[Grove, int, int]) -> None:
    grove, pledge, _ = planted
    delivery = grove.put(grove.delivery(0, 5))
    grove.time += 2_000 * DAY_SECONDS
    grove.refuses(grove.report(delivery, 12, 1), "not accepted")
    grove.time = START
    grove.put(grove.decision(delivery, True, (2025, 4_800), (2026, 200)))
    for months, days in ((12, 366), (36, 1_096)):
        grove.time = START + (days - 1) * DAY_SECONDS
        grove.refuses(grove.report(delivery, months, 1), "day")
        grove.time += DAY_SECONDS
        grove.refuses(grove.report(delivery, months, 6), "6 of the 5 units")
        grove.refuses(replace(grove.report(delivery, months, 5), day=day_of(grove.time) + 1), "day")
        wrong = replace(grove.report(delivery, months, 5), tail=AgentTail(PLANTER_KEY, SIGNATURE))
        grove.refuses(wrong, "no acceptor")
        grove.refuses(grove.report(pledge, months, 5), "no delivery")
        grove.put(grove.report(delivery, months, 5))
        grove.refuses(grove.report(delivery, months, 5), "no report due")
    with pytest.raises(CodecError, match="12 and 36"):
        e.encode(grove.report(delivery, 24, 1))


def test_a_project_without_survival_has_no_reports() -> None:
    grove = Grove(replace(TERMS, survival=False))
    grove.put(grove.pledge(0, 1))
    delivery = grove.put(grove.delivery(0, 1))
    grove.put(grove.decision(delivery, True, (2025, 1_000)))
    grove.time += 2_000 * DAY_SECONDS
    grove.refuses(grove.report(delivery, 12, 1), "no report due")


def test_a_photo_is_used_once(planted: tuple[Grove, int, int]) -> None:
    grove, _, _ = planted
    first = grove.delivery(0, 1)
    grove.put(grove.decision(grove.put(first), False))
    grove.refuses(replace(grove.delivery(1, 1), nullifier=first.nullifier), "nullifier-used")
    delivery = grove.put(grove.delivery(0, 1))
    grove.put(grove.decision(delivery, True, (2025, 1_000)))
    grove.time += 366 * DAY_SECONDS
    report = grove.report(delivery, 12, 1)
    grove.refuses(replace(report, nullifier=first.nullifier), "nullifier-used")
    grove.put(report)
    grove.refuses(replace(grove.delivery(1, 1), nullifier=report.nullifier), "nullifier-used")


# ---------------------------------------------------------------------------------------------------------- returns


def test_an_abandoned_project_returns_the_undelivered_units_points(planted: tuple[Grove, int, int]) -> None:
    """Delivered: 1, 2 and 6. Pending until after: 8."""
    grove, one, two = planted
    grove.put(grove.decision(grove.put(grove.delivery(1, 2)), True, (2025, 2_000)))
    grove.put(grove.decision(grove.put(grove.delivery(6, 1)), True, (2025, 1_000)))
    pending = grove.put(grove.delivery(8, 1))
    right = grove.back(one, 0, 4, (2025, 2_800), (2026, 1_200))
    grove.refuses(right, "its pledges stand")
    grove.put(TERMS, state=ProjectState.ABANDONED)
    for wrong, why in (
        (replace(right, units=3), "has .* to return"),
        (replace(right, parts=(Part(2025, 4_000),)), "has .* to return"),
        (replace(right, account=person(1)), "is no pledge of"),
        (replace(right, pledge=pending), "is no pledge of"),
        (replace(right, project=2), "is no pledge of"),
    ):
        grove.refuses(wrong, why)
    grove.put(right)
    # What is left is another's.
    grove.refuses(replace(right, units=1, parts=(Part(2025, 1_000),)), r"has \(0, \(\)\) to return")
    assert grove.points(0) == (2_800, NEW)
    grove.put(grove.back(two, 1, 2, (2025, 2_000)))
    grove.put(grove.decision(pending, False))
    grove.put(grove.back(two, 1, 1, (2025, 1_000)))
    assert grove.points(1) == (OLD - 1_000, NEW)
    assert grove.bucket(Bucket.PLEDGED) == (0, 0)
    assert grove.book.settled == grove.book.pledged == 10


def test_a_return_meets_a_debt(grove: Grove) -> None:
    pledge = grove.put(grove.pledge(2, 7))
    grove.state._accounts[person(2)].millipoints_debt = 5_000
    grove.state._accounts[person(2)].has_debt = True
    grove.put(TERMS, state=ProjectState.ABANDONED)
    grove.put(grove.back(pledge, 2, 7, (2025, 4_800), (2026, 2_200)))
    assert grove.points(2) == (0, NEW - 200)
    assert grove.state.owed(person(2), Unit.MILLIPOINTS) == 0


# ------------------------------------------------------------------------------------------------------------ random


@pytest.mark.parametrize("seed", range(20))
def test_every_unit_is_accounted_for(seed: int) -> None:
    """Against a book unit by unit: who pledged it, of how much of 2025, and what has become of it."""
    dice = random.Random(seed)
    price = 70
    grove = Grove(replace(TERMS, price=price, target=10_000))
    units: list[list[Any]] = []
    pending: dict[int, range] = {}
    pledges: dict[int, tuple[int, range]] = {}

    def worth(which: list[list[Any]]) -> tuple[int, int]:
        old = sum(unit[1] for unit in which)
        return old, price * len(which) - old

    def parts_of(which: list[list[Any]]) -> list[tuple[int, int]]:
        return [(year, part) for year, part in zip((2025, 2026), worth(which), strict=True) if part]

    for step in range(60):
        choice = dice.random()
        if step == 50:
            grove.put(grove.terms, state=ProjectState.ABANDONED)
        if choice < 0.4 and step < 50:
            who, number = dice.randrange(PEOPLE), dice.randint(1, 20)
            old = grove.points(who)[0]
            if sum(grove.points(who)) < number * price:
                continue
            pledges[grove.put(grove.pledge(who, number))] = (who, range(len(units), len(units) + number))
            units += [[who, min(price, max(0, old - i * price)), "free"] for i in range(number)]
        elif choice < 0.65 and step < 50 and units:
            first = dice.randrange(len(units))
            span = range(first, min(len(units), first + dice.randint(1, 30)))
            act = grove.delivery(span.start, len(span))
            if any(units[i][2] != "free" for i in span):
                grove.refuses(act, "delivered already")
                continue
            pending[grove.put(act)] = span
            for i in span:
                units[i][2] = "pending"
        elif choice < 0.9 and pending:
            delivery = dice.choice(sorted(pending))
            span, accepted = pending.pop(delivery), dice.random() < 0.6
            parts = parts_of([units[i] for i in span]) if accepted else []
            grove.put(grove.decision(delivery, accepted, *parts))
            for i in span:
                units[i][2] = "accepted" if accepted else "free"
        elif pledges and step >= 50:
            pledge = dice.choice(sorted(pledges))
            who, span = pledges[pledge]
            free = [units[i] for i in span if units[i][2] == "free"]
            if free:
                grove.put(grove.back(pledge, who, len(free), *parts_of(free)))
            for unit in free:
                unit[2] = "returned"
        assert grove.bucket(Bucket.PLEDGED) == worth([unit for unit in units if unit[2] in ("free", "pending")])
        assert grove.bucket(Bucket.REDEEMED) == worth([unit for unit in units if unit[2] == "accepted"])
    for who in range(PEOPLE):
        old, new = worth([unit for unit in units if unit[0] == who and unit[2] != "returned"])
        assert grove.points(who) == (OLD - old, NEW - new)
