"""How entries look in answers: one model a type, told apart by `type`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Final, Literal, Union

from pydantic import Field, create_model

from api.web.types import Address, Amount, Bilingual, Hash, Hex, Model, Signature, example
from chain_node.protocol.entries import KINDS, Act
from chain_node.protocol.kinds.act import AgentTail, Part, ResidentTail, SerialPart, hints
from chain_node.protocol.kinds.kind import Kind


class RuleView(Model):
    """A rule that refused, why, and what to do."""

    number: int
    name: str
    reason: Bilingual
    remedy: Bilingual


class ReductionView(Model):
    """0x01/0x02. credits_mg: mg CO2e; points in thousandths; slots are the day's 8-minute stretches."""

    type: Literal["reduction"] = "reduction"
    time: int
    feed: int
    sequence: Amount
    account: Address
    method: int
    day: str
    vintage: int
    slot: int
    slots: int
    campaign: int
    activity: int
    evidence: Hash
    credits_mg: Amount
    millipoints: Amount
    bonus_millipoints: Amount
    nullifier: Hash | None


class RefusalView(Model):
    """0x03: the record was skipped; `account`, `method` and `day` are those the record named."""

    type: Literal["refusal"] = "refusal"
    time: int
    feed: int
    sequence: Amount
    rule: RuleView
    account: Address | None
    method: int | None
    day: str | None


class RevocationView(Model):
    """0x04: the reduction at `target` was taken back; what could not be burned is owed."""

    type: Literal["revocation"] = "revocation"
    time: int
    target: Amount
    account: Address | None
    reason: int
    reason_hash: Hash
    release: bool
    credits_burned_mg: Amount
    millipoints_burned: Amount
    credits_owed_mg: Amount
    millipoints_owed: Amount


class AccountEntryView(Model):
    """0x40: an account's full value."""

    type: Literal["account"] = "account"
    time: int
    account: Address
    nullifier: Hash
    district: int
    epoch: int
    state: str
    successor: Address | None


class OrganisationEntryView(Model):
    """0x41."""

    type: Literal["organisation"] = "organisation"
    time: int
    id: int
    description: Hash
    state: str


class FeedEntryView(Model):
    """0x42: a feed as this entry sets it. late_days null: a trial feed, any day of the past."""

    type: Literal["feed"] = "feed"
    time: int
    id: int
    organisation: int
    version: int
    threshold: int
    signers: list[Address]
    trial: bool
    late_days: int | None
    credits_cap_mg: Amount
    millipoints_cap: Amount
    methods: list[int]
    state: str


class MethodEntryView(Model):
    """0x43. Fractions are (numerator, denominator) per unit of activity; windows: null = claims no slots, [] = free."""

    type: Literal["method"] = "method"
    time: int
    id: int
    behaviour: int
    group: int
    credits: tuple[Amount, Amount]
    points: tuple[Amount, Amount]
    max_activity: int
    max_per_slot: int | None
    windows: list[tuple[int, int]] | None
    valid_from: str
    valid_to: str | None
    needs_nullifier: bool
    evidence_class: str
    text: Hash


class GroupCapsEntryView(Model):
    """0x44: caps per account and day."""

    type: Literal["group-caps"] = "group-caps"
    time: int
    group: int
    credits_mg: Amount
    millipoints: Amount


class PauseEntryView(Model):
    """0x46: recording pauses until this instant; 0: lifted."""

    type: Literal["pause"] = "pause"
    time: int
    until: Amount


class LogKeyEntryView(Model):
    """0x47: the Ed25519 key that signs checkpoints."""

    type: Literal["log-key"] = "log-key"
    time: int
    public_key: Hash


class PartView(Model):
    """What is taken of one vintage: mg CO2e or thousandths of a point, as the act says."""

    vintage: int
    amount: Amount


class SerialPartView(Model):
    """Credits of one vintage with the serials first … first + amount - 1."""

    vintage: int
    method: int
    first: Amount
    amount: Amount


class ResidentTailView(Model):
    """Who signed for the account: with which nonce, and until when (unix seconds)."""

    signer: Address
    nonce: Amount
    deadline: Amount
    signature: Signature


class AgentTailView(Model):
    """Which agent signed."""

    signer: Address
    signature: Signature


class ActView(Model):
    """What all acts have; each has the fields of its entry (docs/protocol.md) besides, under their names."""

    type: str
    time: int


ACT_KINDS: Final[tuple[Kind[Any], ...]] = tuple(kind for kind in KINDS if issubclass(kind.entry, Act))


def act_name(kind: Kind[Any]) -> str:
    """The name of an act's kind in answers and filters."""
    return kind.name.replace(" ", "-").replace("'", "")


def _act_view(kind: Kind[Any]) -> type[ActView]:
    """The model of one kind of acts, from its dataclass."""
    widths = {name: code for _, layout in (("", kind.layout), *kind.behind) for name, code in layout.fields}
    members: dict[str, Any] = {
        name: (_answered(wanted, widths.get(name, "")), ...) for name, wanted in hints(kind.entry).items()
    }
    named = kind.name.title().replace(" ", "").replace("'", "")
    members["type"] = (Literal[act_name(kind)], act_name(kind))
    return create_model(f"{named}EntryView", __base__=ActView, __doc__=f"0x{kind.types[0]:02x}.", **members)


def _answered(wanted: Any, code: str) -> Any:
    """The type of a field of an answer, from the entry's: `code` is its code in the layout."""
    if wanted is bytes:
        return {"20s": Address, "32s": Hash, "65s": Signature}.get(code, Hex)
    if wanted is int:
        return Amount if code == "Q" else int
    if wanted is bool:
        return bool
    known = {
        ResidentTail: ResidentTailView,
        AgentTail: AgentTailView,
        tuple[Part, ...]: list[PartView],
        tuple[SerialPart, ...]: list[SerialPartView],
    }
    return known.get(wanted, str)


ACT_VIEWS: Final[dict[type[Act], type[ActView]]] = {kind.entry: _act_view(kind) for kind in ACT_KINDS}

if TYPE_CHECKING:
    EntryView = Annotated[
        ReductionView
        | RefusalView
        | RevocationView
        | AccountEntryView
        | OrganisationEntryView
        | FeedEntryView
        | MethodEntryView
        | GroupCapsEntryView
        | PauseEntryView
        | LogKeyEntryView
        | ActView,
        Field(discriminator="type"),
    ]
else:
    _LAW_AND_RECORDS = (
        ReductionView,
        RefusalView,
        RevocationView,
        AccountEntryView,
        OrganisationEntryView,
        FeedEntryView,
        MethodEntryView,
        GroupCapsEntryView,
        PauseEntryView,
        LogKeyEntryView,
    )
    EntryView = Annotated[Union[(*_LAW_AND_RECORDS, *ACT_VIEWS.values())], Field(discriminator="type")]


class CallView(Model):
    """The transaction that appended the entry, with the entries it appended; for a batch what its oracles signed."""

    kind: str
    transaction: str | None
    block: Amount | None
    first_index: Amount
    count: int
    first_sequence: Amount | None
    records_root: Hash | None
    config_digest: Hash | None


class Provenance(Model):
    """Everything that leads from an entry back to who said it and under which law."""

    model_config = example(
        {
            "index": 41,
            "leaf_hash": "3b5c…64 hex digits",
            "bytes": "0100000000…",
            "entry": {
                "type": "reduction",
                "time": 1763700000,
                "feed": 1,
                "sequence": 12,
                "account": "0x00112233445566778899aabbccddeeff00112233",
                "method": 101,
                "day": "2025-11-20",
                "vintage": 2025,
                "slot": 63,
                "slots": 3,
                "campaign": 0,
                "activity": 3210,
                "evidence": "9f86…64 hex digits",
                "credits_mg": 154080,
                "millipoints": 15408,
                "bonus_millipoints": 0,
                "nullifier": None,
            },
            "revoked_by": None,
            "call": {
                "kind": "batch",
                "transaction": "0x8c1f…64 hex digits",
                "block": 7,
                "first_index": 30,
                "count": 200,
                "first_sequence": 1,
                "records_root": "d2a8…64 hex digits",
                "config_digest": "77b0…64 hex digits",
            },
            "signers": ["0x1111111111111111111111111111111111111111", "0x2222222222222222222222222222222222222222"],
            "method": {"index": 9, "entry": {"type": "method", "id": 101, "…": "see /v1/methods/101"}},
            "feed": {"index": 12, "entry": {"type": "feed", "id": 1, "…": "see /v1/feeds/1"}},
        }
    )
    index: Amount
    leaf_hash: Hash
    bytes: str
    entry: EntryView
    revoked_by: Amount | None
    call: CallView | None
    signers: list[Address]
    method: LawInForce | None
    feed: LawInForce | None


class LawInForce(Model):
    """The method or feed as the entry before set it: what the record was judged by."""

    index: Amount
    entry: EntryView


Provenance.model_rebuild()
