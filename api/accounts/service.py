"""What an account's readers get."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Row, RowMapping

from api.accounts.schemas import AccountEntries, AccountEntry, AccountSummary, VintageBalance
from api.entries import decoded
from api.errors import BadParameter, ErrorText, Forbidden, NotFound
from api.tokens.scopes import Scopes
from api.web.types import address_text
from chain_node.protocol.entries import NO_ADDRESS, AccountState

_CURSOR_LIMIT = 28


def authorise(scopes: Scopes, address: bytes) -> None:
    """Only its owner, auditors and operators: a partner sees its records, never a person's whole account.

    Raises Forbidden.
    """
    if not scopes.account(address):
        raise Forbidden(ErrorText("此账户属于他人", "this account is somebody else's"))


def not_registered() -> NotFound:
    """No entry registers the address."""
    return NotFound(ErrorText("该地址尚未登记为账户", "this address was never registered as an account"))


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


def cursor(index: int) -> str:
    """The cursor behind this entry; opaque to clients, so that its form may change."""
    return base64.urlsafe_b64encode(str(index).encode()).decode().rstrip("=")


def parse_cursor(text: str | None) -> int | None:
    """The index in a cursor. Raises BadParameter: not one of ours."""
    if text is None:
        return None
    try:
        decoded_text = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)).decode("ascii")
    except ValueError:
        decoded_text = ""
    if len(text) > _CURSOR_LIMIT or not decoded_text.isdigit() or int(decoded_text) >= 1 << 63:
        raise BadParameter(
            "cursor", ErrorText("游标无效，请从第一页重新开始", "not a cursor: begin at the first page again")
        )
    return int(decoded_text)
