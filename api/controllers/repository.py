"""Queries on who acts for an account."""

from __future__ import annotations

from typing import Any

from sqlalchemy import select

from api import subjects
from api.store.database import Reader
from api.store.models import AccountRow, EntryRow, LedgerRow
from chain_node.protocol.entries import Act, decode
from chain_node.protocol.kinds.controllers import CONTROLLER, CONTROLLER_CANCELLED, CUSTODIAN, SESSION_KEY

_A: Any = AccountRow.__table__
_E: Any = EntryRow.__table__
_L: Any = LedgerRow.__table__
_TYPES = (CONTROLLER, CONTROLLER_CANCELLED, SESSION_KEY)


async def newest_time(connection: Reader, address: bytes) -> int | None:
    """The time of the log's newest entry; None where the account was never registered."""
    query = select(_L.c.time).select_from(_L.join(_A, _A.c.address == address))
    row = (await connection.execute(query)).first()
    return None if row is None else int(row.time)


async def acts(connection: Reader, address: bytes, limit: int) -> list[tuple[int, Act]]:
    """What says who acts for the account, in the log's order: its own entries, `limit` at most, and the custodian's."""
    found = {one.index: one.act for one in (await subjects.acts(connection, CUSTODIAN, [0], CUSTODIAN)).get(0, [])}
    query: Any = select(_E.c.idx, _E.c.body).where(_E.c.account == address, _E.c.type.in_(_TYPES))
    for row in await connection.execute(query.order_by(_E.c.idx).limit(limit)):
        act = decode(row.body)
        assert isinstance(act, Act)
        found[row.idx] = act
    return sorted(found.items())
