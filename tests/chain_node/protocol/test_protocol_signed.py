"""Which message was signed for which act, and whose the signature is: every kind that somebody signs."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from protocol_vectors import all_entries
from protocol_world import DOMAIN, secret

from chain_node.protocol import acts, attestation, signed
from chain_node.protocol.errors import AttestationError
from chain_node.protocol.kinds.act import Act
from chain_node.protocol.kinds.controllers import Controller, SetBy
from chain_node.protocol.kinds.rewards import Refund, RefundCause

KEY = secret("somebody")
WHO = attestation.address_of(KEY)
ACTS = {type(entry): entry for entry in all_entries().values() if type(entry) in signed.MESSAGES}


def by_somebody(act: Any) -> Any:
    """The act with a signature of WHO."""
    if isinstance(act, Controller):
        act = replace(act, set_by=SetBy.CONTROLLER)
        return replace(act, signature=attestation.sign(KEY, acts.digest(DOMAIN, *signed.message(act))))
    if isinstance(act, Refund):
        act = replace(act, cause=RefundCause.MERCHANT)
    made = attestation.sign(KEY, acts.digest(DOMAIN, *signed.message(act)))
    return replace(act, tail=replace(act.tail, signer=WHO, signature=made))


def test_every_message_has_an_act_in_the_vectors() -> None:
    assert set(ACTS) == set(signed.MESSAGES)


@pytest.mark.parametrize("kind", signed.MESSAGES, ids=lambda kind: kind.__name__)
def test_the_signature_leads_to_who_signed(kind: type[Act]) -> None:
    act = by_somebody(ACTS[kind])
    assert signed.is_signed(act)
    assert signed.signer_of(DOMAIN, act) == WHO
    other = attestation.Domain(DOMAIN.chain_id, secret("elsewhere")[:20], DOMAIN.salt)
    assert signed.signer_of(other, act) != WHO
    if isinstance(act, Controller):
        return
    signed.check(DOMAIN, act)
    with pytest.raises(AttestationError, match="the entry names"):
        signed.check(other, act)


def test_what_nobody_signs() -> None:
    assert not signed.is_signed(replace(ACTS[Controller], set_by=SetBy.REGISTRAR))  # type: ignore[type-var]
    assert not signed.is_signed(replace(ACTS[Refund], cause=RefundCause.UNFULFILLED))  # type: ignore[type-var]
    assert not signed.is_signed(object())
    with pytest.raises(AttestationError, match="nobody signs"):
        signed.message(Act(0))
    with pytest.raises(AttestationError, match="names nobody"):
        signed.tail_of(Act(0))
