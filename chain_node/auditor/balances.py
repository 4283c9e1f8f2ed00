"""What revocations and debts burned, by account and vintage: the only figures that no sum over entries gives.

A burn depends on the order of an account's entries (protocol section 8), so the entries of those few accounts that were
ever revoked from are gone through once; all others hold what they minted.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Final

from chain_node.errors import QueryError
from chain_node.protocol.books import Books
from chain_node.protocol.postings import DEBT, Bucket, Given, Posting, Unit, mint, moved, revoke
from chain_node.protocol.times import year_of
from chain_node.protocol.totals import totals

if TYPE_CHECKING:
    import duckdb

_ENTRIES: Final = """
WITH touched AS (
    SELECT DISTINCT r.account FROM base_revocation v JOIN base_reduction r ON r.idx = v.target
), minted AS (
    SELECT r.account, r.idx, r.day, r.credits_mg, r.millipoints + r.bonus_millipoints AS millipoints, NULL AS burned,
           NULL AS points_burned
    FROM base_reduction r JOIN touched USING (account)
), revoked AS (
    SELECT r.account, v.idx, r.day, r.credits_mg, r.millipoints + r.bonus_millipoints, v.credits_burned,
           v.millipoints_burned
    FROM base_revocation v JOIN base_reduction r ON r.idx = v.target
)
SELECT * FROM minted UNION ALL SELECT * FROM revoked ORDER BY 1, 2
"""

Burn = tuple[str, int, int, int]
Debt = tuple[str, int, int]


def burned(connection: duckdb.DuckDBPyConnection) -> tuple[list[Burn], list[Debt]]:
    """(account, year, credits mg, millipoints) burned, and (account, credits mg, millipoints) owed now.

    Raises:
        QueryError: a revocation's entry says other amounts than the account's entries lead to.
    """
    books = Books()
    moves: list[tuple[tuple[str, int], Posting]] = []
    cursor = connection.execute(_ENTRIES)
    for account, index, day, credits_mg, millipoints, said, points_said in _rows(cursor):
        owner = bytes.fromhex(account)
        given = Given(owner, year_of(day), credits_mg, millipoints)
        posts = mint(books, *given) if said is None else revoke(books, given)
        found = tuple(moved(posts, unit, Bucket.REVOKED) for unit in Unit)
        if said is not None and found != (said, points_said):
            raise QueryError(f"entry {index}: a revocation burns {found}, its entry says {(said, points_said)}")
        books.post(posts)
        moves += [((account, post.vintage), post) for post in posts]
    burns: list[Burn] = []
    debts: list[Debt] = []
    for (account, vintage), sheet in sorted(totals(moves).items()):
        bucket = Bucket.OWED if vintage == DEBT else Bucket.REVOKED
        credits_mg, millipoints = (sheet.get((unit, bucket), 0) for unit in Unit)
        if not credits_mg and not millipoints:
            continue
        if vintage == DEBT:
            debts.append((account, credits_mg, millipoints))
        else:
            burns.append((account, vintage, credits_mg, millipoints))
    return burns, debts


def _rows(cursor: duckdb.DuckDBPyConnection) -> Iterable[tuple[str, int, int, int, int, int | None, int | None]]:
    while rows := cursor.fetchmany(10_000):
        yield from rows
