"""Totals by every key sum to the same, and a statement's lines lead from its opening to the balances."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from protocol_world import account, feed, person, reduction, secret

from chain_node.protocol import entries as e
from chain_node.protocol.errors import PostingError
from chain_node.protocol.journal import Move, PostingJournal
from chain_node.protocol.kinds.reductions import given as given_by
from chain_node.protocol.postings import DEBT, NOBODY, Bucket, Posting, Unit, moved, revoke
from chain_node.protocol.times import day_of_date
from chain_node.protocol.totals import Sheet, burned, minted, statement, taken_back, totals

PEOPLE, FEEDS, YEARS, METHODS = 3, (1, 2), (2023, 2024, 2025), (101, 102)
KEYS: dict[str, Callable[[Move], Any]] = {
    "vintage": lambda move: move.posting.vintage,
    "the record's vintage": lambda move: move.about.vintage,
    "method": lambda move: move.about.method,
    "feed": lambda move: move.about.feed,
    "organisation": lambda move: move.about.organisation,
    "district": lambda move: move.about.district,
    "entry": lambda move: move.index,
    "all of it": lambda move: move.about,
}

acts = st.one_of(
    st.tuples(st.just("mint"), st.integers(0, 2), st.sampled_from(YEARS), st.integers(1, 9_000), st.integers(0, 3)),
    st.tuples(st.just("revoke"), st.integers(0, 60), st.just(0), st.just(0), st.just(0)),
    st.tuples(st.just("spend"), st.integers(0, 2), st.sampled_from(YEARS), st.integers(1, 4), st.just(0)),
    st.tuples(st.just("move"), st.integers(0, 2), st.just(0), st.integers(1, 9), st.just(0)),
    st.tuples(st.just("adopt"), st.integers(0, 1), st.just(0), st.integers(1, 9), st.just(0)),
)
scripts = st.lists(acts, min_size=1, max_size=60)


@dataclass
class Log:
    """A journal with what it was told, and what each record was about when it was told."""

    journal: PostingJournal = field(default_factory=PostingJournal)
    moves: list[Move] = field(default_factory=list)
    alive: dict[int, e.Reduction] = field(default_factory=dict)
    size: int = 0

    def take(self, entry: e.Entry) -> list[Move]:
        found = self.journal.take(self.size, entry)
        self.moves += found
        self.size += 1
        return found

    def mint(self, who: int, year: int, activity: int, choice: int) -> None:
        method, at = METHODS[choice % 2], FEEDS[choice // 2]
        day = day_of_date(date(year, 1, 1))
        made = reduction(self.size, who=who, day=day, method=method, activity=activity, feed=at)
        self.alive[self.size] = replace(made, bonus_millipoints=choice)
        self.take(self.alive[self.size])

    def revoke(self, choice: int) -> None:
        index = sorted(self.alive)[choice % len(self.alive)]
        posts = revoke(self.journal.books, given_by(self.alive.pop(index)))
        parts = [moved(posts, unit, bucket) for bucket in (Bucket.REVOKED, Bucket.OWED) for unit in Unit]
        self.take(e.Revocation(1, index, 7, secret("why"), False, *parts))

    def spend(self, who: int, year: int, quarters: int) -> None:
        """What no kind of today does, so that a revocation finds less than was given."""
        books = self.journal.books
        for unit in Unit:
            if part := books.held(person(who), year, unit) * quarters // 4:
                post = Posting(unit, year, Bucket.HELD, Bucket.REDEEMED, part, person(who))
                books.post([post])
                about = self.moves[0].about
                self.moves.append(Move(self.size - 1, about, post))


def played(script: list[tuple[str, int, int, int, int]]) -> Log:
    log = Log()
    for number in FEEDS:
        log.take(replace(feed(), feed=number, organisation=number))
    for who in range(PEOPLE):
        log.take(account(who))
    for what, first, year, amount, choice in script:
        if what == "mint":
            log.mint(first, year, amount, choice)
        elif what == "revoke" and log.alive:
            log.revoke(first)
        elif what == "spend":
            log.spend(first, year, amount)
        elif what == "move":
            log.take(replace(account(first), district=amount))
        elif what == "adopt":
            log.take(replace(feed(), feed=FEEDS[first], organisation=amount))
    return log


def summed(sheets: dict[Any, Sheet]) -> Sheet:
    found: Sheet = {}
    for sheet in sheets.values():
        for bucket, amount in sheet.items():
            found[bucket] = found.get(bucket, 0) + amount
    return found


@given(scripts)
@settings(max_examples=60, deadline=None)
def test_totals_by_every_key_sum_to_the_same(script: list[tuple[str, int, int, int, int]]) -> None:
    log = played(script)
    whole = totals(("", move.posting) for move in log.moves).get("", {})
    for name, key in KEYS.items():
        assert summed(totals((key(move), move.posting) for move in log.moves)) == whole, name
    by_vintage = totals((move.posting.vintage, move.posting) for move in log.moves)
    books = {
        (unit, vintage, bucket): amount
        for vintage, sheet in by_vintage.items()
        for (unit, bucket), amount in sheet.items()
    }
    assert books == log.journal.books.totals()
    for unit in Unit:
        owed = whole.get((unit, Bucket.OWED), 0)
        held = whole.get((unit, Bucket.HELD), 0)
        spent = whole.get((unit, Bucket.REDEEMED), 0)
        assert minted(whole, unit) == held + spent + burned(whole, unit)
        # what stands of the records is what is held or was spent, less what is owed
        assert minted(whole, unit) - taken_back(whole, unit) == held + spent - owed


@given(scripts)
@settings(max_examples=60, deadline=None)
def test_what_is_taken_back_is_what_the_revoked_records_gave(script: list[tuple[str, int, int, int, int]]) -> None:
    log = played(script)
    gave = totals((move.index, move.posting) for move in log.moves)
    revoked = {index: about for index, about in _records(log).items() if index not in log.alive}
    for name in ("method", "feed", "organisation", "district", "the record's vintage"):
        sheets = totals((KEYS[name](move), move.posting) for move in log.moves)
        for key in {KEYS[name](move) for move in log.moves}:
            of_key = [index for index, move in revoked.items() if KEYS[name](move) == key]
            for unit in Unit:
                assert taken_back(sheets[key], unit) == sum(minted(gave[index], unit) for index in of_key), name


def _records(log: Log) -> dict[int, Move]:
    return {move.index: move for move in reversed(log.moves) if move.posting.origin in (Bucket.ISSUED, Bucket.BONUS)}


@given(scripts, st.integers(0, 200))
@settings(max_examples=60, deadline=None)
def test_a_statement_leads_from_its_opening_to_the_balances(
    script: list[tuple[str, int, int, int, int]], cut: int
) -> None:
    log = played(script)
    moves = [(move.index, move.posting) for move in log.moves]
    cut = min(cut, len(moves))
    lines = 0
    for who in map(person, range(PEOPLE)):
        whole = statement(who, moves)
        right = {
            (unit, vintage, bucket): amount
            for (unit, vintage, bucket, owner), amount in log.journal.books.amounts.items()
            if owner == who and amount
        }
        assert whole.opening == {}
        assert whole.closing == right
        sums = dict.fromkeys({(line.unit, line.vintage, line.bucket) for line in whole.lines}, 0)
        for line in whole.lines:
            key = (line.unit, line.vintage, line.bucket)
            sums[key] += line.change
            assert line.after == sums[key] >= 0
        assert {key: amount for key, amount in sums.items() if amount} == right
        before = statement(who, moves[:cut])
        after = statement(who, moves[cut:], before.closing)
        assert after.opening == before.closing
        assert after.closing == whole.closing
        assert before.lines + after.lines == whole.lines
        lines += len(whole.lines)
    assert lines == sum((post.owner != NOBODY) + (post.to != NOBODY) for _, post in moves)


def test_a_debt_is_a_line_of_its_own_and_is_met_by_a_later_year() -> None:
    log = Log()
    for entry in (feed(), account(0)):
        log.take(entry)
    log.mint(0, 2024, 1_000, 0)
    log.spend(0, 2024, 4)
    log.revoke(0)
    log.mint(0, 2025, 400, 0)
    found = statement(person(0), [(move.index, move.posting) for move in log.moves])
    credits_ = [
        (line.vintage, line.bucket, line.counterpart, line.change, line.after)
        for line in found.lines
        if line.unit is Unit.CREDITS
    ]
    assert credits_ == [
        (2024, Bucket.HELD, Bucket.ISSUED, 48_000, 48_000),
        (2024, Bucket.HELD, Bucket.REDEEMED, -48_000, 0),
        (DEBT, Bucket.OWED, Bucket.BOOKED, 48_000, 48_000),
        (2025, Bucket.HELD, Bucket.ISSUED, 19_200, 19_200),
        (2025, Bucket.HELD, Bucket.REVOKED, -19_200, 0),
        (DEBT, Bucket.OWED, Bucket.MET, -19_200, 28_800),
    ]
    assert found.closing == {(Unit.CREDITS, DEBT, Bucket.OWED): 28_800, (Unit.MILLIPOINTS, DEBT, Bucket.OWED): 2_880}


def test_a_statement_of_half_the_moves_is_refused() -> None:
    log = Log()
    for entry in (feed(), account(0)):
        log.take(entry)
    log.mint(0, 2024, 1_000, 0)
    log.revoke(0)
    moves = [(move.index, move.posting) for move in log.moves]
    with pytest.raises(PostingError, match=r"entry 3: HELD .* would be -48000 in 2024"):
        statement(person(0), moves[2:])
