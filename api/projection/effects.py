"""What entries change in the read model: pure, in memory, over the part of it that they touch.

`Effects` starts from the balances and debts of the accounts a chunk touches, applies the chunk's entries in order and
ends as rows to write. The law is the protocol's (docs/protocol.md): a mint is gross, then meets the account's debt from
that vintage; a revocation burns the record's vintage, then the account's others from the newest, and the rest is owed.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from api.errors import ProjectionError
from chain_node.protocol.entries import Account, Reduction, Refusal, Revocation
from chain_node.protocol.times import year_of

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

    targets: reductions before the chunk that it revokes; minted: the chunk's own reductions.
    """

    accounts: dict[bytes, AccountFacts] = field(default_factory=dict)
    balances: dict[bytes, dict[int, Pair]] = field(default_factory=dict)
    targets: dict[int, Minted] = field(default_factory=dict)
    minted: dict[int, Reduction] = field(default_factory=dict)
    changed_accounts: set[bytes] = field(default_factory=set)
    changed_balances: set[tuple[bytes, int]] = field(default_factory=set)
    revoked: dict[int, int] = field(default_factory=dict)
    vintages: dict[int, list[int]] = field(default_factory=dict)
    methods: dict[tuple[int, int], list[int]] = field(default_factory=dict)
    feeds: dict[tuple[int, int], int] = field(default_factory=dict)

    def reduction(self, index: int, entry: Reduction) -> None:
        """Mint, count, meet debt."""
        record = entry.record
        account = self._account(record.account, index)
        vintage = year_of(record.day)
        amounts = (entry.credits_mg, entry.millipoints + entry.bonus_millipoints)
        total = self.vintages.setdefault(vintage, [0, 0, 0, 0])
        balance = self._balance(record.account, vintage)
        for kind in (0, 1):
            amount = amounts[kind]
            total[kind] += amount
            burned = min(account.debt[kind], amount) if account.debt[kind] else 0
            if burned:
                account.debt[kind] -= burned
                total[2 + kind] += burned
                self.changed_accounts.add(record.account)
            balance[kind] += amount - burned
        method = self.methods.setdefault((vintage, record.method), [0] * 8)
        method[0] += 1
        method[1] += record.activity
        method[2] += amounts[0]
        method[3] += amounts[1]
        self._count(entry.feed, 0)
        self.minted[index] = entry

    def refusal(self, entry: Refusal) -> None:
        """Count."""
        self._count(entry.feed, int(entry.rule))

    def revocation(self, index: int, entry: Revocation) -> bytes:
        """Burn, book the debt. Returns whose reduction it was."""
        target = self.targets.get(entry.index)
        if target is None and entry.index in self.minted:
            target = minted(entry.index, self.minted[entry.index])
        if target is None or target.revoked_by is not None or entry.index in self.revoked:
            raise ProjectionError(f"entry {index} revokes {entry.index}, which is no reduction or is revoked already")
        self.revoked[entry.index] = index
        account = self._account(target.account, index)
        vintage = year_of(target.day)
        burned = (entry.credits_burned, entry.millipoints_burned)
        owed = (entry.credits_owed, entry.millipoints_owed)
        for kind in (0, 1):
            self._burn(index, target.account, vintage, kind, burned[kind])
            account.debt[kind] += owed[kind]
        self.changed_accounts.add(target.account)
        method = self.methods.setdefault((vintage, target.method), [0] * 8)
        method[4] += 1
        method[5] += target.activity
        method[6] += target.credits_mg
        method[7] += target.millipoints
        return target.account

    def account(self, index: int, entry: Account) -> None:
        """The account's value is replaced, its debt stays."""
        known = self.accounts.get(entry.account)
        debt = known.debt if known else [0, 0]
        facts = AccountFacts(int(entry.state), entry.epoch, entry.district, entry.successor, index, debt)
        self.accounts[entry.account] = facts
        self.changed_accounts.add(entry.account)

    def _burn(self, index: int, address: bytes, vintage: int, kind: int, amount: int) -> None:
        """Burn from the record's vintage, then from the account's others, newest first."""
        held = self.balances.get(address, {})
        for year in (vintage, *sorted((year for year in held if year != vintage), reverse=True)):
            if not amount:
                return
            balance = self._balance(address, year)
            part = min(balance[kind], amount)
            if part:
                balance[kind] -= part
                amount -= part
                self.vintages.setdefault(year, [0, 0, 0, 0])[2 + kind] += part
        if amount:
            raise ProjectionError(f"entry {index} burns {amount} more than 0x{address.hex()} holds")

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
