"""Who acts for whom, in a replay: a custodian, keys that sign, and what they set. The account is that of person 0."""

from __future__ import annotations

import pytest
from protocol_world import START, person, secret
from replay_support import begin

from chain_node.protocol import attestation
from chain_node.protocol import entries as e
from chain_node.protocol.errors import ReplayError
from chain_node.protocol.kinds.act import ResidentTail
from chain_node.protocol.kinds.controllers import (
    Consent,
    Controller,
    ControllerCancelled,
    ControllerKind,
    Custodian,
    CustodianState,
    SessionKey,
    SetBy,
)
from chain_node.protocol.replay import State

KEYS = map(secret, ("custodian", "phone", "new phone", "session"))
CUSTODIAN, PHONE, NEW_PHONE, SESSION = map(attestation.address_of, KEYS)
WHO = person(0)
DAY = 86_400
NO_SIGNATURE = bytes(65)


def open_loop(*more: e.Entry) -> State:
    """Law, people and a custodian."""
    return begin(Custodian(START, CUSTODIAN, CustodianState.ACTIVE), *more)


def tail(signer: bytes, nonce: int = 0, *, deadline: int = START + 10**9) -> ResidentTail:
    return ResidentTail(signer, nonce, deadline, NO_SIGNATURE)


def controller(key: bytes, nonce: int = 0, *, time: int = START, effective: int = 0) -> Controller:
    """By the one in force."""
    bounds = (effective, SetBy.CONTROLLER, nonce, START + 10**9, NO_SIGNATURE)
    return Controller(time, WHO, key, ControllerKind.DEVICE, *bounds)


def by_registrar(key: bytes, *, time: int = START, effective: int = START + 7 * DAY) -> Controller:
    return Controller(time, WHO, key, ControllerKind.DEVICE, effective, SetBy.REGISTRAR, 0, 0, NO_SIGNATURE)


def cancelled(signer: bytes, nonce: int = 0, *, time: int = START) -> ControllerCancelled:
    return ControllerCancelled(time, WHO, tail(signer, nonce))


def session(
    signer: bytes, nonce: int = 0, *, time: int = START, limit: int = 100, expires: int = START + DAY, scopes: int = 7
) -> SessionKey:
    return SessionKey(time, WHO, SESSION, limit, expires, scopes, tail(signer, nonce))


def consent(signer: bytes, nonce: int = 0, *, time: int = START, given: bool = True) -> Consent:
    return Consent(time, WHO, 1, 1, secret("text"), given, tail(signer, nonce))


def applied(state: State, *more: e.Entry) -> State:
    for entry in more:
        state.apply(e.encode(entry))
    return state


def refuses(state: State, entry: e.Entry, reason: str) -> None:
    """The entry is refused, and what families know stays as it was."""
    size, root, loop = state.size, state.root(), snapshot(state)
    with pytest.raises(ReplayError, match=reason):
        state.apply(e.encode(entry))
    assert (state.size, state.root(), snapshot(state)) == (size, root, loop), "a refused act changes nothing"


def snapshot(state: State) -> list[str]:
    return [repr(dict(sorted(vars(one).items()))) for one in state.loop.families]
