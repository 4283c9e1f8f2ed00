"""Says where an order stands."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from api.entries.schemas import PartView
from api.errors import ErrorText, NotFound
from api.orders.repository import FoundOrder
from api.orders.schemas import Fulfilled, OrderPage, OrderState, OrderView, Refunded
from api.subjects import SubjectAct
from api.web.cursors import cursor
from api.web.types import Bilingual, address_text
from chain_node.protocol.kinds.act import amount_of
from chain_node.protocol.kinds.rewards import Fulfilment, Order, Refund, RefundCause
from chain_node.protocol.merkle import leaf_hash

STATES: Final[dict[OrderState, Bilingual]] = {
    "open": Bilingual(zh="待核销", en="waits to be handed over"),
    "fulfilled": Bilingual(zh="已核销", en="handed over"),
    "refunded": Bilingual(zh="已退还积分", en="the points went back"),
}
CAUSES: Final = {
    RefundCause.RESIDENT: Bilingual(zh="本人在期限内撤销", en="taken back by the resident in time"),
    RefundCause.MERCHANT: Bilingual(zh="商户退还", en="given back by the merchant"),
    RefundCause.UNFULFILLED: Bilingual(zh="逾期未核销", en="not handed over by its deadline"),
}


def no_order(index: int) -> NotFound:
    """Entry `index` is no order."""
    return NotFound(ErrorText(f"条目 {index} 不是兑换订单", f"entry {index} is no order"))


def act_of(found: SubjectAct) -> Order:
    """The order itself."""
    act = found.act
    assert isinstance(act, Order)
    return act


def page(address: bytes, found: Sequence[FoundOrder], limit: int) -> OrderPage:
    """A page from `limit + 1` orders: the last one only says that there is more."""
    shown = [view(one) for one in found[:limit]]
    more = cursor(shown[-1].index) if len(found) > limit else None
    return OrderPage(account=address_text(address), orders=shown, next=more)


def view(found: FoundOrder) -> OrderView:
    """An order; what was handed over can still be given back by the merchant."""
    act = act_of(found.order)
    fulfilled: Fulfilled | None = None
    refunded: Refunded | None = None
    for one in found.about:
        said = one.act
        if isinstance(said, Fulfilment):
            fulfilled = Fulfilled(index=one.index, time=one.time)
        elif isinstance(said, Refund):
            cause = said.cause
            refunded = Refunded(index=one.index, time=one.time, cause=cause.name.lower(), cause_text=CAUSES[cause])
    state: OrderState = "refunded" if refunded else "fulfilled" if fulfilled else "open"
    return OrderView(
        index=found.order.index,
        leaf_hash=leaf_hash(found.order.body).hex(),
        time=act.time,
        account=address_text(act.account),
        item=act.item,
        quantity=act.quantity,
        millipoints=amount_of(act.parts),
        settlement_fen=act.settlement * act.quantity,
        code_hash=act.code_hash.hex(),
        fulfil_by=act.fulfil_by,
        refund_until=act.refund_until,
        parts=[PartView(vintage=part.vintage, amount=part.amount) for part in act.parts],
        state=state,
        state_text=STATES[state],
        fulfilled=fulfilled,
        refunded=refunded,
    )
