"""`/v1/accounts/{address}` and its entries."""

from __future__ import annotations

import asyncio
import re
from datetime import date
from functools import partial
from typing import Annotated, Literal

from fastapi import APIRouter, Query, Request, Response
from pydantic import BeforeValidator

from api.accounts import repository, service
from api.accounts.schemas import AccountEntries, AccountStatementPage, AccountSummary
from api.accounts.statement import MOST
from api.accounts.statement import statement as build
from api.entries.decoded import TYPES
from api.errors import BadParameter, ErrorText
from api.web.access import COSTLY_PROBLEMS, TOKEN_PROBLEMS, Address, Holder, not_registered, own
from api.web.answers import respond
from api.web.context import Ctx
from api.web.cursors import Cursor, parse_cursor
from api.web.types import parse_address
from api.web.whole import whole
from chain_node.protocol.times import day_of_date

router = APIRouter(prefix="/v1/accounts", tags=["accounts"], responses=TOKEN_PROBLEMS)
Type = Annotated[
    list[Literal[*TYPES]] | None,  # type: ignore[valid-type]  # the names are the registry's
    Query(description="Only entries of these types"),
]
Number = Annotated[int | None, Query(ge=0, le=0xFFFF)]


def _written_as_a_date(value: object) -> object:
    """pydantic takes a number for seconds since 1970 as well; the document says a date."""
    if isinstance(value, str) and not re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", value):
        raise ValueError("a date is written as 2025-11-20")
    return value


Day = Annotated[
    date | None,
    BeforeValidator(_written_as_a_date),
    Query(description="Local day of the action, inclusive", examples=["2025-11-20"]),
]
Recorded = Annotated[
    date | None,
    BeforeValidator(_written_as_a_date),
    Query(description="Local day of the entry, inclusive", examples=["2025-11-20"]),
]
Limit = Annotated[int, Query(ge=1, le=200, description="Entries a page")]


@router.get("/{address}", response_model=AccountSummary, summary="An account: balances by vintage, debt")
async def account(request: Request, context: Ctx, holder: Holder, address: Address) -> Response:
    """账户状态、按年度的余额与欠额。仅限本人、审计方与运营方。

    State, balances by vintage year and debt. For its owner, auditors and operators.
    """
    wanted = parse_address(address)
    own(holder, wanted)
    async with whole(context.database) as connection:
        row = await repository.account(connection, wanted)
        balances = await repository.balances(connection, wanted)
    return respond(request, service.view(wanted, row, balances), private=True)


@router.get("/{address}/entries", response_model=AccountEntries, summary="Every entry about an account, by pages")
async def entries(
    request: Request,
    context: Ctx,
    holder: Holder,
    address: Address,
    type: Type = None,
    method: Number = None,
    feed: Number = None,
    from_day: Day = None,
    to_day: Day = None,
    order: Annotated[Literal["newest", "oldest"], Query()] = "newest",
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Response:
    """账户的全部记录，含未被计入的记录及原因。仅限本人、审计方与运营方。

    Reductions, refusals (with the rule and what to do), revocations and changes of the account, newest first unless
    asked otherwise. A cursor stays good while new entries arrive.
    """
    wanted = parse_address(address)
    own(holder, wanted)
    types = None if type is None else tuple(code for name in type for code in TYPES[name])
    chosen = repository.EntryFilter(types, method, feed, _day("from_day", from_day), _day("to_day", to_day))
    after = parse_cursor(cursor)
    ascending = order == "oldest"
    async with whole(context.database) as connection:
        rows = await repository.entries(connection, wanted, chosen, after=after, ascending=ascending, limit=limit + 1)
    return respond(request, service.page(wanted, rows, limit), private=True)


@router.get(
    "/{address}/statement",
    response_model=AccountStatementPage,
    responses=COSTLY_PROBLEMS,
    summary="What came and went, posting by posting",
)
async def statement(
    request: Request,
    context: Ctx,
    holder: Holder,
    address: Address,
    since: Recorded = None,
    until: Recorded = None,
    limit: Annotated[int, Query(ge=1, le=1_000, description="Lines a page; an entry's are not parted")] = 200,
    cursor: Cursor = None,
) -> Response:
    """账户对账单：期初、逐笔变动、期末，欠额单列。仅限本人、审计方与运营方。

    Every posting of the account in the log's order, booked anew from its entries: opening + changes = closing, by unit
    and vintage, debts apart. For its owner, auditors and operators.
    """
    wanted = parse_address(address)
    own(holder, wanted)
    _day("since", since)
    _day("until", until)
    after = parse_cursor(cursor)
    async with whole(context.database) as connection:
        row = await repository.account(connection, wanted)
        rows = await repository.moving(connection, wanted, MOST + 1)
    if row is None:
        raise not_registered()
    make = partial(build, wanted, row["size"], rows, since=since, until=until, after=after, limit=limit)
    return respond(request, await asyncio.to_thread(make), private=True)


def _day(parameter: str, value: date | None) -> int | None:
    """The day number of a date. Raises BadParameter: outside the protocol's days."""
    if value is None:
        return None
    day = day_of_date(value)
    if not 0 <= day <= 0xFFFF:
        raise BadParameter(parameter, ErrorText("日期超出范围", "the date is out of range"))
    return day
