"""What is owed for orders: when they are handed over, at their own price, less what comes back."""

from __future__ import annotations

from loop_rewards import MERCHANT, fulfilment, item, open_shop, order, refund
from loop_support import DAY, applied
from protocol_world import START, secret

from chain_node.protocol import entries as e
from chain_node.protocol.kinds.act import Part
from chain_node.protocol.kinds.projects import Acceptance, Project, ProjectDelivery, ProjectKind, ProjectState
from chain_node.protocol.kinds.rewards import NO_TAIL, RefundCause
from chain_node.protocol.settlement import SettlementLine, settlement

END = START + 90 * DAY


def log(*more: e.Entry) -> tuple[list[bytes], int]:
    """The log of a shop and these entries, each judged by the replay; and the index of the first of these."""
    state = open_shop()
    first = state.size
    applied(state, *more)
    return [state._entry_at(index) for index in range(state.size)], first


def test_what_is_handed_over_is_owed_for_in_its_period() -> None:
    _, first = log()
    cheap = item(time=START, settlement=100, effective=START)
    entries, _ = log(
        order(2, parts=((2025, 2_400),)),
        cheap,
        order(1, 1, settlement=100),
        fulfilment(first, time=START + DAY),
        fulfilment(first + 2, time=START + 2 * DAY),
        order(1, 2, settlement=100, time=START + 2 * DAY),
    )
    assert settlement(entries, 0, START + DAY) == []
    assert settlement(entries, START, START + 2 * DAY) == [SettlementLine(MERCHANT, "item", 1, 2, 1_980)]
    assert settlement(entries, START + DAY, END) == [SettlementLine(MERCHANT, "item", 1, 3, 2_080)], (
        "each at its own price"
    )
    assert settlement(entries, START + 2 * DAY, END) == [SettlementLine(MERCHANT, "item", 1, 1, 100)]


def test_what_comes_back_is_taken_off_when_it_does() -> None:
    _, first = log()
    entries, _ = log(
        order(),
        order(1, 1),
        fulfilment(first),
        refund(first + 1, RefundCause.RESIDENT),
        refund(first, RefundCause.MERCHANT, time=START + DAY),
    )
    assert settlement(entries, START, START + DAY) == [SettlementLine(MERCHANT, "item", 1, 1, 990)]
    (later,) = settlement(entries, START + DAY, END)
    assert (later, later.owed_fen) == (SettlementLine(MERCHANT, "item", 1, 0, 0, 1, 990), -990)
    (both,) = settlement(entries, START, END)
    assert both.owed_fen == 0


def test_an_order_that_nobody_fetched_is_owed_for_by_nobody() -> None:
    _, first = log()
    overdue = START + 8 * DAY
    entries, _ = log(order(), refund(first, RefundCause.UNFULFILLED, time=overdue), order(1, 1, time=overdue))
    assert settlement(entries, 0, END) == []


def test_lines_are_by_organisation_and_item() -> None:
    _, first = log()
    entries, _ = log(
        item(item=9, organisation=1),
        order(1, 0, item=1),
        order(1, 1, item=9),
        fulfilment(first + 1),
        item(item=5),
        order(1, 2, item=5),
        fulfilment(first + 5),
    )
    assert [(one.organisation, one.number) for one in settlement(entries, 0, END)] == [(MERCHANT, 1), (MERCHANT, 5)]


def test_a_delivery_is_owed_for_when_it_is_accepted() -> None:
    terms = Project(START, 7, 1, ProjectKind.SEEDLINGS, 1, 2_500, 9, 0, END, True, secret("trees"), ProjectState.OPEN)
    delivery = ProjectDelivery(START, 7, 0, 3, 1, 1, 1, secret("seen"), secret("photo"), NO_TAIL)
    refused = Acceptance(START, 1, 7, False, secret("no"), (), NO_TAIL)
    accepted = Acceptance(START + DAY, 1, 7, True, secret("yes"), (Part(2025, 3),), NO_TAIL)
    entries = [e.encode(one) for one in (terms, delivery, refused, accepted)]
    assert settlement(entries, 0, START + DAY) == []
    assert settlement(entries, START + DAY, END) == [SettlementLine(1, "project", 7, 3, 7_500)]
