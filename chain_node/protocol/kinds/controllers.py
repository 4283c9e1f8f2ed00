"""Who acts for a resident's account: controllers, session keys, the custodian; and what residents consent to."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum, IntFlag
from typing import Final

from chain_node.protocol.kinds.act import Act, ResidentTail, act_kind
from chain_node.protocol.kinds.kind import NO_ADDRESS, require

CONTROLLER: Final = 0x48
CONTROLLER_CANCELLED: Final = 0x49
SESSION_KEY: Final = 0x4A
CONSENT: Final = 0x4D
CUSTODIAN: Final = 0x4F

NO_SIGNATURE: Final = bytes(65)


class ControllerKind(IntEnum):
    """Who holds a controller's key."""

    CUSTODIAL = 1
    """Whoever is the custodian: the entry names no key."""
    DEVICE = 2
    DESK = 3
    GUARDIAN = 4


class SetBy(IntEnum):
    """Who set a controller."""

    CONTROLLER = 1
    REGISTRAR = 2


class Scope(IntFlag):
    """What a session key may do; no bit: an act of the controller alone."""

    ORDERS = 1
    PLEDGES = 2
    CONSENTS = 4


ALL_SCOPES: Final = int(Scope.ORDERS | Scope.PLEDGES | Scope.CONSENTS)


class CustodianState(IntEnum):
    """Whether there is a custodian."""

    ACTIVE = 1
    NONE = 2


@dataclass(frozen=True, slots=True)
class Controller(Act):
    """0x48: a key controls the account from `effective` (unix seconds) on, at once where that has passed. set_by: of
    the registrar's, nonce, deadline and signature are zero; else they are the controller's that was in force."""

    account: bytes
    key: bytes
    kind: ControllerKind
    effective: int
    set_by: SetBy
    nonce: int
    deadline: int
    signature: bytes


@dataclass(frozen=True, slots=True)
class ControllerCancelled(Act):
    """0x49: the controller in force refused the one that had yet to come into force."""

    account: bytes
    tail: ResidentTail


@dataclass(frozen=True, slots=True)
class SessionKey(Act):
    """0x4A: a key that may act within bounds. daily_limit: millipoints a day. expires: unix seconds; 0: revoked."""

    account: bytes
    key: bytes
    daily_limit: int
    expires: int
    scopes: int
    tail: ResidentTail


@dataclass(frozen=True, slots=True)
class Consent(Act):
    """0x4D: a consent given or taken back. text: SHA-256 of the text that was shown."""

    account: bytes
    purpose: int
    version: int
    text: bytes
    given: bool
    tail: ResidentTail


@dataclass(frozen=True, slots=True)
class Custodian(Act):
    """0x4F: the key that acts for every account without a controller of its own, or that there is none any more."""

    key: bytes
    state: CustodianState


def _check_controller(e: Controller) -> None:
    custodial = e.kind is ControllerKind.CUSTODIAL
    require(custodial == (e.key == NO_ADDRESS), e, "a custodial controller names no key, every other one does")
    if e.set_by is SetBy.REGISTRAR:
        unsigned = (e.nonce, e.deadline, e.signature) == (0, 0, NO_SIGNATURE)
        require(unsigned, e, "what the registrar set has no nonce, deadline and signature")
    require(len(e.signature) == len(NO_SIGNATURE), e, "a signature has 65 bytes")


def _check_session_key(e: SessionKey) -> None:
    require(e.key != NO_ADDRESS, e, "a session key is not zero")
    if e.expires:
        require(0 < e.scopes <= ALL_SCOPES, e, f"scopes are 1 … {ALL_SCOPES}")
    else:
        require(e.scopes == 0 and e.daily_limit == 0, e, "a revoked key has neither scopes nor a limit")


def _check_consent(e: Consent) -> None:
    require(e.purpose > 0 and e.version > 0, e, "purposes and versions begin at 1")


def _check_custodian(e: Custodian) -> None:
    require(e.key != NO_ADDRESS, e, "a custodian's key is not zero")


CONTROLLERS: Final = act_kind(
    "controller",
    CONTROLLER,
    Controller,
    "account:20s key:20s kind:B effective:Q set_by:B nonce:Q deadline:Q signature:65s",
    check=_check_controller,
)
CONTROLLERS_CANCELLED: Final = act_kind(
    "controller cancelled", CONTROLLER_CANCELLED, ControllerCancelled, "account:20s"
)
SESSION_KEYS: Final = act_kind(
    "session key",
    SESSION_KEY,
    SessionKey,
    "account:20s key:20s daily_limit:Q expires:Q scopes:H",
    check=_check_session_key,
)
CONSENTS: Final = act_kind(
    "consent", CONSENT, Consent, "account:20s purpose:H version:H text:32s given:B", check=_check_consent
)
CUSTODIANS: Final = act_kind("custodian", CUSTODIAN, Custodian, "key:20s state:B", check=_check_custodian, public=True)
