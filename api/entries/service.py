"""What an entry's readers get, and who they are."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from sqlalchemy import RowMapping

from api.entries import decoded
from api.entries.schemas import CallView, EntryView, LawInForce, Provenance
from api.errors import ErrorText, Forbidden, NotFound
from api.tokens.scopes import Scopes
from api.web.types import address_text
from chain_node.protocol.merkle import leaf_hash

MAX_INDEX = (1 << 63) - 1


def no_entry(index: int) -> NotFound:
    """The log has nothing at this index (yet)."""
    return NotFound(ErrorText(f"日志中没有编号为 {index} 的条目", f"the log has no entry {index}"))


def authorise(scopes: Scopes, row: RowMapping) -> None:
    """May the holder read this entry? The law is for every holder; what is about a resident, for those it concerns.

    Raises Forbidden.
    """
    if row["type"] in decoded.PUBLIC_TYPES or scopes.account(row["account"]):
        return
    # an account's own entry (registration, freeze) has no feed: a partner reads only what its feed recorded
    if scopes.feed(row["feed"]):
        return
    raise Forbidden(ErrorText("此条目属于他人", "this entry is about somebody else"))


def provenance(row: RowMapping) -> Provenance:
    """The whole provenance from one row of `repository.find`."""
    body: bytes = row["body"]
    signers: bytes = row["signers"] or b""
    return Provenance.model_construct(
        index=row["idx"],
        leaf_hash=leaf_hash(body).hex(),
        bytes=body.hex(),
        entry=decoded.view(body, account=row["account"], method=row["method"], day=row["day"]),
        revoked_by=row["revoked_by"],
        call=_call(row),
        signers=[address_text(signers[at : at + 20]) for at in range(0, len(signers), 20)],
        method=_law(row["method_index"], row["method_body"]),
        feed=_law(row["feed_index"], row["feed_body"]),
    )


def _call(row: RowMapping) -> CallView | None:
    if row["first"] is None:
        return None

    def text(value: Any) -> str | None:
        return None if value is None else value.hex()

    return CallView.model_construct(
        kind=row["kind"],
        transaction=None if row["tx"] is None else f"0x{row['tx'].hex()}",
        block=row["block"],
        first_index=row["first"],
        count=row["count"],
        first_sequence=row["first_sequence"],
        records_root=text(row["records_root"]),
        config_digest=text(row["config_digest"]),
    )


@lru_cache(maxsize=1024)
def _view(body: bytes) -> EntryView:
    return decoded.view(body)


def _law(index: int | None, body: bytes | None) -> LawInForce | None:
    if index is None or body is None:
        return None
    return LawInForce.model_construct(index=index, entry=_view(body))
