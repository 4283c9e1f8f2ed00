"""`/v1/checkpoint`, as JSON or, with `Accept: text/plain`, as the C2SP signed note itself."""

from __future__ import annotations

from fastapi import APIRouter, Depends, Request, Response
from pydantic import Field

from api.errors import ErrorText, Unavailable
from api.web.access import PUBLIC_PROBLEMS, anyone
from api.web.answers import respond
from api.web.context import Context, Ctx
from api.web.types import Amount, Hash, Model, example
from chain_node.archive.reader import parse_note
from chain_node.protocol.checkpoint import Checkpoint

router = APIRouter(prefix="/v1", tags=["log"], responses=PUBLIC_PROBLEMS, dependencies=[Depends(anyone)])
NOTE_TYPE = "text/plain; charset=utf-8"


class CheckpointView(Model):
    """A signed statement of the log's size and root. `note` is the signed text, byte for byte."""

    model_config = example(
        {
            "origin": "luya.local/3f9a01c2",
            "log_size": 25127,
            "log_root": "6f1d…64 hex digits",
            "note": "luya.local/3f9a01c2\n25127\nbx0…=\n\n— luya.local/3f9a01c2 q1Zb…=\n",
            "log_key": "luya.local/3f9a01c2+ab56f3c1+AQx…=",
        }
    )
    origin: str
    log_size: Amount
    log_root: Hash
    note: str
    log_key: str | None = Field(description="The log's verifier key; compare it with one you have from elsewhere")


def newest(context: Context) -> tuple[Checkpoint, str]:
    """The newest checkpoint and its note. Raises Unavailable: none has been signed yet."""
    note = context.archive.checkpoint_note()
    if note is None:
        raise Unavailable(ErrorText("账本尚未签发第一个检查点", "the log has not signed its first checkpoint yet"))
    return parse_note(note), note


@router.get(
    "/checkpoint",
    response_model=CheckpointView,
    summary="The newest signed checkpoint",
    responses={200: {"content": {"text/plain": {"schema": {"type": "string"}}}}},
)
async def checkpoint(request: Request, context: Ctx) -> Response:
    """最新的签名检查点（日志大小与根）。

    `Accept: text/plain` gives the C2SP note (c2sp.org/tlog-checkpoint) itself.
    """
    point, note = newest(context)
    vary = {"Vary": "Accept"}
    if "text/plain" in request.headers.get("accept", ""):
        return respond(request, note, media_type=NOTE_TYPE, headers=vary)
    body = CheckpointView(
        origin=point.origin,
        log_size=point.size,
        log_root=point.root.hex(),
        note=note,
        log_key=context.settings.log_key or None,
    )
    return respond(request, body, headers=vary)
