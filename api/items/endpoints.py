"""`/v1/items`."""

from __future__ import annotations

import time
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request, Response

from api.items import repository, service
from api.items.schemas import ItemList
from api.web.access import PUBLIC_PROBLEMS, anyone
from api.web.answers import respond
from api.web.context import Ctx
from api.web.cursors import Cursor, parse_cursor
from api.web.whole import whole

router = APIRouter(prefix="/v1/items", tags=["rewards"], responses=PUBLIC_PROBLEMS, dependencies=[Depends(anyone)])
Limit = Annotated[int, Query(ge=1, le=100, description="Items a page")]


@router.get("", response_model=ItemList, summary="The catalogue: what points buy now")
async def items(request: Request, context: Ctx, limit: Limit = 50, cursor: Cursor = None) -> Response:
    """可兑换的商品与权益：现行条款、剩余库存，以及已公告、尚未生效的变更。

    Every item that is sold or soon will be, with the terms in force, what is left, and terms that are announced.
    """
    after = parse_cursor(cursor)
    async with whole(context.database) as connection:
        newest = await repository.newest_time(connection)
        found = await repository.items(connection, after=-1 if after is None else after, limit=limit + 1)
    return respond(request, service.listed(found, limit, max(newest, int(time.time()))))
