"""Entries survive their bytes, have the lengths of the protocol and one spelling."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from protocol_world import START, account, feed, nullifier, reduction, secret
from test_protocol_records import addresses, any_record, hashes, u8, u16, u32

from chain_node import catalogue
from chain_node.protocol import entries as e
from chain_node.protocol.errors import CodecError
from chain_node.protocol.rules import Rule

u64 = st.integers(0, 2**64 - 1)
below_cap = st.integers(0, e.CAP_LIMIT - 1)
windows = st.one_of(
    st.none(),
    st.lists(
        st.integers(0, 179).flatmap(lambda first: st.tuples(st.just(first), st.integers(1, 180 - first))), max_size=8
    ).map(tuple),
)


@st.composite
def feeds(draw: st.DrawFn) -> e.Feed:
    signers = tuple(sorted(draw(st.sets(addresses, min_size=1, max_size=9))))
    threshold = draw(st.integers(len(signers) // 2 + 1, len(signers)))
    methods = tuple(sorted(draw(st.sets(u16, max_size=9))))
    late = draw(st.one_of(st.integers(0, 63), st.just(e.TRIAL_LATE_DAYS)))
    head = (draw(u64), draw(u16), draw(u16), draw(u32), threshold, signers, late)
    return e.Feed(*head, draw(u64), draw(u64), methods, draw(st.sampled_from(e.Standing)))


@st.composite
def methods(draw: st.DrawFn) -> e.Method:
    rule = draw(windows)
    once = draw(st.booleans()) or rule is None
    den = st.integers(1, 2**64 - 1)
    numbers = (draw(u64), draw(u16), draw(u16), draw(u8), draw(u64), draw(den), draw(u64), draw(den))
    tail = (rule, draw(u16), draw(u16), once, draw(st.sampled_from(e.EvidenceClass)), draw(hashes))
    return e.Method(*numbers, draw(u32), draw(u32), *tail)


any_entry = st.one_of(
    st.builds(e.Reduction, u64, u16, u64, any_record, u64, u64, u64, st.one_of(st.none(), hashes)),
    st.builds(e.Refusal, u64, u16, u64, st.sampled_from(Rule)),
    st.builds(e.Revocation, u64, u64, u16, hashes, st.booleans(), u64, u64, u64, u64),
    st.builds(e.Account, u64, addresses, hashes, u16, u16, st.sampled_from(e.AccountState), addresses),
    st.builds(e.Organisation, u64, u16, hashes, st.sampled_from(e.Standing)),
    feeds(),
    methods(),
    st.builds(e.GroupCaps, u64, u8, below_cap, below_cap),
    st.builds(e.Pause, u64, u64),
    st.builds(e.LogKey, u64, hashes),
)


@given(any_entry)
def test_entries_survive_their_bytes(entry: e.Entry) -> None:
    data = e.encode(entry)
    assert e.decode(data) == entry
    assert e.type_of(data) == data[0]
    assert int.from_bytes(data[1:9], "big") == entry.time


@given(any_entry, st.data())
def test_one_spelling(entry: e.Entry, data: st.DataObject) -> None:
    """Whatever bytes are decoded at all are the bytes that would be encoded."""
    good = e.encode(entry)
    at, bit = data.draw(st.integers(0, len(good) - 1)), data.draw(st.integers(0, 7))
    for changed in (good[:at] + bytes([good[at] ^ 1 << bit]) + good[at + 1 :], good[:at], good + b"\0"):
        try:
            other = e.decode(changed)
        except CodecError:
            continue
        assert e.encode(other) == changed


@given(st.binary(max_size=150))
def test_any_bytes_decode_or_are_refused(data: bytes) -> None:
    try:
        entry = e.decode(data)
    except CodecError:
        return
    assert e.encode(entry) == data


@pytest.mark.parametrize(
    ("entry", "kind", "length"),
    [
        (reduction(0), 0x01, 107),
        (reduction(0, once=nullifier("x")), 0x02, 139),
        (e.Refusal(START, 1, 2, Rule.OVERLAP), 0x03, 21),
        (e.Revocation(START, 9, 1, secret("reason"), True, 1, 2, 3, 4), 0x04, 84),
        (account(0), 0x40, 86),
        (e.Organisation(START, 1, secret("o"), e.Standing.ACTIVE), 0x41, 44),
        (feed(methods=(1, 2)), 0x42, 38 + 3 * 20 + 2 * 2),
        (catalogue.by_id(101).method, 0x43, 92),
        (catalogue.by_id(3).method, 0x43, 98),
        (catalogue.by_id(6).method, 0x43, 92),
        (e.GroupCaps(START, 1, 2, 3), 0x44, 26),
        (e.Pause(START, START + 60), 0x46, 18),
        (e.LogKey(START, secret("key")), 0x47, 42),
    ],
)
def test_types_and_lengths(entry: e.Entry, kind: int, length: int) -> None:
    data = e.encode(entry)
    assert (data[0], len(data)) == (kind, length)


@pytest.mark.parametrize(
    "entry",
    [
        replace(reduction(0), credits_mg=1 << 64),
        replace(reduction(0), nullifier=b"short"),
        replace(reduction(0), time=-1),
        e.Revocation(START, 9, 1, b"", True, 1, 2, 3, 4),
        account(0, account=bytes(19)),
        e.Organisation(START, 1, b"", e.Standing.ACTIVE),
        feed(late_days=64),
        feed(threshold=1),
        feed(threshold=0, signers=()),
        feed(signers=(b"\2" * 20, b"\1" * 20)),
        feed(signers=(b"\1" * 20, b"\1" * 20)),
        feed(signers=(b"\1" * 19,)),
        feed(methods=(2, 1)),
        replace(catalogue.by_id(1).method, credit_den=0),
        replace(catalogue.by_id(1).method, windows=((0, 181),)),
        replace(catalogue.by_id(1).method, windows=((0, 0),)),
        replace(catalogue.by_id(1).method, windows=((0, 1),) * 9),
        replace(catalogue.by_id(1).method, windows=None),
        replace(catalogue.by_id(1).method, text=b""),
        e.GroupCaps(START, 1, e.CAP_LIMIT, 0),
        e.Pause(START, 1, scope=1),
        e.LogKey(START, bytes(31)),
        e.LogKey(START, bytes(32), key_type=4),
    ],
)
def test_impossible_entries_are_refused(entry: e.Entry) -> None:
    with pytest.raises(CodecError):
        e.encode(entry)


def test_a_feed_that_lost_a_signer_is_no_error() -> None:
    """Disabling a signer at once may leave fewer than the threshold: the feed then mints nothing."""
    halted = feed(signers=feed().signers[:1], threshold=2)
    assert e.decode(e.encode(halted)) == halted


@pytest.mark.parametrize("data", [b"", bytes(8), bytes(9), b"\x0f" + bytes(20), b"\x45" + bytes(20), b"\xff" * 40])
def test_unassigned_types_are_refused(data: bytes) -> None:
    with pytest.raises(CodecError):
        e.decode(data)


def test_rules_have_one_name_and_number() -> None:
    names = (
        "malformed unknown-person too-long too-short same-station too-fast zero-activity entry-without-exit "
        "exit-without-entry over-bound over-slot-bound window overlap over-cap too-late too-early not-in-force "
        "nullifier-used frozen paused"
    )
    assert [rule.label for rule in Rule] == names.split()
    for number, rule in enumerate(Rule, start=1):
        assert rule.number == number
        assert Rule.of(number) is Rule.of(rule.label) is rule
        text = rule.text
        assert all((text.reason_zh, text.reason_en, text.remedy_zh, text.remedy_en))
        assert rule.reason_zh == text.reason_zh
        assert not set(",;:!?()") & set(text.reason_zh + text.remedy_zh), "Chinese text has full-width punctuation"
    for key in (0, 21, "no-such-rule"):
        with pytest.raises(CodecError):
            Rule.of(key)
