"""Rewards, replayed: which terms an item had when, what of it was ordered, and what became of each order."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import IntEnum
from typing import ClassVar, Final, assert_never

from chain_node.protocol.errors import ReplayError
from chain_node.protocol.kinds.act import Act
from chain_node.protocol.kinds.agents import AgentRole
from chain_node.protocol.kinds.controllers import Scope
from chain_node.protocol.kinds.organisations import Standing
from chain_node.protocol.kinds.rewards import (
    ORDER,
    UNBOUNDED_STOCK,
    Fulfilment,
    Item,
    ItemState,
    Order,
    Refund,
    RefundCause,
)
from chain_node.protocol.loop.agents import Agents
from chain_node.protocol.loop.controllers import Controllers, Use
from chain_node.protocol.loop.family import LedgerView
from chain_node.protocol.times import DAY_SECONDS, day_of

NOTICE_SECONDS: Final = DAY_SECONDS
"""What is worse for residents is announced so long before it holds."""

RewardsAct = Item | Order | Fulfilment | Refund


class OrderState(IntEnum):
    """Where an order stands."""

    OPEN = 1
    FULFILLED = 2
    REFUNDED = 3


@dataclass(slots=True)
class Shelf:
    """An item. newest: its last terms; before: those until the newest take effect, None where nothing held.

    sold: units in open and fulfilled orders. on_day: of them ordered on `day`. bought: by account, what counts for a
    limit a person."""

    newest: Item
    before: Item | None = None
    sold: int = 0
    day: int = 0
    on_day: int = 0
    bought: dict[bytes, int] = field(default_factory=dict)

    def at(self, time: int) -> Item | None:
        """The terms that hold at a time not before the newest entry's."""
        return self.newest if self.newest.effective <= time else self.before

    def sold_on(self, day: int) -> int:
        return self.on_day if self.day == day else 0


@dataclass(slots=True)
class OrderBook:
    """An order and where it stands. counted: it counts for a limit a person."""

    order: Order
    counted: bool
    state: OrderState = OrderState.OPEN


class Rewards:
    """items: by id. orders: by id, which is the index of the order's entry."""

    acts: ClassVar[frozenset[type[Act]]] = frozenset({Item, Order, Fulfilment, Refund})

    def __init__(self, controllers: Controllers, agents: Agents) -> None:
        self.items: dict[int, Shelf] = {}
        self.orders: dict[int, OrderBook] = {}
        self._controllers, self._agents = controllers, agents

    def check(self, _index: int, act: RewardsAct, ledger: LedgerView) -> None:
        match act:
            case Item():
                self._check_item(act, ledger)
            case Order():
                self._check_order(act, ledger)
            case Fulfilment():
                self._check_fulfilment(act, ledger)
            case Refund():
                self._check_refund(act, ledger)
            case _:
                assert_never(act)

    def apply(self, index: int, act: RewardsAct, _ledger: LedgerView) -> None:
        match act:
            case Item():
                shelf = self.items.get(act.item)
                if shelf is None:
                    self.items[act.item] = Shelf(act)
                else:
                    shelf.before, shelf.newest = shelf.at(act.time), act
            case Order():
                self._take(index, act)
            case Fulfilment():
                self.orders[act.order_id].state = OrderState.FULFILLED
            case Refund():
                self._give_back(self.orders[act.order_id])
            case _:
                assert_never(act)

    # --------------------------------------------------------------------------------------------------- the catalogue

    def _check_item(self, act: Item, ledger: LedgerView) -> None:
        shelf = self.items.get(act.item)
        newest = shelf.newest if shelf else act
        if (act.organisation, act.kind) != (newest.organisation, newest.kind):
            raise ReplayError(
                f"item {act.item} is organisation {newest.organisation}'s and a {newest.kind.name} for ever, not "
                f"{act.organisation}'s {act.kind.name}"
            )
        if act.effective < act.time:
            raise ReplayError(f"item {act.item}: terms of {act.time} can't hold from {act.effective} on")
        held = shelf.at(act.time) if shelf else None
        if act.state is ItemState.WITHDRAWN:
            self._check_withdrawal(act, shelf, held)
            return
        _check_active(act.organisation, ledger)
        worse = "" if held is None else ", ".join(_worse(held, act))
        if worse and act.effective < act.time + NOTICE_SECONDS:
            raise ReplayError(
                f"item {act.item}: {worse}: announced a day before, so from {act.time + NOTICE_SECONDS} on, not "
                f"{act.effective}"
            )

    def _check_withdrawal(self, act: Item, shelf: Shelf | None, held: Item | None) -> None:
        announced = shelf is not None and shelf.newest.effective > act.time
        if not announced and (held is None or held.state is not ItemState.ACTIVE):
            raise ReplayError(f"item {act.item} is not for sale: it can't be withdrawn")
        of = held or (shelf.newest if shelf else act)
        if _terms(act) != _terms(of) or act.effective != act.time:
            raise ReplayError(f"item {act.item} is withdrawn at once and with the terms it has: {of}")

    # ---------------------------------------------------------------------------------------------------------- orders

    def _check_order(self, act: Order, ledger: LedgerView) -> None:
        shelf = self.items.get(act.item)
        terms = shelf.at(act.time) if shelf else None
        if shelf is None or terms is None or terms.state is not ItemState.ACTIVE:
            raise ReplayError(f"item {act.item} is not for sale")
        if not terms.opens <= act.time < terms.closes:
            raise ReplayError(f"item {act.item} is sold from {terms.opens} until {terms.closes}, not at {act.time}")
        said = (act.price, act.settlement, act.fulfil_by, act.refund_until)
        right = (terms.price, terms.settlement, act.time + terms.fulfil_within, act.time + terms.refund_within)
        if said != right:
            raise ReplayError(f"price, settlement and times of an order of item {act.item} are {right}, not {said}")
        limits = (
            ("units", None if terms.stock == UNBOUNDED_STOCK else terms.stock, shelf.sold),
            ("units for this day", terms.per_day or None, shelf.sold_on(day_of(act.time))),
            ("units for this person", terms.per_person or None, shelf.bought.get(act.account, 0)),
        )
        for what, limit, used in limits:
            if limit is not None and used + act.quantity > limit:
                left = max(limit - used, 0)
                raise ReplayError(f"item {act.item} has {left} {what} left: too few for {act.quantity}")
        if act.time > act.tail.deadline:
            raise ReplayError(f"the deadline {act.tail.deadline} of an order had passed at {act.time}")
        self._controllers.check_use(_use(act), ledger)

    def _take(self, index: int, act: Order) -> None:
        shelf, day = self.items[act.item], day_of(act.time)
        shelf.sold += act.quantity
        shelf.on_day = shelf.sold_on(day) + act.quantity
        shelf.day = day
        terms = shelf.at(act.time)
        counted = terms is not None and terms.per_person > 0
        if counted:
            shelf.bought[act.account] = shelf.bought.get(act.account, 0) + act.quantity
        self.orders[index] = OrderBook(act, counted)
        self._controllers.use(_use(act))

    def _give_back(self, book: OrderBook) -> None:
        book.state = OrderState.REFUNDED
        order = book.order
        shelf = self.items[order.item]
        shelf.sold -= order.quantity
        if shelf.day == day_of(order.time):
            shelf.on_day -= order.quantity
        if book.counted:
            shelf.bought[order.account] -= order.quantity

    # ------------------------------------------------------------------------------------------- fulfilment and refund

    def _check_fulfilment(self, act: Fulfilment, ledger: LedgerView) -> None:
        book = self._book(act.order_id, OrderState.OPEN)
        if act.time > book.order.fulfil_by:
            raise ReplayError(f"order {act.order_id} was to be fulfilled by {book.order.fulfil_by}, not at {act.time}")
        if hashlib.sha256(act.code).digest() != book.order.code_hash:
            raise ReplayError(f"the code of a fulfilment is not that of order {act.order_id}")
        self._check_merchant(act.tail.signer, book.order, ledger)

    def _check_refund(self, act: Refund, ledger: LedgerView) -> None:
        fulfilled = act.cause is RefundCause.MERCHANT and self._state(act.order_id) is OrderState.FULFILLED
        book = self._book(act.order_id, OrderState.FULFILLED if fulfilled else OrderState.OPEN)
        order = book.order
        if (act.account, act.parts) != (order.account, order.parts):
            raise ReplayError(f"a refund of order {act.order_id} gives its parts back to 0x{order.account.hex()}")
        if act.cause is RefundCause.UNFULFILLED:
            if act.time <= order.fulfil_by:
                raise ReplayError(f"order {act.order_id} may be fulfilled until {order.fulfil_by}, it is {act.time}")
            return
        if (fulfilled or act.cause is RefundCause.RESIDENT) and act.time >= order.refund_until:
            until = order.refund_until
            raise ReplayError(f"order {act.order_id} could be taken back before {until}, not at {act.time}")
        if act.cause is RefundCause.MERCHANT:
            self._check_merchant(act.tail.signer, order, ledger)
        else:
            self._check_resident(act.tail.signer, order.account, act.time)

    def _state(self, order: int) -> OrderState | None:
        book = self.orders.get(order)
        return book.state if book else None

    def _book(self, order: int, wanted: OrderState) -> OrderBook:
        book = self.orders.get(order)
        if book is None:
            raise ReplayError(f"entry {order} is no order")
        if book.state is not wanted:
            raise ReplayError(f"order {order} is {book.state.name.lower()}, not {wanted.name.lower()}")
        return book

    def _check_merchant(self, signer: bytes, order: Order, ledger: LedgerView) -> None:
        organisation = self.items[order.item].newest.organisation
        agent = self._agents.agent_of(signer, ledger)
        if agent is None or agent.role is not AgentRole.MERCHANT or agent.organisation != organisation:
            raise ReplayError(f"0x{signer.hex()} is no merchant of organisation {organisation}")

    def _check_resident(self, signer: bytes, account: bytes, time: int) -> None:
        held = self._controllers.in_force(account, time)
        if signer == held.key:
            return
        session = self._controllers.sessions.get((account, signer))
        live = session is not None and session.issuer == held.key and session.issued >= held.since
        if session is None or not live or time >= session.expires or not session.scopes & Scope.ORDERS:
            raise ReplayError(f"0x{signer.hex()} may not take back an order of account 0x{account.hex()}")


def _use(act: Order) -> Use:
    amount = act.price * act.quantity
    return Use(ORDER, act.account, act.tail.signer, act.tail.nonce, int(Scope.ORDERS), amount, act.time)


def _check_active(organisation: int, ledger: LedgerView) -> None:
    known = ledger.organisations.get(organisation)
    if known is None or known.state is not Standing.ACTIVE:
        raise ReplayError(f"organisation {organisation} of an item is unknown or disabled")


def _terms(item: Item) -> tuple[object, ...]:
    limits = (item.stock, item.per_person, item.per_day)
    times = (item.opens, item.closes, item.fulfil_within, item.refund_within)
    return (item.price, item.settlement, *limits, *times, item.text)


def _worse(old: Item, new: Item) -> Iterator[str]:
    """What of the new terms is worse for residents."""
    if new.price > old.price:
        yield f"the price {new.price} is above {old.price}"
    if new.opens > old.opens:
        yield f"it opens at {new.opens}, later than {old.opens}"
    if new.closes < old.closes:
        yield f"it closes at {new.closes}, before {old.closes}"
    if new.fulfil_within < old.fulfil_within:
        yield f"{new.fulfil_within} s to be fulfilled are less than {old.fulfil_within}"
    if new.refund_within < old.refund_within:
        yield f"{new.refund_within} s to take an order back are less than {old.refund_within}"
    if new.text != old.text:
        yield "the text is another"
