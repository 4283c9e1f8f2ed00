"""`/v1/certificates/{serial}`."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query, Request, Response

from api.certificates.schemas import CertificateView
from api.entries import repository
from api.entries.service import MAX_INDEX
from api.errors import ErrorText, NotFound
from api.web.access import PUBLIC_PROBLEMS, anyone
from api.web.answers import respond
from api.web.context import Ctx
from api.web.whole import whole
from chain_node.protocol.certificate import Certificate, Language
from chain_node.protocol.entries import decode
from chain_node.protocol.kinds.retirement import Retirement
from chain_node.protocol.merkle import leaf_hash

router = APIRouter(
    prefix="/v1/certificates", tags=["certificates"], responses=PUBLIC_PROBLEMS, dependencies=[Depends(anyone)]
)
Serial = Annotated[int, Path(ge=0, le=MAX_INDEX, description="The certificate's number", examples=[41])]
Lang = Annotated[Language | None, Query(description="As text in this language; without: JSON")]
_TEXT = "text/plain; charset=utf-8"


@router.get(
    "/{serial}",
    response_model=CertificateView,
    summary="A certificate of retired credits",
    responses={200: {"content": {"text/plain": {"schema": {"type": "string"}}}}},
)
async def certificate(request: Request, context: Ctx, serial: Serial, lang: Lang = None) -> Response:
    """碳减排量注销证书，凭编号公开查询。

    Made from its log entry alone. Public by its number: a certificate is meant to be shown. It names no account, and of
    a person only the salted hash. `Accept: text/plain` or `?lang=zh|en` gives it as text (Chinese by default).
    """
    async with whole(context.database) as connection:
        row = await repository.find(connection, serial)
    entry = None if row is None else decode(row["body"])
    if row is None or not isinstance(entry, Retirement):
        raise NotFound(ErrorText(f"没有编号为 {serial} 的注销证书", f"there is no certificate {serial}"))
    made = Certificate.of(serial, entry)
    vary = {"Vary": "Accept"}
    if lang is not None or "text/plain" in request.headers.get("accept", ""):
        return respond(request, made.text(lang or Language.ZH), media_type=_TEXT, headers=vary)
    body = CertificateView.model_validate({**made.document(), "leaf_hash": leaf_hash(row["body"]).hex()})
    return respond(request, body, headers=vary)
