"""`/v1/accounts/{address}/pledges`."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from api import subjects
from api.pledges import repository, service
from api.pledges.schemas import PledgePage
from api.web.access import TOKEN_PROBLEMS, Address, Holder, not_registered, own
from api.web.answers import respond
from api.web.context import Ctx
from api.web.cursors import Cursor, parse_cursor
from api.web.types import parse_address
from api.web.whole import whole
from chain_node.protocol.kinds.projects import PLEDGE

router = APIRouter(prefix="/v1/accounts", tags=["accounts"], responses=TOKEN_PROBLEMS)
Limit = Annotated[int, Query(ge=1, le=20, description="Pledges a page")]


@router.get("/{address}/pledges", response_model=PledgePage, summary="An account's pledges and what became of them")
async def pledges(
    request: Request, context: Ctx, holder: Holder, address: Address, limit: Limit = 20, cursor: Cursor = None
) -> Response:
    """账户的公益认捐：每笔认捐对应的交付和验收结果。仅限本人、审计方与运营方。

    Each pledge for a public-good project with the deliveries of its units and what the acceptor decided, the newest
    first. For the account's owner, auditors and operators.
    """
    wanted = parse_address(address)
    own(holder, wanted)
    before = parse_cursor(cursor)
    async with whole(context.database) as connection:
        if not await subjects.registered(connection, wanted):
            raise not_registered()
        found = await subjects.of_account(connection, wanted, PLEDGE, before, limit + 1)
        shown = await repository.pledges(connection, found)
    return respond(request, service.page(wanted, shown, limit), private=True)
