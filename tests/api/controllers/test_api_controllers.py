"""Who acts for an account, as its owner reads it: what the replay says."""

from __future__ import annotations

from typing import Any

import pytest
from api_ledger import person
from api_loop import CUSTODIAN, SIGNATURE, Loop
from api_world import World

from api.controllers import endpoints, service
from chain_node.protocol.kinds.controllers import (
    Controller,
    ControllerCancelled,
    ControllerKind,
    Custodian,
    CustodianState,
    SessionKey,
    SetBy,
)
from chain_node.protocol.times import DAY_SECONDS

DEVICE, SESSION, LATER = bytes([1]) * 20, bytes([2]) * 20, bytes([3]) * 20
NOBODY = {"key": None, "kind": "custodial", "kind_text": {"zh": "托管方代为操作", "en": "the custodian"}, "since": 0}


@pytest.fixture
def held(world: World, monkeypatch: pytest.MonkeyPatch) -> World:
    """The clock is the ledger's."""
    Loop(world.ledger).found()
    world.project()
    monkeypatch.setattr(endpoints.time, "time", lambda: float(world.ledger.time))
    return world


def read(world: World, number: int = 1) -> dict[str, Any]:
    who = f"0x{person(number).hex()}"
    answer = world.client().get(f"/v1/accounts/{who}/controller", world.token(f"account:{who}"))
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def device(world: World, effective: int = 0, key: bytes = DEVICE) -> None:
    """The controller in force hands over."""
    time, account = world.ledger.time, person(1)
    controllers = world.ledger.state.loop.controllers
    signer = controllers.in_force(account, time).key
    assert signer is not None
    nonce = controllers.nonces.get((account, signer), 0)
    until = (nonce, time + 60, SIGNATURE)
    world.ledger.append(Controller(time, account, key, ControllerKind.DEVICE, effective, SetBy.CONTROLLER, *until))
    world.project()


def session(world: World, expires: int) -> None:
    tail = Loop(world.ledger).resident(person(1))
    held = world.ledger.state.loop.controllers.in_force(person(1), world.ledger.time).key
    assert held is not None
    nonce = world.ledger.state.loop.controllers.nonces.get((person(1), held), 0)
    signed = type(tail)(held, nonce, tail.deadline, SIGNATURE)
    scopes = 3 if expires else 0
    bounds = (5_000 if expires else 0, expires, scopes)
    world.ledger.append(SessionKey(world.ledger.time, person(1), SESSION, *bounds, signed))
    world.project()


def test_it_is_the_custodian_who_acts_until_somebody_else_does(held: World) -> None:
    found = read(held)
    assert found["controller"] == {**NOBODY, "key": f"0x{CUSTODIAN.hex()}", "since": held.ledger.time}
    assert (found["coming"], found["sessions"], found["at"]) == (None, [], held.ledger.time)
    device(held)
    found = read(held)
    assert found["controller"]["key"] == f"0x{DEVICE.hex()}"
    assert found["controller"]["kind_text"]["zh"] == "本人设备"
    assert read(held, 2)["controller"]["key"] == f"0x{CUSTODIAN.hex()}"


def test_without_a_custodian_nobody_acts(held: World) -> None:
    held.ledger.append(Custodian(held.ledger.time, CUSTODIAN, CustodianState.NONE))
    held.project()
    assert read(held)["controller"] == {**NOBODY, "since": held.ledger.time}


def test_one_that_is_to_come_is_told_until_it_is_refused(held: World) -> None:
    effective = held.ledger.time + 8 * DAY_SECONDS
    lost = Controller(
        held.ledger.time, person(1), LATER, ControllerKind.DEVICE, effective, SetBy.REGISTRAR, 0, 0, bytes(65)
    )
    held.ledger.append(lost)
    held.project()
    coming = read(held)["coming"]
    assert (coming["key"], coming["since"]) == (f"0x{LATER.hex()}", effective)
    held.ledger.time = effective
    assert read(held)["controller"]["key"] == f"0x{LATER.hex()}"
    held.ledger.time = effective - 1
    assert read(held)["coming"] == coming
    held.ledger.append(ControllerCancelled(held.ledger.time, person(1), Loop(held.ledger).resident(person(1))))
    held.project()
    held.ledger.time = effective
    found = read(held)
    assert (found["coming"], found["controller"]["key"]) == (None, f"0x{CUSTODIAN.hex()}")


def test_session_keys_that_hold(held: World) -> None:
    start = held.ledger.time
    session(held, start + 100)
    (shown,) = read(held)["sessions"]
    wanted = {"key": f"0x{SESSION.hex()}", "scopes": ["orders", "pledges"], "daily_limit": 5_000}
    assert shown == {**wanted, "issued": start, "expires": start + 100}
    held.ledger.time = start + 100
    assert read(held)["sessions"] == []
    held.ledger.time = start + 1
    assert read(held)["sessions"] != []
    # another controller: its keys are dead
    device(held)
    assert read(held)["sessions"] == []
    session(held, held.ledger.time + 100)
    assert len(read(held)["sessions"]) == 1
    session(held, 0)
    assert read(held)["sessions"] == []


def test_an_answer_has_bounds(held: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(service, "MOST", 1)
    device(held)
    session(held, held.ledger.time + 100)
    who = f"0x{person(1).hex()}"
    client, auditor = held.client(), held.token("auditor")
    answer = client.get(f"/v1/accounts/{who}/controller", auditor)
    assert answer.status_code == 422
    assert answer.json()["messages"]["zh"]["detail"] == "控制人变更超过 1 条"
    unknown = f"0x{'77' * 20}"
    assert client.get(f"/v1/accounts/{unknown}/controller", auditor).status_code == 404
