"""`/v1/methods` and `/v1/methods/{id}`."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Path, Request, Response

from api import law
from api.errors import ErrorText, NotFound
from api.methods import service
from api.methods.schemas import MethodDetail, MethodList
from api.web.access import PUBLIC_PROBLEMS, anyone
from api.web.answers import respond
from api.web.context import Ctx
from api.web.whole import whole
from chain_node.protocol.entries import METHOD

router = APIRouter(prefix="/v1/methods", tags=["law"], responses=PUBLIC_PROBLEMS, dependencies=[Depends(anyone)])
Id = Annotated[int, Path(ge=0, le=0xFFFF, description="Method id", examples=[101])]


@router.get("", response_model=MethodList, summary="All methods on the ledger")
async def methods(request: Request, context: Ctx) -> Response:
    """账本上的全部方法学。

    Every methodology version that was announced on the ledger, as it stands now.
    """
    async with whole(context.database) as connection:
        found = await law.latest(connection, METHOD)
    return respond(request, MethodList(methods=[service.view(one, context.catalogue) for one in found]))


@router.get("/{id}", response_model=MethodDetail, summary="One method, with its history")
async def method(request: Request, context: Ctx, id: Id) -> Response:
    """某一方法学及其在账本上的变更历史。"""
    async with whole(context.database) as connection:
        history = await law.history(connection, METHOD, id)
    if not history:
        raise NotFound(ErrorText(f"账本上没有编号为 {id} 的方法学", f"the ledger has no method {id}"))
    return respond(request, service.detail(history, context.catalogue))
