"""`/v1/proof/{leaf_hash}` and `/v1/consistency`."""

from __future__ import annotations

import asyncio
from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query, Request, Response

from api.checkpoint.endpoints import NOTE_TYPE, newest
from api.errors import BadParameter, ErrorText, NotFound
from api.proofs import repository
from api.proofs.schemas import ConsistencyProof, InclusionProof
from api.web.access import PUBLIC_PROBLEMS, anyone
from api.web.answers import respond
from api.web.context import Ctx
from api.web.types import parse_hash
from api.web.whole import whole
from chain_node.protocol.checkpoint import build_consistency, build_tlog_proof

router = APIRouter(prefix="/v1", tags=["log"], responses=PUBLIC_PROBLEMS, dependencies=[Depends(anyone)])
_MAX = (1 << 63) - 1
Leaf = Annotated[str, Path(min_length=64, max_length=66, description="SHA-256(0x00 ‖ entry), hex")]
From = Annotated[int, Query(alias="from", ge=0, le=_MAX, description="The smaller size", examples=[1])]
To = Annotated[
    int | None, Query(alias="to", ge=0, le=_MAX, description="The larger size; by default the newest checkpoint's")
]


@router.get(
    "/proof/{leaf_hash}",
    response_model=InclusionProof,
    summary="Is this leaf in the log",
    responses={200: {"content": {"text/plain": {"schema": {"type": "string"}}}}},
)
async def proof(request: Request, context: Ctx, leaf_hash: Leaf) -> Response:
    """证明某叶子哈希已记入日志。

    Inclusion proof under the newest signed checkpoint. Whoever asks must know the entry already: a leaf hash hides it.
    `Accept: text/plain` gives the tlog-proof text.
    """
    leaf = parse_hash(leaf_hash, "leaf_hash")
    point, note = newest(context)
    async with whole(context.database) as connection:
        index = await repository.index_of(connection, leaf)
    if index is None or index >= point.size:
        raise NotFound(ErrorText("日志中没有此叶子哈希", "the log has no leaf with this hash"))
    path = await asyncio.to_thread(context.archive.inclusion, index, point.size)
    text = build_tlog_proof(index, path, note)
    vary = {"Vary": "Accept"}
    if "text/plain" in request.headers.get("accept", ""):
        return respond(request, text, media_type=NOTE_TYPE, headers=vary)
    body = InclusionProof(
        leaf_hash=leaf.hex(),
        index=index,
        log_size=point.size,
        log_root=point.root.hex(),
        proof=[part.hex() for part in path],
        note=note,
        tlog_proof=text,
    )
    return respond(request, body, headers=vary)


@router.get(
    "/consistency",
    response_model=ConsistencyProof,
    summary="Does the larger log extend the smaller",
    responses={200: {"content": {"text/plain": {"schema": {"type": "string"}}}}},
)
async def consistency(request: Request, context: Ctx, old: From, to: To = None) -> Response:
    """证明较大的日志是较小日志的延伸。

    Consistency proof between two sizes. With both sizes named the answer can never change and is cacheable for ever.
    `Accept: text/plain` gives the proof text alone.
    """
    point, _ = newest(context)
    new = point.size if to is None else to
    if new > point.size:
        raise BadParameter(
            "to", ErrorText(f"日志目前只有 {point.size} 条", f"the newest checkpoint is of {point.size} entries")
        )
    if old > new:
        raise BadParameter("from", ErrorText("from 不得大于 to", "from may not be larger than to"))
    archive = context.archive

    def build() -> tuple[list[bytes], bytes, bytes]:
        return archive.consistency(old, new), archive.root_at(old), archive.root_at(new)

    path, old_root, new_root = await asyncio.to_thread(build)
    text = build_consistency(old, path)
    vary = {"Vary": "Accept"}
    forever = to is not None
    if "text/plain" in request.headers.get("accept", ""):
        return respond(request, text, media_type=NOTE_TYPE, immutable=forever, headers=vary)
    body = ConsistencyProof.model_validate(
        {
            "from": old,
            "to": new,
            "from_root": old_root.hex(),
            "to_root": new_root.hex(),
            "proof": [part.hex() for part in path],
            "text": text,
        }
    )
    return respond(request, body, immutable=forever, headers=vary)
