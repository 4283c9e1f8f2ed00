"""Who acts for a resident, replayed: what the contract would have refused, and what comes of the rest."""

from __future__ import annotations

from dataclasses import replace

import pytest
from loop_support import (
    CUSTODIAN,
    DAY,
    NEW_PHONE,
    PHONE,
    SESSION,
    WHO,
    applied,
    by_registrar,
    cancelled,
    consent,
    controller,
    open_loop,
    refuses,
    session,
)
from protocol_world import START, account, person, secret

from chain_node.protocol import entries as e
from chain_node.protocol.errors import CodecError, ReplayError
from chain_node.protocol.kinds.controllers import (
    Consent,
    ControllerKind,
    Custodian,
    CustodianState,
    Scope,
    SetBy,
)
from chain_node.protocol.loop.controllers import Use
from chain_node.protocol.replay import State

ORDER, PLEDGE = 0x11, 0x19


def order(state: State, signer: bytes, nonce: int, amount: int, *, time: int = START, code: int = ORDER) -> None:
    """As the family of orders would ask, and do."""
    scope = Scope.ORDERS if code == ORDER else Scope.PLEDGES
    use = Use(code, WHO, signer, nonce, int(scope), amount, time)
    state.loop.controllers.check_use(use, state)
    state.loop.controllers.use(use)


def test_the_custodian_acts_where_nobody_else_does() -> None:
    state = open_loop()
    assert state.loop.controllers.in_force(WHO, START) == (CUSTODIAN, ControllerKind.CUSTODIAL, START)
    applied(state, consent(CUSTODIAN))
    assert state.loop.controllers.consents[WHO, 1].given
    applied(state, consent(CUSTODIAN, 1, given=False))
    assert not state.loop.controllers.consents[WHO, 1].given


def test_another_custodian_acts_and_what_the_old_one_gave_ends() -> None:
    state = applied(open_loop(), session(CUSTODIAN), Custodian(START + 1, PHONE, CustodianState.ACTIVE))
    refuses(state, consent(CUSTODIAN, 1, time=START + 1), "neither controls it")
    refuses(state, consent(SESSION, 0, time=START + 1), "neither controls it")
    applied(state, consent(PHONE, time=START + 1))


def test_without_a_custodian_nobody_acts_for_a_custodial_account() -> None:
    state = open_loop()
    refuses(state, Custodian(START, PHONE, CustodianState.NONE), "is not the custodian")
    applied(state, Custodian(START, CUSTODIAN, CustodianState.NONE))
    refuses(state, consent(CUSTODIAN), "neither controls it")
    refuses(state, controller(PHONE), "neither controls it")
    refuses(state, Custodian(START, CUSTODIAN, CustodianState.NONE), "is not the custodian")


def test_a_controller_ends_the_custodians_power_and_gives_it_back() -> None:
    state = applied(open_loop(), controller(PHONE))
    refuses(state, consent(CUSTODIAN, 1), "neither controls it")
    back = replace(controller(bytes(20)), kind=ControllerKind.CUSTODIAL)
    applied(state, consent(PHONE), replace(back, nonce=1), consent(CUSTODIAN, 1))


def test_a_controller_to_come() -> None:
    then = START + 2 * DAY
    state = applied(open_loop(), controller(PHONE), controller(NEW_PHONE, effective=then))
    known = state.loop.controllers
    assert known.coming(WHO, then - 1) == (NEW_PHONE, ControllerKind.DEVICE, then)
    assert known.coming(WHO, then) is None
    refuses(state, consent(NEW_PHONE, time=then - 1), "neither controls it")
    applied(state, consent(NEW_PHONE, time=then))
    refuses(state, consent(PHONE, 1, time=then), "neither controls it")
    # Another to come replaces it only when it comes: this one is what has been in force since.
    applied(state, controller(PHONE, 1, time=then, effective=then + 5))
    assert known.in_force(WHO, then + 4) == (NEW_PHONE, ControllerKind.DEVICE, then)


def test_a_controller_takes_force_within_its_bounds() -> None:
    state = open_loop()
    latest = START + 366 * DAY
    refuses(state, controller(PHONE, effective=latest + 1), "takes force between 0 and")
    refuses(state, by_registrar(PHONE, effective=START + 7 * DAY - 1), "takes force between")
    refuses(state, by_registrar(PHONE, effective=latest + 1), "takes force between")
    applied(state, by_registrar(PHONE, effective=latest), controller(PHONE, effective=latest))


def test_a_lost_phone() -> None:
    then = START + 7 * DAY
    far = session(PHONE, expires=then + DAY)
    state = applied(open_loop(), controller(PHONE), far, by_registrar(NEW_PHONE))
    applied(state, consent(PHONE, 1, time=then - 1), consent(SESSION, 0, time=then - 1))
    refuses(state, consent(PHONE, 2, time=then), "neither controls it")
    refuses(state, consent(SESSION, 1, time=then), "neither controls it")
    refuses(state, cancelled(NEW_PHONE, time=then), "no controller to come")
    applied(state, consent(NEW_PHONE, time=then))


def test_the_old_key_cancels() -> None:
    state = applied(open_loop(), controller(PHONE))
    refuses(state, cancelled(PHONE), "no controller to come")
    applied(state, by_registrar(NEW_PHONE))
    refuses(state, cancelled(NEW_PHONE), "neither controls it")
    applied(state, cancelled(PHONE))
    refuses(state, consent(NEW_PHONE, time=START + 8 * DAY), "neither controls it")
    applied(state, consent(PHONE, 1, time=START + 8 * DAY))


def test_a_frozen_account_is_replaced_and_does_nothing() -> None:
    frozen = account(0, state=e.AccountState.FROZEN)
    state = applied(open_loop(), frozen, by_registrar(NEW_PHONE))
    refuses(state, cancelled(CUSTODIAN), "its state is 2")
    refuses(state, consent(CUSTODIAN), "its state is 2")
    then = START + 7 * DAY
    applied(state, account(0, time=then), consent(NEW_PHONE, time=then))


def test_closed_and_unknown_accounts_get_no_controller() -> None:
    state = applied(open_loop(), account(0, state=e.AccountState.CLOSED))
    refuses(state, by_registrar(PHONE), "has the state 3")
    refuses(state, consent(CUSTODIAN), "its state is 3")
    refuses(state, replace(by_registrar(PHONE), account=person(9)), "has the state 0")


def test_nonces_are_of_account_and_signer() -> None:
    state = open_loop()
    refuses(state, consent(CUSTODIAN, 1), "nonce 1 of .*, expected 0")
    applied(state, consent(CUSTODIAN), replace(consent(CUSTODIAN), account=person(1)))
    refuses(state, consent(CUSTODIAN), "nonce 0 of .*, expected 1")
    applied(state, session(CUSTODIAN, 1), consent(SESSION))
    refuses(state, replace(controller(PHONE), nonce=1), "nonce 1 of .*, expected 2")


def test_a_deadline_has_not_passed() -> None:
    state = open_loop()
    late = consent(CUSTODIAN)
    refuses(state, replace(late, tail=replace(late.tail, deadline=START - 1)), "deadline")
    refuses(state, replace(controller(PHONE), deadline=START - 1), "deadline")
    applied(state, replace(late, tail=replace(late.tail, deadline=START)))


def test_session_keys_act_in_their_scopes_and_time() -> None:
    state = applied(open_loop(), session(CUSTODIAN, scopes=int(Scope.ORDERS)))
    refuses(state, consent(SESSION), "has scopes 1, not 4")
    refuses(state, session(SESSION), "has scopes 1, not 0")
    order(state, SESSION, 0, 100, time=START + DAY - 1)
    with pytest.raises(ReplayError, match="ended at"):
        order(state, SESSION, 1, 1, time=START + DAY)
    applied(state, session(CUSTODIAN, 1, limit=0, expires=0, scopes=0))
    with pytest.raises(ReplayError, match="ended at 0"):
        order(state, SESSION, 1, 1)


def test_session_keys_have_bounds() -> None:
    state = open_loop()
    refuses(state, session(CUSTODIAN, expires=START), "expires after")
    refuses(state, session(CUSTODIAN, expires=START + 366 * DAY + 1), "expires after")
    applied(state, session(CUSTODIAN, expires=START + 366 * DAY))


def test_one_limit_a_day_over_orders_and_pledges() -> None:
    state = applied(open_loop(), session(CUSTODIAN, expires=START + 3 * DAY))
    order(state, SESSION, 0, 60)
    with pytest.raises(ReplayError, match="has spent 60 of 100 millipoints today, 41 are too many"):
        order(state, SESSION, 1, 41, code=PLEDGE)
    order(state, SESSION, 1, 40, code=PLEDGE)
    # Bounds given anew are no second day.
    applied(state, session(CUSTODIAN, 1, expires=START + 3 * DAY))
    with pytest.raises(ReplayError, match="has spent 100"):
        order(state, SESSION, 2, 1)
    order(state, SESSION, 2, 100, time=START + DAY)
    assert state.loop.controllers.sessions[WHO, SESSION].spent == 100


def test_the_controllers_own_acts_are_not_counted() -> None:
    state = open_loop()
    order(state, CUSTODIAN, 0, 10**15)
    assert not state.loop.controllers.sessions


@pytest.mark.parametrize(
    "act",
    [
        replace(controller(bytes(20)), kind=ControllerKind.DEVICE),
        replace(controller(PHONE), kind=ControllerKind.CUSTODIAL),
        replace(by_registrar(PHONE), nonce=1),
        replace(by_registrar(PHONE), deadline=1),
        replace(by_registrar(PHONE), signature=bytes(64) + b"\x01"),
        replace(controller(PHONE), set_by=SetBy.REGISTRAR),
        replace(controller(PHONE), signature=bytes(64)),
        session(CUSTODIAN, scopes=0),
        session(CUSTODIAN, scopes=8),
        session(CUSTODIAN, expires=0, limit=0),
        session(CUSTODIAN, expires=0, scopes=0),
        replace(session(CUSTODIAN), key=bytes(20)),
        replace(consent(CUSTODIAN), purpose=0),
        replace(consent(CUSTODIAN), version=0),
        Custodian(START, bytes(20), CustodianState.ACTIVE),
    ],
)
def test_fields_that_contradict_each_other_are_no_entry(act: e.Act) -> None:
    with pytest.raises(CodecError):
        e.encode(act)


def test_what_a_scope_beyond_the_known_ones_would_allow_is_nothing() -> None:
    state = applied(open_loop(), session(CUSTODIAN))
    use = Use(0x28, WHO, SESSION, 0, 8, 0, START)
    with pytest.raises(ReplayError, match="has scopes 7, not 8"):
        state.loop.controllers.check_use(use, state)


def test_a_consent_is_of_its_text() -> None:
    state = applied(open_loop(), consent(CUSTODIAN))
    found = state.loop.controllers.consents[WHO, 1]
    assert isinstance(found, Consent)
    assert (found.version, found.text) == (1, secret("text"))
