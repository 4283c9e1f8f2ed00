"""What an activity is worth, the bounds of a record, and slot words."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from math import floor

import pytest
from hypothesis import given
from hypothesis import strategies as st
from protocol_world import TODAY, reduction
from test_protocol_records import addresses

from chain_node import catalogue
from chain_node.protocol import arithmetic, slotword
from chain_node.protocol.errors import CodecError
from chain_node.protocol.rules import Rule
from chain_node.protocol.slotword import SlotWord

METHODS = catalogue.load()


@given(st.sampled_from(METHODS), st.integers(0, 2**32 - 1))
def test_worth_is_floored_once(entry: catalogue.CatalogueMethod, activity: int) -> None:
    method = entry.method
    assert arithmetic.worth(method, activity) == (
        floor(Fraction(method.credit_num, method.credit_den) * activity),
        floor(Fraction(method.point_num, method.point_den) * activity),
    )


@pytest.mark.parametrize(
    ("key", "activity", "credits_mg", "millipoints"),
    [
        ("luzhou/walking", 500, 8_200, 1_000),
        ("luzhou/walking", 1, 16, 2),
        ("luzhou/bus", 1, 80_000, 10_000),
        ("luzhou/clean-plate", 1, 144_000, 5_000),
        ("luzhou/used-clothes", 1_000, 1_280_000, 30_000),
        ("luzhou/utility-payment", 1, 89_000, 0),
        ("luzhou/e-statement", 1, 24_000, 0),
        ("luzhou/online-transfer", 1, 173_000, 0),
        ("luzhou/volunteering", 60, 0, 10_000),
        ("pca/cycling", 1_000, 48_000, 4_800),
        ("pca/bus", 1_000, 26_920, 2_700),
        ("pca/metro", 1_000, 46_800, 4_700),
        ("pca/waste-sorting", 1, 68_000, 6_800),
        ("pca/textiles", 1_000, 3_600_000, 360_000),
        ("pca/paper", 1_000, 5_420_000, 542_000),
        ("pca/bedtime", 60, 77_600, 7_800),
        ("pca/eco-dining", 1, 96_000, 9_600),
        ("reference/metro-trip", 1, 46_000, 4_600),
    ],
)
def test_published_numbers(key: str, activity: int, credits_mg: int, millipoints: int) -> None:
    assert arithmetic.worth(catalogue.by_key(key).method, activity) == (credits_mg, millipoints)


@pytest.mark.parametrize(
    ("method", "changes", "rule"),
    [
        (101, {}, None),
        (101, {"slots": 0}, Rule.MALFORMED),
        (101, {"slot": 179, "slots": 2}, Rule.MALFORMED),
        (101, {"slot": 178, "slots": 2}, None),
        (101, {"campaign": 1}, Rule.MALFORMED),
        (101, {"activity": 0}, Rule.ZERO_ACTIVITY),
        (101, {"activity": 50_000, "slots": 10}, None),
        (101, {"activity": 50_001, "slots": 10}, Rule.OVER_BOUND),
        (101, {"activity": 4_700 * 3}, None),
        (101, {"activity": 4_700 * 3 + 1}, Rule.OVER_SLOT_BOUND),
        (101, {"day": 13_878}, Rule.NOT_IN_FORCE),
        (1, {"slot": 0, "slots": 180}, None),
        (1, {"slot": 0, "slots": 179}, Rule.WINDOW),
        (3, {"slot": 75, "slots": 37, "activity": 1}, None),
        (3, {"slot": 75, "slots": 36, "activity": 1}, Rule.WINDOW),
        (3, {"slot": 75, "slots": 37, "activity": 2}, Rule.OVER_BOUND),
        (6, {"slot": 5, "slots": 1, "activity": 1}, None),
    ],
)
def test_bounds(method: int, changes: dict[str, int], rule: Rule | None) -> None:
    record = replace(reduction(0).record, method=method, **changes)
    assert arithmetic.check_record(catalogue.by_id(method).method, record) is rule


def test_bounds_are_of_the_records_own_method() -> None:
    with pytest.raises(CodecError):
        arithmetic.check_record(catalogue.by_id(1).method, reduction(0).record)


amounts = st.integers(0, slotword.AMOUNT_MASK)
words = st.builds(SlotWord, st.integers(0, 0xFFFF), amounts, amounts, st.integers(0, slotword.SLOTS_MASK))


@given(words)
def test_words_survive_packing(word: SlotWord) -> None:
    packed = word.pack()
    assert 0 <= packed < 1 << 256
    assert SlotWord.unpack(packed) == word


def test_the_layout_of_a_word() -> None:
    assert SlotWord(1, 0, 0, 0).pack() == 1 << 240
    assert SlotWord(0, 1, 0, 0).pack() == 1 << 210
    assert SlotWord(0, 0, 1, 0).pack() == 1 << 180
    assert SlotWord(0, 0, 0, 1).pack() == 1
    assert slotword.mask(3, 2) == 0b11000
    for bad in (SlotWord(1 << 16), SlotWord(0, 1 << 30), SlotWord(0, 0, -1), SlotWord(0, 0, 0, 1 << 180)):
        with pytest.raises(CodecError):
            bad.pack()
    with pytest.raises(CodecError):
        SlotWord.unpack(1 << 256)


@given(addresses, st.integers(0, 255), st.integers(0, 65_535))
def test_keys(account: bytes, group: int, day: int) -> None:
    key = slotword.key(account, group, day)
    assert key.to_bytes(23, "big")[1:] == account + bytes([group, day % 64])


claims = st.lists(st.tuples(st.integers(0, 179), st.integers(1, 30), st.integers(0, 400), st.integers(0, 40)))


@given(claims)
def test_a_slot_is_claimed_once_and_caps_hold(attempts: list[tuple[int, int, int, int]]) -> None:
    word, used, total, points_total = SlotWord(), set[int](), 0, 0
    for first, count, credits_mg, points in attempts:
        count = min(count, 180 - first)
        wanted = set(range(first, first + count))
        found = slotword.claim(word, TODAY, slotword.mask(first, count), credits_mg, points, 2_000, 200)
        if used & wanted:
            assert found is Rule.OVERLAP
        elif total + credits_mg > 2_000 or points_total + points > 200:
            assert found is Rule.OVER_CAP
        else:
            assert isinstance(found, SlotWord)
            used, total, points_total, word = used | wanted, total + credits_mg, points_total + points, found
        assert word.slots == sum(1 << slot for slot in used)
        assert (word.credits_mg, word.millipoints) == (total, points_total)


def test_the_ring() -> None:
    word = SlotWord(TODAY, 100, 10, 0b1111)
    assert slotword.claim(word, TODAY - 64, 1, 1, 1, 1_000, 1_000) is Rule.TOO_LATE
    assert slotword.claim(word, TODAY + 64, 1, 1, 1, 1_000, 1_000) == SlotWord(TODAY + 64, 1, 1, 1)
    assert slotword.release(word, TODAY, 0b0011, 40, 4) == SlotWord(TODAY, 60, 6, 0b1100)
    assert slotword.release(word, TODAY - 64, 0b0011, 40, 4) == word
