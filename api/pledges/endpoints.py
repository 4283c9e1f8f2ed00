"""`/v1/accounts/{address}/pledges`, and the trail of one."""

from __future__ import annotations

import asyncio
from typing import Annotated

from fastapi import APIRouter, Path, Query, Request, Response

from api import subjects
from api.entries.service import MAX_INDEX
from api.pledges import repository, service
from api.pledges.schemas import PledgePage
from api.web.access import TOKEN_PROBLEMS, Address, Holder, not_registered, own
from api.web.answers import respond
from api.web.context import Ctx
from api.web.cursors import Cursor, parse_cursor
from api.web.types import parse_address
from api.web.whole import whole
from chain_node.protocol.kinds.projects import PLEDGE, Pledge

router = APIRouter(prefix="/v1/accounts", tags=["accounts"], responses=TOKEN_PROBLEMS)
Index = Annotated[int, Path(ge=0, le=MAX_INDEX, description="The pledge's index: its id", examples=[3500])]
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


@router.get("/{address}/pledges/{index}/trail", summary="From the record to the tree: a pledge's trail bundle")
async def trail(request: Request, context: Ctx, holder: Holder, address: Address, index: Index) -> Response:
    """从合作方记录到交付的完整证明文件，可用 `luya verify` 离线验证。仅限本人、审计方与运营方。

    One document that anyone verifies offline (`luya verify`): the records that earned the points, the pledge, the
    deliveries of its units and their acceptance, under one signed checkpoint. For the account's owner, auditors and
    operators.
    """
    wanted = parse_address(address)
    own(holder, wanted)
    async with whole(context.database) as connection:
        found = await subjects.entry(connection, index, PLEDGE)
        act = None if found is None else found.act
        if not isinstance(act, Pledge) or act.account != wanted:
            raise service.no_pledge(index)
        records = await repository.earned_before(connection, index, act)
        newest = await repository.newest_batch(connection)
    if not records:
        raise service.no_trail(index)
    data = await asyncio.to_thread(service.trail, context.archive, index, records, newest)
    disposition = {"Content-Disposition": f'attachment; filename="luya-{index}.trail.json"'}
    return respond(request, data, private=True, headers=disposition)
