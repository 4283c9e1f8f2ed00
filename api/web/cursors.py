"""Cursors of paged answers: opaque to clients, so that their form may change."""

from __future__ import annotations

import base64
from typing import Annotated

from fastapi import Query

from api.errors import BadParameter, ErrorText

_LONGEST = 28

Cursor = Annotated[str | None, Query(max_length=40, description="`next` of the page before")]


def cursor(last: int) -> str:
    """The cursor behind the thing with this number or index."""
    return base64.urlsafe_b64encode(str(last).encode()).decode().rstrip("=")


def parse_cursor(text: str | None) -> int | None:
    """The number in a cursor. Raises BadParameter: not one of ours."""
    if text is None:
        return None
    try:
        decoded_text = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)).decode("ascii")
    except ValueError:
        decoded_text = ""
    if len(text) > _LONGEST or not decoded_text.isdigit() or int(decoded_text) >= 1 << 63:
        raise BadParameter(
            "cursor", ErrorText("游标无效，请从第一页重新开始", "not a cursor: begin at the first page again")
        )
    return int(decoded_text)
