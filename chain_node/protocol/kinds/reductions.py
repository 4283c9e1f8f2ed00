"""What a batch appends: a reduction for each record that counts, a refusal for each that was skipped."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from chain_node.protocol.kinds.kind import Kind, require
from chain_node.protocol.layout import Layout
from chain_node.protocol.postings import Given, Holdings, Posting, mint
from chain_node.protocol.records import HASH_BYTES, RECORD_FIELDS, Record
from chain_node.protocol.rules import Rule
from chain_node.protocol.times import year_of

REDUCTION: Final = 0x01
REDUCTION_NULLIFIER: Final = 0x02
REFUSAL: Final = 0x03

_REDUCTION: Final = Layout("type:B time:Q feed:H sequence:Q record:64s credits:Q millipoints:Q bonus:Q")
_WITH_NULLIFIER: Final = Layout("nullifier:32s", _REDUCTION.end)
UNROLLED_REDUCTION: Final = Layout(f"type:B time:Q feed:H sequence:Q {RECORD_FIELDS} credits:Q millipoints:Q bonus:Q")
"""The same places, the record's own fields among them: for readers that build no objects."""
_REFUSAL: Final = Layout("type:B time:Q feed:H sequence:Q rule:H")


@dataclass(frozen=True, slots=True)
class Reduction:
    """0x01, or 0x02 with a nullifier: one verified action. Amounts gross, in mg CO2e and thousandths of a point."""

    time: int
    feed: int
    sequence: int
    record: Record
    credits_mg: int
    millipoints: int
    bonus_millipoints: int = 0
    nullifier: bytes | None = None


@dataclass(frozen=True, slots=True)
class Refusal:
    """0x03: the record with this sequence was skipped by this rule."""

    time: int
    feed: int
    sequence: int
    rule: Rule


def pack_reduction(
    time: int,
    feed: int,
    sequence: int,
    record: bytes,
    credits_mg: int,
    millipoints: int,
    bonus_millipoints: int = 0,
    nullifier: bytes = b"",
) -> bytes:
    """A reduction's bytes from its fields, unchecked: record of 64 bytes, nullifier of 32 or none.

    Raises struct.error: a number out of its field's range.
    """
    kind = REDUCTION_NULLIFIER if nullifier else REDUCTION
    amounts = (credits_mg, millipoints, bonus_millipoints)
    return _REDUCTION.codes.pack(kind, time, feed, sequence, record, *amounts) + nullifier


def pack_refusal(time: int, feed: int, sequence: int, rule: int) -> bytes:
    """A refusal's bytes from its fields. Raises struct.error: a number out of its field's range."""
    return _REFUSAL.codes.pack(REFUSAL, time, feed, sequence, rule)


def _encode_reduction(e: Reduction) -> bytes:
    amounts = (e.credits_mg, e.millipoints, e.bonus_millipoints)
    return pack_reduction(e.time, e.feed, e.sequence, e.record.encode(), *amounts, e.nullifier or b"")


def _decode_reduction(data: bytes) -> Reduction:
    body, nullifier = (data, None) if data[0] == REDUCTION else (data[:-HASH_BYTES], data[-HASH_BYTES:])
    _, time, feed, sequence, record, credits_mg, millipoints, bonus = _REDUCTION.codes.unpack(body)
    return Reduction(time, feed, sequence, Record.decode(record), credits_mg, millipoints, bonus, nullifier)


def _check_reduction(e: Reduction) -> None:
    require(e.nullifier is None or len(e.nullifier) == HASH_BYTES, e, "a nullifier has 32 bytes")


def given(e: Reduction) -> Given:
    """What it gave, as a revocation takes it back."""
    return Given(e.record.account, year_of(e.record.day), e.credits_mg, e.millipoints + e.bonus_millipoints)


def _post_reduction(e: Reduction, books: Holdings) -> list[Posting]:
    vintage = year_of(e.record.day)
    return mint(books, e.record.account, vintage, e.credits_mg, e.millipoints, e.bonus_millipoints)


def _encode_refusal(e: Refusal) -> bytes:
    return pack_refusal(e.time, e.feed, e.sequence, e.rule)


def _decode_refusal(data: bytes) -> Refusal:
    _, time, feed, sequence, rule = _REFUSAL.codes.unpack(data)
    return Refusal(time, feed, sequence, Rule(rule))


def _check_refusal(e: Refusal) -> None:
    """Nothing that its fields' types do not say."""


REDUCTIONS: Final = Kind(
    "reduction",
    (REDUCTION, REDUCTION_NULLIFIER),
    Reduction,
    _REDUCTION,
    _encode_reduction,
    _decode_reduction,
    _check_reduction,
    _post_reduction,
    longer=(("with nullifier", _WITH_NULLIFIER),),
)
REFUSALS: Final = Kind("refusal", (REFUSAL,), Refusal, _REFUSAL, _encode_refusal, _decode_refusal, _check_refusal)
