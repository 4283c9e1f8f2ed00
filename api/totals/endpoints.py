"""`/v1/totals`."""

from __future__ import annotations

from fastapi import APIRouter, Depends, Request, Response

from api.totals import repository, service
from api.totals.schemas import Totals
from api.web.access import PUBLIC_PROBLEMS, anyone
from api.web.answers import respond
from api.web.context import Ctx
from api.web.whole import whole

router = APIRouter(prefix="/v1", tags=["totals"], responses=PUBLIC_PROBLEMS, dependencies=[Depends(anyone)])


@router.get("/totals", response_model=Totals, summary="What the whole ledger adds up to")
async def totals(request: Request, context: Ctx) -> Response:
    """全账本合计：按年度与方法学。

    Credits (mg CO2e) and points (thousandths) held, minted and revoked, by vintage year and by method, all of one
    moment: that of `log_size` and `log_root`.
    """
    async with whole(context.database) as connection:
        ledger = await repository.ledger(connection)
        vintages = await repository.vintages(connection)
        buckets = await repository.buckets(connection)
        methods = await repository.methods(connection)
    body = service.totals(ledger, vintages, buckets, methods, context.catalogue)
    return respond(request, body, etag=f"totals-{body.log_size}-{body.log_root[:16]}")
