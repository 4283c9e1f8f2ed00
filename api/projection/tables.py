"""How `Effects` are loaded from and written to the tables: bulk statements of SQLAlchemy core, both dialects."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from sqlalchemy import Connection, bindparam, insert, select, update
from sqlalchemy.dialects.postgresql import insert as postgresql_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert

from api.projection.effects import AccountFacts, Effects, Minted, minted
from api.projection.rows import EntryValues, Target
from api.store.models import (
    AccountRow,
    BalanceRow,
    BucketTotalRow,
    CallRow,
    EntryRow,
    FeedTotalRow,
    LawRow,
    MethodTotalRow,
    SubjectRow,
    SubjectTotalRow,
    VintageTotalRow,
)
from chain_node.protocol.entries import Act, Reduction, decode

_IN = 500
"""Values in one IN list, well below either database's limit on parameters."""
_ACCOUNT: Any = AccountRow.__table__
_BALANCE: Any = BalanceRow.__table__
_BUCKET_TOTAL: Any = BucketTotalRow.__table__
_CALL: Any = CallRow.__table__
_ENTRY: Any = EntryRow.__table__
_FEED_TOTAL: Any = FeedTotalRow.__table__
_LAW: Any = LawRow.__table__
_METHOD_TOTAL: Any = MethodTotalRow.__table__
_SUBJECT: Any = SubjectRow.__table__
_SUBJECT_TOTAL: Any = SubjectTotalRow.__table__
_VINTAGE_TOTAL: Any = VintageTotalRow.__table__
_FACTS = [
    _ACCOUNT.c[name]
    for name in ("address", "state", "epoch", "district", "successor", "idx", "credits_debt", "millipoints_debt")
]
_REVOKE = update(_ENTRY).where(_ENTRY.c.idx == bindparam("of")).values(revoked_by=bindparam("by"))


def bulk(connection: Connection, statement: Any, rows: Sequence[tuple[Any, ...]], skip: Sequence[str] = ()) -> None:
    """Execute a core insert for many rows, given as tuples in the order of its columns, those in `skip` left out.

    The statement is compiled by SQLAlchemy; the rows go to the driver as they are, which halves the time of a chunk.
    """
    if not rows:
        return
    names = [column.name for column in statement.table.columns if column.name not in skip]
    compiled = statement.compile(dialect=connection.dialect, column_keys=names)
    if compiled.positional:
        connection.exec_driver_sql(compiled.string, list(rows))
    else:
        connection.exec_driver_sql(compiled.string, [dict(zip(names, row, strict=True)) for row in rows])


def put(connection: Connection, table: Any, rows: Sequence[tuple[Any, ...]], *, add: bool = False) -> None:
    """Insert rows; where the key is there already, replace the other columns, or with `add` add to them."""
    dialect: Any = sqlite_insert if connection.dialect.name == "sqlite" else postgresql_insert
    statement = dialect(table)
    keys = [column.name for column in table.primary_key]
    changes = {
        column.name: column + statement.excluded[column.name] if add else statement.excluded[column.name]
        for column in table.columns
        if column.name not in keys
    }
    bulk(connection, statement.on_conflict_do_update(index_elements=keys, set_=changes), rows)


def _parts(values: Sequence[Any]) -> Iterator[Sequence[Any]]:
    for start in range(0, len(values), _IN):
        yield values[start : start + _IN]


def targets(connection: Connection, indexes: Sequence[int]) -> dict[int, tuple[Minted, Target]]:
    """Reductions that lie before a chunk and are revoked in it."""
    found: dict[int, tuple[Minted, Target]] = {}
    for part in _parts(indexes):
        query = select(_ENTRY.c.idx, _ENTRY.c.body, _ENTRY.c.revoked_by).where(_ENTRY.c.idx.in_(part))
        for index, body, revoked_by in connection.execute(query):
            entry = decode(body)
            if isinstance(entry, Reduction):
                found[index] = (minted(index, entry, revoked_by), Target.of(entry))
    return found


def acts(connection: Connection, indexes: Sequence[int]) -> dict[int, Act]:
    """Acts that lie before a chunk and are decided on in it."""
    found: dict[int, Act] = {}
    for part in _parts(indexes):
        for index, body in connection.execute(select(_ENTRY.c.idx, _ENTRY.c.body).where(_ENTRY.c.idx.in_(part))):
            entry = decode(body)
            if isinstance(entry, Act):
                found[index] = entry
    return found


def load(connection: Connection, addresses: Sequence[bytes], known: dict[int, Minted]) -> Effects:
    """Effects that start from what the read model says of these accounts."""
    effects = Effects(targets=known)
    for part in _parts(addresses):
        query = select(*_FACTS).where(_ACCOUNT.c.address.in_(part))
        for address, state, epoch, district, successor, index, *debt in connection.execute(query):
            effects.accounts[address] = AccountFacts(state, epoch, district, successor, index, debt)
        balances = select(_BALANCE).where(_BALANCE.c.account.in_(part))
        for account, vintage, credits_mg, millipoints in connection.execute(balances):
            effects.balances.setdefault(account, {})[vintage] = [credits_mg, millipoints]
    return effects


def write(
    connection: Connection,
    effects: Effects,
    entries: Sequence[EntryValues],
    law: Sequence[tuple[int, int, int]],
    calls: Sequence[tuple[Any, ...]],
) -> None:
    """Write a chunk: its entries, law history, calls, and what they change."""
    bulk(connection, insert(_ENTRY), entries)
    bulk(connection, insert(_CALL), calls)
    bulk(connection, insert(_LAW), law)
    bulk(connection, insert(_SUBJECT), effects.subjects)
    if effects.revoked:
        connection.execute(_REVOKE, [{"of": of, "by": by} for of, by in effects.revoked.items()])
    accounts = sorted(effects.changed_accounts)
    put(connection, _ACCOUNT, [_account(address, effects.accounts[address]) for address in accounts])
    balances = sorted(effects.changed_balances)
    put(connection, _BALANCE, [(*key, *effects.balances[key[0]][key[1]]) for key in balances])
    put(connection, _VINTAGE_TOTAL, [(key, *values) for key, values in effects.vintages.items()], add=True)
    put(connection, _METHOD_TOTAL, [(*key, *values) for key, values in effects.methods.items()], add=True)
    put(connection, _BUCKET_TOTAL, [(*key, *values) for key, values in effects.buckets.items()], add=True)
    put(connection, _SUBJECT_TOTAL, [(*key, *sums) for key, sums in effects.sums.items()], add=True)
    put(connection, _FEED_TOTAL, [(*key, count) for key, count in effects.feeds.items()], add=True)


def _account(address: bytes, facts: AccountFacts) -> tuple[Any, ...]:
    """A row of `account`, in the order of its columns."""
    return (address, facts.state, facts.epoch, facts.district, facts.successor, facts.index, *facts.debt)
