"""What became of partners' rows: handed in by the program that runs an oracle, answered at `/v1/records`.

The API never reads an oracle's journal. Whoever composes both (the `luya` command) calls `take` with what the journal
holds; taking the same row again replaces its state, so that 'signed' becomes 'final'. Nothing personal is needed:
`value` is the value the rule looked at (a duration, a count), never a name or a phone number.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any

from sqlalchemy import Connection, Engine, bindparam, delete, or_, update
from sqlalchemy.dialects.postgresql import insert as postgresql_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert

from api.errors import ProjectionError
from api.projection.tables import bulk
from api.store.models import OutcomeRow

CHUNK = 5_000
STATES = ("accepted", "signed", "final", "refused", "set-aside")
_KEY_LENGTH = 255
_VALUE_LENGTH = 1_000
_TABLE: Any = OutcomeRow.__table__
_UNIQUE = 4
_REPLACED = ("state", "rule", "value", "account", "sequence")


@dataclass(frozen=True, slots=True)
class ReportedRow:
    """One row of a partner's file.

    feed: its number; file: base name; row: line of data, from 1; key: the idempotency key (the partner's record id, or
    the hex SHA-256 of the row); state: one of STATES; rule: number of the rule that refused it, else None; value: what
    the rule looked at; account: whom it was for, where known; sequence: its number in the feed once signed;
    judged_again: it had been refused before, in whichever file: this is what became of it.
    """

    feed: int
    file: str
    row: int
    key: str
    state: str
    rule: int | None = None
    value: str = ""
    account: bytes | None = None
    sequence: int | None = None
    judged_again: bool = False


def take(engine: Engine, rows: Iterable[ReportedRow]) -> int:
    """Store outcomes, a transaction per 5,000 rows; taking a row again replaces its state. Returns how many.

    Raises ProjectionError: a row that cannot be, named by file and row.
    """
    taken = 0
    source = iter(rows)
    while chunk := list(islice(source, CHUNK)):
        # one statement may not touch a row twice, so the last word on a row wins here already
        values = {value[:_UNIQUE]: value for value in map(_values, chunk)}
        with engine.begin() as connection:
            _upsert(connection, list(values.values()))
            _replace(connection, [_values(row) for row in chunk if row.judged_again])
        taken += len(chunk)
    return taken


def forget(engine: Engine, feed: int, keys: Iterable[str]) -> int:
    """Erase everything known of these records of a feed (consent withdrawn, retention ended). Returns how many rows."""
    erased = 0
    with engine.begin() as connection:
        for part in _parts(sorted({stored(key) for key in keys}), 500):
            statement = delete(_TABLE).where(_TABLE.c.feed == feed, _TABLE.c.key.in_(part))
            erased += connection.execute(statement).rowcount
    return erased


def stored(text: str) -> str:
    """How a key or a file name is kept: as it is, or as its SHA-256 where a database could not hold or index it."""
    if len(text) <= _KEY_LENGTH and "\0" not in text and text.isprintable():
        return text
    return "sha256:" + hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def _parts(values: list[str], size: int) -> Iterator[list[str]]:
    for start in range(0, len(values), size):
        yield values[start : start + size]


def _values(row: ReportedRow) -> tuple[Any, ...]:
    """The row's columns in the order of the table, without `id`; the first four are unique."""
    problem = ""
    if row.state not in STATES:
        problem = f"{row.state!r} is not a state; known are {', '.join(STATES)}"
    elif not 0 <= row.feed <= 0xFFFF or row.row < 0:
        problem = f"feed {row.feed} or row {row.row} is out of range"
    elif not row.key:
        problem = "a row has an idempotency key"
    elif row.state == "refused" and row.rule is None:
        problem = "a refused row names its rule"
    if problem:
        raise ProjectionError(f"{row.file}:{row.row}: {problem}")
    value = row.value.replace("\0", "�")[:_VALUE_LENGTH]
    place = (row.feed, stored(row.key), stored(row.file), row.row)
    return (*place, row.state, row.rule, value, row.account, row.sequence)


def _replace(connection: Connection, values: list[tuple[Any, ...]]) -> None:
    """Rows that were refused under these keys, in other files say, are what they have become now."""
    if not values:
        return
    refused = or_(_TABLE.c.state == "refused", _TABLE.c.state == "set-aside")
    statement = (
        update(_TABLE)
        .where(_TABLE.c.feed == bindparam("of_feed"), _TABLE.c.key == bindparam("of_key"), refused)
        .values({name: bindparam(f"new_{name}") for name in _REPLACED})
    )
    names = ("of_feed", "of_key", None, None, *(f"new_{name}" for name in _REPLACED))
    given = [{name: part for name, part in zip(names, value, strict=True) if name} for value in values]
    connection.execute(statement, given)


def _upsert(connection: Connection, values: list[tuple[Any, ...]]) -> None:
    insert: Any = sqlite_insert if connection.dialect.name == "sqlite" else postgresql_insert
    statement = insert(_TABLE)
    changes = {name: statement.excluded[name] for name in _REPLACED}
    statement = statement.on_conflict_do_update(index_elements=["feed", "key", "file", "line"], set_=changes)
    bulk(connection, statement, values, skip=("id",))
