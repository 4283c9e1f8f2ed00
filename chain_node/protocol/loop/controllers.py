"""Who acts for a resident's account: what the contract allows of controllers, session keys, the custodian, consents.

Other families ask here whether a signer may act (`check_use`) and use its nonce up (`use`). Signatures are not seen:
whose they are depends on the domain of the ledger under which an act was signed (`chain_node.protocol.acts`).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar, Final, NamedTuple, assert_never

from chain_node.protocol.errors import ReplayError
from chain_node.protocol.kinds.accounts import AccountState
from chain_node.protocol.kinds.act import Act
from chain_node.protocol.kinds.controllers import (
    CONSENT,
    CONTROLLER,
    CONTROLLER_CANCELLED,
    SESSION_KEY,
    Consent,
    Controller,
    ControllerCancelled,
    ControllerKind,
    Custodian,
    CustodianState,
    Scope,
    SessionKey,
    SetBy,
)
from chain_node.protocol.loop.family import LedgerView
from chain_node.protocol.times import DAY_SECONDS, day_of

NOTICE_SECONDS: Final = 7 * DAY_SECONDS
"""How long the controller in force may refuse one that the registrar sets."""
FARTHEST_SECONDS: Final = 366 * DAY_SECONDS
"""How far ahead a controller may take force, and a session key expire."""

_CONTROLLER_ALONE: Final = 0

ControllersAct = Controller | ControllerCancelled | SessionKey | Consent | Custodian


@dataclass(frozen=True, slots=True)
class Use:
    """A signer acts for an account. code: the entry's type. scope: the bit that a session key needs, 0 = the
    controller alone. amount: millipoints, counted against a session key's day. time: the entry's."""

    code: int
    account: bytes
    signer: bytes
    nonce: int
    scope: int
    amount: int
    time: int


class InForce(NamedTuple):
    """Who controls an account. key: None = nobody. since: unix seconds; session keys given before are dead."""

    key: bytes | None
    kind: ControllerKind
    since: int


@dataclass(frozen=True, slots=True)
class SessionBounds:
    """A session key's bounds, who gave it when, and what it spent on the last day on which it spent."""

    issuer: bytes
    issued: int
    daily_limit: int
    expires: int
    scopes: int
    spent: int = 0
    day: int = 0


class Controllers:
    """custodian: the key, None without one; custodian_since: unix seconds. sessions: (account, key) → bounds. nonces:
    (account, signer) → the next one. consents: (account, purpose) → the last entry."""

    acts: ClassVar[frozenset[type[Act]]] = frozenset({Controller, ControllerCancelled, SessionKey, Consent, Custodian})

    def __init__(self) -> None:
        self.custodian: bytes | None = None
        self.custodian_since = 0
        self.sessions: dict[tuple[bytes, bytes], SessionBounds] = {}
        self.nonces: dict[tuple[bytes, bytes], int] = {}
        self.consents: dict[tuple[bytes, int], Consent] = {}
        self._current: dict[bytes, InForce] = {}
        self._coming: dict[bytes, InForce] = {}

    def in_force(self, account: bytes, time: int) -> InForce:
        """Who controls the account at a time that is not before the newest entry's."""
        coming = self._coming.get(account)
        set_ = coming if coming is not None and coming.since <= time else self._current.get(account)
        if set_ is not None and set_.kind is not ControllerKind.CUSTODIAL:
            return set_
        since = self.custodian_since if set_ is None else max(set_.since, self.custodian_since)
        return InForce(self.custodian, ControllerKind.CUSTODIAL, since)

    def coming(self, account: bytes, time: int) -> InForce | None:
        """The controller that has yet to come into force; `since` is when it does."""
        coming = self._coming.get(account)
        return coming if coming is not None and coming.since > time else None

    def check_use(self, use: Use, ledger: LedgerView) -> None:
        """The signer may do this for the account.

        Raises:
            ReplayError: which rule forbids it, and what would have been right.
        """
        account, signer = f"account 0x{use.account.hex()}", f"0x{use.signer.hex()}"
        state = ledger.account(use.account).state
        if state != AccountState.ACTIVE:
            raise ReplayError(f"{account} does not act: its state is {state}, not active")
        held = self.in_force(use.account, use.time)
        if use.signer != held.key:
            self._check_session(use, held, account, signer)
        expected = self.nonces.get((use.account, use.signer), 0)
        if use.nonce != expected:
            raise ReplayError(f"{account}: nonce {use.nonce} of {signer}, expected {expected}")

    def use(self, use: Use) -> None:
        """Use the nonce up and charge a session key's day, after `check_use`."""
        self.nonces[use.account, use.signer] = use.nonce + 1
        if use.amount and use.signer != self.in_force(use.account, use.time).key:
            session, today = self.sessions[use.account, use.signer], day_of(use.time)
            spent = (session.spent if session.day == today else 0) + use.amount
            self.sessions[use.account, use.signer] = replace(session, spent=spent, day=today)

    def _check_session(self, use: Use, held: InForce, account: str, signer: str) -> None:
        session = self.sessions.get((use.account, use.signer))
        if session is None or session.issuer != held.key or session.issued < held.since:
            raise ReplayError(f"{account}: {signer} neither controls it nor has a session key of its controller")
        if use.time >= session.expires:
            raise ReplayError(f"{account}: the session key {signer} ended at {session.expires}, it is {use.time}")
        if use.scope == _CONTROLLER_ALONE or session.scopes & use.scope != use.scope:
            raise ReplayError(f"{account}: the session key {signer} has scopes {session.scopes}, not {use.scope}")
        spent = session.spent if session.day == day_of(use.time) else 0
        if spent + use.amount > session.daily_limit:
            raise ReplayError(
                f"{account}: the session key {signer} has spent {spent} of {session.daily_limit} millipoints today, "
                f"{use.amount} are too many"
            )

    def check(self, _index: int, act: ControllersAct, ledger: LedgerView) -> None:
        match act:
            case Controller():
                self._check_controller(act, ledger)
            case ControllerCancelled():
                if self.coming(act.account, act.time) is None:
                    raise ReplayError(
                        f"account 0x{act.account.hex()} has no controller to come that could be cancelled"
                    )
            case SessionKey():
                latest = act.time + FARTHEST_SECONDS
                if act.expires and not act.time < act.expires <= latest:
                    raise ReplayError(f"a session key expires after {act.time}, by {latest}: not at {act.expires}")
            case Consent():
                pass
            case Custodian():
                if act.state is CustodianState.NONE and act.key != self.custodian:
                    raise ReplayError(f"0x{act.key.hex()} is not the custodian, and can't end as one")
            case _:
                assert_never(act)
        use = self._use_of(act)
        if use is not None:
            self.check_use(use, ledger)
        deadline = _deadline(act)
        if deadline is not None and act.time > deadline:
            raise ReplayError(f"the deadline {deadline} of what was signed had passed at {act.time}")

    def apply(self, _index: int, act: ControllersAct, _ledger: LedgerView) -> None:
        use = self._use_of(act)
        if use is not None:
            self.use(use)
        match act:
            case Controller():
                self._set_controller(act)
            case ControllerCancelled():
                del self._coming[act.account]
            case SessionKey():
                place = (act.account, act.key)
                before = self.sessions.get(place)
                bounds = (act.tail.signer, act.time, act.daily_limit, act.expires, act.scopes)
                # What it has spent today stays: bounds given anew are no second day.
                self.sessions[place] = SessionBounds(*bounds, *((before.spent, before.day) if before else ()))
            case Consent():
                self.consents[act.account, act.purpose] = act
            case Custodian():
                self.custodian = act.key if act.state is CustodianState.ACTIVE else None
                self.custodian_since = act.time
            case _:
                assert_never(act)

    def _use_of(self, act: ControllersAct) -> Use | None:
        """Who acts by it, None where no resident's key does."""
        match act:
            case Controller():
                if act.set_by is SetBy.REGISTRAR:
                    return None
                # Nobody in force: an address that no key has, so that it is refused.
                signer = self.in_force(act.account, act.time).key or bytes(20)
                return Use(CONTROLLER, act.account, signer, act.nonce, _CONTROLLER_ALONE, 0, act.time)
            case ControllerCancelled():
                code, scope = CONTROLLER_CANCELLED, _CONTROLLER_ALONE
            case SessionKey():
                code, scope = SESSION_KEY, _CONTROLLER_ALONE
            case Consent():
                code, scope = CONSENT, int(Scope.CONSENTS)
            case Custodian():
                return None
            case _:
                assert_never(act)
        return Use(code, act.account, act.tail.signer, act.tail.nonce, scope, 0, act.time)

    def _check_controller(self, act: Controller, ledger: LedgerView) -> None:
        earliest, latest = 0, act.time + FARTHEST_SECONDS
        if act.set_by is SetBy.REGISTRAR:
            earliest = act.time + NOTICE_SECONDS
            state = ledger.account(act.account).state
            if state not in (AccountState.ACTIVE, AccountState.FROZEN):
                raise ReplayError(f"account 0x{act.account.hex()} has the state {state}: it gets no controller")
        if not earliest <= act.effective <= latest:
            raise ReplayError(f"a controller takes force between {earliest} and {latest}, not at {act.effective}")

    def _set_controller(self, act: Controller) -> None:
        coming = self._coming.pop(act.account, None)
        if coming is not None and coming.since <= act.time:
            self._current[act.account] = coming
        if act.effective <= act.time:
            self._current[act.account] = InForce(act.key, act.kind, act.time)
        else:
            self._coming[act.account] = InForce(act.key, act.kind, act.effective)


def _deadline(act: ControllersAct) -> int | None:
    """Until when what was signed holds; None where nobody signed."""
    match act:
        case Controller():
            return None if act.set_by is SetBy.REGISTRAR else act.deadline
        case Custodian():
            return None
        case _:
            return act.tail.deadline
