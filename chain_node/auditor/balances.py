"""What no sum over entries gives: what was burned of whom and what is owed; what those hold who have more than records.

A burn depends on the order of an account's entries (protocol section 8), so the entries of those accounts that were
ever revoked from, or that an act moved something of, are gone through once; all others hold what they minted.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import groupby
from operator import itemgetter
from typing import TYPE_CHECKING, Any, Final

from chain_node.errors import QueryError
from chain_node.protocol.books import Books
from chain_node.protocol.errors import PostingError
from chain_node.protocol.postings import Bucket, Given, Posting, Unit, mint, moved, revoke, settled
from chain_node.protocol.times import year_of

if TYPE_CHECKING:
    import duckdb

_ENTRIES: Final = """
WITH touched AS (
    SELECT r.account FROM base_revocation v JOIN base_reduction r ON r.idx = v.target
    UNION SELECT owner FROM base_posting WHERE owner IS NOT NULL
    UNION SELECT receiver FROM base_posting WHERE receiver IS NOT NULL
), minted AS (
    SELECT r.account, r.idx, 0 AS place, r.day, r.credits_mg, r.millipoints + r.bonus_millipoints AS millipoints,
           NULL AS burned, NULL AS points_burned, NULL AS posting
    FROM base_reduction r JOIN touched USING (account)
), revoked AS (
    SELECT r.account, v.idx, 0, r.day, r.credits_mg, r.millipoints + r.bonus_millipoints, v.credits_burned,
           v.millipoints_burned, NULL
    FROM base_revocation v JOIN base_reduction r ON r.idx = v.target
), moved AS (
    SELECT t.account, p.idx, p.rowid, NULL, NULL, NULL, NULL, NULL,
           {'unit': p.unit, 'year': p.year, 'origin': p.origin, 'target': p.target, 'amount': p.amount,
            'owner': p.owner, 'receiver': p.receiver}
    FROM base_posting p JOIN touched t ON t.account IN (p.owner, p.receiver)
)
SELECT * FROM minted UNION ALL SELECT * FROM revoked UNION ALL SELECT * FROM moved ORDER BY 1, 2, 3
"""

Part = tuple[str, int, int, int]
"""(account, year, credits mg, millipoints)."""
Debt = tuple[str, int, int]
_Row = tuple[str, int, int, int, int, int, int | None, int | None, dict[str, Any] | None]


def burned(connection: duckdb.DuckDBPyConnection) -> tuple[list[Part], list[Debt], list[Part]]:
    """Burned by (account, year); owed now by account: (account, credits mg, millipoints); held by (account, year).

    Raises:
        QueryError: an entry says or moves other amounts than the account's entries lead to.
    """
    burns: list[Part] = []
    debts: list[Debt] = []
    holds: list[Part] = []
    for account, group in groupby(_rows(connection.execute(_ENTRIES)), key=itemgetter(0)):
        owner = bytes.fromhex(account)
        books = Books(owner)
        burnt: dict[int, list[int]] = {}
        for index, entry in groupby(group, key=itemgetter(1)):
            try:
                posts = _posts(index, owner, list(entry), books)
                books.post(posts)
            except PostingError as error:
                raise QueryError(f"entry {index}: {error}") from error
            for post in posts:
                if post.target is Bucket.REVOKED and post.owner == owner:
                    burnt.setdefault(post.vintage, [0, 0])[post.unit] += post.amount
        burns += [(account, vintage, *amounts) for vintage, amounts in sorted(burnt.items())]
        for vintage in sorted(books.vintages_of(owner)):
            credits_mg, millipoints = (books.held(owner, vintage, unit) for unit in Unit)
            holds.append((account, vintage, credits_mg, millipoints))
        credits_debt, points_debt = (books.owed(owner, unit) for unit in Unit)
        if credits_debt or points_debt:
            debts.append((account, credits_debt, points_debt))
    return burns, debts, holds


def _posts(index: int, owner: bytes, rows: list[_Row], books: Books) -> list[Posting]:
    """What one entry moves: of a reduction or a revocation there is one row, of an act one a posting."""
    _, _, _, day, credits_mg, millipoints, said, points_said, posting = rows[0]
    if posting is not None:
        return settled((_posting(row[8]) for row in rows if row[8] is not None), books)
    given = Given(owner, year_of(day), credits_mg, millipoints)
    if said is None:
        return mint(books, *given)
    posts = revoke(books, given)
    found = tuple(moved(posts, unit, Bucket.REVOKED) for unit in Unit)
    if found != (said, points_said):
        raise QueryError(f"entry {index}: a revocation burns {found}, its entry says {(said, points_said)}")
    return posts


def _posting(row: dict[str, Any]) -> Posting:
    ways = (Bucket[row["origin"].upper()], Bucket[row["target"].upper()])
    whose = (bytes.fromhex(row["owner"] or ""), bytes.fromhex(row["receiver"] or ""))
    return Posting(Unit(row["unit"]), row["year"], *ways, row["amount"], *whose)


def _rows(cursor: duckdb.DuckDBPyConnection) -> Iterable[_Row]:
    while rows := cursor.fetchmany(10_000):
        yield from rows
