"""An account's statement from its entries: what came, what went, and what each leaves (docs/protocol.md, section 8)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from api.accounts.schemas import AccountStatementPage, PositionView, StatementLineView
from api.errors import ErrorText, ProjectionError, TooMuch
from api.web.cursors import cursor
from api.web.types import address_text
from chain_node.protocol.entries import decode
from chain_node.protocol.errors import PostingError
from chain_node.protocol.journal import PostingJournal
from chain_node.protocol.kinds import BY_TYPE
from chain_node.protocol.postings import DEBT, Posting
from chain_node.protocol.times import day_of, day_of_date
from chain_node.protocol.totals import Position
from chain_node.protocol.totals import statement as statement_of

MOST = 20_000
"""Entries that one answer books anew: some seconds' work at most. What is longer `luya auditor statement` gives."""


def statement(
    address: bytes,
    log_size: int,
    rows: Sequence[tuple[int, bytes]],
    *,
    since: date | None,
    until: date | None,
    after: int | None,
    limit: int,
) -> AccountStatementPage:
    """A page of the statement, with whole entries on it.

    Args:
        address: whose.
        log_size: the log's, at that moment.
        rows: (index, bytes) of the account's entries that may move something, in the log's order.
        since, until: days on which entries were appended, inclusive; None: from the first, to the newest.
        after: entries up to this index are on pages before.
        limit: lines after which no further entry begins.

    Raises:
        TooMuch: the account has more entries than one answer may book.
        ProjectionError: its entries do not lead to what they say.
    """
    if len(rows) > MOST:
        raise TooMuch(
            ErrorText(
                f"该账户的条目超过 {MOST:,} 条，请用 `luya auditor statement` 由归档生成",
                f"the account has more than {MOST:,} entries: `luya auditor statement` makes it from the archive",
            )
        )
    first = 0 if since is None else day_of_date(since)
    last = None if until is None else day_of_date(until)
    journal = PostingJournal(address)
    before: list[tuple[int, Posting]] = []
    shown: list[tuple[int, Posting]] = []
    facts: dict[int, tuple[int, str]] = {}
    more = False
    for index, body in rows:
        entry = decode(body)
        day = day_of(entry.time)
        if last is not None and day > last:
            break
        try:
            moves = [(index, move.posting) for move in journal.take(index, entry)]
        except PostingError as error:
            raise ProjectionError(f"entry {index}: {error}") from error
        if day < first or (after is not None and index <= after):
            before += moves
        elif len(shown) >= limit and moves:
            more = True
            break
        else:
            shown += moves
            facts[index] = (entry.time, BY_TYPE[body[0]].name.replace(" ", "-"))
    opening = statement_of(address, before).closing
    found = statement_of(address, shown, opening)
    lines = [
        StatementLineView(
            index=line.index,
            time=facts[line.index][0],
            entry=facts[line.index][1],
            unit=line.unit.name.lower(),
            vintage=line.vintage or None,
            bucket=line.bucket.name.lower(),
            counterpart=line.counterpart.name.lower(),
            change=line.change,
            after=line.after,
        )
        for line in found.lines
    ]
    return AccountStatementPage(
        address=address_text(address),
        log_size=log_size,
        opening=_position(found.opening),
        lines=lines,
        closing=_position(found.closing),
        next=cursor(shown[-1][0]) if more else None,
    )


def _position(position: Position) -> list[PositionView]:
    return [
        PositionView(
            unit=unit.name.lower(),
            vintage=None if vintage == DEBT else vintage,
            bucket=bucket.name.lower(),
            amount=amount,
        )
        for (unit, vintage, bucket), amount in sorted(position.items(), key=lambda item: (item[0][1], item[0][0]))
    ]
