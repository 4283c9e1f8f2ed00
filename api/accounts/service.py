"""What an account's readers get."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Row, RowMapping

from api.accounts.schemas import AccountEntries, AccountEntry, AccountSummary, VintageBalance
from api.entries import decoded
from api.web.access import not_registered
from api.web.cursors import cursor
from api.web.types import address_text
from chain_node.protocol.entries import NO_ADDRESS, AccountState


def view(address: bytes, row: RowMapping | None, balances: Sequence[Row[Any]]) -> AccountSummary:
    """The account. Raises NotFound: it was never registered."""
    if row is None:
        raise not_registered()
    held = [
        VintageBalance(vintage=found.vintage, credits_mg=found.credits_mg, millipoints=found.millipoints)
        for found in balances
    ]
    return AccountSummary(
        address=address_text(address),
        state=AccountState(row["state"]).name.lower(),
        epoch=row["epoch"],
        district=row["district"],
        successor=None if row["successor"] == NO_ADDRESS else address_text(row["successor"]),
        credits_mg=sum(found.credits_mg for found in held),
        millipoints=sum(found.millipoints for found in held),
        balances=held,
        debt_credits_mg=row["credits_debt"],
        debt_millipoints=row["millipoints_debt"],
        log_size=row["size"],
    )


def page(address: bytes, rows: Sequence[Row[Any]], limit: int) -> AccountEntries:
    """A page from `limit + 1` rows: the last one only says that there is more."""
    shown = rows[:limit]
    entries = [
        AccountEntry(
            index=row.idx,
            entry=decoded.view(row.body, account=row.account, method=row.method, day=row.day),
            revoked_by=row.revoked_by,
        )
        for row in shown
    ]
    more = cursor(shown[-1].idx) if len(rows) > limit else None
    return AccountEntries(address=address_text(address), entries=entries, next=more)
