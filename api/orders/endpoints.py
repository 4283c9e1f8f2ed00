"""`/v1/orders` and `/v1/orders/{index}`."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Query, Request, Response

from api import subjects
from api.entries.service import MAX_INDEX
from api.orders import repository, service
from api.orders.schemas import OrderPage, OrderView
from api.web.access import TOKEN_PROBLEMS, Holder, not_registered, own
from api.web.answers import respond
from api.web.context import Ctx
from api.web.cursors import Cursor, parse_cursor
from api.web.types import parse_address
from api.web.whole import whole
from chain_node.protocol.kinds.rewards import ORDER

router = APIRouter(prefix="/v1/orders", tags=["rewards"], responses=TOKEN_PROBLEMS)
Account = Annotated[
    str,
    Query(
        min_length=40,
        max_length=42,
        description="Whose orders: the account's address",
        examples=["0x00112233445566778899aabbccddeeff00112233"],
    ),
]
Index = Annotated[int, Path(ge=0, le=MAX_INDEX, description="The order's index: its id", examples=[5100])]
Limit = Annotated[int, Query(ge=1, le=100, description="Orders a page")]


@router.get("", response_model=OrderPage, summary="An account's orders, by pages")
async def orders(
    request: Request, context: Ctx, holder: Holder, account: Account, limit: Limit = 50, cursor: Cursor = None
) -> Response:
    """账户的兑换订单及其状态（新的在前）。仅限本人、审计方与运营方。

    Each order with its terms, its deadlines and where it stands, the newest first. For the account's owner, auditors
    and operators.
    """
    wanted = parse_address(account, "account")
    own(holder, wanted)
    before = parse_cursor(cursor)
    async with whole(context.database) as connection:
        if not await subjects.registered(connection, wanted):
            raise not_registered()
        found = await subjects.of_account(connection, wanted, ORDER, before, limit + 1)
        shown = await repository.orders(connection, found)
    return respond(request, service.page(wanted, shown, limit), private=True)


@router.get("/{index}", response_model=OrderView, summary="One order")
async def order(request: Request, context: Ctx, holder: Holder, index: Index) -> Response:
    """某一兑换订单：条款、期限与状态。仅限本人、审计方与运营方。

    An order's terms, deadlines and state. Its code is nowhere: only the hash. For the account's owner, auditors and
    operators.
    """
    async with whole(context.database) as connection:
        found = await subjects.entry(connection, index, ORDER)
        if found is None:
            raise service.no_order(index)
        own(holder, service.act_of(found).account)
        (shown,) = await repository.orders(connection, [found])
    return respond(request, service.view(shown), private=True)
