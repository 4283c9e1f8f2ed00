"""`/v1/feeds` and `/v1/feeds/{id}`."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Path, Request, Response

from api import law
from api.errors import ErrorText, NotFound
from api.feeds import repository, service
from api.feeds.schemas import FeedDetail, FeedList
from api.web.access import PUBLIC_PROBLEMS, anyone
from api.web.answers import respond
from api.web.context import Ctx
from api.web.whole import whole
from chain_node.protocol.entries import FEED

router = APIRouter(prefix="/v1/feeds", tags=["law"], responses=PUBLIC_PROBLEMS, dependencies=[Depends(anyone)])
Id = Annotated[int, Path(ge=0, le=0xFFFF, description="Feed id", examples=[1])]


@router.get("", response_model=FeedList, summary="All feeds on the ledger")
async def feeds(request: Request, context: Ctx) -> Response:
    """账本上的全部数据源及其签名方。

    Every feed with its organisation, signers, bounds and allowed methods, and how its records ended.
    """
    async with whole(context.database) as connection:
        found = await law.latest(connection, FEED)
        counts = await repository.counts(connection)
    return respond(request, FeedList(feeds=[service.view(one, counts.get(one.id, {})) for one in found]))


@router.get("/{id}", response_model=FeedDetail, summary="One feed, with its history")
async def feed(request: Request, context: Ctx, id: Id) -> Response:
    """某一数据源及其签名方的变更历史。"""
    async with whole(context.database) as connection:
        history = await law.history(connection, FEED, id)
        counts = await repository.counts(connection)
    if not history:
        raise NotFound(ErrorText(f"账本上没有编号为 {id} 的数据源", f"the ledger has no feed {id}"))
    return respond(request, service.detail(history, counts.get(id, {})))
