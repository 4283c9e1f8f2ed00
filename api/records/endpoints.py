"""`/v1/records`."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from api.projection.outcomes import stored
from api.records import repository, service
from api.records.schemas import Records
from api.web.access import TOKEN_PROBLEMS, Holder
from api.web.answers import respond
from api.web.context import Ctx
from api.web.whole import whole

router = APIRouter(prefix="/v1", tags=["records"], responses=TOKEN_PROBLEMS)
Feed = Annotated[int, Query(ge=0, le=0xFFFF, description="The feed's number", examples=[1])]
RowName = Annotated[
    str,
    Query(
        alias="row",
        min_length=1,
        max_length=1024,
        description="The partner's record id, the idempotency key, or file:row as the report prints them",
        examples=["trips-2025-11.csv:42"],
    ),
]


@router.get("/records", response_model=Records, summary="What became of a partner's row")
async def records(request: Request, context: Ctx, holder: Holder, feed: Feed, name: RowName) -> Response:
    """一条合作方记录的处理结果：已计入、等待中，或未计入（含规则、数值与处理办法）。

    Recorded, waiting or refused, by the oracle or by the ledger; with the rule, the value it looked at and what to do,
    in Chinese and English. For the feed's partner, the resident it is about, auditors and operators.
    """
    async with whole(context.database) as connection:
        rows = await repository.by_key(connection, feed, stored(name))
        if not rows and (where := service.place(name)) is not None:
            rows = await repository.by_place(connection, feed, stored(where[0]), where[1])
    shown = service.visible(holder.scopes, feed, rows)
    return respond(request, service.view(feed, name, shown), private=True)
