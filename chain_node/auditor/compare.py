"""Own state against the ledger's storage, word by word, sampled or whole (`contracts/libraries/LedgerSlots.sol`).

Raw storage and not the contracts' views is read, so that a view that beautifies is of no use.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any, Final, TypeVar

from eth_hash.auto import keccak

from chain_node.auditor.chain import ChainView
from chain_node.contracts.handles import LuyaLaw
from chain_node.errors import ContractError, Discrepancy
from chain_node.protocol.entries import REVOCATION, Reduction, Revocation, decode, encode, layout_of
from chain_node.protocol.postings import ACTS_BUCKETS, Bucket, Unit
from chain_node.protocol.replay import State
from chain_node.protocol.times import FIRST_VINTAGE, day_of, year_of

_HEAD, _LOG_KEY, _ROOTS, _ACCOUNTS, _OLDER, _DEBTS, _WORDS = range(7)
_NULLIFIERS, _FEEDS, _TOTALS, _REVOKED, _IDENTITIES, _IDENTITY_OF = range(7, 13)
_BUCKETS: Final = 0x0ADD581FF3C55B6434AEF3CDEFD6BADF358CEBEBD93CFC232AE6397B05913B00
_REVOKED_INDEX: Final = layout_of(Revocation).place["index"]
_NUMBERS: Final = {bucket: number for number, bucket in enumerate(Bucket)}
_SEALED: Final = 1 << 128
_DEBT: Final = 1 << 184
_ORGANISATION: Final = 5
"""State in the word of an organisation's account, open or closed: it never earns."""
_CHUNK: Final = 8_000
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Word:
    """A storage word as it should be. what, key: for the alarm; about: address or bytes by which its entry is found."""

    what: str
    key: str
    slot: bytes
    value: int
    about: bytes = b""


def position(mapping: int, key: int) -> bytes:
    """The storage slot of a mapping's value."""
    return keccak(key.to_bytes(32, "big") + mapping.to_bytes(32, "big"))


def expected(state: State, sample: int | None, seed: int | None = None) -> Iterator[Word]:
    """The words that the ledger's storage must hold.

    Args:
        state: the own one.
        sample: how many of each kind, chosen at random; None takes all.
        seed: for a reproducible choice.
    """
    chance = random.Random(seed)  # noqa: S311  # a sample, not a secret

    def some(keys: Collection[T]) -> Collection[T]:
        return keys if sample is None or len(keys) <= sample else chance.sample(list(keys), sample)

    head = state.size | state.paused_until << 64 | _SEALED
    yield Word("head", "size, pause and seal", bytes(32), head)
    if state.log_key is not None:
        yield Word("log key", "", _LOG_KEY.to_bytes(32, "big"), int.from_bytes(state.log_key, "big"))
    yield Word("root", f"at {state.size}", position(_ROOTS, state.size), int.from_bytes(state.root(), "big"))
    for account in some(state.identities.values()):
        yield from _account(state, account)
    for account in some(state.loop.agents.accounts):
        yield from _account(state, account, _ORGANISATION)
    for account, year in some(state.balances):
        if year != state.account(account).vintage:
            credits_mg, millipoints = state.balances[account, year]
            key = int.from_bytes(account, "big") << 16 | year
            what = f"0x{account.hex()} of {year}"
            yield Word("older balance", what, position(_OLDER, key), credits_mg | millipoints << 64, account)
    for word in some(state.words):
        account = (word >> 16).to_bytes(20, "big")
        what = f"0x{account.hex()}, group {word >> 8 & 255}, place {word & 255}"
        yield Word("slot word", what, position(_WORDS, word), state.words[word], account)
    for nullifier in some(state.nullifiers):
        slot = position(_NULLIFIERS, int.from_bytes(nullifier, "big"))
        yield Word("nullifier", f"0x{nullifier.hex()}", slot, state.nullifiers[nullifier] + 1, nullifier)
    yield from _identities(state, some(state.identities))
    yield from _few(state)


def _account(state: State, account: bytes, standing: int | None = None) -> Iterator[Word]:
    """standing: the state in its word, where that is not the account's own."""
    view, number = state.account(account), int.from_bytes(account, "big")
    debt = view.credits_debt | view.millipoints_debt << 64
    value = view.credits_mg | view.millipoints << 64 | view.vintage << 128 | view.epoch << 144
    value |= (
        state.district(account) << 160 | (view.state if standing is None else standing) << 176 | (_DEBT if debt else 0)
    )
    value |= _oldest(state, account, view.vintage) << 185
    yield Word("account", f"0x{account.hex()}", position(_ACCOUNTS, number), value, account)
    yield Word("debt", f"0x{account.hex()}", position(_DEBTS, number), debt, account)


def _oldest(state: State, account: bytes, newest: int) -> int:
    """The oldest vintage before the newest that holds something, counted from the year before the first; 0: none."""
    for year in range(FIRST_VINTAGE, newest):
        if any(state.balances.get((account, year), ())):
            return year - FIRST_VINTAGE + 1
    return 0


def _identities(state: State, chosen: Collection[bytes]) -> Iterator[Word]:
    for identity in chosen:
        account = state.identities[identity]
        number, owner = int.from_bytes(identity, "big"), int.from_bytes(account, "big")
        yield Word("identity", f"0x{identity.hex()}", position(_IDENTITIES, number), owner, account)
        yield Word("identity of", f"0x{account.hex()}", position(_IDENTITY_OF, owner), number, account)


def _few(state: State) -> Iterator[Word]:
    """Feeds, totals and revocations: few, so always all. Vintages without a mint must be empty."""
    for feed, sequence in state.next_sequence.items():
        day, credits_mg, millipoints = state.feed_usage.get(feed, (0, 0, 0))
        value = sequence | credits_mg << 64 | millipoints << 128 | day << 192
        yield Word("feed", str(feed), position(_FEEDS, feed), value)
    totals = state.totals
    newest = max([*totals, year_of(day_of(state.time))]) + 1
    for year in range(FIRST_VINTAGE, newest + 1):
        sums = totals.get(year)
        value = sum(part << 64 * place for place, part in enumerate(sums)) if sums else 0
        yield Word("totals of vintage", str(year), position(_TOTALS, year), value)
    # of vintages that a record or an act ever touched: also the buckets in which nothing may lie
    for year in sorted({*totals, *(vintage for _, vintage, _ in state.bucket_totals)}):
        for bucket in ACTS_BUCKETS:
            amounts = [state.total(unit, year, bucket) for unit in Unit]
            slot = position(_BUCKETS, year << 8 | _NUMBERS[bucket])
            yield Word("bucket", f"{bucket.name.lower()} of {year}", slot, amounts[0] | amounts[1] << 64)
    bits: dict[int, int] = {}
    for index in state.revoked:
        bits[index >> 8] = bits.get(index >> 8, 0) | 1 << (index & 255)
    for number, value in bits.items():
        yield Word("revoked entries", f"from {number << 8}", position(_REVOKED, number), value)


def compare(
    chain: ChainView, state: State, block: int, *, sample: int | None, seed: int, newest: Callable[[bytes], int]
) -> int | None:
    """Words compared; None where the endpoint could not show that state (asked again later, no difference).

    Args:
        chain: the endpoint.
        state: as it is after `block`.
        block: number.
        sample, seed: see `expected`.
        newest: index of the newest entry that concerns these bytes, for the alarm.

    Raises:
        Discrepancy: the first word that differs.
    """
    for tag in (hex(block), "latest"):
        # any change of state appends an entry, so a size that stays is a state that stays
        if tag == "latest" and chain.ledger.log_size() != state.size:
            return None
        try:
            done = _compare_at(chain, expected(state, sample, seed), state, tag, block, newest)
        except ContractError:
            continue
        except Discrepancy:
            if tag == "latest" and chain.ledger.log_size() != state.size:
                return None
            raise
        return done
    return None


def _compare_at(
    chain: ChainView, words: Iterator[Word], state: State, tag: str, block: int, newest: Callable[[bytes], int]
) -> int:
    done = 0
    while part := list(islice(words, _CHUNK)):
        found = chain.storage([word.slot for word in part], tag)
        for word, value in zip(part, found, strict=True):
            if value != word.value:
                index = newest(word.about) if word.about else state.size - 1
                name = f"state/{word.what}"
                raise Discrepancy(index, name, _shown(word, word.value), _shown(word, value), block=block)
        done += len(part)
    return done


def _shown(word: Word, value: int) -> str:
    """A storage word, with the amounts that its fields hold in words."""
    low, high = value & (1 << 64) - 1, value >> 64 & (1 << 64) - 1
    amounts = {
        "account": f" = {low} mg, {high} millipoints of {value >> 128 & 0xFFFF}, state {value >> 176 & 0xFF}",
        "older balance": f" = {low} mg, {high} millipoints",
        "bucket": f" = {low} mg, {high} millipoints",
        "debt": f" = {low} mg, {high} millipoints owed",
        "totals of vintage": f" = {low} mg, {high} millipoints minted",
    }
    return f"{word.key}: 0x{value:064x}{amounts.get(word.what, '')}".lstrip(": ")


def compare_law(law: LuyaLaw, state: State, block: int) -> None:
    """Feeds, methods, organisations and caps as the law contract shows them now.

    Raises:
        Discrepancy: the first that differs.
    """

    def check(name: str, what: str, expected: dict[int, Any], pick: Callable[[Any], Any]) -> None:
        found = law.read_many([(name, (key,)) for key in expected])
        for (key, right), answer in zip(expected.items(), found, strict=True):
            if pick(answer) != right:
                there = pick(answer)
                shown = there.hex() if isinstance(there, bytes) else str(there)
                own = right.hex() if isinstance(right, bytes) else str(right)
                raise Discrepancy(state.size - 1, f"state/{what}", f"{key}: {own}", f"{key}: {shown}", block=block)

    check("feedTerms", "feed terms", {key: encode(one) for key, one in state.feeds.items()}, lambda a: a[0])
    check("methodTerms", "method terms", {key: encode(one) for key, one in state.methods.items()}, lambda a: a[0])
    standing = {key: (one.description, int(one.state)) for key, one in state.organisations.items()}
    check("organisation", "organisation", standing, tuple)
    caps = {key: (one.credits_mg, one.millipoints) for key, one in state.caps.items()}
    check("groupCaps", "caps of group", caps, tuple)


def newest_entry(entries: Callable[[int, int], Iterator[bytes]], size: int) -> Callable[[bytes], int]:
    """A search for the newest entry that names some bytes, or revokes one that does; slow, for alarms only."""

    def find(about: bytes) -> int:
        known: set[int] = set()
        newest = size - 1
        for index, data in enumerate(entries(0, size)):
            named = about in data
            if named and isinstance(decode(data), Reduction):
                known.add(index)
            if named or (data[0] == REVOCATION and int.from_bytes(data[_REVOKED_INDEX], "big") in known):
                newest = index
        return newest

    return find
