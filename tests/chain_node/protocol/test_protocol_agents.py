"""Agents, organisations' accounts and districts, replayed."""

from __future__ import annotations

from dataclasses import replace

import pytest
from loop_support import applied, refuses
from protocol_world import START, account, person, secret
from replay_support import begin

from chain_node.protocol import entries as e
from chain_node.protocol.errors import CodecError
from chain_node.protocol.kinds.agents import Agent, AgentRole, District, OpenState, OrganisationAccount

KEY = person(77)
AGENT = Agent(START, KEY, 1, AgentRole.MERCHANT, e.Standing.ACTIVE)
ACCOUNT = OrganisationAccount(START, person(78), 1, 0, secret("scheme"), OpenState.ACTIVE)
DISTRICT = District(START, 7, 510_502, secret("name"), OpenState.ACTIVE)
OTHER = e.Organisation(START, 2, secret("another"), e.Standing.ACTIVE)
DISABLED = e.Organisation(START, 1, secret("organisation"), e.Standing.DISABLED)


def test_an_agent_acts_while_it_and_its_organisation_are_active() -> None:
    state = applied(begin(), AGENT)
    assert state.loop.agents.agent_of(KEY, state) == AGENT
    assert state.loop.agents.agent_of(person(1), state) is None
    applied(state, DISABLED)
    assert state.loop.agents.agent_of(KEY, state) is None
    refuses(state, AGENT, "organisation 1 of an agent is unknown or disabled")
    # Stopping it is never refused.
    applied(state, replace(AGENT, state=e.Standing.DISABLED), replace(DISABLED, state=e.Standing.ACTIVE))
    assert state.loop.agents.agent_of(KEY, state) is None
    applied(state, AGENT)
    assert state.loop.agents.agent_of(KEY, state) == AGENT


def test_an_agent_keeps_its_organisation_and_role() -> None:
    state = applied(begin(), OTHER, AGENT)
    refuses(state, replace(AGENT, organisation=2), "for ever, not for 2")
    refuses(state, replace(AGENT, role=AgentRole.ACCEPTOR), "not for 1 as ACCEPTOR")
    applied(state, replace(AGENT, state=e.Standing.DISABLED))
    refuses(state, replace(AGENT, organisation=2), "for ever, not for 2")


def test_an_agents_organisation_is_known() -> None:
    refuses(begin(), replace(AGENT, organisation=3), "unknown or disabled")


def test_an_organisations_account_is_nobodys_who_earns() -> None:
    state = applied(begin(), ACCOUNT)
    refuses(state, replace(ACCOUNT, account=person(0)), "a resident's")
    applied(state, account(0, state=e.AccountState.CLOSED))
    refuses(state, replace(ACCOUNT, account=person(0)), "once was")
    refuses(state, account(78), "an organisation's account")
    applied(state, replace(ACCOUNT, state=OpenState.CLOSED))
    refuses(state, account(78), "an organisation's account")


def test_an_organisations_account_is_one_organisations_and_closes_for_ever() -> None:
    state = begin()
    refuses(state, replace(ACCOUNT, organisation=2), "unknown or disabled")
    refuses(state, replace(ACCOUNT, parent=2), "organisation 2 above 1")
    refuses(state, replace(ACCOUNT, state=OpenState.CLOSED), "never opened")
    applied(state, OTHER, ACCOUNT, replace(ACCOUNT, parent=2))
    refuses(state, replace(ACCOUNT, organisation=2), "organisation 1's, not 2's")
    applied(state, DISABLED, replace(ACCOUNT, state=OpenState.CLOSED), replace(DISABLED, state=e.Standing.ACTIVE))
    refuses(state, ACCOUNT, "closed for ever")


def test_a_national_code_is_one_districts() -> None:
    state = applied(begin(), DISTRICT)
    refuses(state, replace(DISTRICT, district=8), "is that of district 7, not 8")
    applied(state, replace(DISTRICT, state=OpenState.CLOSED))
    refuses(state, replace(DISTRICT, district=8), "is that of district 7, not 8")
    applied(state, replace(DISTRICT, code=510_503), replace(DISTRICT, district=8))
    assert {number: one.code for number, one in state.loop.agents.districts.items()} == {7: 510_503, 8: 510_502}


def test_a_resident_moves_to_another_district() -> None:
    state = begin()
    assert state.district(person(0)) == 502
    applied(state, account(0, district=503))
    assert state.district(person(0)) == 503


@pytest.mark.parametrize(
    "act",
    [
        replace(AGENT, key=bytes(20)),
        replace(AGENT, organisation=0),
        replace(ACCOUNT, account=bytes(20)),
        replace(ACCOUNT, organisation=0),
        replace(ACCOUNT, parent=1),
        replace(DISTRICT, district=0),
        replace(DISTRICT, code=99_999),
        replace(DISTRICT, code=1_000_000),
        replace(DISTRICT, code=99_999_999),
        replace(DISTRICT, code=1_000_000_000),
    ],
)
def test_fields_that_contradict_each_other_are_no_entry(act: e.Act) -> None:
    with pytest.raises(CodecError):
        e.encode(act)


@pytest.mark.parametrize("code", [100_000, 999_999, 100_000_000, 999_999_999])
def test_codes_of_counties_and_towns(code: int) -> None:
    assert e.decode(e.encode(replace(DISTRICT, code=code))) == replace(DISTRICT, code=code)
