"""Queries on entries. `find` is the hot path: one statement over primary keys, compiled once."""

from __future__ import annotations

from typing import Any

from sqlalchemy import RowMapping, bindparam, func, select

from api.store.database import Reader
from api.store.models import CallRow, EntryRow, LawRow
from chain_node.protocol.entries import FEED, METHOD

_E: Any = EntryRow.__table__
_C: Any = CallRow.__table__
_L: Any = LawRow.__table__
_METHOD_BODY: Any = _E.alias("method_entry")
_FEED_BODY: Any = _E.alias("feed_entry")


def _in_force(kind: int, column: Any) -> Any:
    """Index of the entry that last set this method or feed before the entry; one seek in the law's primary key."""
    before = select(func.max(_L.c.idx)).where(_L.c.kind == kind, _L.c.id == column, _L.c.idx < _E.c.idx)
    return before.correlate(_E).scalar_subquery()


_FIND = (
    select(
        _E.c.idx,
        _E.c.type,
        _E.c.account,
        _E.c.feed,
        _E.c.method,
        _E.c.day,
        _E.c.revoked_by,
        _E.c.body,
        _C.c.kind,
        _C.c.tx,
        _C.c.block,
        _C.c.first,
        _C.c.count,
        _C.c.first_sequence,
        _C.c.records_root,
        _C.c.config_digest,
        _C.c.signers,
        _METHOD_BODY.c.idx.label("method_index"),
        _METHOD_BODY.c.body.label("method_body"),
        _FEED_BODY.c.idx.label("feed_index"),
        _FEED_BODY.c.body.label("feed_body"),
    )
    .outerjoin(_C, _C.c.first == _E.c.call)
    .outerjoin(_METHOD_BODY, _METHOD_BODY.c.idx == _in_force(METHOD, _E.c.method))
    .outerjoin(_FEED_BODY, _FEED_BODY.c.idx == _in_force(FEED, _E.c.feed))
    .where(_E.c.idx == bindparam("index"))
)


async def find(connection: Reader, index: int) -> RowMapping | None:
    """An entry with its call, the method and the feed in force; None where the log has none there."""
    return (await connection.execute(_FIND, {"index": index})).mappings().first()
