"""Rewards, replayed: what the contract would have refused, and what comes of the rest."""

from __future__ import annotations

from dataclasses import replace

import pytest
from loop_rewards import (
    CASHIER,
    MERCHANT,
    MUG,
    NEW,
    OLD,
    PRICE,
    fulfilment,
    item,
    open_shop,
    order,
    refund,
)
from loop_support import CUSTODIAN, DAY, PHONE, SESSION, WHO, applied, controller, refuses, session
from protocol_world import START, account, person, reduction, secret

from chain_node.protocol import entries as e
from chain_node.protocol.errors import CodecError
from chain_node.protocol.kinds.agents import Agent, AgentRole
from chain_node.protocol.kinds.rewards import ItemKind, ItemState, RefundCause
from chain_node.protocol.loop.rewards import OrderState
from chain_node.protocol.postings import Bucket, Unit
from chain_node.protocol.replay import State

POINTS = Unit.MILLIPOINTS
FIVE = ((2025, OLD), (2026, PRICE))
"""The parts of five mugs."""


def held(state: State, who: bytes = WHO) -> tuple[int, int]:
    return state.held(who, 2025, POINTS), state.held(who, 2026, POINTS)


def ordered(state: State, entry: e.Entry) -> int:
    """The order's id."""
    applied(state, entry)
    return state.size - 1


# ---------------------------------------------------------------------------------------------------------- orders


def test_an_order_burns_the_oldest_points_and_takes_stock() -> None:
    state = open_shop()
    index = ordered(state, order(5, parts=FIVE))
    assert held(state) == (0, NEW - PRICE)
    assert state.total(POINTS, 2025, Bucket.REDEEMED) == OLD
    shelf = state.loop.rewards.items[MUG]
    assert (shelf.sold, shelf.on_day) == (5, 5)
    assert state.loop.rewards.orders[index].state is OrderState.OPEN
    assert state.loop.controllers.nonces[WHO, CUSTODIAN] == 1


def test_an_order_takes_the_oldest_first_or_is_none() -> None:
    refuses(open_shop(), order(parts=((2026, PRICE),)), "are not its oldest")
    refuses(open_shop(), order(5, parts=((2025, OLD - 1), (2026, PRICE + 1))), "are not its oldest")


@pytest.mark.parametrize(
    ("entry", "reason"),
    [
        (order(item=9), "item 9 is not for sale"),
        (order(settlement=1), "price, settlement and times"),
        (order(fulfil_by=START + 8 * DAY), "price, settlement and times"),
        (order(refund_until=START), "price, settlement and times"),
        (order(price=PRICE - 1, parts=((2025, PRICE - 1),)), "price, settlement and times"),
        (order(nonce=1), "nonce 1 of .* expected 0"),
        (order(signer=PHONE), "neither controls it"),
        (order(7, parts=((2025, OLD), (2026, 7 * PRICE - OLD))), "too little"),
        (order(account=person(2)), "too little"),
        (replace(order(), tail=replace(order().tail, deadline=START - 1)), "deadline .* had passed"),
    ],
)
def test_what_the_contract_refuses(entry: e.Entry, reason: str) -> None:
    refuses(open_shop(), entry, reason)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"quantity": 0, "parts": ()}, "one unit or more|parts are 1"),
        ({"max_price": PRICE - 1}, "no more than was agreed to"),
        ({"quantity": 2, "max_price": 2 * PRICE}, "parts are its price"),
    ],
)
def test_an_order_that_is_none(changes: dict[str, object], reason: str) -> None:
    with pytest.raises(CodecError, match=reason):
        e.encode(order(**changes))  # type: ignore[arg-type]


def test_an_item_has_its_time() -> None:
    state = open_shop(item(item=2, opens=START + DAY, closes=START + 2 * DAY))
    refuses(state, order(item=2), "is sold from")
    refuses(state, order(item=2, time=START + 2 * DAY), "is sold from")
    applied(state, order(item=2, time=START + 2 * DAY - 1))


def test_a_merchant_who_left_sells_nothing_new() -> None:
    gone = e.Organisation(START, MERCHANT, secret("merchant"), e.Standing.DISABLED)
    refuses(open_shop(gone), item(price=1), "organisation 2 of an item is unknown or disabled")
    refuses(open_shop(), item(item=2, organisation=9), "organisation 9 of an item is unknown or disabled")
    applied(open_shop(gone), item(state=ItemState.WITHDRAWN))


def test_limits_are_kept() -> None:
    state = open_shop(item(item=2, stock=3), item(item=3, per_person=2), item(item=4, per_day=2))
    applied(state, order(2, item=2, parts=((2025, 2 * PRICE),)))
    refuses(state, order(2, 1, item=2, parts=((2025, 2 * PRICE),)), "1 units left")
    other = order(2, 0, item=3, parts=((2025, 2 * PRICE),), account=person(1))
    applied(state, other)
    refuses(state, replace(order(item=3, nonce=1), account=person(1)), "0 units for this person left")
    applied(state, order(1, 1, item=3), order(1, 2, item=4))
    refuses(state, order(2, 3, item=4, parts=((2026, 2 * PRICE),)), "1 units for this day left")
    applied(state, order(2, 3, item=4, parts=((2026, 2 * PRICE),), time=START + DAY))


def test_a_session_key_orders_within_its_day() -> None:
    state = applied(open_shop(), session(CUSTODIAN, limit=2 * PRICE))
    applied(state, order(2, signer=SESSION, parts=((2025, 2 * PRICE),)))
    refuses(state, order(nonce=1, signer=SESSION), "has spent 2400 of 2400")


# ------------------------------------------------------------------------------------------------------- the catalogue


@pytest.mark.parametrize(
    ("changes", "what"),
    [
        ({"price": PRICE + 1}, "the price 1201 is above 1200"),
        ({"opens": START}, "it opens at"),
        ({"closes": START + 29 * DAY}, "it closes at"),
        ({"fulfil_within": DAY}, "to be fulfilled"),
        ({"refund_within": DAY}, "to take an order back"),
        ({"text": secret("a smaller mug")}, "the text is another"),
    ],
)
def test_what_is_worse_is_announced_a_day(changes: dict[str, object], what: str) -> None:
    state = open_shop()
    refuses(state, item(**changes, effective=START + DAY - 1), what)
    applied(state, item(**changes, effective=START + DAY))


def test_an_announced_price_holds_from_its_time_on_and_orders_keep_theirs() -> None:
    state = open_shop(item(price=2 * PRICE, effective=START + DAY))
    index = ordered(state, order(time=START + DAY - 1))
    dear = order(1, 1, price=2 * PRICE, max_price=2 * PRICE, parts=((2025, 2 * PRICE),), time=START + DAY)
    refuses(state, order(1, 1, time=START + DAY), "price, settlement and times")
    applied(state, dear)
    applied(state, refund(index, RefundCause.MERCHANT, time=START + DAY))
    assert held(state) == (OLD - 2 * PRICE, NEW)


def test_what_was_announced_is_replaced_not_added_up() -> None:
    state = open_shop(item(price=2 * PRICE, effective=START + DAY))
    refuses(state, item(price=PRICE + 1, effective=START + 1), "the price 1201 is above 1200")
    applied(state, item(price=PRICE - 1, effective=START + 1))
    refuses(state, item(price=PRICE, time=START + 1, effective=START + 1), "the price 1200 is above 1199")


def test_an_item_keeps_its_organisation_and_its_kind() -> None:
    refuses(open_shop(), item(organisation=1), "for ever")
    refuses(open_shop(), item(kind=ItemKind.COUPON), "for ever")
    refuses(open_shop(), item(price=1, time=START + 1, effective=START), "can't hold from")


def test_a_withdrawal_holds_at_once_and_takes_back_what_was_announced() -> None:
    gone = item(state=ItemState.WITHDRAWN)
    state = open_shop(item(price=2 * PRICE, effective=START + DAY))
    refuses(state, replace(gone, price=1), "with the terms it has")
    refuses(state, replace(gone, effective=START + 1), "with the terms it has")
    refuses(state, replace(gone, item=9), "not for sale")
    applied(state, gone)
    refuses(state, order(), "not for sale")
    refuses(state, order(time=START + 2 * DAY), "not for sale")
    refuses(state, gone, "not for sale")
    refuses(state, item(price=PRICE + 1), "announced a day before")
    applied(state, item(), order())


def test_an_item_that_has_not_begun_is_withdrawn_too() -> None:
    coming = item(item=2, effective=START + DAY)
    state = open_shop(coming, replace(coming, price=9 * PRICE))
    applied(state, item(item=2, price=9 * PRICE, state=ItemState.WITHDRAWN))
    refuses(state, order(item=2, time=START + 2 * DAY), "not for sale")


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"item": 0}, "numbered from 1"),
        ({"price": 0}, "has a price"),
        ({"closes": START - DAY}, "opens before it closes"),
        ({"closes": 1 << 40}, "below 2\\^40"),
        ({"effective": 1 << 40}, "below 2\\^40"),
        ({"fulfil_within": 0}, "some time"),
        ({"text": bytes(32)}, "description"),
    ],
)
def test_an_item_that_is_none(changes: dict[str, object], reason: str) -> None:
    with pytest.raises(CodecError, match=reason):
        e.encode(item(**changes))


# -------------------------------------------------------------------------------------------------------- fulfilment


def test_an_order_is_fulfilled_once_in_time_with_its_code_by_its_merchant() -> None:
    state = open_shop(
        Agent(START, PHONE, 1, AgentRole.MERCHANT, e.Standing.ACTIVE),
        Agent(START, SESSION, MERCHANT, AgentRole.ACCEPTOR, e.Standing.ACTIVE),
    )
    index = ordered(state, order())
    for signer in (PHONE, SESSION, CUSTODIAN):
        refuses(state, fulfilment(index, signer=signer), "is no merchant of organisation 2")
    refuses(state, fulfilment(index, code=secret("another")), "the code of a fulfilment")
    refuses(state, fulfilment(index, time=START + 7 * DAY + 1), "was to be fulfilled by")
    refuses(state, fulfilment(index + 1), "is no order")
    applied(state, fulfilment(index, time=START + 7 * DAY))
    refuses(state, fulfilment(index, time=START + 7 * DAY), "is fulfilled, not open")
    assert state.loop.rewards.items[MUG].sold == 1


def test_a_disabled_merchant_fulfils_nothing() -> None:
    state = open_shop()
    index = ordered(state, order())
    applied(state, Agent(START, CASHIER, MERCHANT, AgentRole.MERCHANT, e.Standing.DISABLED))
    refuses(state, fulfilment(index), "is no merchant")


# ---------------------------------------------------------------------------------------------------------- refunds


def test_a_refund_restores_the_same_vintages_and_the_limits() -> None:
    state = open_shop(item(item=2, stock=5, per_person=5, per_day=5))
    index = ordered(state, order(5, item=2, parts=FIVE))
    refuses(state, refund(index, RefundCause.RESIDENT), "gives its parts back")
    refuses(state, refund(index, RefundCause.RESIDENT, parts=FIVE, account=person(1)), "gives its parts back")
    applied(state, refund(index, RefundCause.RESIDENT, parts=FIVE))
    assert held(state) == (OLD, NEW)
    assert state.total(POINTS, 2025, Bucket.REDEEMED) == 0
    shelf = state.loop.rewards.items[2]
    assert (shelf.sold, shelf.on_day, shelf.bought[WHO]) == (0, 0, 0)
    applied(state, order(5, 1, item=2, parts=FIVE))


def test_a_refund_gives_back_only_what_counted_and_only_of_its_day() -> None:
    state = open_shop(item(item=2))
    index = ordered(state, order(item=2))
    applied(state, item(item=2, per_person=1), order(1, 1, item=2, time=START + DAY))
    applied(state, refund(index, RefundCause.RESIDENT, time=START + DAY))
    shelf = state.loop.rewards.items[2]
    assert (shelf.sold, shelf.on_day, shelf.bought[WHO]) == (1, 1, 1)


def test_a_refund_meets_a_debt_first() -> None:
    state = open_shop()
    index = ordered(state, order(6, parts=((2025, OLD), (2026, NEW))))
    at = next(n for n in range(index) if (given := state.given(n)) and given.account == WHO and given.vintage == 2026)
    taken = reduction(0, activity=500)
    burned = (taken.credits_mg, 0, 0, NEW)
    applied(state, e.Revocation(START, at, 1, secret("reason"), False, *burned))
    applied(state, refund(index, RefundCause.RESIDENT, parts=((2025, OLD), (2026, NEW))))
    assert held(state) == (OLD - NEW, NEW), "the oldest comes back first, and pays"
    assert state.owed(WHO, POINTS) == 0


def test_who_may_give_back_what_when() -> None:
    state = open_shop()
    index = ordered(state, order())
    late, overdue = START + 3 * DAY, START + 7 * DAY
    refuses(state, refund(index, RefundCause.RESIDENT, time=late), "could be taken back before")
    refuses(state, refund(index, RefundCause.RESIDENT, signer=CASHIER), "may not take back")
    refuses(state, refund(index, RefundCause.MERCHANT, signer=CUSTODIAN), "is no merchant")
    refuses(state, refund(index, RefundCause.UNFULFILLED, time=overdue), "may be fulfilled until")
    for cause, time in (
        (RefundCause.RESIDENT, late - 1),
        (RefundCause.MERCHANT, START + 99 * DAY),
        (RefundCause.UNFULFILLED, overdue + 1),
    ):
        again = open_shop(order(), order(1, 1), refund(index, cause, time=time))
        assert held(again) == (OLD - PRICE, NEW)
        refuses(again, refund(index, cause, time=time), "is refunded, not open")
        refuses(again, fulfilment(index, time=time), "is refunded, not open")


def test_what_was_handed_over_comes_back_by_the_merchant_alone() -> None:
    state = open_shop()
    index = ordered(state, order())
    applied(state, fulfilment(index))
    refuses(state, refund(index, RefundCause.RESIDENT), "is fulfilled, not open")
    refuses(state, refund(index, RefundCause.UNFULFILLED, time=START + 8 * DAY), "is fulfilled, not open")
    refuses(state, refund(index, RefundCause.MERCHANT, time=START + 3 * DAY), "could be taken back before")
    applied(state, refund(index, RefundCause.MERCHANT, time=START + 3 * DAY - 1))
    assert held(state) == (OLD, NEW)


def test_a_session_key_takes_back_while_its_controller_is_in_force() -> None:
    state = open_shop()
    index = ordered(state, order())
    applied(state, session(CUSTODIAN, 1, scopes=2))
    refuses(state, refund(index, RefundCause.RESIDENT, signer=SESSION), "may not take back")
    applied(state, session(CUSTODIAN, 2, scopes=1))
    other = replace(controller(PHONE, 3), time=START)
    refuses(applied(open_shop(order(), session(CUSTODIAN, 1)), replace(other, nonce=2)),
            refund(index, RefundCause.RESIDENT, signer=SESSION), "may not take back")  # fmt: skip
    refuses(state, refund(index, RefundCause.RESIDENT, signer=SESSION, time=START + DAY), "may not take back")
    applied(state, refund(index, RefundCause.RESIDENT, signer=SESSION))


def test_a_frozen_account_orders_nothing_but_is_given_back() -> None:
    state = open_shop()
    index = ordered(state, order())
    applied(state, account(0, state=e.AccountState.FROZEN))
    refuses(state, order(1, 1), "does not act")
    applied(state, refund(index, RefundCause.MERCHANT))
    assert held(state) == (OLD, NEW)


def test_just_what_was_not_fulfilled_is_unsigned() -> None:
    signed = refund(0, RefundCause.RESIDENT)
    for wrong in (
        replace(signed, cause=RefundCause.UNFULFILLED),
        replace(refund(0, RefundCause.UNFULFILLED), cause=RefundCause.MERCHANT),
    ):
        with pytest.raises(CodecError, match="is unsigned"):
            e.encode(wrong)
