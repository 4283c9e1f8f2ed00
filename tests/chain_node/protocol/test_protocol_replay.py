"""The replay, rule by rule, and what it refuses."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest
from protocol_world import (
    FEED,
    START,
    TODAY,
    TRIAL,
    World,
    account,
    caps,
    feed,
    law,
    nullifier,
    person,
    reduction,
    secret,
)
from replay_support import PEOPLE, begin, refused

from chain_node import catalogue
from chain_node.protocol import entries as e
from chain_node.protocol import merkle, slotword, times
from chain_node.protocol.errors import ReplayError
from chain_node.protocol.replay import AccountView, State, VintageTotals
from chain_node.protocol.rules import Rule
from chain_node.protocol.slotword import SlotWord


def revocation(
    index: int, *, burned: tuple[int, int], owed: tuple[int, int] = (0, 0), release: bool = False
) -> e.Entry:
    return e.Revocation(START, index, 1, secret("reason"), release, *burned, *owed)


def test_a_mint() -> None:
    state = begin()
    index = state.apply(e.encode(reduction(0)))
    assert state.account(person(0)) == AccountView(1, 0, 2026, 48_000, 4_800, 0, 0)
    assert state.balances == {(person(0), 2026): (48_000, 4_800)}
    key = slotword.key(person(0), 1, TODAY)
    assert {key: SlotWord.unpack(word) for key, word in state.words.items()} == {
        key: SlotWord(TODAY, 48_000, 4_800, 0b11 << 10)
    }
    assert state.totals == {2026: VintageTotals(48_000, 4_800, 0, 0)}
    assert state.next_sequence == {FEED: 1}
    assert state.feed_usage == {FEED: (TODAY, 48_000, 4_800)}
    total = state.totals_by_method[2026, 101]
    assert (total.records, total.activity, total.credits_mg, total.millipoints) == (1, 1_000, 48_000, 4_800)
    assert state.size == index + 1
    assert state.identities[secret("identity 0")] == person(0)
    assert set(state.accounts) == {person(number) for number in range(PEOPLE)}
    assert state.account(bytes(20)).state == 0


def test_a_refusal_moves_the_sequence_only() -> None:
    state = begin()
    before = (state.words.copy(), state.balances.copy(), state.totals, state.feed_usage.copy())
    state.apply(e.encode(e.Refusal(START, FEED, 0, Rule.OVERLAP)))
    assert state.next_sequence == {FEED: 1}
    assert (state.words, state.balances, state.totals, state.feed_usage) == before
    refused(state, e.Refusal(START, FEED, 0, Rule.OVERLAP), "sequence 0, expected 1")
    refused(state, e.Refusal(START, FEED, 1, Rule.TOO_FAST), "none by which")
    refused(state, e.Refusal(START, 9, 0, Rule.OVERLAP), "feed 9")


def test_the_root_is_that_of_the_entries() -> None:
    world = World()
    world.append(*law(), account(0), reduction(0))
    state = State()
    for at, data in enumerate(world.entries):
        assert state.apply(data, world.leaves[at] if at % 2 else None) == at
    assert state.root() == merkle.root_from_leaves(world.leaves)


@pytest.mark.parametrize(
    ("entry", "reason"),
    [
        (reduction(1), "sequence 1, expected 0"),
        (reduction(0, feed=9), "feed 9"),
        (reduction(0, time=START - 1), "lies before"),
        (reduction(0, who=9), "unknown-person"),
        (reduction(0, slot=179), "malformed"),
        (reduction(0, slots=0), "malformed"),
        (reduction(0, activity=0), "over-bound"),
        (reduction(0, activity=50_001), "over-bound"),
        (reduction(0, activity=14_101), "over-bound"),
        (reduction(0, method=1), "window"),
        (reduction(0, day=13_878), "not-in-force"),
        (reduction(0, day=TODAY + 1), "too-early"),
        (reduction(0, day=TODAY - 64), "too-early or too-late"),
        (reduction(0, once=nullifier("x")), "nullifier"),
        (reduction(0, method=104, slot=0, slots=90, activity=1), "nullifier"),
        (replace(reduction(0), credits_mg=48_001), "not what method 101 computes"),
        (replace(reduction(0), millipoints=4_799), "not what method 101 computes"),
        (replace(reduction(0), bonus_millipoints=1), "malformed"),
        (replace(reduction(0), record=replace(reduction(0).record, method=5)), "method 5 is unknown"),
        (replace(reduction(0), record=replace(reduction(0).record, campaign=1)), "malformed"),
        (revocation(0, burned=(0, 0)), "no reduction"),
        (revocation(10_000, burned=(0, 0)), "no reduction"),
        (account(9, nullifier=secret("identity 1")), "identity"),
        (account(0, nullifier=secret("another")), "changes its identity"),
        (feed(version=0), "version 0 after 1"),
        (feed(organisation=9), "organisation 9 is unknown"),
        (replace(catalogue.by_id(101).method, time=START, credit_num=49), "earlier end only"),
        (replace(catalogue.by_id(101).method, time=START, id=109, behaviour=101), "same behaviour"),
        (replace(catalogue.by_id(101).method, time=START, id=109, behaviour=101, group=2), "group 1"),
        (replace(catalogue.by_id(101).method, time=START, id=109, behaviour=110), "behaviour 110 is unknown"),
        (e.Pause(START, START + 8 * 86_400), "seven days"),
    ],
)
def test_what_the_ledger_would_not_append(entry: e.Entry, reason: str) -> None:
    refused(begin(), entry, reason)


@pytest.mark.parametrize("data", [b"", b"\1", b"\1" * 106, b"\3" * 20, b"\x0f" + bytes(30), b"\x45" + bytes(30)])
def test_malformed_entries(data: bytes) -> None:
    with pytest.raises(ReplayError):
        begin().apply(data)


def test_overlap_ring_and_caps() -> None:
    state = begin(reduction(0))
    refused(state, reduction(1, slot=11), "overlap")
    refused(state, reduction(1, method=2, slot=9, activity=1), "overlap")  # another method of the same group
    state.apply(e.encode(reduction(1, slot=12)))
    state.apply(e.encode(reduction(2, who=1, slot=10)))
    ringed = begin(feeds=(feed(late_days=TRIAL),))
    ringed.apply(e.encode(reduction(0)))
    refused(ringed, reduction(1, day=TODAY - 64), "too-late")
    ringed.apply(e.encode(reduction(1, day=TODAY - 63)))

    capped = begin(caps(1, 90_000, 10_000))
    capped.apply(e.encode(reduction(0)))
    refused(capped, reduction(1, slot=20), "over-cap: group 1")
    capped.apply(e.encode(caps(1, 96_000, 9_600)))
    capped.apply(e.encode(reduction(1, slot=20)))

    small = begin(feeds=(feed(credits_cap=100_000),))
    small.apply(e.encode(reduction(0)))
    small.apply(e.encode(reduction(1, who=1)))
    refused(small, reduction(2, who=2), "over-cap: feed")
    tomorrow = START + 86_400
    small.apply(e.encode(reduction(2, who=2, time=tomorrow)))
    assert small.feed_usage == {FEED: (TODAY + 1, 48_000, 4_800)}


def test_accounts_freeze_close_and_have_an_epoch() -> None:
    state = begin(account(0, state=e.AccountState.FROZEN), account(8, epoch=2025), account(9, epoch=2026))
    refused(state, reduction(0), "frozen")
    refused(state, reduction(0, who=8), "not-in-force")
    state.apply(e.encode(reduction(0, who=9)))
    state.apply(e.encode(account(0)))
    state.apply(e.encode(reduction(1)))
    state.apply(e.encode(account(0, state=e.AccountState.CLOSED)))
    refused(state, reduction(2, slot=20), "frozen")
    assert state.account(person(0)) == AccountView(3, 0, 2026, 48_000, 4_800, 0, 0)


def test_feeds_organisations_methods_end() -> None:
    state = begin(feed(state=e.Standing.DISABLED, version=2))
    refused(state, reduction(0), "disabled")
    refused(state, e.Refusal(START, FEED, 0, Rule.OVERLAP), "disabled")
    state.apply(e.encode(feed(version=3)))
    state.apply(e.encode(e.Organisation(START, 1, secret("organisation"), e.Standing.DISABLED)))
    refused(state, reduction(0), "organisation 1")
    state.apply(e.encode(e.Organisation(START, 1, secret("organisation"), e.Standing.ACTIVE)))
    ended = replace(catalogue.by_id(101).method, time=START, valid_to=TODAY - 1)
    state.apply(e.encode(ended))
    refused(state, reduction(0), "not-in-force")
    refused(state, replace(ended, valid_to=TODAY), "earlier end only")
    state.apply(e.encode(replace(ended, id=109, behaviour=101, valid_from=TODAY, valid_to=65_535, credit_num=50)))
    state.apply(e.encode(reduction(0, day=TODAY - 1)))
    assert state.methods[101].valid_to == TODAY - 1
    assert set(state.organisations) == {1}


def test_late_days_and_the_closing_of_a_vintage() -> None:
    day = times.closing_day(2025)
    time = times.day_start(day)
    old = times.day_of_date(date(2025, 12, 31))
    assert day - old == 64
    for when, late_days, reason in ((time, 63, "too-late"), (time, TRIAL, ""), (time - 1, 63, "")):
        state = begin_at(when, late_days)
        entry = reduction(0, day=old, time=when)
        if reason:
            refused(state, entry, reason)
        else:
            state.apply(e.encode(entry))
            assert state.account(person(0)).vintage == 2025


def begin_at(time: int, late_days: int) -> State:
    state = State()
    for entry in [*law(), feed(late_days=late_days), account(0)]:
        state.apply(e.encode(replace(entry, time=time - 1)))
    return state


def test_pause() -> None:
    state = begin(e.Pause(START, START + 60))
    assert state.paused_until == START + 60
    refused(state, reduction(0), "paused")
    refused(state, e.Refusal(START, FEED, 0, Rule.OVERLAP), "paused")
    state.apply(e.encode(e.Pause(START, 0)))
    state.apply(e.encode(reduction(0)))


def test_a_nullifier_counts_once_until_released() -> None:
    entry = reduction(0, method=104, slot=0, slots=90, activity=1, once=nullifier("photo"))
    state = begin()
    index = state.apply(e.encode(entry))
    assert state.nullifiers == {nullifier("photo"): index}
    again = reduction(1, who=1, method=104, slot=90, slots=90, activity=1, once=nullifier("photo"))
    refused(state, again, "nullifier-used")
    state.apply(e.encode(revocation(index, burned=(68_000, 6_800), release=True)))
    assert state.nullifiers == {}
    assert state.apply(e.encode(again)) == state.nullifiers[nullifier("photo")]


def test_a_method_without_slots_claims_none() -> None:
    state = begin()
    for sequence in range(2):
        once = nullifier(str(sequence))
        state.apply(e.encode(reduction(sequence, method=6, slot=10, slots=1, activity=1, once=once)))
    word = SlotWord.unpack(state.words[slotword.key(person(0), 9, TODAY)])
    assert word == SlotWord(TODAY, 178_000, 0, 0)
    state.apply(e.encode(revocation(state.size - 1, burned=(89_000, 0), release=True)))
    word = SlotWord.unpack(state.words[slotword.key(person(0), 9, TODAY)])
    assert word == SlotWord(TODAY, 89_000, 0, 0)


def test_revocation() -> None:
    state = begin(feeds=(feed(late_days=TRIAL),))
    days = [times.day_of_date(date(year, 6, 1)) for year in (2023, 2024, 2025)]
    indexes = [state.apply(e.encode(reduction(at, day=day))) for at, day in enumerate(days)]
    old, middle, _ = indexes
    state.apply(e.encode(revocation(middle, burned=(48_000, 4_800))))
    assert state.totals[2024] == VintageTotals(48_000, 4_800, 48_000, 4_800)
    refused(state, revocation(middle, burned=(0, 0), owed=(48_000, 4_800)), "already revoked")
    refused(state, revocation(old, burned=(47_999, 4_800), owed=(1, 0)), "burns and owes")
    assert state.revoked == {middle}
    assert state.account(person(0)) == AccountView(1, 0, 2025, 48_000, 4_800, 0, 0)


def test_revocation_burns_other_vintages_and_owes_the_rest() -> None:
    """Nothing that is minted so far can be spent, so the missing amounts are taken out by hand."""
    state = begin(feeds=(feed(late_days=TRIAL),))
    days = [times.day_of_date(date(year, 6, 1)) for year in (2023, 2024, 2025)]
    _, middle, _ = [state.apply(e.encode(reduction(at, day=day))) for at, day in enumerate(days)]
    state.balances[person(0), 2024] = (10_000, 0)
    state.balances[person(0), 2025] = (20_000, 1_000)
    state.balances[person(0), 2023] = (5_000, 700)
    refused(state, revocation(middle, burned=(48_000, 4_800)), "burns and owes")
    state.apply(e.encode(revocation(middle, burned=(35_000, 1_700), owed=(13_000, 3_100))))
    assert state.account(person(0)) == AccountView(1, 0, 2025, 0, 0, 13_000, 3_100)
    assert set(state.balances.values()) == {(0, 0)}
    revoked = {year: totals[2:] for year, totals in state.totals.items()}
    assert revoked == {2023: (5_000, 700), 2024: (10_000, 0), 2025: (20_000, 1_000)}

    state.balances[person(0), 2025] = (20_000, 1_000)
    state.apply(e.encode(reduction(3, day=days[2], slot=20)))
    assert state.account(person(0)) == AccountView(1, 0, 2025, 55_000, 2_700, 0, 0)


def test_debt_is_met_from_later_mints() -> None:
    state = begin()
    state.apply(e.encode(reduction(0)))
    book = state._accounts[person(0)]
    # Nothing that this issue mints can be spent, so that a debt arises only by what later entry types do.
    book.credits_debt, book.millipoints_debt, book.has_debt = 60_000, 1_000, True
    state.apply(e.encode(reduction(1, slot=20)))
    assert state.account(person(0)) == AccountView(1, 0, 2026, 48_000, 8_600, 12_000, 0)
    assert state.totals[2026] == VintageTotals(96_000, 9_600, 48_000, 1_000)
    assert book.has_debt
    state.apply(e.encode(reduction(2, slot=30)))
    assert state.account(person(0)) == AccountView(1, 0, 2026, 84_000, 13_400, 0, 0)
    assert not book.has_debt


def test_a_release_of_an_overwritten_word_changes_nothing() -> None:
    state = begin(feeds=(feed(late_days=TRIAL),))
    old = state.apply(e.encode(reduction(0, day=TODAY - 64)))
    state.apply(e.encode(reduction(1, day=TODAY)))
    before = state.words.copy()
    state.apply(e.encode(revocation(old, burned=(48_000, 4_800), release=True)))
    assert state.words == before


def test_log_key_and_getter() -> None:
    world = World()
    index = world.append(*law(), account(0), e.LogKey(START, secret("key")), reduction(0)) + len(law()) + 2
    state = State(entry_at=lambda at: world.entries[at])
    for data in world.entries:
        state.apply(data)
    assert state.log_key == secret("key")
    state.apply(e.encode(revocation(index, burned=(48_000, 4_800))))
    assert state.revoked == {index}
