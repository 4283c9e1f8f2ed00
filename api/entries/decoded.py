"""Entries as answers: from the protocol's dataclasses to the models of `schemas`."""

from __future__ import annotations

from dataclasses import fields
from enum import IntEnum
from functools import lru_cache
from typing import Any, assert_never

from api.entries import schemas
from api.projection.rows import Law
from api.web.types import Bilingual, address_text
from chain_node.protocol import entries as protocol
from chain_node.protocol.kinds.act import AgentTail, Part, ResidentTail, SerialPart, hints
from chain_node.protocol.records import ADDRESS_BYTES
from chain_node.protocol.rules import Rule
from chain_node.protocol.times import date_of, year_of

TYPES: dict[str, tuple[int, ...]] = {
    "reduction": (protocol.REDUCTION, protocol.REDUCTION_NULLIFIER),
    "refusal": (protocol.REFUSAL,),
    "revocation": (protocol.REVOCATION,),
    "account": (protocol.ACCOUNT,),
    **{schemas.act_name(kind): kind.types for kind in schemas.ACT_KINDS if "account" in hints(kind.entry)},
}
"""The types that are about a resident, by the name they have in filters."""
LAW_TYPES = frozenset(range(protocol.ORGANISATION, protocol.LOG_KEY + 1))
PUBLIC_TYPES = LAW_TYPES | {code for kind in schemas.ACT_KINDS if kind.public for code in kind.types}
"""What every holder of a token may read."""


@lru_cache(maxsize=64)
def rule_view(number: int) -> schemas.RuleView:
    """A rule by its number, with its texts."""
    rule = Rule.of(number)
    return schemas.RuleView(
        number=rule.number,
        name=rule.label,
        reason=Bilingual(zh=rule.reason_zh, en=rule.reason_en),
        remedy=Bilingual(zh=rule.remedy_zh, en=rule.remedy_en),
    )


@lru_cache(maxsize=4096)
def day_text(day: int) -> str:
    """A day as an ISO date."""
    return date_of(day).isoformat()


def view(
    body: bytes, *, account: bytes | None = None, method: int | None = None, day: int | None = None
) -> schemas.EntryView:
    """The entry in these bytes. `account`, `method`, `day`: what a refusal's record named, a revocation's account."""
    entry = protocol.decode(body)  # what it can't read the projector has refused
    match entry:
        case protocol.Reduction():
            return _reduction(entry)
        case protocol.Refusal():
            return schemas.RefusalView(
                time=entry.time,
                feed=entry.feed,
                sequence=entry.sequence,
                rule=rule_view(int(entry.rule)),
                account=_optional(account),
                method=method,
                day=None if day is None else day_text(day),
            )
        case protocol.Revocation():
            return _revocation(entry, account)
        case protocol.Account():
            return schemas.AccountEntryView(
                time=entry.time,
                account=address_text(entry.account),
                nullifier=entry.nullifier.hex(),
                district=entry.district,
                epoch=entry.epoch,
                state=entry.state.name.lower(),
                successor=None if entry.successor == protocol.NO_ADDRESS else address_text(entry.successor),
            )
        case (
            protocol.Organisation()
            | protocol.Feed()
            | protocol.Method()
            | protocol.GroupCaps()
            | protocol.Pause()
            | protocol.LogKey()
        ):
            return _law(entry)
        case protocol.Act():
            return _act(entry)
        case _:
            assert_never(entry)


def _act(entry: protocol.Act) -> schemas.ActView:
    """Any act, by its own fields."""
    values: dict[str, Any] = {name: _plain(getattr(entry, name)) for name in hints(type(entry))}
    return schemas.ACT_VIEWS[type(entry)](**values)


def _plain(value: object) -> object:
    """A field as it is answered: bytes as hex, addresses with 0x, states by name, parts and tails by their fields."""
    if isinstance(value, bytes):
        return address_text(value) if len(value) == ADDRESS_BYTES else value.hex()
    if isinstance(value, IntEnum):
        return value.name.lower().replace("_", "-")
    if isinstance(value, tuple):
        return [_plain(part) for part in value]
    if isinstance(value, Part | SerialPart | ResidentTail | AgentTail):
        return {one.name: _plain(getattr(value, one.name)) for one in fields(value)}
    return value


def _optional(address: bytes | None) -> str | None:
    return None if address is None else address_text(address)


def _reduction(entry: protocol.Reduction) -> schemas.ReductionView:
    record = entry.record
    return schemas.ReductionView(
        time=entry.time,
        feed=entry.feed,
        sequence=entry.sequence,
        account=address_text(record.account),
        method=record.method,
        day=day_text(record.day),
        vintage=year_of(record.day),
        slot=record.slot,
        slots=record.slots,
        campaign=record.campaign,
        activity=record.activity,
        evidence=record.evidence.hex(),
        credits_mg=entry.credits_mg,
        millipoints=entry.millipoints,
        bonus_millipoints=entry.bonus_millipoints,
        nullifier=None if entry.nullifier is None else entry.nullifier.hex(),
    )


def _revocation(entry: protocol.Revocation, account: bytes | None) -> schemas.RevocationView:
    return schemas.RevocationView(
        time=entry.time,
        target=entry.index,
        account=_optional(account),
        reason=entry.reason,
        reason_hash=entry.reason_hash.hex(),
        release=entry.release,
        credits_burned_mg=entry.credits_burned,
        millipoints_burned=entry.millipoints_burned,
        credits_owed_mg=entry.credits_owed,
        millipoints_owed=entry.millipoints_owed,
    )


def _law(entry: Law) -> schemas.EntryView:
    """Entries that set the law."""
    match entry:
        case protocol.Organisation():
            return schemas.OrganisationEntryView(
                time=entry.time, id=entry.id, description=entry.description.hex(), state=entry.state.name.lower()
            )
        case protocol.Feed():
            return feed_view(entry)
        case protocol.Method():
            return method_view(entry)
        case protocol.GroupCaps():
            return schemas.GroupCapsEntryView(
                time=entry.time, group=entry.group, credits_mg=entry.credits_mg, millipoints=entry.millipoints
            )
        case protocol.Pause():
            return schemas.PauseEntryView(time=entry.time, until=entry.until)
        case protocol.LogKey():
            return schemas.LogKeyEntryView(time=entry.time, public_key=entry.public_key.hex())
        case _:
            assert_never(entry)


def feed_view(entry: protocol.Feed) -> schemas.FeedEntryView:
    """A feed's settings."""
    return schemas.FeedEntryView(
        time=entry.time,
        id=entry.feed,
        organisation=entry.organisation,
        version=entry.version,
        threshold=entry.threshold,
        signers=[address_text(signer) for signer in entry.signers],
        trial=entry.trial,
        late_days=None if entry.trial else entry.late_days,
        credits_cap_mg=entry.credits_cap,
        millipoints_cap=entry.millipoints_cap,
        methods=list(entry.methods),
        state=entry.state.name.lower(),
    )


def method_view(entry: protocol.Method) -> schemas.MethodEntryView:
    """A methodology version."""
    return schemas.MethodEntryView(
        time=entry.time,
        id=entry.id,
        behaviour=entry.behaviour,
        group=entry.group,
        credits=(entry.credit_num, entry.credit_den),
        points=(entry.point_num, entry.point_den),
        max_activity=entry.max_activity,
        max_per_slot=entry.max_per_slot or None,
        windows=None if entry.windows is None else list(entry.windows),
        valid_from=day_text(entry.valid_from),
        valid_to=None if entry.valid_to == protocol.OPEN_END else day_text(entry.valid_to),
        needs_nullifier=entry.needs_nullifier,
        evidence_class=entry.evidence_class.name.lower().replace("_", "-"),
        text=entry.text.hex(),
    )
