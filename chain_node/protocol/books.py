"""All buckets, in memory: what postings lead to. Slow and complete; the replay is held equal to it by tests."""

from __future__ import annotations

from collections.abc import Iterable

from chain_node.protocol.errors import PostingError
from chain_node.protocol.moves import NUMBER
from chain_node.protocol.postings import DEBT, DEBT_BUCKETS, Bucket, Given, Posting, Side, Unit

SETTLEMENT = (Bucket.OWED, Bucket.MET)
"""The one way without a number: the ledger goes it by itself, after an inflow."""


def check_posting(post: Posting) -> None:
    """Raises PostingError: there is no such move, or not in this vintage."""
    way = (post.origin, post.target)
    if post.amount <= 0 or (way not in NUMBER and way != SETTLEMENT):
        raise PostingError(f"no posting goes from {post.origin.name} to {post.target.name}: {post}")
    if len({post.origin in DEBT_BUCKETS, post.target in DEBT_BUCKETS, post.vintage == DEBT}) != 1:
        raise PostingError(f"debts lie in vintage 0 and nothing else does: {post}")


class Books:
    """All buckets, or those of the account `only`. amounts: (unit, vintage, bucket, owner) → amount; a source's is what
    it has given."""

    def __init__(self, only: bytes | None = None) -> None:
        self._only = only
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
            check_posting(post)
            if self._only in (None, post.owner):
                self._take(post)
            if self._only in (None, post.to):
                self._give(post)

    def _take(self, post: Posting) -> None:
        origin = (post.unit, post.vintage, post.origin, post.owner)
        given = self.amounts.get(origin, 0)
        if post.origin.side is Side.SOURCE:
            self.amounts[origin] = given + post.amount
        elif given < post.amount:
            raise PostingError(f"{post.origin.name} has {given}, too little for {post}")
        else:
            self.amounts[origin] = given - post.amount

    def _give(self, post: Posting) -> None:
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
