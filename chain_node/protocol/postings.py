"""What an entry means, as a book-keeper writes it: amounts that go from one bucket to another.

A posting moves credits (mg CO2e) or points (thousandths) of one vintage. Debts lie in vintage 0, because a debt of one
year is met from another's mint. Balances, debts and totals follow from postings alone (docs/protocol.md, section 8);
which postings an entry has is said by its kind (`chain_node.protocol.kinds`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from enum import Enum, IntEnum
from typing import Final, NamedTuple, Protocol

from chain_node.protocol.errors import PostingError

DEBT: Final = 0
"""The vintage of debts."""
NOBODY: Final = b""
"""The owner of a bucket that is nobody's own."""


class Unit(IntEnum):
    """What is moved: credits in mg CO2e, or points in thousandths."""

    CREDITS = 0
    MILLIPOINTS = 1


class Side(Enum):
    """Sources only give, sinks only take, holders do both and are never below 0."""

    SOURCE = "source"
    HOLDER = "holder"
    SINK = "sink"


class Bucket(Enum):
    """Where amounts lie: (name, side). The last four are those of debts."""

    ISSUED = ("issued", Side.SOURCE)
    BONUS = ("bonus", Side.SOURCE)
    CARRIED_IN = ("carried_in", Side.SOURCE)
    RECOGNISED = ("recognised", Side.SOURCE)
    PRIZE = ("prize", Side.SOURCE)
    HELD = ("held", Side.HOLDER)
    PLEDGED = ("pledged", Side.HOLDER)
    BATCH = ("batch", Side.HOLDER)
    BUFFER = ("buffer", Side.HOLDER)
    QUARANTINED = ("quarantined", Side.HOLDER)
    LOCKED = ("locked", Side.HOLDER)
    TREASURY = ("treasury", Side.HOLDER)
    REVOKED = ("revoked", Side.SINK)
    REDEEMED = ("redeemed", Side.SINK)
    RETIRED = ("retired", Side.SINK)
    EXPORTED = ("exported", Side.SINK)
    EXPIRED = ("expired", Side.SINK)
    CARRIED_OUT = ("carried_out", Side.SINK)
    DONATED = ("donated", Side.SINK)
    LAPSED = ("lapsed", Side.SINK)
    BOOKED = ("booked", Side.SOURCE)
    OWED = ("owed", Side.HOLDER)
    MET = ("met", Side.SINK)
    WAIVED = ("waived", Side.SINK)

    def __init__(self, _name: str, side: Side) -> None:
        self.side = side

    __hash__ = object.__hash__  # a member is one object; Enum's own, of its name, is written in Python and slow


DEBT_BUCKETS: Final = frozenset({Bucket.BOOKED, Bucket.OWED, Bucket.MET, Bucket.WAIVED})


class Posting(NamedTuple):
    """`amount` > 0 goes from `origin` to `target`. owner, to: whose they are (an account, a project), or NOBODY."""

    unit: Unit
    vintage: int
    origin: Bucket
    target: Bucket
    amount: int
    owner: bytes = NOBODY
    to: bytes = NOBODY


class Given(NamedTuple):
    """What a reduction gave: millipoints with the bonus."""

    account: bytes
    vintage: int
    credits_mg: int
    millipoints: int


class Holdings(Protocol):
    """What postings ask of the books before them."""

    def held(self, account: bytes, vintage: int, unit: Unit) -> int: ...
    def owed(self, account: bytes, unit: Unit) -> int: ...
    def vintages_of(self, account: bytes) -> Iterable[int]:
        """Years in which the account ever held something."""
        ...

    def given(self, index: int) -> Given | None:
        """What the reduction at `index` gave; None: it is none, or was revoked."""
        ...


def burn_order(vintages: Iterable[int], first: int | None = None) -> Iterator[int]:
    """The order in which vintages are burned: what is redeemed goes oldest first; what is revoked from the vintage of
    the record, `first`, then newest to oldest. Each vintage once; `first` also where it is not among them."""
    if first is None:
        yield from sorted(set(vintages))
        return
    yield first
    yield from sorted({vintage for vintage in vintages if vintage != first}, reverse=True)


def take(
    books: Holdings, account: bytes, unit: Unit, amount: int, first: int | None = None
) -> tuple[list[tuple[int, int]], int]:
    """([(vintage, part), …] in the order of burning, what the account does not have)."""
    parts = []
    for vintage in burn_order(books.vintages_of(account), first):
        part = min(amount, books.held(account, vintage, unit))
        if part:
            parts.append((vintage, part))
            amount -= part
    return parts, amount


def settle(books: Holdings, account: bytes, vintage: int, unit: Unit, inflow: int) -> list[Posting]:
    """What of an inflow meets the account's debt; due after every inflow. One who owes holds nothing, so that the
    inflow is all there is to take."""
    met = min(inflow, books.owed(account, unit))
    if not met:
        return []
    return [
        Posting(unit, vintage, Bucket.HELD, Bucket.REVOKED, met, account),
        Posting(unit, DEBT, Bucket.OWED, Bucket.MET, met, account),
    ]


def mint(
    books: Holdings, account: bytes, vintage: int, credits_mg: int, millipoints: int, bonus: int = 0
) -> list[Posting]:
    """A reduction: issued, with its bonus, to the account; then settled."""
    posts = []
    for unit, source, amount in (
        (Unit.CREDITS, Bucket.ISSUED, credits_mg),
        (Unit.MILLIPOINTS, Bucket.ISSUED, millipoints),
        (Unit.MILLIPOINTS, Bucket.BONUS, bonus),
    ):
        if amount:
            posts.append(Posting(unit, vintage, source, Bucket.HELD, amount, NOBODY, account))
    posts += settle(books, account, vintage, Unit.CREDITS, credits_mg)
    return posts + settle(books, account, vintage, Unit.MILLIPOINTS, millipoints + bonus)


def revoke(books: Holdings, given: Given) -> list[Posting]:
    """What a reduction gave is burned as far as the account has it; the rest is owed."""
    posts = []
    for unit, amount in ((Unit.CREDITS, given.credits_mg), (Unit.MILLIPOINTS, given.millipoints)):
        parts, rest = take(books, given.account, unit, amount, given.vintage)
        posts += [Posting(unit, vintage, Bucket.HELD, Bucket.REVOKED, part, given.account) for vintage, part in parts]
        if rest:
            posts.append(Posting(unit, DEBT, Bucket.BOOKED, Bucket.OWED, rest, NOBODY, given.account))
    return posts


def moved(posts: Iterable[Posting], unit: Unit, target: Bucket) -> int:
    """How much of a unit these postings bring to a bucket."""
    return sum(post.amount for post in posts if post.unit is unit and post.target is target)


class Books:
    """All buckets, in memory: slow and complete. amounts: (unit, vintage, bucket, owner) → amount; a source's is what
    it has given."""

    def __init__(self) -> None:
        self.amounts: dict[tuple[Unit, int, Bucket, bytes], int] = {}
        self._vintages: dict[bytes, set[int]] = {}
        self._given: dict[int, Given] = {}

    def held(self, account: bytes, vintage: int, unit: Unit) -> int:
        return self.amounts.get((unit, vintage, Bucket.HELD, account), 0)

    def owed(self, account: bytes, unit: Unit) -> int:
        return self.amounts.get((unit, DEBT, Bucket.OWED, account), 0)

    def vintages_of(self, account: bytes) -> Iterable[int]:
        return self._vintages.get(account, ())

    def given(self, index: int) -> Given | None:
        return self._given.get(index)

    def remember(self, index: int, given: Given) -> None:
        """The entry at `index` is a reduction that may be revoked."""
        self._given[index] = given

    def forget(self, index: int) -> None:
        """The reduction at `index` was revoked."""
        del self._given[index]

    def post(self, posts: Iterable[Posting]) -> None:
        """Move. Raises PostingError: a bucket has too little, or does not give, take, or hold this vintage."""
        for post in posts:
            if post.amount <= 0 or post.origin.side is Side.SINK or post.target.side is Side.SOURCE:
                raise PostingError(f"no posting goes from {post.origin.name} to {post.target.name}: {post}")
            if len({post.origin in DEBT_BUCKETS, post.target in DEBT_BUCKETS, post.vintage == DEBT}) != 1:
                raise PostingError(f"debts lie in vintage 0 and nothing else does: {post}")
            origin = (post.unit, post.vintage, post.origin, post.owner)
            given = self.amounts.get(origin, 0)
            if post.origin.side is Side.SOURCE:
                self.amounts[origin] = given + post.amount
            elif given < post.amount:
                raise PostingError(f"{post.origin.name} has {given}, too little for {post}")
            else:
                self.amounts[origin] = given - post.amount
            target = (post.unit, post.vintage, post.target, post.to)
            self.amounts[target] = self.amounts.get(target, 0) + post.amount
            if post.target is Bucket.HELD:
                self._vintages.setdefault(post.to, set()).add(post.vintage)

    def totals(self) -> dict[tuple[Unit, int, Bucket], int]:
        """By unit, vintage and bucket, over all owners."""
        found: dict[tuple[Unit, int, Bucket], int] = {}
        for (unit, vintage, bucket, _), amount in self.amounts.items():
            found[unit, vintage, bucket] = found.get((unit, vintage, bucket), 0) + amount
        return found
