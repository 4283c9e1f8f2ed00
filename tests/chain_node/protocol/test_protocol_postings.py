"""Postings: what they move, what they refuse, and that the replay's unrolled path says the same."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from protocol_world import TRIAL, account, feed, person, reduction, secret
from replay_support import PEOPLE, begin, first_entries

from chain_node.protocol import entries as e
from chain_node.protocol.books import Books
from chain_node.protocol.errors import PostingError
from chain_node.protocol.journal import Move, PostingJournal
from chain_node.protocol.kinds.reductions import given as given_by
from chain_node.protocol.postings import (
    DEBT,
    NOBODY,
    Bucket,
    Given,
    Posting,
    Side,
    Unit,
    burn_order,
    mint,
    moved,
    revoke,
    take,
)
from chain_node.protocol.replay import State
from chain_node.protocol.rules import Rule
from chain_node.protocol.times import day_of_date
from chain_node.protocol.totals import minted, taken_back, totals

WHO = person(0)
YEARS = (2023, 2024, 2025)


def conserved(books: Books) -> None:
    """By unit and vintage: what sources gave = what holders have + what sinks took. Debts likewise."""
    sides: dict[tuple[Unit, int], dict[Side, int]] = {}
    for (unit, vintage, bucket), amount in books.totals().items():
        assert amount >= 0
        sums = sides.setdefault((unit, vintage), dict.fromkeys(Side, 0))
        sums[bucket.side] += amount
    for sums in sides.values():
        assert sums[Side.SOURCE] == sums[Side.HOLDER] + sums[Side.SINK]


def test_revocation_burns_its_own_vintage_then_the_newest_and_redemption_the_oldest() -> None:
    assert list(burn_order([2023, 2025, 2024, 2022], 2023)) == [2023, 2025, 2024, 2022]
    assert list(burn_order([2025, 2024], 2020)) == [2020, 2025, 2024]
    assert list(burn_order([2024, 2022, 2023])) == [2022, 2023, 2024]
    books = Books()
    for year in (2024, 2022, 2023):
        books.post(mint(books, WHO, year, 10, 0))
    assert take(books, WHO, Unit.CREDITS, 15) == ([(2022, 10), (2023, 5)], 0)
    assert take(books, WHO, Unit.CREDITS, 35, 2023) == ([(2023, 10), (2024, 10), (2022, 10)], 5)


def test_what_cannot_be_burned_is_owed_in_vintage_0_and_met_from_another_year() -> None:
    books = Books()
    books.post(mint(books, WHO, 2024, 30, 7, 2))
    books.post(revoke(books, Given(WHO, 2024, 100, 9)))
    assert books.owed(WHO, Unit.CREDITS) == 70
    assert books.owed(WHO, Unit.MILLIPOINTS) == 0
    books.post(mint(books, WHO, 2025, 90, 1))
    assert books.owed(WHO, Unit.CREDITS) == 0
    assert books.held(WHO, 2025, Unit.CREDITS) == 20
    totals = books.totals()
    assert totals[Unit.CREDITS, DEBT, Bucket.BOOKED] == totals[Unit.CREDITS, DEBT, Bucket.MET] == 70
    assert totals[Unit.CREDITS, 2025, Bucket.REVOKED] == 70
    assert totals[Unit.MILLIPOINTS, 2024, Bucket.BONUS] == 2
    conserved(books)


@pytest.mark.parametrize(
    "wrong",
    [
        Posting(Unit.CREDITS, 2024, Bucket.HELD, Bucket.REDEEMED, 11, WHO),
        Posting(Unit.MILLIPOINTS, 2024, Bucket.HELD, Bucket.REDEEMED, 1, WHO),
        Posting(Unit.CREDITS, 2023, Bucket.HELD, Bucket.REDEEMED, 1, WHO),
        Posting(Unit.CREDITS, 2024, Bucket.HELD, Bucket.REDEEMED, 0, WHO),
        Posting(Unit.CREDITS, 2024, Bucket.REDEEMED, Bucket.HELD, 1, NOBODY, WHO),
        Posting(Unit.CREDITS, 2024, Bucket.HELD, Bucket.ISSUED, 1, WHO),
        Posting(Unit.CREDITS, DEBT, Bucket.ISSUED, Bucket.HELD, 1, NOBODY, WHO),
        Posting(Unit.CREDITS, 2024, Bucket.BOOKED, Bucket.OWED, 1, NOBODY, WHO),
        Posting(Unit.CREDITS, DEBT, Bucket.BOOKED, Bucket.HELD, 1, NOBODY, WHO),
    ],
)
def test_books_refuse_what_no_bucket_has_or_may_do(wrong: Posting) -> None:
    books = Books()
    books.post(mint(books, WHO, 2024, 10, 0))
    with pytest.raises(PostingError):
        books.post([wrong])
    assert books.amounts[Unit.CREDITS, 2024, Bucket.HELD, WHO] == 10


def test_buckets_of_later_kinds_need_no_other_mechanism() -> None:
    books, project = Books(), b"wetland"
    books.post(mint(books, WHO, 2024, 100, 50))
    books.post(
        [
            Posting(Unit.MILLIPOINTS, 2024, Bucket.HELD, Bucket.PLEDGED, 20, WHO, project),
            Posting(Unit.MILLIPOINTS, 2024, Bucket.PLEDGED, Bucket.REDEEMED, 15, project),
            Posting(Unit.MILLIPOINTS, 2024, Bucket.HELD, Bucket.CARRIED_OUT, 30, WHO),
            Posting(Unit.MILLIPOINTS, 2025, Bucket.CARRIED_IN, Bucket.HELD, 30, NOBODY, WHO),
            Posting(Unit.CREDITS, 2024, Bucket.HELD, Bucket.BATCH, 60, WHO, b"batch 1"),
            Posting(Unit.CREDITS, 2024, Bucket.BATCH, Bucket.BUFFER, 10, b"batch 1"),
            Posting(Unit.CREDITS, 2024, Bucket.BATCH, Bucket.RETIRED, 50, b"batch 1"),
        ]
    )
    assert books.amounts[Unit.MILLIPOINTS, 2024, Bucket.PLEDGED, project] == 5
    assert list(books.vintages_of(WHO)) == [2024, 2025]
    conserved(books)


def test_a_revocation_that_says_other_amounts_than_the_books_is_refused() -> None:
    books = Books()
    books.post(mint(books, WHO, 2024, 10, 3))
    books.remember(5, Given(WHO, 2024, 10, 3))
    right = e.Revocation(1, 5, 1, bytes(32), False, 10, 3, 0, 0)
    assert moved(e.postings(right, books), Unit.CREDITS, Bucket.REVOKED) == 10
    for wrong in ((9, 3, 1, 0), (10, 3, 0, 1), (10, 2, 0, 1)):
        with pytest.raises(PostingError, match="burns and owes"):
            e.postings(e.Revocation(1, 5, 1, bytes(32), False, *wrong), books)
    books.forget(5)
    with pytest.raises(PostingError, match="revoked already"):
        e.postings(right, books)


steps = st.lists(
    st.one_of(
        st.tuples(st.just("mint"), st.integers(0, PEOPLE - 1), st.sampled_from(YEARS), st.integers(1, 9_000)),
        st.tuples(st.just("revoke"), st.integers(0, 60), st.booleans(), st.just(0)),
        st.tuples(st.just("spend"), st.integers(0, PEOPLE - 1), st.sampled_from(YEARS), st.integers(1, 4)),
    ),
    min_size=1,
    max_size=50,
)


def agree_on_methods(state: State, moves: list[Move]) -> None:
    """The replay's totals by (year, method) are the generic ones."""
    sheets = totals(((move.about.vintage, move.about.method), move.posting) for move in moves)
    for key, total in state.totals_by_method.items():
        given, back = (tuple(of(sheets[key], unit) for unit in Unit) for of in (minted, taken_back))
        assert given == (total.credits_mg, total.millipoints)
        assert back == (total.revoked_credits_mg, total.revoked_millipoints)
    assert sheets.keys() == state.totals_by_method.keys()


def agree(state: State, books: Books) -> None:
    for number in range(PEOPLE):
        who = person(number)
        view = state.account(who)
        assert view.credits_debt == books.owed(who, Unit.CREDITS)
        assert view.millipoints_debt == books.owed(who, Unit.MILLIPOINTS)
        for year in YEARS:
            held = tuple(books.held(who, year, unit) for unit in Unit)
            assert state.balances.get((who, year), (0, 0)) == held
            assert not (view.credits_debt and held[0]), "who owes holds nothing"
    totals = books.totals()
    for year, total in state.totals.items():
        minted, revoked = (
            [totals.get((unit, year, bucket), 0) for unit in Unit] for bucket in (Bucket.ISSUED, Bucket.REVOKED)
        )
        assert list(total) == [*minted, *revoked]
    conserved(books)


@given(steps)
@settings(max_examples=80, deadline=None)
def test_the_unrolled_replay_moves_what_the_postings_say(script: list[tuple[str, int, int, int]]) -> None:
    """`spend` takes from both what no kind of today takes, so that revocations find less than was given."""
    feeds = (feed(late_days=TRIAL),)
    state, journal = begin(feeds=feeds), PostingJournal()
    for place, first in enumerate(first_entries(feeds=feeds)):
        assert journal.take(place, first) == []
    books = journal.books
    moves: list[Move] = []
    mints: dict[int, e.Reduction] = {}
    sequence = 0
    for at, (what, number, choice, amount) in enumerate(script):
        if what == "spend":
            who = person(number)
            held = state.balances.get((who, choice), (0, 0))
            spent = tuple(part * amount // 4 for part in held)
            state.balances[who, choice] = (held[0] - spent[0], held[1] - spent[1])
            books.post(
                Posting(unit, choice, Bucket.HELD, Bucket.REDEEMED, spent[unit], who) for unit in Unit if spent[unit]
            )
            continue
        entry: e.Entry
        if what == "mint":
            first = day_of_date(date(choice, 1, 1))
            # the ring of words has 64 days: each record has a place of its own in it
            day = first + (at - first) % 64
            entry = reduction(sequence, who=number, day=day, method=101, slot=0, slots=8, activity=amount)
            sequence += 1
        elif mints:
            index = sorted(mints)[number % len(mints)]
            posts = revoke(books, given_by(mints.pop(index)))
            parts = [moved(posts, unit, bucket) for bucket in (Bucket.REVOKED, Bucket.OWED) for unit in Unit]
            entry = e.Revocation(state.time, index, 7, secret("why"), bool(choice), *parts)
        else:
            continue
        index = state.apply(e.encode(entry))
        moves += journal.take(index, entry)
        if isinstance(entry, e.Reduction):
            mints[index] = entry
        agree(state, books)
        agree_on_methods(state, moves)


def test_law_and_accounts_move_nothing() -> None:
    for entry in (account(1), feed(), e.Pause(1, 2), e.Refusal(1, 1, 1, Rule.OVERLAP)):
        assert e.postings(entry, Books()) == []
