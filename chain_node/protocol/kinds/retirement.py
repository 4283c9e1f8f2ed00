"""Credits retired for ever: for whom, why, and which milligrams. One entry is one certificate."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import Final

from chain_node.protocol.kinds.act import Act, ResidentTail, SerialPart, act_kind, pairs
from chain_node.protocol.kinds.kind import NO_HASH, require
from chain_node.protocol.moves import MoveKind, posted
from chain_node.protocol.postings import Posting, Unit

RETIREMENT: Final = 0x28
MOST_REASON_BYTES: Final = 200
"""Of UTF-8."""
ANY_METHOD: Final = 0
"""Vintages' books do not tell methods apart."""

_LAST_ORGANISATION: Final = (1 << 16) - 1
_LIMIT: Final = 1 << 64


class BeneficiaryKind(IntEnum):
    """For whom: an organisation of this ledger by its number, a person by a salted hash."""

    ORGANISATION = 1
    PERSON = 2


@dataclass(frozen=True, slots=True)
class Retirement(Act):
    """0x28: credits retired. Its serial as a certificate is its index.

    beneficiary: the organisation's number, padded on the left; or the salted hash of who the person is. reason: bytes
    that are shown as UTF-8, `reason_length` of them, then zeros. parts: the lines of the certificate. tail: for a
    resident's account whoever controls it, for an organisation's an organiser of that organisation.
    """

    account: bytes
    beneficiary_kind: BeneficiaryKind
    beneficiary: bytes
    reason_length: int
    reason: bytes
    parts: tuple[SerialPart, ...]
    tail: ResidentTail

    def reason_bytes(self) -> bytes:
        """The reason without what fills it up."""
        return self.reason[: self.reason_length]

    def organisation(self) -> int | None:
        """The organisation that benefits; None: a person does."""
        if self.beneficiary_kind is BeneficiaryKind.PERSON:
            return None
        return int.from_bytes(self.beneficiary, "big")


def padded(reason: bytes) -> bytes:
    """A reason as the entry has it."""
    return reason.ljust(MOST_REASON_BYTES, b"\0")


def _check(e: Retirement) -> None:
    require(0 < e.reason_length <= MOST_REASON_BYTES, e, f"a reason has 1 to {MOST_REASON_BYTES} bytes")
    require(padded(e.reason_bytes()) == e.reason, e, "zeros follow a reason")
    number = e.organisation()
    if number is None:
        require(e.beneficiary != NO_HASH, e, "a retirement has a beneficiary")
    else:
        require(0 < number <= _LAST_ORGANISATION, e, "an organisation's number is a u16, from 1")
    require(all(part.method == ANY_METHOD for part in e.parts), e, "a line names no method")
    fits = all(part.first > 0 and part.first + part.amount <= _LIMIT for part in e.parts)
    require(fits, e, "serials are 1 to 2^64 - 1")


def _moves(e: Retirement) -> list[Posting]:
    return posted(MoveKind.RETIRE, Unit.CREDITS, pairs(e.parts), e.account)


RETIREMENTS: Final = act_kind(
    "retirement",
    RETIREMENT,
    Retirement,
    "account:20s beneficiary_kind:B beneficiary:32s reason_length:B reason:200s",
    check=_check,
    moves=_moves,
)
