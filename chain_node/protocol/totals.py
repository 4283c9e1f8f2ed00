"""What follows from postings alone: totals by any key, and an account's statement. Docs: protocol.md, section 8."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping
from dataclasses import dataclass
from typing import Final, TypeVar

from chain_node.protocol.errors import PostingError
from chain_node.protocol.postings import Bucket, Posting, Side, Unit

K = TypeVar("K", bound=Hashable)

Sheet = dict[tuple[Unit, Bucket], int]
"""What lies in each bucket; a source's is what it has given. A holder's may be below 0 under a key that is not its
owner's: what meets a debt is counted where the inflow is, the debt where the revocation is."""
Position = dict[tuple[Unit, int, Bucket], int]
"""What an account has and owes: (unit, vintage, HELD or OWED) → amount > 0."""

NOTHING: Final[Mapping[tuple[Unit, int, Bucket], int]] = {}


def totals(moves: Iterable[tuple[K, Posting]], found: dict[K, Sheet] | None = None) -> dict[K, Sheet]:
    """All buckets, by the key that comes with each posting; added to `found`, where sums are to go on."""
    sheets: dict[K, Sheet] = {} if found is None else found
    for key, (unit, _, origin, target, amount, _, _) in moves:
        sheet = sheets.get(key)
        if sheet is None:
            sheet = sheets[key] = {}
        given = amount if origin.side is Side.SOURCE else -amount
        sheet[unit, origin] = sheet.get((unit, origin), 0) + given
        sheet[unit, target] = sheet.get((unit, target), 0) + amount
    return sheets


def minted(sheet: Sheet, unit: Unit) -> int:
    """What reductions gave, with their bonus."""
    return sheet.get((unit, Bucket.ISSUED), 0) + sheet.get((unit, Bucket.BONUS), 0)


def burned(sheet: Sheet, unit: Unit) -> int:
    """What was burned by revocations, and by the debts that later mints met."""
    return sheet.get((unit, Bucket.REVOKED), 0)


def taken_back(sheet: Sheet, unit: Unit) -> int:
    """What the revoked reductions had given, whether it was burned at once or is or was owed."""
    return burned(sheet, unit) - sheet.get((unit, Bucket.MET), 0) + sheet.get((unit, Bucket.BOOKED), 0)


def held(minted: int, revoked: int, others: Iterable[tuple[Bucket, int]]) -> int:
    """What accounts hold of a vintage, by conservation: all that sources gave, less what other holders and sinks have.

    others: what lies in each of the other buckets of that unit and vintage; of a source, what it gave.
    """
    return minted - revoked + sum(amount if bucket.side is Side.SOURCE else -amount for bucket, amount in others)


@dataclass(frozen=True, slots=True)
class StatementLine:
    """One posting as its account sees it.

    index: of its entry. bucket: HELD or OWED. counterpart: where it comes from or goes to. change: of what lies in
    that bucket in this vintage; after: what lies there then.
    """

    index: int
    unit: Unit
    vintage: int
    bucket: Bucket
    counterpart: Bucket
    change: int
    after: int


@dataclass(frozen=True, slots=True)
class Statement:
    """opening + the lines' changes = closing, in every bucket."""

    opening: Position
    lines: tuple[StatementLine, ...]
    closing: Position


def statement(
    account: bytes,
    moves: Iterable[tuple[int, Posting]],
    opening: Mapping[tuple[Unit, int, Bucket], int] = NOTHING,
) -> Statement:
    """The account's part of these moves.

    Args:
        account: whose.
        moves: (index of the entry, posting), in the log's order; those of others are passed over.
        opening: what the account has and owes before them.

    Raises:
        PostingError: a bucket would be below 0: moves are missing, or the opening is not of their beginning.
    """
    has = {key: amount for key, amount in opening.items() if amount}
    lines = []
    for index, (unit, vintage, origin, target, amount, owner, to) in moves:
        sides = []
        if owner == account:
            sides.append((origin, target, -amount))
        if to == account:
            sides.append((target, origin, amount))
        for bucket, counterpart, change in sides:
            key = (unit, vintage, bucket)
            after = has.get(key, 0) + change
            if after < 0:
                raise PostingError(f"entry {index}: {bucket.name} of 0x{account.hex()} would be {after} in {vintage}")
            has[key] = after
            lines.append(StatementLine(index, unit, vintage, bucket, counterpart, change, after))
    begun = {key: amount for key, amount in opening.items() if amount}
    return Statement(begun, tuple(lines), {key: amount for key, amount in has.items() if amount})
