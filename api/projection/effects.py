"""What entries change in the read model: pure, in memory, over the part of it that they touch.

`Effects` starts from the balances and debts of the accounts a chunk touches, applies the chunk's entries in order and
ends as rows to write. What an entry moves is said by its postings (`chain_node.protocol.postings`), what they add up to
by `chain_node.protocol.totals`; only records and their activity are counted here.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from api.errors import ProjectionError
from api.projection.subjects import SubjectValues, Sums, add, subjects
from chain_node.protocol.entries import Account, Act, Entry, Reduction, Refusal, Revocation, postings
from chain_node.protocol.errors import PostingError
from chain_node.protocol.postings import ACTS_BUCKETS, DEBT, Bucket, Given, Unit
from chain_node.protocol.times import year_of
from chain_node.protocol.totals import Sheet, burned, taken_back, totals
from chain_node.protocol.totals import minted as minted_of

Pair = list[int]
"""[credits in mg, millipoints], changed in place."""


@dataclass(slots=True)
class AccountFacts:
    """An account as the read model keeps it."""

    state: int
    epoch: int
    district: int
    successor: bytes
    index: int
    debt: Pair


@dataclass(frozen=True, slots=True)
class Minted:
    """A reduction as a later revocation needs it."""

    index: int
    account: bytes
    method: int
    day: int
    activity: int
    credits_mg: int
    millipoints: int
    revoked_by: int | None = None


def minted(index: int, entry: Reduction, revoked_by: int | None = None) -> Minted:
    """A reduction as `Minted`; points with the bonus."""
    record = entry.record
    amounts = (entry.credits_mg, entry.millipoints + entry.bonus_millipoints)
    return Minted(index, record.account, record.method, record.day, record.activity, *amounts, revoked_by)


@dataclass(slots=True)
class Effects:
    """The touched part of the read model. Totals are changes, accounts and balances are values.

    targets: reductions before the chunk that it revokes; minted: the chunk's own reductions. by_vintage: what moved, by
    the posting's vintage; by_method: by the (vintage, method) of the reduction it is about; counts, likewise: records,
    activity, and of the revoked.
    """

    accounts: dict[bytes, AccountFacts] = field(default_factory=dict)
    balances: dict[bytes, dict[int, Pair]] = field(default_factory=dict)
    targets: dict[int, Minted] = field(default_factory=dict)
    minted: dict[int, Reduction] = field(default_factory=dict)
    changed_accounts: set[bytes] = field(default_factory=set)
    changed_balances: set[tuple[bytes, int]] = field(default_factory=set)
    revoked: dict[int, int] = field(default_factory=dict)
    by_vintage: dict[int, Sheet] = field(default_factory=dict)
    by_method: dict[tuple[int, int], Sheet] = field(default_factory=dict)
    counts: dict[tuple[int, int], list[int]] = field(default_factory=dict)
    feeds: dict[tuple[int, int], int] = field(default_factory=dict)
    subjects: list[SubjectValues] = field(default_factory=list)
    sums: Sums = field(default_factory=dict)

    def reduction(self, index: int, entry: Reduction) -> None:
        """Mint, count, meet debt."""
        record = entry.record
        self._account(record.account, index)
        vintage = year_of(record.day)
        # a balance is there also where the amounts are 0
        self._balance(record.account, vintage)
        self._post(index, entry, (vintage, record.method))
        self._count(entry.feed, 0)
        counts = self.counts.setdefault((vintage, record.method), [0] * 4)
        counts[0] += 1
        counts[1] += record.activity
        self.minted[index] = entry

    def refusal(self, entry: Refusal) -> None:
        """Count."""
        self._count(entry.feed, int(entry.rule))

    def revocation(self, index: int, entry: Revocation) -> bytes:
        """Burn, book the debt. Returns whose reduction it was."""
        target = self._target(entry.index)
        if target is None:
            raise ProjectionError(f"entry {index} revokes {entry.index}, which is no reduction or is revoked already")
        self._account(target.account, index)
        self.changed_accounts.add(target.account)
        about = (year_of(target.day), target.method)
        self._post(index, entry, about)
        self.revoked[entry.index] = index
        counts = self.counts.setdefault(about, [0] * 4)
        counts[2] += 1
        counts[3] += target.activity
        return target.account

    def account(self, index: int, entry: Account) -> None:
        """The account's value is replaced, its debt stays."""
        known = self.accounts.get(entry.account)
        debt = known.debt if known else [0, 0]
        facts = AccountFacts(int(entry.state), entry.epoch, entry.district, entry.successor, index, debt)
        self.accounts[entry.account] = facts
        self.changed_accounts.add(entry.account)

    def act(self, index: int, entry: Act, earlier: Act | None) -> None:
        """What it moves, and what it is about. earlier: the act that it decides on."""
        self._post(index, entry, None)
        rows = subjects(index, entry, earlier)
        self.subjects += rows
        add(self.sums, rows)

    @property
    def buckets(self) -> dict[tuple[int, str], list[int]]:
        """Changes by (vintage, bucket) of the buckets that acts alone move: credits mg, millipoints."""
        found: dict[tuple[int, str], list[int]] = {}
        for vintage, sheet in self.by_vintage.items():
            for (unit, bucket), amount in sheet.items():
                if bucket in ACTS_BUCKETS:
                    found.setdefault((vintage, bucket.name.lower()), [0, 0])[unit] += amount
        return found

    @property
    def vintages(self) -> dict[int, list[int]]:
        """Changes by vintage, in the order of the columns; also of vintages in which nothing moved."""
        sheets = self.by_vintage
        years = {vintage for vintage, _ in self.counts} | sheets.keys() - {DEBT}
        return {
            year: [figure(sheets.get(year, {}), unit) for figure in (minted_of, burned) for unit in Unit]
            for year in sorted(years)
        }

    @property
    def methods(self) -> dict[tuple[int, int], list[int]]:
        """Changes by (vintage, method), in the order of the columns."""
        found = {}
        for key, (records, activity, revoked, revoked_activity) in self.counts.items():
            sheet = self.by_method.get(key, {})
            given, back = ([figure(sheet, unit) for unit in Unit] for figure in (minted_of, taken_back))
            found[key] = [records, activity, *given, revoked, revoked_activity, *back]
        return found

    def held(self, account: bytes, vintage: int, unit: Unit) -> int:
        return self.balances.get(account, {}).get(vintage, [0, 0])[unit]

    def owed(self, account: bytes, unit: Unit) -> int:
        known = self.accounts.get(account)
        return known.debt[unit] if known else 0

    def vintages_of(self, account: bytes) -> Iterable[int]:
        return self.balances.get(account, ())

    def given(self, index: int) -> Given | None:
        target = self._target(index)
        if target is None:
            return None
        return Given(target.account, year_of(target.day), target.credits_mg, target.millipoints)

    def _target(self, index: int) -> Minted | None:
        """The reduction at `index`, if it can be revoked."""
        target = self.targets.get(index)
        if target is None and index in self.minted:
            target = minted(index, self.minted[index])
        return None if target is None or target.revoked_by is not None or index in self.revoked else target

    def _post(self, index: int, entry: Entry, about: tuple[int, int] | None) -> None:
        """Move what the entry moves. about: of what is about one reduction."""
        try:
            posts = postings(entry, self)
        except PostingError as error:
            raise ProjectionError(f"entry {index}: {error}") from error
        totals([(post.vintage, post) for post in posts], self.by_vintage)
        if about is not None:
            totals([(about, post) for post in posts], self.by_method)
        for unit, vintage, origin, target, amount, owner, to in posts:
            for bucket, whose, change in ((origin, owner, -amount), (target, to, amount)):
                if bucket is Bucket.HELD:
                    self._balance(whose, vintage)[unit] += change
                elif bucket is Bucket.OWED:
                    self._account(whose, index).debt[unit] += change
                    self.changed_accounts.add(whose)

    def _account(self, address: bytes, index: int) -> AccountFacts:
        account = self.accounts.get(address)
        if account is None:
            raise ProjectionError(f"entry {index} is about 0x{address.hex()}, which no entry before it registers")
        return account

    def _balance(self, address: bytes, vintage: int) -> Pair:
        self.changed_balances.add((address, vintage))
        return self.balances.setdefault(address, {}).setdefault(vintage, [0, 0])

    def _count(self, feed: int, rule: int) -> None:
        self.feeds[feed, rule] = self.feeds.get((feed, rule), 0) + 1
