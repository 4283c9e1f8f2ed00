"""`/v1/entries/{index}` and its bundle."""

from __future__ import annotations

import asyncio
from typing import Annotated

from fastapi import APIRouter, Path, Request, Response

from api.entries import repository, service
from api.entries.schemas import Provenance
from api.errors import ErrorText, NotFound
from api.web.access import TOKEN_PROBLEMS, Holder
from api.web.answers import respond
from api.web.context import Ctx
from api.web.whole import whole
from chain_node.archive import bundles
from chain_node.protocol.entries import REDUCTION, REDUCTION_NULLIFIER

router = APIRouter(prefix="/v1/entries", tags=["entries"], responses=TOKEN_PROBLEMS)
Index = Annotated[int, Path(ge=0, le=service.MAX_INDEX, description="The entry's index: its public id", examples=[41])]


@router.get("/{index}", response_model=Provenance, summary="One entry with its provenance")
async def entry(request: Request, context: Ctx, holder: Holder, index: Index) -> Response:
    """日志条目及其来历：交易、区块、签名者、所依据的方法学。

    The entry decoded and as bytes, the transaction and block that appended it, who signed it, the method and the feed
    in force. For its owner, the feed that recorded it, auditors and operators.
    """
    async with whole(context.database) as connection:
        row = await repository.find(connection, index)
    if row is None:
        raise service.no_entry(index)
    service.authorise(holder.scopes, row)
    # an entry never changes, but whether it was revoked does
    mark = "" if row["revoked_by"] is None else f"-{row['revoked_by']}"
    return respond(request, service.provenance(row), etag=f"{index}{mark}", private=True)


@router.get("/{index}/bundle", summary="The proof bundle of a reduction", response_class=Response)
async def bundle(request: Request, context: Ctx, holder: Holder, index: Index) -> Response:
    """可离线验证的证明文件，用 `luya verify` 验证。

    One RFC 8785 JSON document that anyone verifies offline (`luya verify`): the entry, its inclusion under a signed
    checkpoint, the law it relies on, and the oracles' signatures. Without the evidence opening, which its owner has.
    """
    async with whole(context.database) as connection:
        row = await repository.find(connection, index)
    if row is None:
        raise service.no_entry(index)
    service.authorise(holder.scopes, row)
    if row["type"] not in (REDUCTION, REDUCTION_NULLIFIER):
        raise NotFound(
            ErrorText(f"条目 {index} 不是减排记录，没有证明文件", f"entry {index} is no reduction, so it has no bundle")
        )
    law = bundles.LawIndexes(method=row["method_index"], feed=row["feed_index"])
    data = await asyncio.to_thread(bundles.assemble, context.archive, index, law)
    disposition = {"Content-Disposition": f'attachment; filename="luya-{index}.bundle.json"'}
    return respond(request, data, private=True, headers=disposition)
