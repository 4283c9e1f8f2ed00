"""The journal: what each posting is about, and what contradicts the entries before it."""

from __future__ import annotations

from dataclasses import replace

import pytest
from protocol_world import START, TODAY, account, feed, law, person, reduction, secret

from chain_node.protocol import entries as e
from chain_node.protocol.errors import PostingError
from chain_node.protocol.journal import About, Move, PostingJournal
from chain_node.protocol.postings import NOBODY, Bucket, Posting, Unit
from chain_node.protocol.rules import Rule
from chain_node.protocol.times import year_of

YEAR = year_of(TODAY)


def begun() -> PostingJournal:
    journal = PostingJournal()
    for index, entry in enumerate((feed(), replace(account(0), district=502))):
        assert journal.take(index, entry) == []
    return journal


def test_a_revocation_is_about_what_its_record_was_about_when_it_was_recorded() -> None:
    journal = begun()
    about = About(YEAR, 101, feed().feed, feed().organisation, 502)
    minted = journal.take(2, reduction(0))
    assert minted == [
        Move(2, about, Posting(Unit.CREDITS, YEAR, Bucket.ISSUED, Bucket.HELD, 48_000, NOBODY, person(0))),
        Move(2, about, Posting(Unit.MILLIPOINTS, YEAR, Bucket.ISSUED, Bucket.HELD, 4_800, NOBODY, person(0))),
    ]
    for index, entry in enumerate((replace(feed(), organisation=9), replace(account(0), district=777)), 3):
        journal.take(index, entry)
    later = journal.take(7, reduction(1, slot=90))
    assert {move.about for move in later} == {About(YEAR, 101, feed().feed, 9, 777)}
    revoked = journal.take(8, e.Revocation(START, 2, 1, secret("why"), False, 48_000, 4_800, 0, 0))
    assert {move.about for move in revoked} == {about}
    assert journal.books.held(person(0), YEAR, Unit.CREDITS) == 48_000


def test_law_accounts_and_refusals_move_nothing() -> None:
    journal = PostingJournal()
    for index, entry in enumerate((*law(), account(1), e.Refusal(START, 1, 0, Rule.OVERLAP))):
        assert journal.take(index, entry) == []


def test_what_the_entries_before_do_not_lead_to_is_refused() -> None:
    journal = begun()
    journal.take(2, reduction(0))
    wrong = e.Revocation(START, 2, 1, secret("why"), False, 1, 1, 47_999, 4_799)
    with pytest.raises(PostingError, match="burns and owes"):
        journal.take(3, wrong)
    right = replace(wrong, credits_burned=48_000, millipoints_burned=4_800, credits_owed=0, millipoints_owed=0)
    assert len(journal.take(3, right)) == 2
    with pytest.raises(PostingError, match="revoked already"):
        journal.take(4, right)
