"""What an entry means, as a book-keeper writes it: amounts that go from one bucket to another.

A posting moves credits (mg CO2e) or points (thousandths) of one vintage. Debts lie in vintage 0, because a debt of one
year is met from another's mint. Balances, debts and totals follow from postings alone (docs/protocol.md, section 8);
which postings an entry has is said by its kind (`chain_node.protocol.kinds`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from enum import Enum, IntEnum
from typing import Final, NamedTuple, Protocol

DEBT: Final = 0
"""The vintage of debts."""
NOBODY: Final = b""
"""The owner of a bucket that is nobody's own."""


class Unit(IntEnum):
    """What is moved: credits in mg CO2e, or points in thousandths."""

    CREDITS = 0
    MILLIPOINTS = 1


class Side(Enum):
    """Sources only give, sinks only take (REDEEMED alone gives back, by a refund), holders do both. Neither a holder
    nor a sink is ever below 0."""

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

ACTS_BUCKETS: Final = frozenset(Bucket) - {
    Bucket.ISSUED, Bucket.BONUS, Bucket.HELD, Bucket.REVOKED, Bucket.BOOKED, Bucket.OWED, Bucket.MET
}  # fmt: skip
"""What the ledger keeps one total of by vintage; the others lie in accounts, or are the totals of what was minted."""


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


def settled(posts: Iterable[Posting], books: Holdings) -> list[Posting]:
    """These postings, and behind each run of inflows what of them meets the accounts' debts.

    Due after every inflow to HELD, wherever it comes from: one who owes holds nothing, so that the inflow is all there
    is to take. Inflows of one account, unit and vintage that follow each other are met together.
    """
    made: list[Posting] = []
    inflows: dict[tuple[bytes, Unit, int], int] = {}
    owed: dict[tuple[bytes, Unit], int] = {}

    def debt_of(account: bytes, unit: Unit) -> int:
        if (account, unit) not in owed:
            owed[account, unit] = books.owed(account, unit)
        return owed[account, unit]

    def meet() -> None:
        for (account, unit, vintage), inflow in inflows.items():
            met = min(inflow, debt_of(account, unit))
            if met:
                owed[account, unit] -= met
                made.append(Posting(unit, vintage, Bucket.HELD, Bucket.REVOKED, met, account))
                made.append(Posting(unit, DEBT, Bucket.OWED, Bucket.MET, met, account))
        inflows.clear()

    for post in posts:
        if post.target is not Bucket.HELD or post.origin is Bucket.HELD:
            meet()
        made.append(post)
        if post.target is Bucket.HELD:
            key = (post.to, post.unit, post.vintage)
            inflows[key] = inflows.get(key, 0) + post.amount
        elif post.target is Bucket.OWED:
            owed[post.to, post.unit] = debt_of(post.to, post.unit) + post.amount
        elif post.origin is Bucket.OWED:
            owed[post.owner, post.unit] = debt_of(post.owner, post.unit) - post.amount
    meet()
    return made


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
    return settled(posts, books)


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
