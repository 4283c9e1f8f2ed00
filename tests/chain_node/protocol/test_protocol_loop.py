"""Acts in the replay: what the loop asks before any family does, and the rules of those that have no file here."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar

import pytest
from protocol_world import START, person, reduction, secret
from replay_support import begin

from chain_node.protocol import entries as e
from chain_node.protocol.errors import ReplayError
from chain_node.protocol.kinds import BY_ENTRY, BY_TYPE
from chain_node.protocol.kinds.act import Act, Part, act_kind, amount_of, pairs
from chain_node.protocol.kinds.modules import ModuleChange
from chain_node.protocol.loop.family import LedgerView
from chain_node.protocol.loop.loop import check_oldest_first, check_there
from chain_node.protocol.moves import MoveKind, posted
from chain_node.protocol.postings import DEBT, NOBODY, Bucket, Posting, Unit
from chain_node.protocol.replay import State

WHO = person(0)
CHANGE = ModuleChange(0, 0x10, 0x13, person(9), secret("code"))


@dataclass(frozen=True, slots=True)
class Spend(Act):
    """Points are redeemed."""

    account: bytes
    parts: tuple[Part, ...]


@dataclass(frozen=True, slots=True)
class Back(Act):
    """… and given back."""

    account: bytes
    parts: tuple[Part, ...]


class Shop:
    """Sells to everybody but once a thousand."""

    acts: ClassVar[frozenset[type[Act]]] = frozenset({Spend, Back})

    def __init__(self) -> None:
        self.sold = 0

    def check(self, _index: int, act: Spend | Back, _ledger: LedgerView) -> None:
        if amount_of(act.parts) == 1_000:
            raise ReplayError("nothing costs a thousand")

    def apply(self, _index: int, act: Spend | Back, _ledger: LedgerView) -> None:
        self.sold += amount_of(act.parts) * (1 if isinstance(act, Spend) else -1)


SPENDS = act_kind(
    "spend",
    0x11,
    Spend,
    "account:20s",
    moves=lambda act: posted(MoveKind.REDEEM, Unit.MILLIPOINTS, pairs(act.parts), act.account),
    oldest_first=True,
)
BACKS = act_kind(
    "back",
    0x13,
    Back,
    "account:20s",
    moves=lambda act: posted(MoveKind.REFUND, Unit.MILLIPOINTS, pairs(act.parts), NOBODY, act.account),
)


@pytest.fixture
def shop(monkeypatch: pytest.MonkeyPatch) -> tuple[State, Shop]:
    for kind in (SPENDS, BACKS):
        monkeypatch.setitem(BY_TYPE, kind.types[0], kind)
        monkeypatch.setitem(BY_ENTRY, kind.entry, kind)
    state, mine = begin(), Shop()
    for act in mine.acts:
        state.loop._of[act] = mine
    return state, mine


def put(state: State, entry: e.Entry) -> int:
    return state.apply(e.encode(replace(entry, time=state.time)))


def held(state: State, year: int) -> int:
    return state.held(WHO, year, Unit.MILLIPOINTS)


def test_a_spending_takes_the_oldest_and_a_refund_gives_the_same_back(shop: tuple[State, Shop]) -> None:
    state, mine = shop
    state.balances[WHO, 2024], state.balances[WHO, 2025] = (0, 30), (0, 50)
    state._accounts[WHO].vintage = 2025
    put(state, Spend(0, WHO, (Part(2024, 30), Part(2025, 5))))
    assert (held(state, 2024), held(state, 2025), mine.sold) == (0, 45, 35)
    assert state.total(Unit.MILLIPOINTS, 2024, Bucket.REDEEMED) == 30
    put(state, Back(0, WHO, (Part(2024, 30), Part(2025, 5))))
    assert (held(state, 2024), held(state, 2025), mine.sold) == (30, 50, 0)
    assert set(state.bucket_totals.values()) == {0}
    assert state.account(WHO).millipoints == 50


@pytest.mark.parametrize(
    ("act", "why"),
    [
        (Spend(0, WHO, (Part(2025, 5),)), "not its oldest"),
        (Spend(0, WHO, (Part(2024, 29), Part(2025, 5))), "not its oldest"),
        (Spend(0, WHO, (Part(2024, 31),)), "has 30 millipoints of 2024, too little for 31"),
        (Spend(0, WHO, (Part(2024, 30), Part(2025, 51))), "has 50 millipoints of 2025, too little for 51"),
        (Spend(0, WHO, (Part(2024, 30), Part(2025, 970))), "too little"),
        (Spend(0, person(77), (Part(2024, 1),)), "has 0 millipoints"),
        (Back(0, WHO, (Part(2024, 1),)), "redeemed has 0 millipoints of 2024, too little for 1"),
    ],
)
def test_what_is_not_there_is_not_moved_and_nothing_has_changed(shop: tuple[State, Shop], act: Act, why: str) -> None:
    state, mine = shop
    state.balances[WHO, 2024], state.balances[WHO, 2025] = (0, 30), (0, 50)
    state._accounts[WHO].vintage = 2025
    size = state.size
    with pytest.raises(ReplayError, match=why):
        put(state, act)
    assert (held(state, 2024), held(state, 2025), mine.sold, state.size) == (30, 50, 0, size)
    assert state.bucket_totals == {}


def test_a_familys_refusal_leaves_everything(shop: tuple[State, Shop]) -> None:
    state, mine = shop
    state.balances[WHO, 2025] = (0, 2_000)
    state._accounts[WHO].vintage = 2025
    with pytest.raises(ReplayError, match=f"entry {state.size}: nothing costs a thousand"):
        put(state, Spend(0, WHO, (Part(2025, 1_000),)))
    assert (held(state, 2025), mine.sold) == (2_000, 0)


def test_a_refund_meets_a_debt_at_once(shop: tuple[State, Shop]) -> None:
    """Earned, spent, revoked: the points come back and are gone, in the vintage that they come back in."""
    state, _ = shop
    index = put(state, reduction(0, day=(START + 28_800) // 86_400))
    entry = e.decode(state._entry_at(index))
    assert isinstance(entry, e.Reduction)
    points, year = entry.millipoints, state.account(WHO).vintage
    put(state, Spend(0, WHO, (Part(year, points),)))
    put(state, e.Revocation(0, index, 1, bytes(32), False, entry.credits_mg, 0, 0, points))
    assert state.owed(WHO, Unit.MILLIPOINTS) == points
    put(state, Back(0, WHO, (Part(year, points),)))
    assert (state.owed(WHO, Unit.MILLIPOINTS), held(state, year)) == (0, 0)
    assert state.totals[year].millipoints_revoked == points == state.totals[year].millipoints_minted
    put(state, reduction(1, day=(START + 28_800) // 86_400, slot=100))
    assert held(state, year) == points


def test_an_act_without_rules_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(BY_TYPE, 0x11, SPENDS)
    monkeypatch.setitem(BY_ENTRY, Spend, SPENDS)
    with pytest.raises(ReplayError, match="no rules of the replay are about Spend"):
        put(begin(), Spend(0, WHO, (Part(2025, 1),)))


def test_what_an_entry_brings_may_leave_with_it_and_what_is_owed_may_be_waived() -> None:
    state, other = begin(), person(1)
    state.balances[WHO, 2025] = (7, 0)
    state._accounts[WHO].vintage = 2025
    move = (Unit.CREDITS, 2025, Bucket.HELD)
    check_there([Posting(*move, Bucket.HELD, 7, WHO, other), Posting(*move, Bucket.DONATED, 7, other)], state)
    with pytest.raises(ReplayError, match="has 7 credits of 2025, too little for 8"):
        check_there([Posting(*move, Bucket.HELD, 7, WHO, other), Posting(*move, Bucket.DONATED, 8, other)], state)
    waived = Posting(Unit.CREDITS, DEBT, Bucket.OWED, Bucket.WAIVED, 5, WHO)
    with pytest.raises(ReplayError, match=r"owed of 0x.* has 0 credits of 0"):
        check_there([waived], state)
    state._accounts[WHO].credits_debt = 5
    check_there([waived], state)
    check_oldest_first([Posting(*move, Bucket.HELD, 7, WHO, other)], state)


def test_a_module_is_what_the_newest_entry_says() -> None:
    state = begin()
    put(state, CHANGE)
    put(state, replace(CHANGE, first=0x13, last=0x14, module=person(8)))
    modules = state.loop.modules.modules
    assert modules == {0x10: person(9), 0x11: person(9), 0x12: person(9), 0x13: person(8), 0x14: person(8)}
    assert state.account(WHO) == begin().account(WHO)


@pytest.mark.parametrize("span", [(0x01, 0x05), (0x3F, 0x40), (0x43, 0x43), (0x4F, 0x50), (0x5F, 0x60), (0xFF, 0xFF)])
def test_the_ledgers_and_the_laws_types_are_no_modules(span: tuple[int, int]) -> None:
    with pytest.raises(ReplayError, match="can't be a module's"):
        put(begin(), replace(CHANGE, first=span[0], last=span[1]))


@pytest.mark.parametrize("code", [0x23, 0x24, 0x34])
def test_a_type_that_brings_something_into_being_has_its_module_for_good(code: int) -> None:
    state = begin()
    put(state, replace(CHANGE, first=code, last=code))
    with pytest.raises(ReplayError, match="for good"):
        put(state, replace(CHANGE, first=code - 1, last=code + 1, module=person(8)))
    assert state.loop.modules.modules == {code: person(9)}
