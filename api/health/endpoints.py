"""`/healthz`: for load balancers and operators."""

from __future__ import annotations

from typing import Literal

from fastapi import APIRouter, Depends, Request, Response
from pydantic import Field

from api.web.access import PUBLIC_PROBLEMS, anyone
from api.web.context import Context, Ctx
from api.web.types import Amount, Model, example
from api.web.whole import Extent, extent

router = APIRouter(tags=["health"], responses=PUBLIC_PROBLEMS, dependencies=[Depends(anyone)])


class HealthAnswer(Model):
    """`behind`: the read model lags by more entries than the operator allows; reading still works. `projecting-again`:
    a program that knows more makes the read model anew; what reads from it answers 503."""

    model_config = example({"status": "ok", "log_size": 25127, "archive_size": 25127, "lag": 0})
    status: Literal["ok", "behind", "projecting-again"]
    log_size: Amount = Field(description="Entries in the read model")
    archive_size: Amount = Field(description="Entries under the newest signed checkpoint")
    lag: Amount


async def projected(context: Context) -> Extent:
    """How far the read model goes."""
    async with context.database.read() as connection:
        return await extent(connection)


@router.get("/healthz", response_model=HealthAnswer, summary="Is this server well, and how far behind")
async def healthz(request: Request, context: Ctx) -> Response:
    """服务状态与投影延迟。

    200 while the database and the archive answer; 503 as a problem otherwise.
    """
    found = await projected(context)
    archived = context.archive.size
    lag = max(archived - found.size, 0)
    status: Literal["ok", "behind", "projecting-again"] = "behind" if lag > context.settings.max_lag else "ok"
    if found.again is not None:
        status = "projecting-again"
    body = HealthAnswer(status=status, log_size=found.size, archive_size=archived, lag=lag)
    return Response(body.model_dump_json(), media_type="application/json", headers={"Cache-Control": "no-store"})
