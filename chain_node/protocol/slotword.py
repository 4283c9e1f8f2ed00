"""The slot word: what one account claimed on one day in one exclusion group, in 256 bits.

day u16 (bits 240–255) ‖ credits 30 bits (210–239) ‖ millipoints 30 bits (180–209) ‖ slots (bit i = slot i). A ring of
64 words, keyed by day modulo 64, bounds the state: a newer day overwrites, an older one is too late.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

from chain_node.protocol.errors import CodecError
from chain_node.protocol.rules import Rule
from chain_node.protocol.times import SLOTS_PER_DAY

RING_DAYS: Final = 64
AMOUNT_BITS: Final = 30
AMOUNT_MASK: Final = (1 << AMOUNT_BITS) - 1
SLOTS_MASK: Final = (1 << SLOTS_PER_DAY) - 1
POINTS_SHIFT: Final = 180
CREDITS_SHIFT: Final = 210
DAY_SHIFT: Final = 240


@dataclass(frozen=True, slots=True)
class SlotWord:
    """day: the local day; credits_mg, millipoints: base amounts claimed on it; slots: a bit for each used slot."""

    day: int = 0
    credits_mg: int = 0
    millipoints: int = 0
    slots: int = 0

    def pack(self) -> int:
        """The word as a 256-bit integer. Raises CodecError: a field outside its bits."""
        in_range = (
            0 <= self.day <= 0xFFFF
            and 0 <= self.credits_mg <= AMOUNT_MASK
            and 0 <= self.millipoints <= AMOUNT_MASK
            and 0 <= self.slots <= SLOTS_MASK
        )
        if not in_range:
            raise CodecError(f"a field of {self!r} does not fit its bits")
        amounts = self.credits_mg << CREDITS_SHIFT | self.millipoints << POINTS_SHIFT
        return self.day << DAY_SHIFT | amounts | self.slots

    @classmethod
    def unpack(cls, word: int) -> SlotWord:
        """The fields of a 256-bit integer. Raises CodecError: more than 256 bits."""
        if not 0 <= word < 1 << 256:
            raise CodecError("a slot word has 256 bits")
        credits_mg = word >> CREDITS_SHIFT & AMOUNT_MASK
        return cls(word >> DAY_SHIFT, credits_mg, word >> POINTS_SHIFT & AMOUNT_MASK, word & SLOTS_MASK)


def key(account: bytes, group: int, day: int) -> int:
    """The word's key in the ledger: account u160 << 16 | group u8 << 8 | day % 64."""
    return int.from_bytes(account, "big") << 16 | group << 8 | day % RING_DAYS


def mask(slot: int, slots: int) -> int:
    """The bits of `slots` slots from `slot` on."""
    return ((1 << slots) - 1) << slot


def claim(
    word: SlotWord, day: int, slots: int, credits_mg: int, millipoints: int, credits_cap: int, millipoints_cap: int
) -> SlotWord | Rule:
    """The word after a claim, or the rule that refuses it.

    day: the record's; slots: its `mask`, 0 for a method that claims none; amounts: base amounts; caps: the group's.
    """
    if word.day > day:
        return Rule.TOO_LATE
    if word.day < day:
        word = SlotWord(day)
    if word.slots & slots:
        return Rule.OVERLAP
    credits_mg += word.credits_mg
    millipoints += word.millipoints
    if credits_mg > credits_cap or millipoints > millipoints_cap:
        return Rule.OVER_CAP
    return SlotWord(day, credits_mg, millipoints, word.slots | slots)


def release(word: SlotWord, day: int, slots: int, credits_mg: int, millipoints: int) -> SlotWord:
    """The word after a claim of that day is given back; a word of another day stays as it is."""
    if word.day != day:
        return word
    credits_mg, millipoints = word.credits_mg - credits_mg, word.millipoints - millipoints
    return replace(word, credits_mg=credits_mg, millipoints=millipoints, slots=word.slots & ~slots)
