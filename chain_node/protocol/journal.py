"""The log as a book-keeper's journal: every entry's postings, and what each is about. Slow and complete.

Totals of any kind and statements follow from it (`chain_node.protocol.totals`); what must be fast (the replay, the
auditor's SQL) is held equal to it by tests.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple, assert_never

from chain_node.protocol.books import Books
from chain_node.protocol.entries import (
    Account,
    Act,
    Entry,
    Feed,
    GroupCaps,
    LogKey,
    Method,
    Organisation,
    Pause,
    Reduction,
    Refusal,
    Revocation,
    postings,
)
from chain_node.protocol.kinds.reductions import given
from chain_node.protocol.postings import Posting


class About(NamedTuple):
    """What moves is about: a reduction's record, which its revocation is about too. vintage: of the record's day;
    organisation: its feed's, and district: its account's, when it was recorded."""

    vintage: int
    method: int
    feed: int
    organisation: int
    district: int


@dataclass(frozen=True, slots=True)
class Move:
    """A posting of the entry at `index`. about: None where an act moves it, which is about no one record."""

    index: int
    about: About | None
    posting: Posting


class PostingJournal:
    """Takes a log's entries in their order.

    Args:
        account: book this account's sides of the postings alone; entries that are not about it may be left out.

    books: what the entries lead to.
    """

    def __init__(self, account: bytes | None = None) -> None:
        self.books = Books(account)
        self._organisations: dict[int, int] = {}
        self._districts: dict[bytes, int] = {}
        self._about: dict[int, About] = {}

    def take(self, index: int, entry: Entry) -> list[Move]:
        """What the entry at `index` moves.

        Raises:
            PostingError: the entries before it do not lead to what it says.
        """
        posts = postings(entry, self.books)
        about: About | None = None
        match entry:
            case Reduction(feed=feed, record=record):
                what = given(entry)
                owner = (self._organisations.get(feed, 0), self._districts.get(record.account, 0))
                about = self._about[index] = About(what.vintage, record.method, feed, *owner)
                self.books.remember(index, what)
            case Revocation(index=target):
                about = self._about.pop(target)
                self.books.forget(target)
            case Feed(feed=feed, organisation=organisation):
                self._organisations[feed] = organisation
            case Account(account=account, district=district):
                self._districts[account] = district
            case Refusal() | Organisation() | Method() | GroupCaps() | Pause() | LogKey() | Act():
                pass
            case _:
                assert_never(entry)
        self.books.post(posts)
        return [Move(index, about, post) for post in posts]
