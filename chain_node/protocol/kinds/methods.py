"""Methodology versions, and the caps of their exclusion groups."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import Final

from chain_node.protocol.kinds.kind import Kind, require
from chain_node.protocol.layout import Layout
from chain_node.protocol.records import HASH_BYTES

METHOD: Final = 0x43
GROUP_CAPS: Final = 0x44

OPEN_END: Final = 0xFFFF
"""The last day of a method without an end."""
WINDOW_NONE: Final = 255
CAP_LIMIT: Final = 1 << 30
"""Group caps stay below this: a slot word has 30 bits for each amount."""

_METHOD_HEAD: Final = Layout(
    "type:B time:Q id:H behaviour:H group:B credit_num:Q credit_den:Q point_num:Q point_den:Q "
    "max_activity:I max_per_slot:I window:B pairs:"
)
_METHOD_TAIL: Final = Layout("valid_from:H valid_to:H flags:B text:32s")
_GROUP_CAPS: Final = Layout("type:B time:Q group:B credits:Q millipoints:Q")


class EvidenceClass(IntEnum):
    """Who vouches for the activity: the partner's system, a photo or document, or the resident alone."""

    MEASURED = 0
    DOCUMENTED = 1
    SELF_DECLARED = 2


@dataclass(frozen=True, slots=True)
class Method:
    """0x43: one immutable methodology version.

    credits_mg = activity × credit_num ÷ credit_den, points likewise, floored. max_per_slot: 0 = none. windows: None =
    claims no slots; () = free; else the allowed (first, count). valid_from, valid_to: days, inclusive. text: hash of
    its published text.
    """

    time: int
    id: int
    behaviour: int
    group: int
    credit_num: int
    credit_den: int
    point_num: int
    point_den: int
    max_activity: int
    max_per_slot: int
    windows: tuple[tuple[int, int], ...] | None
    valid_from: int
    valid_to: int
    needs_nullifier: bool
    evidence_class: EvidenceClass
    text: bytes

    @property
    def claims_slots(self) -> bool:
        return self.windows is not None

    @property
    def flags(self) -> int:
        """bit 0: nullifier required; bits 1 and 2: evidence class."""
        return int(self.needs_nullifier) | self.evidence_class << 1


@dataclass(frozen=True, slots=True)
class GroupCaps:
    """0x44: the caps of an exclusion group, per account and day, on base amounts."""

    time: int
    group: int
    credits_mg: int
    millipoints: int


def _encode_method(e: Method) -> bytes:
    fractions = (e.credit_num, e.credit_den, e.point_num, e.point_den)
    window = WINDOW_NONE if e.windows is None else len(e.windows)
    bounds = (e.max_activity, e.max_per_slot)
    head = _METHOD_HEAD.codes.pack(METHOD, e.time, e.id, e.behaviour, e.group, *fractions, *bounds, window)
    pairs = bytes(number for pair in e.windows or () for number in pair)
    return head + pairs + _METHOD_TAIL.codes.pack(e.valid_from, e.valid_to, e.flags, e.text)


def _decode_method(data: bytes) -> Method:
    _, time, identity, behaviour, group, cn, cd, pn, pd, most, per_slot, window = _METHOD_HEAD.codes.unpack_from(data)
    windows: tuple[tuple[int, int], ...] | None = None
    tail_at = _METHOD_HEAD.end
    if window != WINDOW_NONE:
        pairs = data[tail_at : tail_at + 2 * window]
        windows = tuple(zip(pairs[::2], pairs[1::2], strict=True))
        tail_at += 2 * window
    valid_from, valid_to, flags, text = _METHOD_TAIL.codes.unpack(data[tail_at:])
    if flags > 0b111:
        raise ValueError(f"flags {flags:#x} have unknown bits")
    law = (bool(flags & 1), EvidenceClass(flags >> 1), text)
    fractions = (cn, cd, pn, pd)
    return Method(time, identity, behaviour, group, *fractions, most, per_slot, windows, valid_from, valid_to, *law)


def _check_method(method: Method) -> None:
    require(method.credit_den > 0 and method.point_den > 0, method, "a denominator is not 0")
    require(len(method.text) == HASH_BYTES, method, "a text's hash has 32 bytes")
    if method.windows is None:
        require(method.needs_nullifier, method, "a method without slots needs a nullifier")
    else:
        require(len(method.windows) <= 8, method, "a method has at most 8 windows")
        inside = all(count >= 1 and first + count <= 180 for first, count in method.windows)
        require(inside, method, "a window has at least one slot and ends within the day")


def _encode_group_caps(e: GroupCaps) -> bytes:
    return _GROUP_CAPS.codes.pack(GROUP_CAPS, e.time, e.group, e.credits_mg, e.millipoints)


def _decode_group_caps(data: bytes) -> GroupCaps:
    return GroupCaps(*_GROUP_CAPS.codes.unpack(data)[1:])


def _check_group_caps(e: GroupCaps) -> None:
    require(e.credits_mg < CAP_LIMIT and e.millipoints < CAP_LIMIT, e, "group caps are below 2^30")


METHODS: Final = Kind(
    "method",
    (METHOD,),
    Method,
    _METHOD_HEAD,
    _encode_method,
    _decode_method,
    _check_method,
    behind=(("tail", _METHOD_TAIL),),
)
GROUPS_CAPS: Final = Kind(
    "group caps", (GROUP_CAPS,), GroupCaps, _GROUP_CAPS, _encode_group_caps, _decode_group_caps, _check_group_caps
)
