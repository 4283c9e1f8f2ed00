"""Finds entries by leaf hash."""

from __future__ import annotations

from typing import Any

from sqlalchemy import bindparam, select

from api.projection.rows import leaf_key
from api.store.database import Reader
from api.store.models import EntryRow
from chain_node.protocol.merkle import leaf_hash

_E: Any = EntryRow.__table__
_FIND = select(_E.c.idx, _E.c.body).where(_E.c.leaf_key == bindparam("key")).order_by(_E.c.idx).limit(16)


async def index_of(connection: Reader, leaf: bytes) -> int | None:
    """The first entry with this leaf hash, or None. The index holds 8 bytes of it; the rest is compared here."""
    for index, body in await connection.execute(_FIND, {"key": leaf_key(leaf)}):
        if leaf_hash(body) == leaf:
            return int(index)
    return None
