"""Public-good projects, replayed: whose each unit is, whose points wait for it, and what has become of it."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass, field, replace
from typing import ClassVar, Final

from chain_node.protocol.errors import ReplayError
from chain_node.protocol.kinds.act import Act, Part
from chain_node.protocol.kinds.agents import AgentRole
from chain_node.protocol.kinds.controllers import Scope
from chain_node.protocol.kinds.organisations import Standing
from chain_node.protocol.kinds.projects import (
    DUE_DAYS,
    PLEDGE,
    Acceptance,
    Pledge,
    PledgeReturn,
    Project,
    ProjectDelivery,
    ProjectState,
    Survival,
)
from chain_node.protocol.loop.agents import Agents
from chain_node.protocol.loop.controllers import Controllers, Use
from chain_node.protocol.loop.family import LedgerView
from chain_node.protocol.times import day_of


@dataclass(slots=True)
class ProjectBook:
    """A project's terms as first entered, and how far it is.

    taken: a byte a pledged unit, 1: in a pending or accepted delivery, or returned. settled: units accepted or
    returned. ends, years: all pledges' parts one after the other, as stretches of one vintage: where each ends, in
    millipoints from the project's first, and its year.
    """

    terms: Project
    state: ProjectState
    settled: int = 0
    taken: bytearray = field(default_factory=bytearray)
    ends: list[int] = field(default_factory=list)
    years: list[int] = field(default_factory=list)

    @property
    def pledged(self) -> int:
        """Units pledged so far."""
        return len(self.taken)

    def points_of(self, ranges: list[tuple[int, int]]) -> tuple[Part, ...]:
        """The points of units [begin, end) of each range, by vintage."""
        price, found = self.terms.price, dict[int, int]()
        for begin, end in ranges:
            at, stop = begin * price, end * price
            stretch = bisect_right(self.ends, at)
            while at < stop:
                until = min(self.ends[stretch], stop)
                found[self.years[stretch]] = found.get(self.years[stretch], 0) + until - at
                at, stretch = until, stretch + 1
        return tuple(Part(year, found[year]) for year in sorted(found))

    def free(self, first: int, units: int) -> list[tuple[int, int]]:
        """Ranges [begin, end) of these units that nothing has taken."""
        ranges, at, stop = [], first, first + units
        while (begin := self.taken.find(0, at, stop)) >= 0:
            end = self.taken.find(1, begin, stop)
            at = stop if end < 0 else end
            ranges.append((begin, at))
        return ranges


@dataclass(slots=True)
class DeliveryBook:
    """A delivery. accepted: None while it is pending. reports: months after which one was made."""

    entry: ProjectDelivery
    accepted: bool | None = None
    reports: set[int] = field(default_factory=set)


class Projects:
    """projects: by number. pledges, deliveries: by the index of their entry. nullifiers: of photos that were used."""

    acts: ClassVar[frozenset[type[Act]]] = frozenset(
        {Project, Pledge, ProjectDelivery, Acceptance, Survival, PledgeReturn}
    )

    def __init__(self, controllers: Controllers, agents: Agents) -> None:
        self.projects: dict[int, ProjectBook] = {}
        self.pledges: dict[int, Pledge] = {}
        self.deliveries: dict[int, DeliveryBook] = {}
        self.nullifiers: set[bytes] = set()
        self._controllers: Final = controllers
        self._agents: Final = agents

    # ------------------------------------------------------------------------------------------------------- checks

    def check(self, _index: int, act: Act, ledger: LedgerView) -> None:
        match act:
            case Project():
                self._check_project(act, ledger)
            case Pledge():
                self._check_pledge(act, ledger)
            case ProjectDelivery():
                self._check_delivery(act, ledger)
            case Acceptance():
                self._check_acceptance(act, ledger)
            case Survival():
                self._check_survival(act, ledger)
            case PledgeReturn():
                self._check_return(act)

    def _check_project(self, act: Project, ledger: LedgerView) -> None:
        book = self.projects.get(act.project)
        if book is None:
            organisation = ledger.organisations.get(act.organisation)
            if organisation is None or organisation.state is not Standing.ACTIVE:
                raise ReplayError(f"organisation {act.organisation} is unknown or disabled: it carries out nothing")
            if act.state is not ProjectState.OPEN:
                raise ReplayError(f"project {act.project} is new and {act.state.name.lower()}: a project begins open")
            if act.closes <= act.time:
                raise ReplayError(f"project {act.project} closed at {act.closes}, before its entry of {act.time}")
        elif replace(act, time=book.terms.time, state=book.terms.state) != book.terms:
            raise ReplayError(f"project {act.project} changes its terms: {act}, before: {book.terms}")
        elif act.state <= book.state:
            raise ReplayError(f"project {act.project} is {book.state.name.lower()}, it can't become {act.state.name}")

    def _check_pledge(self, act: Pledge, ledger: LedgerView) -> None:
        book = self._book(act.project)
        terms = book.terms
        if book.state is not ProjectState.OPEN or not terms.opens <= act.time < terms.closes:
            raise ReplayError(
                f"project {act.project} is {book.state.name.lower()}, pledges from {terms.opens} to {terms.closes}: "
                f"not at {act.time}"
            )
        if act.first != book.pledged or act.price != terms.price:
            raise ReplayError(
                f"a pledge begins at unit {act.first} for {act.price} each, project {act.project} is at "
                f"{book.pledged} for {terms.price}"
            )
        if act.first + act.units > terms.target:
            raise ReplayError(f"{act.units} units after {act.first} are beyond the target of {terms.target}")
        if act.time > act.tail.deadline:
            raise ReplayError(f"the deadline {act.tail.deadline} of the pledge had passed at {act.time}")
        self._controllers.check_use(self._use(act), ledger)

    def _check_delivery(self, act: ProjectDelivery, ledger: LedgerView) -> None:
        book = self._book(act.project)
        if book.state is ProjectState.ABANDONED:
            raise ReplayError(f"project {act.project} is abandoned: it takes no deliveries")
        end = act.first + act.units
        if end > book.pledged:
            raise ReplayError(f"units {act.first} to {end - 1} are delivered, {book.pledged} are pledged")
        if any(book.taken[act.first : end]):
            raise ReplayError(f"of the units {act.first} to {end - 1} one is delivered already")
        _check_day(act.day, day_of(book.terms.opens), act.time)
        self._check_photo(act.nullifier)
        found = self._agents.agent_of(act.tail.signer, ledger)
        if found is None or found.role is not AgentRole.MERCHANT or found.organisation != book.terms.organisation:
            raise ReplayError(
                f"0x{act.tail.signer.hex()} is no merchant's agent of organisation {book.terms.organisation}: {found}"
            )

    def _check_acceptance(self, act: Acceptance, ledger: LedgerView) -> None:
        delivery = self._delivery(act)
        if delivery.accepted is not None:
            raise ReplayError(f"delivery {act.delivery} is decided already")
        book = self._book(act.project)
        self._check_acceptor(act.tail.signer, book, ledger)
        entry = delivery.entry
        parts = book.points_of([(entry.first, entry.first + entry.units)]) if act.accepted else ()
        if act.parts != parts:
            raise ReplayError(f"the units of delivery {act.delivery} have the points {parts}, not {act.parts}")

    def _check_survival(self, act: Survival, ledger: LedgerView) -> None:
        delivery = self._delivery(act)
        if not delivery.accepted:
            raise ReplayError(f"delivery {act.delivery} is not accepted: nothing of it can survive")
        book = self._book(act.project)
        if not book.terms.survival or act.months in delivery.reports:
            raise ReplayError(f"delivery {act.delivery} has no report due after {act.months} months")
        if act.surviving > delivery.entry.units:
            raise ReplayError(f"{act.surviving} of the {delivery.entry.units} units of delivery {act.delivery} survive")
        _check_day(act.day, delivery.entry.day + DUE_DAYS[act.months], act.time)
        self._check_photo(act.nullifier)
        self._check_acceptor(act.tail.signer, book, ledger)

    def _check_return(self, act: PledgeReturn) -> None:
        pledge = self.pledges.get(act.pledge)
        if pledge is None or (pledge.project, pledge.account) != (act.project, act.account):
            raise ReplayError(f"entry {act.pledge} is no pledge of 0x{act.account.hex()} for project {act.project}")
        book = self._book(act.project)
        if book.state is not ProjectState.ABANDONED:
            raise ReplayError(f"project {act.project} is {book.state.name.lower()}: its pledges stand")
        ranges = book.free(pledge.first, pledge.units)
        due = (sum(end - begin for begin, end in ranges), book.points_of(ranges))
        if (act.units, act.parts) != due:
            raise ReplayError(f"pledge {act.pledge} has {due} to return (units, parts), not {(act.units, act.parts)}")

    def _book(self, project: int) -> ProjectBook:
        try:
            return self.projects[project]
        except KeyError:
            raise ReplayError(f"project {project} is unknown") from None

    def _delivery(self, act: Acceptance | Survival) -> DeliveryBook:
        delivery = self.deliveries.get(act.delivery)
        if delivery is None or delivery.entry.project != act.project:
            raise ReplayError(f"entry {act.delivery} is no delivery of project {act.project}")
        return delivery

    def _check_photo(self, nullifier: bytes) -> None:
        if nullifier in self.nullifiers:
            raise ReplayError(f"nullifier-used: the photo 0x{nullifier.hex()} shows another delivery or report")

    def _check_acceptor(self, signer: bytes, book: ProjectBook, ledger: LedgerView) -> None:
        found = self._agents.agent_of(signer, ledger)
        if found is None or found.role is not AgentRole.ACCEPTOR or found.organisation == book.terms.organisation:
            raise ReplayError(
                f"0x{signer.hex()} is no acceptor of another organisation than {book.terms.organisation}: {found}"
            )

    @staticmethod
    def _use(act: Pledge) -> Use:
        return Use(PLEDGE, act.account, act.tail.signer, act.tail.nonce, Scope.PLEDGES, act.price * act.units, act.time)

    # ------------------------------------------------------------------------------------------------------ changes

    def apply(self, index: int, act: Act, _ledger: LedgerView) -> None:
        match act:
            case Project():
                book = self.projects.setdefault(act.project, ProjectBook(act, act.state))
                book.state = act.state
            case Pledge():
                self._pledge(index, act)
            case ProjectDelivery():
                self._take(act.project, [(act.first, act.first + act.units)], 1)
                self.deliveries[index] = DeliveryBook(act)
                self.nullifiers.add(act.nullifier)
            case Acceptance():
                self._decide(act)
            case Survival():
                self.deliveries[act.delivery].reports.add(act.months)
                self.nullifiers.add(act.nullifier)
            case PledgeReturn():
                pledge = self.pledges[act.pledge]
                self.projects[act.project].settled += act.units
                self._take(act.project, [(pledge.first, pledge.first + pledge.units)], 1)

    def _pledge(self, index: int, act: Pledge) -> None:
        book = self.projects[act.project]
        end = act.first * act.price
        for part in act.parts:
            end += part.amount
            if book.years and book.years[-1] == part.vintage:
                book.ends[-1] = end
            else:
                book.ends.append(end)
                book.years.append(part.vintage)
        book.taken.extend(bytes(act.units))
        self.pledges[index] = act
        self._controllers.use(self._use(act))

    def _decide(self, act: Acceptance) -> None:
        delivery = self.deliveries[act.delivery]
        delivery.accepted = act.accepted
        if act.accepted:
            self.projects[act.project].settled += delivery.entry.units
        else:
            self._take(act.project, [(delivery.entry.first, delivery.entry.first + delivery.entry.units)], 0)

    def _take(self, project: int, ranges: list[tuple[int, int]], mark: int) -> None:
        taken = self.projects[project].taken
        for begin, end in ranges:
            taken[begin:end] = bytes([mark]) * (end - begin)


def _check_day(day: int, earliest: int, time: int) -> None:
    if not earliest <= day <= day_of(time):
        raise ReplayError(f"day {day} is none from {earliest} to {day_of(time)}, the entry's")
