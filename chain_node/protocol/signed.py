"""From an act in the log to the message that was signed for it, and whether its signature holds.

`chain_node.protocol.acts` has the messages; here is which kind of entry keeps which. A member of a message is the act's
field, or its tail's, of the same name in snake case.
"""

from __future__ import annotations

from typing import Final

from chain_node.protocol import acts
from chain_node.protocol.attestation import Domain
from chain_node.protocol.errors import AttestationError
from chain_node.protocol.kinds.act import Act, Tail
from chain_node.protocol.kinds.controllers import Consent, Controller, ControllerCancelled, SessionKey, SetBy
from chain_node.protocol.kinds.projects import Acceptance, Pledge, ProjectDelivery, Survival
from chain_node.protocol.kinds.rewards import Fulfilment, Order, Refund, RefundCause

MESSAGES: Final[dict[type[Act], str]] = {
    Acceptance: "Acceptance",
    Consent: "Consent",
    Controller: "Controller",
    ControllerCancelled: "CancelController",
    Fulfilment: "Fulfilment",
    Order: "Order",
    Pledge: "Pledge",
    ProjectDelivery: "Delivery",
    Refund: "Refund",
    SessionKey: "SessionKey",
    Survival: "Survival",
}
"""The name of the message that somebody signed for an act of this kind."""

_IN_THE_TAIL: Final = frozenset({"nonce", "deadline"})
_CALLED: Final = {"order": "order_id"}
"""Members whose field has another name: SQL has the word for itself."""


def is_signed(act: object) -> bool:
    """Whether somebody signed it: what the registrar sets in the place of a resident has no signature, nor has the
    refund of an order that is overdue."""
    if isinstance(act, Controller):
        return act.set_by is not SetBy.REGISTRAR
    if isinstance(act, Refund):
        return act.cause is not RefundCause.UNFULFILLED
    return type(act) in MESSAGES


def message(act: Act) -> tuple[str, dict[str, int | bytes]]:
    """Name and members of what was signed. Raises AttestationError: nobody signs acts of this kind."""
    name = MESSAGES.get(type(act))
    if name is None:
        raise AttestationError(f"nobody signs a {type(act).__name__}")
    members = (field.split(" ")[1] for field in acts.SIGNED_ACTS[name].split(","))
    return name, {member: _value(act, member) for member in members}


def signer_of(domain: Domain, act: Act) -> bytes:
    """Who signed it, if it was signed in this domain. Raises AttestationError: no such act, or no signature."""
    signature = act.signature if isinstance(act, Controller) else tail_of(act).signature
    return acts.recover(domain, *message(act), signature)


def check(domain: Domain, act: Act) -> None:
    """The signature is that of the signer whom the act's tail names, in this domain.

    Raises AttestationError: it is not in its one form, or another's; the text names both.
    """
    found, said = signer_of(domain, act), tail_of(act).signer
    if found != said:
        raise AttestationError(
            f"the signature of {type(act).__name__} is of 0x{found.hex()}, the entry names 0x{said.hex()}"
        )


def tail_of(act: Act) -> Tail:
    """Who signed, as the act names it. Raises AttestationError: it names nobody."""
    tail: Tail | None = getattr(act, "tail", None)
    if tail is None:
        raise AttestationError(f"a {type(act).__name__} names nobody who signed it")
    return tail


def _value(act: Act, member: str) -> int | bytes:
    snake = "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in member)
    snake = _CALLED.get(snake, snake)
    holder = act.tail if snake in _IN_THE_TAIL and hasattr(act, "tail") else act
    value: int | bytes = getattr(holder, snake)
    return value
