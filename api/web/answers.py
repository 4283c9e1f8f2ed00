"""Answers with their caching headers: ETag and 304, immutable where a thing can never change.

The models are serialised here by pydantic itself; FastAPI's second validation of an answer we built is left out.
"""

from __future__ import annotations

import hashlib

from fastapi import Request, Response
from pydantic import BaseModel

JSON = "application/json"
IMMUTABLE = "max-age=31536000, immutable"
REVALIDATE = "no-cache"


def matches(request: Request, etag: str) -> bool:
    """Does the client hold this version already (RFC 9110 section 13.1.2, weak comparison)?"""
    header = request.headers.get("if-none-match")
    if header is None:
        return False
    if header.strip() == "*":
        return True
    return etag in {part.strip().removeprefix("W/") for part in header.split(",")}


def respond(
    request: Request,
    body: bytes | str | BaseModel,
    *,
    etag: str | None = None,
    immutable: bool = False,
    private: bool = False,
    media_type: str = JSON,
    headers: dict[str, str] | None = None,
) -> Response:
    """200 with the body, or 304.

    Args:
        etag: what identifies this version; None: a hash of the body.
        immutable: the answer at this address can never change.
        private: only for the asking client's own cache.
    """
    if isinstance(body, BaseModel):
        data = body.__pydantic_serializer__.to_json(body, by_alias=True)
    else:
        data = body.encode() if isinstance(body, str) else body
    tag = f'"{etag or hashlib.sha256(data).hexdigest()[:32]}"'
    visibility = "private" if private else "public"
    all_headers = {
        "ETag": tag,
        "Cache-Control": f"{visibility}, {IMMUTABLE if immutable else REVALIDATE}",
        **(headers or {}),
    }
    if private:
        all_headers["Vary"] = "Authorization"
    if matches(request, tag):
        return Response(status_code=304, headers=all_headers)
    return Response(data, media_type=media_type, headers=all_headers)
