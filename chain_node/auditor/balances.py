"""What revocations and debts burned, by account and vintage: the only figures that no sum over entries gives.

A burn depends on the order of an account's entries (protocol section 8), so the entries of those few accounts that were
ever revoked from are gone through once; all others hold what they minted.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from chain_node.errors import QueryError
from chain_node.protocol.times import FIRST_VINTAGE, year_of

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


@dataclass(slots=True)
class _Book:
    """One account. balances, burns: year → [credits mg, millipoints]."""

    balances: dict[int, list[int]] = field(default_factory=dict)
    burns: dict[int, list[int]] = field(default_factory=dict)
    debt: list[int] = field(default_factory=lambda: [0, 0])

    def mint(self, year: int, amounts: tuple[int, int]) -> None:
        held = self.balances.setdefault(year, [0, 0])
        for place in (0, 1):
            held[place] += amounts[place]
            met = min(amounts[place], self.debt[place])
            self.debt[place] -= met
            self._burn(year, place, met)

    def revoke(self, year: int, amounts: tuple[int, int]) -> tuple[int, int]:
        """Burn from the record's vintage first, then newest to oldest; the rest is owed. Gives what was burned."""
        newest = max(self.balances, default=FIRST_VINTAGE)
        taken = [0, 0]
        for place in (0, 1):
            left = amounts[place]
            for vintage in (year, *(y for y in range(newest, FIRST_VINTAGE - 1, -1) if y != year)):
                part = min(left, self.balances.get(vintage, [0, 0])[place])
                self._burn(vintage, place, part)
                left -= part
            self.debt[place] += left
            taken[place] = amounts[place] - left
        return taken[0], taken[1]

    def _burn(self, year: int, place: int, amount: int) -> None:
        if amount:
            self.balances[year][place] -= amount
            self.burns.setdefault(year, [0, 0])[place] += amount


def burned(connection: duckdb.DuckDBPyConnection) -> tuple[list[Burn], list[Debt]]:
    """(account, year, credits mg, millipoints) burned, and (account, credits mg, millipoints) owed now.

    Raises:
        QueryError: a revocation's entry says other amounts than the account's entries lead to.
    """
    books: dict[str, _Book] = {}
    cursor = connection.execute(_ENTRIES)
    for account, index, day, credits_mg, millipoints, said, points_said in _rows(cursor):
        book = books.setdefault(account, _Book())
        if said is None:
            book.mint(year_of(day), (credits_mg, millipoints))
            continue
        found = book.revoke(year_of(day), (credits_mg, millipoints))
        if found != (said, points_said):
            raise QueryError(f"entry {index}: a revocation burns {found}, its entry says {(said, points_said)}")
    burns = [
        (account, year, sums[0], sums[1])
        for account, book in books.items()
        for year, sums in sorted(book.burns.items())
    ]
    debts = [(account, book.debt[0], book.debt[1]) for account, book in books.items() if any(book.debt)]
    return burns, debts


def _rows(cursor: duckdb.DuckDBPyConnection) -> Iterable[tuple[str, int, int, int, int, int | None, int | None]]:
    while rows := cursor.fetchmany(10_000):
        yield from rows
