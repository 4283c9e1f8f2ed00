"""What residents, merchants and acceptors do on the API's test ledger: trees that are pledged, planted, and still live.

Organisation 2 plants, organisation 3 accepts, the custodian acts for everybody. A tree costs one point.
"""

from __future__ import annotations

import hashlib
from dataclasses import replace

from api_ledger import TestLedger, person

from chain_node.protocol import acts
from chain_node.protocol import entries as e
from chain_node.protocol.attestation import address_of
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
from chain_node.protocol.kinds.rewards import Fulfilment, Item, ItemKind, ItemState, Order, Refund, RefundCause
from chain_node.protocol.postings import Unit, take
from chain_node.protocol.signed import is_signed, message
from chain_node.protocol.times import DAY_SECONDS, day_of

PLANTER, INSPECTORS = 2, 3
TREES, FISH = 1, 2
MUG = 1
PRICE = 1_000
NORTH, EAST = 28_871_000, 105_442_000


def hashed(text: str) -> bytes:
    return hashlib.sha256(text.encode()).digest()


KEYS = {address_of(hashed(name)): hashed(name) for name in ("custodian", "merchant", "acceptor")}
CUSTODIAN, MERCHANT, ACCEPTOR = KEYS
SIGNATURE = bytes(65)
CODE = hashed("code")


class Loop:
    """Acts that follow from what the ledger knows."""

    def __init__(self, ledger: TestLedger) -> None:
        self.ledger = ledger

    def found(self) -> None:
        """Organisations, their agents, and the custodian."""
        time = self.ledger.time
        for organisation in (PLANTER, INSPECTORS):
            self.ledger.append(e.Organisation(time, organisation, hashed(str(organisation)), e.Standing.ACTIVE))
        self.ledger.append(Custodian(time, CUSTODIAN, CustodianState.ACTIVE))
        self.ledger.append(Agent(time, MERCHANT, PLANTER, AgentRole.MERCHANT, e.Standing.ACTIVE))
        self.ledger.append(Agent(time, ACCEPTOR, INSPECTORS, AgentRole.ACCEPTOR, e.Standing.ACTIVE))

    def put(self, act: Act) -> int:
        """Appended; with the signature of the signer that it names, where its kind has a message."""
        tail = getattr(act, "tail", None)
        if tail is not None and is_signed(act) and tail.signer in KEYS:
            name, values = message(act)
            signature = acts.sign(KEYS[tail.signer], self.ledger.domain, name, values)
            act = replace(act, tail=replace(tail, signature=signature))  # type: ignore[call-arg]  # it has one
        return self.ledger.append(act)

    def terms(self, project: int, kind: ProjectKind) -> Project:
        time = self.ledger.time
        period = (time - 500 * DAY_SECONDS, time + 90 * DAY_SECONDS)
        text = hashed(f"project {project}")
        return Project(time, project, PLANTER, kind, PRICE, 2_000, 50, *period, True, text, ProjectState.OPEN)

    def resident(self, account: bytes) -> ResidentTail:
        nonces = self.ledger.state.loop.controllers.nonces
        return ResidentTail(CUSTODIAN, nonces.get((account, CUSTODIAN), 0), self.ledger.time + 60, SIGNATURE)

    def parts(self, account: bytes, amount: int) -> tuple[Part, ...]:
        found, missing = take(self.ledger.state, account, Unit.MILLIPOINTS, amount)
        assert not missing
        return tuple(Part(*one) for one in found)

    def pledge(self, number: int, project: int, units: int) -> int:
        book, account = self.ledger.state.loop.projects.projects[project], person(number)
        parts = self.parts(account, PRICE * units)
        tail = self.resident(account)
        act = Pledge(self.ledger.time, account, project, book.pledged, units, PRICE, PRICE * units, parts, tail)
        return self.put(act)

    def deliver(self, project: int, first: int, units: int, *, days_ago: int = 1) -> int:
        place = (NORTH + 90_000_000, EAST + 180_000_000)
        act = ProjectDelivery(
            self.ledger.time,
            project,
            first,
            units,
            day_of(self.ledger.time) - days_ago,
            *place,
            hashed("evidence"),
            self._photo(),
            AgentTail(MERCHANT, SIGNATURE),
        )
        return self.put(act)

    def decide(self, delivery: int, *, accepted: bool) -> int:
        projects = self.ledger.state.loop.projects
        entry = projects.deliveries[delivery].entry
        book = projects.projects[entry.project]
        parts = book.points_of([(entry.first, entry.first + entry.units)]) if accepted else ()
        tail = AgentTail(ACCEPTOR, SIGNATURE)
        act = Acceptance(self.ledger.time, delivery, entry.project, accepted, hashed("visit"), parts, tail)
        return self.put(act)

    def report(self, delivery: int, surviving: int) -> int:
        entry = self.ledger.state.loop.projects.deliveries[delivery].entry
        today, tail = day_of(self.ledger.time), AgentTail(ACCEPTOR, SIGNATURE)
        photo = self._photo()
        act = Survival(self.ledger.time, delivery, entry.project, 12, surviving, today, hashed("look"), photo, tail)
        return self.put(act)

    def give_back(self, pledge: int) -> int:
        projects = self.ledger.state.loop.projects
        entry = projects.pledges[pledge]
        book = projects.projects[entry.project]
        ranges = book.free(entry.first, entry.units)
        units = sum(end - begin for begin, end in ranges)
        parts = book.points_of(ranges)
        return self.put(PledgeReturn(self.ledger.time, pledge, entry.project, entry.account, units, parts))

    def item(self, **changes: object) -> int:
        """Mugs for a point each."""
        time = self.ledger.time
        times = (time - DAY_SECONDS, time + 30 * DAY_SECONDS, 7 * DAY_SECONDS, 3 * DAY_SECONDS)
        text, price, stock = hashed("a mug"), PRICE, 10
        mug = Item(time, MUG, PLANTER, ItemKind.GOOD, price, 990, stock, 0, 0, *times, time, text, ItemState.ACTIVE)
        return self.put(replace(mug, **changes))  # type: ignore[arg-type]  # by name

    def order(self, number: int, quantity: int) -> int:
        account, time = person(number), self.ledger.time
        terms = self.ledger.state.loop.rewards.items[MUG].at(time)
        assert terms is not None
        code_hash = hashlib.sha256(CODE).digest()
        until = (time + terms.fulfil_within, time + terms.refund_within)
        cost = terms.price * quantity
        given = (terms.price, terms.settlement, code_hash, *until, cost)
        parts, tail = self.parts(account, cost), self.resident(account)
        return self.put(Order(time, account, MUG, quantity, *given, parts, tail))

    def fulfil(self, order: int) -> int:
        return self.put(Fulfilment(self.ledger.time, order, CODE, AgentTail(MERCHANT, SIGNATURE)))

    def refund(self, order: int, cause: RefundCause) -> int:
        entry = self.ledger.state.loop.rewards.orders[order].order
        signer = CUSTODIAN if cause is RefundCause.RESIDENT else MERCHANT
        tail = AgentTail(signer, SIGNATURE)
        return self.put(Refund(self.ledger.time, order, entry.account, cause, entry.parts, tail))

    def _photo(self) -> bytes:
        return hashed(f"photo {len(self.ledger.state.loop.projects.nullifiers)}")


def grove(ledger: TestLedger) -> dict[str, int]:
    """Two projects: trees of persons 1 and 2, some planted; fish of person 1 that never came. The entries' indexes."""
    loop = Loop(ledger)
    loop.found()
    marks = {"trees": ledger.append(loop.terms(TREES, ProjectKind.SEEDLINGS))}
    marks["mine"] = loop.pledge(1, TREES, 4)
    marks["theirs"] = loop.pledge(2, TREES, 3)
    marks["planted"] = loop.deliver(TREES, 0, 2, days_ago=400)
    marks["accepted"] = loop.decide(marks["planted"], accepted=True)
    marks["poor"] = loop.deliver(TREES, 2, 3)
    marks["refused"] = loop.decide(marks["poor"], accepted=False)
    marks["again"] = loop.deliver(TREES, 2, 3)
    marks["report"] = loop.report(marks["planted"], 1)
    fish = loop.terms(FISH, ProjectKind.FISH)
    ledger.append(fish)
    marks["fish"] = loop.pledge(1, FISH, 2)
    marks["abandoned"] = ledger.append(replace(fish, state=ProjectState.ABANDONED))
    marks["returned"] = loop.give_back(marks["fish"])
    ledger.marks |= marks
    return marks


def shop(ledger: TestLedger) -> dict[str, int]:
    """After `grove`: mugs; orders of persons 1 and 2 that are open, handed over and taken back."""
    loop = Loop(ledger)
    marks = {"mugs": loop.item()}
    marks["open"] = loop.order(1, 1)
    marks["taken"] = loop.order(1, 2)
    marks["theirs_open"] = loop.order(2, 2)
    marks["fulfilled"] = loop.fulfil(marks["taken"])
    marks["regretted"] = loop.order(1, 1)
    marks["refund"] = loop.refund(marks["regretted"], RefundCause.RESIDENT)
    ledger.marks |= marks
    return marks
