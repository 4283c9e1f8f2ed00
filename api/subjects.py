"""Queries on what acts are about (`api.projection.subjects`): shared by the features that show it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from sqlalchemy import Select, select

from api.store.database import Reader
from api.store.models import AccountRow, EntryRow, SubjectRow, SubjectTotalRow
from chain_node.protocol.entries import Act, decode

_A: Any = AccountRow.__table__
_E: Any = EntryRow.__table__
_S: Any = SubjectRow.__table__
_T: Any = SubjectTotalRow.__table__
_JOINED: Select[Any] = select(
    _S.c.topic, _S.c.id, _S.c.type, _S.c.idx, _S.c.outcome, _S.c.first, _S.c.units, _S.c.amount, _E.c.time, _E.c.body
).join(_E, _E.c.idx == _S.c.idx)
_IN = 500


class Sum(NamedTuple):
    """Acts of one type and outcome together."""

    acts: int = 0
    units: int = 0
    amount: int = 0


class Sums:
    """Of one thing, by type and outcome."""

    def __init__(self) -> None:
        self._found: dict[tuple[int, int], Sum] = {}

    def put(self, code: int, outcome: int, found: Sum) -> None:
        self._found[code, outcome] = found

    def of(self, code: int, outcome: int | None = None) -> Sum:
        """Of a type; outcome None: of all its outcomes."""
        if outcome is not None:
            return self._found.get((code, outcome), Sum())
        parts = [one for (kind, _), one in self._found.items() if kind == code]
        return Sum(*(sum(column) for column in zip(*parts, strict=True))) if parts else Sum()


@dataclass(frozen=True, slots=True)
class SubjectAct:
    """An act as an entry. outcome, first, units, amount: as `SubjectRow` has them."""

    id: int
    index: int
    time: int
    outcome: int
    first: int | None
    units: int
    amount: int
    body: bytes

    @property
    def act(self) -> Act:
        entry = decode(self.body)
        assert isinstance(entry, Act)
        return entry


async def numbers(connection: Reader, topic: int, *, after: int, limit: int) -> list[int]:
    """Numbers of the things of a topic whose sums are kept, ascending, from `after` on."""
    query = select(_T.c.id).where(_T.c.topic == topic, _T.c.type == topic, _T.c.outcome == 0, _T.c.id > after)
    return [row.id for row in await connection.execute(query.order_by(_T.c.id).limit(limit))]


async def sums(connection: Reader, topic: int, ids: Sequence[int]) -> dict[int, Sums]:
    """Number → its sums; one for each of `ids`."""
    found = {identity: Sums() for identity in ids}
    for part in _parts(ids):
        for row in await connection.execute(select(_T).where(_T.c.topic == topic, _T.c.id.in_(part))):
            found[row.id].put(row.type, row.outcome, Sum(row.acts, row.units, row.amount))
    return found


async def acts(connection: Reader, topic: int, ids: Sequence[int], *types: int) -> dict[int, list[SubjectAct]]:
    """Number → its acts of these types, in the log's order; few a thing."""
    found: dict[int, list[SubjectAct]] = defaultdict(list)
    for part in _parts(ids):
        query = _JOINED.where(_S.c.topic == topic, _S.c.id.in_(part), _S.c.type.in_(types))
        for row in await connection.execute(query.order_by(_S.c.id, _S.c.idx)):
            found[row.id].append(_known(row))
    return found


async def newest(
    connection: Reader, topic: int, identity: int, code: int, before: int | None, limit: int
) -> list[SubjectAct]:
    """A page of a thing's acts of one type, the newest first, before the index `before`."""
    query = _JOINED.where(_S.c.topic == topic, _S.c.id == identity, _S.c.type == code)
    if before is not None:
        query = query.where(_S.c.idx < before)
    return [_known(row) for row in await connection.execute(query.order_by(_S.c.idx.desc()).limit(limit))]


async def entry(connection: Reader, index: int, code: int) -> SubjectAct | None:
    """The act of this type at `index`; None where the log has another entry there, or none."""
    query = select(_E.c.time, _E.c.body).where(_E.c.idx == index, _E.c.type == code)
    row = (await connection.execute(query)).first()
    return None if row is None else SubjectAct(index, index, row.time, 0, None, 0, 0, row.body)


async def registered(connection: Reader, account: bytes) -> bool:
    """Whether an entry registers the account."""
    return (await connection.execute(select(_A.c.idx).where(_A.c.address == account))).first() is not None


async def of_account(connection: Reader, account: bytes, code: int, before: int | None, limit: int) -> list[SubjectAct]:
    """A page of an account's acts of one type, the newest first, before the index `before`."""
    query: Any = select(_E.c.idx, _E.c.time, _E.c.body).where(_E.c.account == account, _E.c.type == code)
    if before is not None:
        query = query.where(_E.c.idx < before)
    rows = await connection.execute(query.order_by(_E.c.idx.desc()).limit(limit))
    return [SubjectAct(row.idx, row.idx, row.time, 0, None, 0, 0, row.body) for row in rows]


def _known(row: Any) -> SubjectAct:
    return SubjectAct(row.id, row.idx, row.time, row.outcome, row.first, row.units, row.amount, row.body)


def _parts(values: Iterable[int]) -> Iterator[list[int]]:
    listed = list(values)
    for start in range(0, len(listed), _IN):
        yield listed[start : start + _IN]
