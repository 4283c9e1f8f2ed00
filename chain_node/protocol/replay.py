"""The replay: entries in, the ledger's full state out; what `fsck` and the auditors compare with the chain.

It trusts nothing: an entry that the contracts could not have appended after the entries before it raises. Only the
quorum is not seen here, for signatures are not in the log. Written for speed (≥ 50,000 entries a second with leaf
hash and tree on one core): the hot path unpacks into local variables and builds no objects.
"""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Callable, Iterable
from typing import assert_never

from chain_node.protocol.entries import (
    REDUCTION,
    REDUCTION_NULLIFIER,
    REFUSAL,
    UNROLLED_REDUCTION,
    Account,
    AccountState,
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
    decode,
    layout_of,
)
from chain_node.protocol.errors import ProtocolError, ReplayError
from chain_node.protocol.law import Caps, Law
from chain_node.protocol.loop.loop import Loop
from chain_node.protocol.merkle import Tree
from chain_node.protocol.postings import ACTS_BUCKETS, Bucket, Given, Posting, Side, Unit, burn_order
from chain_node.protocol.records import HASH_BYTES
from chain_node.protocol.rules import Rule
from chain_node.protocol.times import DAY_SECONDS, DAY_ZONE_OFFSET, FIRST_VINTAGE, closing_day, year_of
from chain_node.protocol.views import AccountView, MethodTotals, VintageTotals

MAX_PAUSE_SECONDS = 7 * DAY_SECONDS
REFUSAL_RULES = frozenset(
    {
        Rule.UNKNOWN_PERSON,
        Rule.OVERLAP,
        Rule.OVER_CAP,
        Rule.TOO_LATE,
        Rule.TOO_EARLY,
        Rule.NOT_IN_FORCE,
        Rule.NULLIFIER_USED,
        Rule.FROZEN,
    }
)
"""The rules by which the ledger skips a record; all others revert the batch or are an oracle's."""

__all__ = ["REFUSAL_RULES", "AccountView", "MethodTotals", "State", "VintageTotals"]

_REDUCTION = UNROLLED_REDUCTION.without("evidence")
_REDUCTION_BYTES = UNROLLED_REDUCTION.end
_WITH_NULLIFIER_BYTES = _REDUCTION_BYTES + HASH_BYTES
_NULLIFIER_AT = _REDUCTION_BYTES
_REFUSAL = layout_of(Refusal).codes
_U30 = (1 << 30) - 1
_ACTIVE = int(AccountState.ACTIVE)


class _Account:
    __slots__ = ("credits_debt", "district", "epoch", "has_debt", "identity", "millipoints_debt", "state", "vintage")

    def __init__(self, identity: bytes) -> None:
        self.identity = identity
        self.state = self.epoch = self.district = self.vintage = self.credits_debt = self.millipoints_debt = 0
        self.has_debt = False


class State:
    """The ledger's state after the entries applied so far.

    tree: the log's right edge. balances: (account, year) → (credits mg, millipoints). words: key → packed slot word.
    nullifiers: nullifier → index of the entry that used it. identities: identity nullifier → account. revoked:
    indexes. next_sequence: by feed. feed_usage: feed → (block day, credits mg, millipoints) of the last day on which
    it minted. totals_by_method: (year, method) → MethodTotals. paused_until: unix seconds. log_key: Ed25519 key. loop:
    what became of acts. bucket_totals: (unit, vintage, bucket) → amount, of the buckets that acts alone move.

    `entry_at(index)` gives the bytes of an earlier entry, for revocations; without it the state keeps its own list.
    """

    def __init__(self, entry_at: Callable[[int], bytes] | None = None) -> None:
        self.tree = Tree()
        self.law = Law()
        self.balances: dict[tuple[bytes, int], tuple[int, int]] = {}
        self.words: dict[int, int] = {}
        self.nullifiers: dict[bytes, int] = {}
        self.identities: dict[bytes, bytes] = {}
        self.revoked: set[int] = set()
        self.next_sequence: dict[int, int] = {}
        self.feed_usage: dict[int, tuple[int, int, int]] = {}
        self.totals_by_method: dict[tuple[int, int], MethodTotals] = {}
        self.paused_until = 0
        self.log_key: bytes | None = None
        self.time = 0
        self._accounts: dict[bytes, _Account] = {}
        self._burned: dict[int, tuple[int, int]] = {}
        self.loop = Loop()
        self.bucket_totals: dict[tuple[Unit, int, Bucket], int] = {}
        self._kept: list[bytes] | None = None if entry_at else []
        self._entry_at: Callable[[int], bytes] = entry_at or self._kept_entry

    @property
    def size(self) -> int:
        return self.tree.size

    def root(self) -> bytes:
        return self.tree.root()

    @property
    def organisations(self) -> dict[int, Organisation]:
        return self.law.organisations

    @property
    def feeds(self) -> dict[int, Feed]:
        return self.law.feeds

    @property
    def methods(self) -> dict[int, Method]:
        return self.law.methods

    @property
    def caps(self) -> dict[int, Caps]:
        return self.law.caps

    @property
    def accounts(self) -> dict[bytes, AccountView]:
        """All registered accounts; built at each call, so take it once (`account` gives one)."""
        return {address: self.account(address) for address, book in self._accounts.items() if book.identity}

    def account(self, address: bytes) -> AccountView:
        """One account; all zeros where it was never registered."""
        book = self._accounts.get(address)
        if book is None:
            return AccountView(0, 0, 0, 0, 0, 0, 0)
        balance = self.balances.get((address, book.vintage), (0, 0))
        return AccountView(book.state, book.epoch, book.vintage, *balance, book.credits_debt, book.millipoints_debt)

    def district(self, address: bytes) -> int:
        """The district of an account; 0 where it was never registered."""
        book = self._accounts.get(address)
        return book.district if book else 0

    @property
    def totals(self) -> dict[int, VintageTotals]:
        """By vintage year: minted gross, and burned by revocations and debts."""
        minted: dict[int, tuple[int, int]] = {}
        for (year, _), total in self.totals_by_method.items():
            credits_mg, millipoints = minted.get(year, (0, 0))
            minted[year] = (credits_mg + total.credits_mg, millipoints + total.millipoints)
        years = sorted(minted.keys() | self._burned.keys())
        return {year: VintageTotals(*minted.get(year, (0, 0)), *self._burned.get(year, (0, 0))) for year in years}

    def held(self, account: bytes, vintage: int, unit: Unit) -> int:
        """What the account has of a vintage, as postings ask it."""
        return self.balances.get((account, vintage), (0, 0))[unit]

    def owed(self, account: bytes, unit: Unit) -> int:
        """What of its later inflows is burned at once."""
        book = self._accounts.get(account)
        if book is None:
            return 0
        return book.credits_debt if unit is Unit.CREDITS else book.millipoints_debt

    def vintages_of(self, account: bytes) -> Iterable[int]:
        """Years in which the account may hold something."""
        book = self._accounts.get(account)
        return range(FIRST_VINTAGE, book.vintage + 1) if book else ()

    def given(self, index: int) -> Given | None:
        """What the reduction at `index` gave; None: it is none, or was revoked."""
        data = self._entry_at(index) if index < self.tree.size and index not in self.revoked else b""
        if not data or data[0] not in (REDUCTION, REDUCTION_NULLIFIER):
            return None
        _, _, _, _, account, _, day, _, _, _, _, credits_mg, points, bonus = _REDUCTION.unpack_from(data)
        return Given(account, year_of(day), credits_mg, points + bonus)

    def total(self, unit: Unit, vintage: int, bucket: Bucket) -> int:
        """What lies in one of the buckets that acts alone move, all owners together."""
        return self.bucket_totals.get((unit, vintage, bucket), 0)

    def apply(self, entry: bytes, leaf: bytes | None = None) -> int:
        """Apply the next entry; gives its index. `leaf`: its leaf hash, where the caller has it already.

        Raises ReplayError: the entry could not have been appended now; the state is as before.
        """
        index = self.tree.size
        try:
            kind = entry[0] if entry else 0
            if kind in (REDUCTION, REDUCTION_NULLIFIER):
                self._reduce(entry, kind, index)
            elif kind == REFUSAL:
                self._refuse(entry)
            else:
                self._change(decode(entry), index)
        except ReplayError as error:
            raise ReplayError(f"entry {index}: {error}") from None
        except (ProtocolError, struct.error) as error:
            raise ReplayError(f"entry {index} is malformed: {error}") from None
        if self._kept is not None:
            self._kept.append(entry)
        self.tree.append(leaf or hashlib.sha256(b"\x00" + entry).digest())
        return index

    def _kept_entry(self, index: int) -> bytes:
        return self._kept[index] if self._kept else b""

    def _advance(self, time: int) -> None:
        if time < self.time:
            raise ReplayError(f"its time {time} lies before {self.time}, that of an entry before it")
        self.time = time

    def _take_sequence(self, feed: int, sequence: int, time: int) -> None:
        expected = self.next_sequence.get(feed, 0)
        if sequence != expected:
            raise ReplayError(f"feed {feed}: sequence {sequence}, expected {expected}")
        if time < self.paused_until:
            raise ReplayError(f"paused: recording is paused until {self.paused_until}, the entry is of {time}")

    def _reduce(self, entry: bytes, kind: int, index: int) -> None:
        """A reduction: check it as the ledger did, then claim, mint, settle. Changes nothing before all has passed."""
        if len(entry) != (_REDUCTION_BYTES if kind == REDUCTION else _WITH_NULLIFIER_BYTES):
            raise ReplayError(f"a reduction has not {len(entry)} bytes")
        (
            _, time, feed, sequence, account, method, day, slot, slots, campaign, activity, credits_mg, points, bonus
        ) = _REDUCTION.unpack_from(entry)  # fmt: skip
        self._take_sequence(feed, sequence, time)
        terms = self.law.terms(feed, method)
        (
            group, credit_num, credit_den, point_num, point_den, max_activity, max_per_slot, windows, claims_slots,
            valid_from, valid_to, needs_nullifier, late_days, trial, group_credits, group_points, feed_credits,
            feed_points,
        ) = terms  # fmt: skip
        if not slots or slot + slots > 180 or campaign or bonus:
            raise ReplayError(f"malformed: slots {slot}+{slots}, campaign {campaign}, bonus {bonus}")
        if not 0 < activity <= max_activity or (max_per_slot and activity > max_per_slot * (slots + 1)):
            raise ReplayError(f"over-bound: activity {activity} in {slots} slots")
        if windows and (slot, slots) not in windows:
            raise ReplayError(f"window: ({slot}, {slots}) is none of {windows}")
        if credits_mg != activity * credit_num // credit_den or points != activity * point_num // point_den:
            raise ReplayError(f"{credits_mg} mg and {points} millipoints are not what method {method} computes")
        if (kind == REDUCTION_NULLIFIER) is not needs_nullifier:
            raise ReplayError(f"a record of method {method} has a nullifier, or lacks it, against the method")
        today = (time + DAY_ZONE_OFFSET) // DAY_SECONDS
        if not valid_from <= day <= valid_to:
            raise ReplayError(f"not-in-force: method {method} on day {day}")
        if day > today or (not trial and day < today - late_days):
            raise ReplayError(f"too-early or too-late: day {day}, recorded on {today}")
        year = year_of(day)
        if not trial and today >= closing_day(year):
            raise ReplayError(f"too-late: the vintage {year} was closed on day {today}")
        book = self._accounts.get(account)
        if book is None or book.state != _ACTIVE or (book.epoch and book.epoch != year):
            raise ReplayError(f"unknown-person, frozen or not-in-force: account 0x{account.hex()} in {year}")
        nullifier = entry[_NULLIFIER_AT:]
        if nullifier and nullifier in self.nullifiers:
            raise ReplayError(f"nullifier-used: 0x{nullifier.hex()} in entry {self.nullifiers[nullifier]}")

        key = int.from_bytes(account, "big") << 16 | group << 8 | day & 63
        word = self.words.get(key, 0)
        word_day = word >> 240
        if word_day != day:
            if word_day > day:
                raise ReplayError(f"too-late: day {day}, the slot word is of day {word_day}")
            word = day << 240
        if claims_slots:
            bits = ((1 << slots) - 1) << slot
            if word & bits:
                raise ReplayError(f"overlap: day {day}, slots {slot}+{slots}, account 0x{account.hex()}")
            word |= bits
        if (word >> 210 & _U30) + credits_mg > group_credits or (word >> 180 & _U30) + points > group_points:
            raise ReplayError(f"over-cap: group {group}, day {day}, account 0x{account.hex()}")
        used_day, used_credits, used_points = self.feed_usage.get(feed, (0, 0, 0))
        if used_day != today:
            used_credits = used_points = 0
        used_credits += credits_mg
        used_points += points
        if used_credits > feed_credits or used_points > feed_points:
            raise ReplayError(f"over-cap: feed {feed}, day {today}")

        if time != self.time:
            self._advance(time)
        self.next_sequence[feed] = sequence + 1
        self.feed_usage[feed] = (today, used_credits, used_points)
        self.words[key] = word + (credits_mg << 210) + (points << 180)
        if nullifier:
            self.nullifiers[nullifier] = index
        balances = self.balances
        held = (account, year)
        balance = balances.get(held)
        balances[held] = (balance[0] + credits_mg, balance[1] + points) if balance else (credits_mg, points)
        if year > book.vintage:
            book.vintage = year
        total = self.totals_by_method.get((year, method))
        if total is None:
            total = self.totals_by_method[year, method] = MethodTotals()
        total.records += 1
        total.activity += activity
        total.credits_mg += credits_mg
        total.millipoints += points
        if book.has_debt:
            self._settle(book, account, year, credits_mg, points)

    def _settle(self, book: _Account, account: bytes, year: int, credits_mg: int, points: int) -> None:
        """Burn of a mint what the account owes."""
        credits_mg, points = min(credits_mg, book.credits_debt), min(points, book.millipoints_debt)
        self._burn(account, year, credits_mg, points)
        book.credits_debt -= credits_mg
        book.millipoints_debt -= points
        book.has_debt = bool(book.credits_debt or book.millipoints_debt)

    def _burn(self, account: bytes, year: int, credits_mg: int, points: int) -> None:
        held_credits, held_points = self.balances[account, year]
        self.balances[account, year] = (held_credits - credits_mg, held_points - points)
        burned_credits, burned_points = self._burned.get(year, (0, 0))
        self._burned[year] = (burned_credits + credits_mg, burned_points + points)

    def _refuse(self, entry: bytes) -> None:
        """A refusal moves the sequence and nothing else."""
        _, time, feed, sequence, rule = _REFUSAL.unpack(entry)
        self._take_sequence(feed, sequence, time)
        self.law.active_feed(feed)
        if rule not in REFUSAL_RULES:
            raise ReplayError(f"rule {rule} is none by which the ledger skips a record")
        self._advance(time)
        self.next_sequence[feed] = sequence + 1

    def _change(self, entry: Entry, index: int) -> None:
        before = self.time
        self._advance(entry.time)
        try:
            match entry:
                case Revocation():
                    self._revoke(entry, index)
                case Account():
                    self._set_account(entry)
                case Organisation():
                    self.law.set_organisation(entry)
                case Feed():
                    self.law.set_feed(entry)
                case Method():
                    self.law.set_method(entry)
                case GroupCaps():
                    self.law.set_caps(entry)
                case Pause(time=time, until=until):
                    if until > time + MAX_PAUSE_SECONDS:
                        raise ReplayError(f"a pause until {until} is longer than seven days")
                    self.paused_until = until
                case LogKey(public_key=public_key):
                    self.log_key = public_key
                case Act():
                    self._post(self.loop.apply(index, entry, self))
                case Reduction() | Refusal():
                    raise ReplayError(f"{type(entry).__name__} is of the unrolled path")
                case _:
                    assert_never(entry)
        except ProtocolError:
            self.time = before
            raise

    def _post(self, posts: list[Posting]) -> None:
        """What an act moves, once the loop has found that all of it is there."""
        for unit, vintage, origin, target, amount, owner, to in posts:
            for bucket, whose, change in ((origin, owner, -amount), (target, to, amount)):
                if bucket is Bucket.HELD:
                    self._hold(whose, vintage, unit, change)
                elif bucket is Bucket.OWED:
                    self._owe(whose, unit, change)
                elif bucket is Bucket.REVOKED:
                    burned = list(self._burned.get(vintage, (0, 0)))
                    burned[unit] += change
                    self._burned[vintage] = (burned[0], burned[1])
                elif bucket in ACTS_BUCKETS:
                    key = (unit, vintage, bucket)
                    given = -change if bucket.side is Side.SOURCE else change
                    self.bucket_totals[key] = self.bucket_totals.get(key, 0) + given

    def _hold(self, account: bytes, vintage: int, unit: Unit, change: int) -> None:
        held = list(self.balances.get((account, vintage), (0, 0)))
        held[unit] += change
        self.balances[account, vintage] = (held[0], held[1])
        book = self._accounts.get(account)
        if book is None:
            # an organisation's account: no identity, so that it is nobody's who earns
            book = self._accounts[account] = _Account(b"")
        book.vintage = max(book.vintage, vintage)

    def _owe(self, account: bytes, unit: Unit, change: int) -> None:
        book = self._accounts[account]
        if unit is Unit.CREDITS:
            book.credits_debt += change
        else:
            book.millipoints_debt += change
        book.has_debt = bool(book.credits_debt or book.millipoints_debt)

    def _set_account(self, entry: Account) -> None:
        book = self._accounts.get(entry.account)
        owner = self.identities.get(entry.nullifier)
        if book is None:
            if entry.account in self.loop.agents.accounts:
                raise ReplayError(
                    f"0x{entry.account.hex()} is an organisation's account: nobody is registered under it"
                )
            if owner is not None:
                raise ReplayError(f"the identity of 0x{entry.account.hex()} has the account 0x{owner.hex()}")
            book = self._accounts[entry.account] = _Account(entry.nullifier)
            self.identities[entry.nullifier] = entry.account
        elif book.identity != entry.nullifier:
            raise ReplayError(f"account 0x{entry.account.hex()} changes its identity")
        book.state, book.epoch, book.district = int(entry.state), entry.epoch, entry.district

    def _revoke(self, entry: Revocation, index: int) -> None:
        target = self._entry_at(entry.index) if entry.index < index else b""
        if not target or target[0] not in (REDUCTION, REDUCTION_NULLIFIER):
            raise ReplayError(f"the revoked entry {entry.index} is no reduction")
        if entry.index in self.revoked:
            raise ReplayError(f"entry {entry.index} is already revoked")
        _, _, _, _, account, method, day, slot, slots, _, activity, credits_mg, points, bonus = _REDUCTION.unpack_from(
            target
        )
        year, book = year_of(day), self._accounts[account]
        taken = list(self._burns(account, year, book.vintage, credits_mg, points + bonus))
        burned = (sum(part[1] for part in taken), sum(part[2] for part in taken))
        owed = (credits_mg - burned[0], points + bonus - burned[1])
        said = (entry.credits_burned, entry.millipoints_burned, entry.credits_owed, entry.millipoints_owed)
        if (*burned, *owed) != said:
            raise ReplayError(f"a revocation of entry {entry.index} burns and owes {(*burned, *owed)}, not {said}")
        for vintage, part_credits, part_points in taken:
            self._burn(account, vintage, part_credits, part_points)
        book.credits_debt += owed[0]
        book.millipoints_debt += owed[1]
        book.has_debt = bool(book.credits_debt or book.millipoints_debt)
        self.revoked.add(entry.index)
        total = self.totals_by_method[year, method]
        total.revoked_records += 1
        total.revoked_activity += activity
        total.revoked_credits_mg += credits_mg
        total.revoked_millipoints += points + bonus
        if entry.release:
            self._release(account, self.law.methods[method], day, slot, slots, credits_mg, points)
            self.nullifiers.pop(target[_NULLIFIER_AT:], None)

    def _burns(
        self, account: bytes, year: int, newest: int, credits_mg: int, points: int
    ) -> list[tuple[int, int, int]]:
        """(vintage, credits, points) to burn."""
        burns = []
        for vintage in burn_order(range(FIRST_VINTAGE, newest + 1), year):
            held_credits, held_points = self.balances.get((account, vintage), (0, 0))
            part = (min(held_credits, credits_mg), min(held_points, points))
            credits_mg, points = credits_mg - part[0], points - part[1]
            if any(part):
                burns.append((vintage, *part))
        return burns

    def _release(
        self, account: bytes, method: Method, day: int, slot: int, slots: int, credits_mg: int, points: int
    ) -> None:
        """Give slots and the day's amounts back, where the word is still of that day."""
        key = int.from_bytes(account, "big") << 16 | method.group << 8 | day & 63
        word = self.words.get(key, 0)
        if word >> 240 != day:
            return
        bits = ((1 << slots) - 1) << slot if method.claims_slots else 0
        self.words[key] = (word & ~bits) - (credits_mg << 210) - (points << 180)
