"""Retirements, replayed: who may, for whom, and serials that go on where the last ones ended."""

from __future__ import annotations

from dataclasses import replace

import pytest
from loop_support import CUSTODIAN, DAY, PHONE, SESSION, WHO, applied, controller, open_loop, refuses, session, tail
from protocol_world import START, account, person, secret

from chain_node.protocol import entries as e
from chain_node.protocol.errors import CodecError
from chain_node.protocol.kinds.act import SerialPart
from chain_node.protocol.kinds.agents import Agent, AgentRole, OpenState, OrganisationAccount
from chain_node.protocol.kinds.retirement import BeneficiaryKind, Retirement, padded
from chain_node.protocol.postings import NOBODY, Bucket, Posting, Unit
from chain_node.protocol.replay import State

OWN = person(78)
ORGANISER = person(79)
ACCOUNT = OrganisationAccount(START, OWN, 1, 0, secret("scheme"), OpenState.ACTIVE)
AGENT = Agent(START, ORGANISER, 1, AgentRole.ORGANISER, e.Standing.ACTIVE)


def retirement(
    *parts: SerialPart, account: bytes = WHO, signer: bytes = CUSTODIAN, nonce: int = 0, time: int = START
) -> Retirement:
    kind, whom = BeneficiaryKind.ORGANISATION, (1).to_bytes(32, "big")
    return Retirement(time, account, kind, whom, 4, padded(b"trip"), parts, tail(signer, nonce))


def line(vintage: int, first: int, amount: int) -> SerialPart:
    return SerialPart(vintage, 0, first, amount)


def rich() -> State:
    """Person 0 and organisation 1's account hold credits of two years."""
    state = open_loop(AGENT, ACCOUNT)
    for owner in (WHO, OWN):
        for vintage, amount in ((2025, 5_000), (2026, 7_000)):
            state._post([Posting(Unit.CREDITS, vintage, Bucket.ISSUED, Bucket.HELD, amount, NOBODY, owner)])
    return state


def test_what_is_retired_is_gone() -> None:
    state = applied(rich(), retirement(line(2025, 1, 5_000), line(2026, 1, 100)))
    assert (state.held(WHO, 2025, Unit.CREDITS), state.held(WHO, 2026, Unit.CREDITS)) == (0, 6_900)
    assert state.total(Unit.CREDITS, 2025, Bucket.RETIRED) == 5_000
    assert state.loop.controllers.nonces[WHO, CUSTODIAN] == 1


def test_serials_go_on_whoever_retires() -> None:
    state = applied(
        rich(),
        retirement(line(2025, 1, 1_200)),
        retirement(line(2025, 1_201, 300), account=OWN, signer=ORGANISER),
        retirement(line(2025, 1_501, 1), line(2026, 1, 1), nonce=1),
    )
    for first in (0, 1, 1_501, 1_503):
        act = retirement(line(2025, first, 10), nonce=2)
        if first:
            refuses(state, act, f"serials of 2025 go on with 1502, not {first}")
    assert state.loop.retirements.last_serial == {2025: 1_501, 2026: 1}


def test_only_what_is_held() -> None:
    refuses(rich(), retirement(line(2025, 1, 5_001)), "has 5000 credits of 2025, too little for 5001")
    refuses(rich(), retirement(line(2024, 1, 1)), "has 0 credits of 2024")


def test_who_controls_the_account_and_no_session_key() -> None:
    state = rich()
    refuses(state, retirement(line(2025, 1, 1), signer=PHONE), "neither controls it")
    refuses(state, retirement(line(2025, 1, 1), nonce=1), "nonce 1 of")
    applied(state, session(CUSTODIAN))
    refuses(state, retirement(line(2025, 1, 1), signer=SESSION), "has scopes 7, not 0")
    applied(state, controller(PHONE, 1))
    refuses(state, retirement(line(2025, 1, 1), nonce=2), "neither controls it")
    applied(state, retirement(line(2025, 1, 1), signer=PHONE))


def test_a_frozen_account_retires_nothing() -> None:
    state = applied(rich(), account(0, state=e.AccountState.FROZEN))
    refuses(state, retirement(line(2025, 1, 1)), "not active")


def test_an_organisations_account_acts_by_its_organiser() -> None:
    state = rich()
    act = retirement(line(2025, 1, 1), account=OWN, signer=ORGANISER)
    refuses(state, replace(act, tail=tail(CUSTODIAN)), "is no organiser of organisation 1")
    merchant = Agent(START, person(80), 1, AgentRole.MERCHANT, e.Standing.ACTIVE)
    applied(state, merchant, e.Organisation(START, 2, secret("another"), e.Standing.ACTIVE))
    refuses(state, replace(act, tail=tail(merchant.key)), "is no organiser")
    applied(state, Agent(START, person(81), 2, AgentRole.ORGANISER, e.Standing.ACTIVE))
    refuses(state, replace(act, tail=tail(person(81))), "is no organiser")
    refuses(state, replace(act, tail=tail(ORGANISER, 1)), "nonce 1 of .*, expected 0")
    applied(state, act)
    refuses(state, replace(act, parts=(line(2025, 2, 1),)), "nonce 0 of .*, expected 1")
    applied(state, replace(ACCOUNT, state=OpenState.CLOSED))
    refuses(state, replace(act, parts=(line(2025, 2, 1),), tail=tail(ORGANISER, 1)), "is closed")


def test_an_organisation_that_benefits_is_active() -> None:
    state, act = rich(), retirement(line(2025, 1, 1))
    refuses(state, replace(act, beneficiary=(2).to_bytes(32, "big")), "organisation 2, .* is unknown or disabled")
    applied(state, e.Organisation(START, 1, secret("organisation"), e.Standing.DISABLED))
    refuses(state, act, "organisation 1, .* is unknown or disabled")
    applied(state, replace(act, beneficiary_kind=BeneficiaryKind.PERSON, beneficiary=secret("salt and name")))


def test_the_deadline_is_kept() -> None:
    late = replace(retirement(line(2025, 1, 1), time=START + DAY), tail=tail(CUSTODIAN, deadline=START + DAY - 1))
    refuses(rich(), late, "had passed")
    applied(rich(), replace(late, tail=tail(CUSTODIAN, deadline=START + DAY)))


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"reason_length": 0}, "1 to 200 bytes"),
        ({"reason_length": 201}, "1 to 200 bytes"),
        ({"reason_length": 3}, "zeros follow"),
        ({"reason": b"trip"}, "reason has 200 bytes"),
        ({"beneficiary": bytes(32)}, "a u16, from 1"),
        ({"beneficiary": (1 << 16).to_bytes(32, "big")}, "a u16, from 1"),
        ({"beneficiary_kind": BeneficiaryKind.PERSON, "beneficiary": bytes(32)}, "has a beneficiary"),
        ({"parts": (SerialPart(2025, 1, 1, 1),)}, "names no method"),
        ({"parts": (SerialPart(2025, 0, 0, 1),)}, "serials are"),
        ({"parts": (SerialPart(2025, 0, 2, (1 << 64) - 1),)}, "serials are"),
        ({"parts": (line(2025, 1, 1), line(2025, 2, 1))}, "ascending"),
        ({"parts": (line(2025, 1, 0),)}, "more than nothing"),
        ({"parts": ()}, "1 to 32"),
    ],
)
def test_other_forms_are_refused(changes: dict[str, object], reason: str) -> None:
    with pytest.raises(CodecError, match=reason):
        e.encode(replace(retirement(line(2025, 1, 1)), **changes))  # type: ignore[arg-type]


def test_its_bytes_are_read_as_they_were_written() -> None:
    act = retirement(line(2025, 1, 5_000), line(2026, 7, (1 << 64) - 7))
    data = e.encode(act)
    assert (e.decode(data), len(data)) == (act, 264 + 2 * 20 + 101)
    for broken in (data[:-1], data + b"\0", data[:29] + b"\x03" + data[30:], data[:263] + b"\x03" + data[264:]):
        with pytest.raises(CodecError):
            e.decode(broken)
