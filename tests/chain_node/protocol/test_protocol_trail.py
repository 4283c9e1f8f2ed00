"""A trail verifies from a partner's record to an accepted delivery; in any other way it does not."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
import rfc8785
from protocol_world import (
    DOMAIN,
    NONCE,
    ORIGIN,
    START,
    VKEY,
    World,
    account,
    attest,
    law,
    person,
    reduction,
    secret,
    sign_all,
)

from chain_node.protocol import acts, attestation, bundle, merkle, trail
from chain_node.protocol import entries as e
from chain_node.protocol.errors import BundleError
from chain_node.protocol.kinds.act import AgentTail, Part, ResidentTail
from chain_node.protocol.kinds.agents import Agent, AgentRole
from chain_node.protocol.kinds.controllers import (
    Controller,
    ControllerKind,
    Custodian,
    CustodianState,
    SessionKey,
    SetBy,
)
from chain_node.protocol.kinds.projects import (
    Acceptance,
    Pledge,
    Project,
    ProjectDelivery,
    ProjectKind,
    ProjectState,
)
from chain_node.protocol.signed import message

WHO = person(0)
KEYS = {attestation.address_of(key): key for key in map(secret, ("custodian", "phone", "planter", "inspector", "bus"))}
CUSTODIAN, PHONE, PLANTER, INSPECTOR, SESSION = KEYS
PRICE, TREES = 1_000, 1
SIGNATURE = bytes(65)
OTHER = attestation.Domain(DOMAIN.chain_id, secret("another ledger")[:20], DOMAIN.salt)


def signed(act: Any, domain: attestation.Domain = DOMAIN) -> Any:
    """The act with its signer's signature."""
    made = attestation.sign(KEYS[act.tail.signer], acts.digest(domain, *message(act)))
    return replace(act, tail=replace(act.tail, signature=made))


def pledge_of(signer: bytes = CUSTODIAN, **changes: Any) -> Pledge:
    tail = ResidentTail(signer, 0, START + 10**6, SIGNATURE)
    values = Pledge(START, WHO, TREES, 3, 2, PRICE, 2 * PRICE, (Part(2026, 2 * PRICE),), tail)
    return replace(values, **changes)


def delivery_of(first: int = 3, units: int = 2, signer: bytes = PLANTER) -> ProjectDelivery:
    place = (20_000, 118_871_000, 285_442_000)
    tail = AgentTail(signer, SIGNATURE)
    return ProjectDelivery(START, TREES, first, units, *place, secret("photo"), secret(f"photo {first}"), tail)


def acceptance_of(delivery: int, units: int = 2, signer: bytes = INSPECTOR, **changes: Any) -> Acceptance:
    parts = (Part(2026, units * PRICE),)
    values = Acceptance(START, delivery, TREES, True, secret("seen"), parts, AgentTail(signer, SIGNATURE))
    return replace(values, **changes)


@dataclass
class Walk:
    """A log of one resident's way to a tree. `steps`: indexes that the trail holds."""

    world: World = field(default_factory=World)
    steps: list[int] = field(default_factory=list)
    sign: Callable[[Any], Any] = signed

    def __post_init__(self) -> None:
        self.world.append(*law(), account(0), account(1))
        self.feed_at = next(at for at, data in enumerate(self.world.entries) if data[0] == e.FEED)
        self.custodian = self.step(Custodian(START, CUSTODIAN, CustodianState.ACTIVE))
        self.planter = self.step(Agent(START, PLANTER, 2, AgentRole.MERCHANT, e.Standing.ACTIVE))
        self.inspector = self.step(Agent(START, INSPECTOR, 3, AgentRole.ACCEPTOR, e.Standing.ACTIVE))
        terms = (PRICE, 2_000, 100, START, START + 10**6, True, secret("trees"), ProjectState.OPEN)
        self.project = self.step(Project(START, TREES, 2, ProjectKind.SEEDLINGS, *terms))
        self.batch = [reduction(0), reduction(1, slot=20), reduction(2, who=1)]
        self.first = self.world.append(*self.batch)

    def step(self, entry: e.Entry) -> int:
        index = self.world.append(entry)
        self.steps.append(index)
        return index

    def signed_step(self, act: Any) -> int:
        return self.step(self.sign(act))

    def whole(self) -> Walk:
        """Pledged, delivered and accepted."""
        self.pledge = self.signed_step(pledge_of())
        self.delivery = self.signed_step(delivery_of())
        self.acceptance = self.signed_step(acceptance_of(self.delivery))
        return self

    def record(self, which: int, size: int) -> bytes:
        payloads = [one.record.encode() for one in self.batch]
        attested = attest(payloads, 0)
        method_at = next(
            at
            for at, data in enumerate(self.world.entries)
            if data[0] == e.METHOD and int.from_bytes(data[9:11], "big") == self.batch[which].record.method
        )
        return bundle.build(
            index=self.first + which,
            entry=self.world.entries[self.first + which],
            note=self.world.note(size),
            proof=merkle.inclusion_proof(self.first + which, size, self.world.get_node),
            method=self.world.law_entry(method_at, size),
            feed=self.world.law_entry(self.feed_at, size),
            attested=attested,
            signatures=sign_all(attested),
            payloads=payloads,
            domain=DOMAIN,
            origin=ORIGIN,
            genesis_nonce=NONCE,
        )

    def build(self, *, records: tuple[int, ...] = (0, 1), without: tuple[int, ...] = (), **changes: Any) -> bytes:
        size = len(self.world.entries)
        entries = self.world.entries
        values: dict[str, Any] = {
            "account": WHO,
            "records": [self.record(which, size) for which in records],
            "note": self.world.note(size),
            "steps": [
                trail.TrailStep(at, entries[at], merkle.inclusion_proof(at, size, self.world.get_node))
                for at in self.steps
                if at not in without
            ],
            "domains": [trail.SignedIn(DOMAIN, NONCE)],
            "origin": ORIGIN,
            "hints": {"shown": "in the mini program"},
        }
        return trail.build(**(values | changes))

    def refuses(self, reason: str, **changes: Any) -> None:
        with pytest.raises(BundleError, match=reason):
            trail.verify(self.build(**changes), VKEY)


def test_from_the_record_to_the_tree() -> None:
    walk = Walk().whole()
    shown = trail.verify(walk.build(), VKEY)
    assert [one.index for one in shown.records] == [walk.first, walk.first + 1]
    assert (shown.account, shown.pledge_index, shown.delivered, shown.complete) == (WHO, walk.pledge, 2, True)
    [one] = shown.deliveries
    assert (one.delivery_index, one.acceptance_index, one.units) == (walk.delivery, walk.acceptance, range(3, 5))
    assert (one.acceptor.organisation, shown.project.organisation) == (3, 2)


def test_every_changed_character_outside_the_hints_is_refused() -> None:
    made = Walk().whole().build(records=(0,))
    skipped = range(made.index(b'"hints"'), made.index(b'"records"'))
    for at in range(0, len(made), 7):
        if at in skipped:
            continue
        other = b"b" if made[at : at + 1] == b"a" else b"a"
        with pytest.raises(BundleError):
            trail.verify(made[:at] + other + made[at + 1 :], VKEY)


def test_a_pledge_that_is_not_delivered_yet_has_a_trail_and_says_so() -> None:
    walk = Walk()
    walk.pledge = walk.signed_step(pledge_of())
    shown = trail.verify(walk.build(without=(walk.planter, walk.inspector)), VKEY)
    assert (shown.delivered, shown.complete, shown.deliveries) == (0, False, ())


def test_a_delivery_of_several_pledges_counts_only_the_units_of_this_one() -> None:
    walk = Walk()
    walk.pledge = walk.signed_step(pledge_of())
    delivery = walk.signed_step(delivery_of(first=0, units=4))
    walk.signed_step(acceptance_of(delivery, units=4))
    shown = trail.verify(walk.build(), VKEY)
    assert (shown.delivered, shown.complete, shown.deliveries[0].units) == (1, False, range(3, 4))


@pytest.mark.parametrize("kind", ["custodian", "project", "planter", "inspector", "acceptance"])
def test_what_something_relies_on_can_not_be_missing(kind: str) -> None:
    walk = Walk().whole()
    walk.refuses("no entry of the trail|one entry of project|0 acceptances", without=(getattr(walk, kind),))


def test_nothing_stands_in_it_that_nothing_relies_on() -> None:
    walk = Walk()
    idle = walk.step(Agent(START, secret("idle")[:20], 4, AgentRole.ACCEPTOR, e.Standing.ACTIVE))
    walk.whole().refuses(f"nothing in the trail relies on entry {idle}")


def test_who_delivers_does_not_accept() -> None:
    walk = Walk()
    own = walk.step(Agent(START, PHONE, 2, AgentRole.ACCEPTOR, e.Standing.ACTIVE))
    assert own
    walk.signed_step(pledge_of())
    delivery = walk.signed_step(delivery_of())
    walk.signed_step(acceptance_of(delivery, signer=PHONE))
    walk.refuses("accepted by the organisation that delivered it", without=(walk.inspector,))


@pytest.mark.parametrize(
    ("entry", "reason"),
    [
        (Agent(START, PHONE, 3, AgentRole.MERCHANT, e.Standing.ACTIVE), "no active acceptor"),
        (Agent(START, PHONE, 3, AgentRole.ACCEPTOR, e.Standing.DISABLED), "no active acceptor"),
    ],
)
def test_an_acceptor_is_one_when_it_signs(entry: Agent, reason: str) -> None:
    walk = Walk()
    walk.step(entry)
    walk.signed_step(pledge_of())
    delivery = walk.signed_step(delivery_of())
    walk.signed_step(acceptance_of(delivery, signer=PHONE))
    walk.refuses(reason, without=(walk.inspector,))


def test_another_organisation_does_not_deliver() -> None:
    walk = Walk()
    walk.step(Agent(START, PHONE, 4, AgentRole.MERCHANT, e.Standing.ACTIVE))
    walk.signed_step(pledge_of())
    delivery = walk.signed_step(delivery_of(signer=PHONE))
    walk.signed_step(acceptance_of(delivery))
    walk.refuses("signed by organisation 4", without=(walk.planter,))


@pytest.mark.parametrize("changes", [{"accepted": False, "parts": ()}, {"project": 2}, {"parts": (Part(2026, PRICE),)}])
def test_an_acceptance_is_of_the_whole_delivery(changes: dict[str, Any]) -> None:
    walk = Walk()
    walk.signed_step(pledge_of())
    delivery = walk.signed_step(delivery_of())
    walk.signed_step(acceptance_of(delivery, **changes))
    walk.refuses("does not accept the delivery")


@pytest.mark.parametrize("delivery", [delivery_of(first=5), replace(delivery_of(), project=2)])
def test_a_delivery_of_others_is_none_of_this_pledge(delivery: ProjectDelivery) -> None:
    walk = Walk().whole()
    walk.signed_step(delivery)
    walk.refuses("not of this pledge")


def test_no_unit_is_delivered_twice() -> None:
    walk = Walk().whole()
    again = walk.signed_step(replace(delivery_of(first=4, units=1)))
    walk.signed_step(acceptance_of(again, units=1))
    walk.refuses("for the second time")


@pytest.mark.parametrize("what", ["pledge", "delivery", "acceptance"])
def test_each_signature_is_its_signers(what: str) -> None:
    wrong = {"pledge": Pledge, "delivery": ProjectDelivery, "acceptance": Acceptance}[what]
    walk = Walk(sign=lambda act: signed(act, OTHER if isinstance(act, wrong) else DOMAIN)).whole()
    walk.refuses("not signed by its signer")


def test_a_domain_is_the_logs_and_is_used() -> None:
    walk = Walk().whole()
    unused = trail.SignedIn(replace(OTHER), NONCE)
    walk.refuses("names a domain", domains=[trail.SignedIn(DOMAIN, NONCE), unused])
    walk.refuses("not made of", domains=[trail.SignedIn(DOMAIN, secret("another nonce"))])
    walk.refuses("origin", origin="somebody.else/00112233")
    walk.refuses("not a list of 1", domains=[])


def test_a_phone_acts_when_an_entry_lets_it() -> None:
    walk = Walk()
    act = Controller(START, WHO, PHONE, ControllerKind.DEVICE, START, SetBy.CONTROLLER, 0, START + 10, SIGNATURE)
    made = replace(act, signature=attestation.sign(KEYS[CUSTODIAN], acts.digest(DOMAIN, *message(act))))
    walk.step(made)
    walk.pledge = walk.signed_step(pledge_of(PHONE))
    without = (walk.planter, walk.inspector)
    assert trail.verify(walk.build(without=without), VKEY).pledge.tail.signer == PHONE
    walk.refuses("lets 0x", without=(walk.custodian, *without))


def test_a_phone_that_the_registrar_set_acts_from_its_time_on() -> None:
    walk = Walk()
    walk.step(Controller(START, WHO, PHONE, ControllerKind.DEVICE, START, SetBy.REGISTRAR, 0, 0, SIGNATURE))
    walk.signed_step(pledge_of(PHONE))
    without = (walk.custodian, walk.planter, walk.inspector)
    assert trail.verify(walk.build(without=without), VKEY).pledge.tail.signer == PHONE


@pytest.mark.parametrize("changes", [{"effective": START + 1}, {"account": person(1)}])
def test_a_phone_does_not_act_before_its_time_or_for_others(changes: dict[str, Any]) -> None:
    walk = Walk()
    act = Controller(START, WHO, PHONE, ControllerKind.DEVICE, START, SetBy.REGISTRAR, 0, 0, SIGNATURE)
    walk.step(replace(act, **changes))
    walk.signed_step(pledge_of(PHONE))
    walk.refuses("lets 0x", without=(walk.custodian, walk.planter, walk.inspector))


def session_of(**changes: Any) -> SessionKey:
    tail = ResidentTail(CUSTODIAN, 0, START + 10, SIGNATURE)
    return replace(SessionKey(START, WHO, SESSION, 5_000, START + 10, 2, tail), **changes)


def test_a_session_key_acts_within_its_bounds() -> None:
    walk = Walk()
    walk.signed_step(session_of())
    walk.signed_step(pledge_of(SESSION))
    assert trail.verify(walk.build(without=(walk.planter, walk.inspector)), VKEY).pledge.tail.signer == SESSION


@pytest.mark.parametrize("changes", [{"account": person(1)}, {"expires": START}, {"scopes": 1}])
def test_a_session_key_does_not_act_beyond_them(changes: dict[str, Any]) -> None:
    walk = Walk()
    walk.signed_step(session_of(**changes))
    walk.signed_step(pledge_of(SESSION))
    walk.refuses("may not sign this pledge", without=(walk.planter, walk.inspector))


def test_records_are_the_accounts_of_the_pledges_years_and_before_it() -> None:
    walk = Walk().whole()
    walk.refuses("earned nothing", records=(2,))
    walk.refuses("not ascending", records=(1, 0))
    walk.refuses("not a list of 1", records=())
    other = Walk()
    other.signed_step(pledge_of(parts=(Part(2025, 2 * PRICE),)))
    other.refuses("earned nothing", without=(other.planter, other.inspector))


def test_records_stand_under_the_trails_checkpoint() -> None:
    walk = Walk().whole()
    older = walk.record(0, len(walk.world.entries) - 1)
    made = json.loads(walk.build(records=(0,)))
    made["records"] = [json.loads(older)]
    with pytest.raises(BundleError, match="not under the trail's checkpoint"):
        trail.verify(rfc8785.dumps(made) + b"\n", VKEY)


def test_the_price_and_the_time_are_the_projects() -> None:
    for changes in ({"price": PRICE - 1, "parts": (Part(2026, 2 * PRICE - 2),)}, {"time": START + 10**6}):
        walk = Walk()
        walk.signed_step(pledge_of(**changes))
        walk.refuses("not the project's price", without=(walk.planter, walk.inspector))


def test_one_pledge_and_of_this_account() -> None:
    walk = Walk().whole()
    walk.refuses("the trail of", account=person(1))
    walk.refuses("has one pledge, this one 0", without=(walk.pledge,))


def test_the_form_is_the_only_one() -> None:
    made = Walk().whole().build()
    document = json.loads(made)
    for change in ({"format": "luya-bundle@v1"}, {"more": 1}, {"hints": []}):
        with pytest.raises(BundleError):
            trail.verify(rfc8785.dumps(document | change) + b"\n", VKEY)
    with pytest.raises(BundleError, match="at most"):
        trail.verify(made + b" " * trail.MAX_BYTES, VKEY)
    steps = list(reversed(document["steps"]))
    with pytest.raises(BundleError, match="not ascending"):
        trail.verify(rfc8785.dumps(document | {"steps": steps}) + b"\n", VKEY)
