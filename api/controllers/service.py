"""Says who acts for an account, by the replay's own rules."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, cast

from api.controllers.schemas import AccountController, ControllerView, SessionView
from api.errors import ErrorText, TooMuch
from api.web.types import Bilingual, address_text
from chain_node.protocol.entries import Act
from chain_node.protocol.kinds.controllers import ControllerKind, Scope
from chain_node.protocol.loop.controllers import Controllers, InForce
from chain_node.protocol.loop.family import LedgerView

MOST: Final = 5_000
"""Entries that one answer goes through."""
KINDS: Final = {
    ControllerKind.CUSTODIAL: Bilingual(zh="托管方代为操作", en="the custodian"),
    ControllerKind.DEVICE: Bilingual(zh="本人设备", en="the resident's device"),
    ControllerKind.DESK: Bilingual(zh="服务窗口", en="a service desk"),
    ControllerKind.GUARDIAN: Bilingual(zh="监护人", en="a guardian"),
}
_NO_LEDGER: Final = cast("LedgerView", None)
"""What acts change here is said by the acts alone."""


def view(address: bytes, acts: Sequence[tuple[int, Act]], time: int) -> AccountController:
    """Who acts for the account at a time that is not before the newest entry's. Raises TooMuch."""
    if len(acts) > MOST:
        raise TooMuch(
            ErrorText(f"控制人变更超过 {MOST} 条", f"who acts for it was changed more than {MOST} times"),
            remedy=ErrorText("请分页查阅账户的全部记录", "Read the account's entries by pages instead"),
        )
    family = Controllers()
    for index, act in acts:
        family.apply(index, cast(Any, act), _NO_LEDGER)
    held, coming = family.in_force(address, time), family.coming(address, time)
    sessions = [
        SessionView(
            key=address_text(key),
            scopes=[str(scope.name).lower() for scope in Scope if bounds.scopes & scope],
            daily_limit=bounds.daily_limit,
            issued=bounds.issued,
            expires=bounds.expires,
        )
        for (account, key), bounds in sorted(family.sessions.items())
        if account == address and bounds.issuer == held.key and bounds.issued >= held.since and time < bounds.expires
    ]
    return AccountController(
        address=address_text(address),
        at=time,
        controller=_controller(held),
        coming=None if coming is None else _controller(coming),
        sessions=sessions,
    )


def _controller(found: InForce) -> ControllerView:
    custodial = found.kind is ControllerKind.CUSTODIAL
    nobody = found.key is None or (custodial and not any(found.key))
    return ControllerView(
        key=None if nobody or found.key is None else address_text(found.key),
        kind=found.kind.name.lower(),
        kind_text=KINDS[found.kind],
        since=found.since,
    )
