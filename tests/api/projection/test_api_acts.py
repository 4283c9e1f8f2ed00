"""An act that moves something, of a kind that no reader knows by name, through all that read entries."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar

import kinds_script
import pytest
from kinds_script import REDUCTION, TIME, WHO, archive
from sqlalchemy import text
from test_api_kinds import read_model

from api.projection.compare import compare
from api.projection.projector import Projector
from chain_node.archive.reader import ArchiveReader
from chain_node.auditor import loading, statements, tables
from chain_node.protocol import entries as e
from chain_node.protocol.kinds import BY_ENTRY, BY_TYPE
from chain_node.protocol.kinds.act import Act, Part, act_kind, pairs
from chain_node.protocol.kinds.retirement import Retirement
from chain_node.protocol.loop.family import LedgerView
from chain_node.protocol.moves import MoveKind, posted
from chain_node.protocol.postings import NOBODY, Bucket, Unit
from chain_node.protocol.records import Record
from chain_node.protocol.replay import State
from chain_node.protocol.times import day_of, year_of

YEAR = year_of(day_of(TIME))
BEGINNING = tuple(entry for entry in kinds_script.BEGINNING if not isinstance(entry, Retirement))
"""What of the script moves nothing but by records."""


@dataclass(frozen=True, slots=True)
class Spent(Act):
    """Points are redeemed."""

    account: bytes
    parts: tuple[Part, ...]


@dataclass(frozen=True, slots=True)
class Returned(Act):
    """… and given back."""

    account: bytes
    parts: tuple[Part, ...]


class Anything:
    """Allows all."""

    acts: ClassVar[frozenset[type[Act]]] = frozenset({Spent, Returned})

    def check(self, _index: int, _act: Act, _ledger: LedgerView) -> None:
        """Nothing is against it."""

    def apply(self, _index: int, _act: Act, _ledger: LedgerView) -> None:
        """Nothing is kept."""


KINDS = (
    act_kind(
        "spent",
        0x11,
        Spent,
        "account:20s",
        moves=lambda act: posted(MoveKind.REDEEM, Unit.MILLIPOINTS, pairs(act.parts), act.account),
        oldest_first=True,
    ),
    act_kind(
        "returned",
        0x13,
        Returned,
        "account:20s",
        moves=lambda act: posted(MoveKind.REFUND, Unit.MILLIPOINTS, pairs(act.parts), NOBODY, act.account),
    ),
)
SLOTS = iter(range(20, 180, 5))


def reduction(sequence: int) -> e.Reduction:
    record = replace(REDUCTION.record, slot=next(SLOTS))
    assert isinstance(record, Record)
    return replace(REDUCTION, sequence=sequence, record=record)


# the script leaves 0 mg of its first reduction and 50 mg, 5 millipoints of its second
MORE: tuple[e.Entry, ...] = (
    Spent(TIME, WHO, (Part(YEAR, 5),)),
    reduction(3),
    e.Revocation(TIME, len(BEGINNING) + 1, 1, bytes(32), True, 50, 5, 0, 0),
    reduction(4),
    Spent(TIME, WHO, (Part(YEAR, 5),)),
    # earned, spent, revoked: owed, and met by what comes back
    e.Revocation(TIME, len(BEGINNING) + 3, 1, bytes(32), True, 50, 0, 0, 5),
    Returned(TIME, WHO, (Part(YEAR, 7),)),
)


@pytest.fixture
def log(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> tuple[ArchiveReader, State]:
    # The beginning of the script alone: these kinds stand in the places of its orders and refunds.
    bodies = [e.encode(entry) for entry in BEGINNING]
    monkeypatch.setattr(kinds_script, "SCRIPT", BEGINNING)
    monkeypatch.setattr(kinds_script, "BODIES", bodies)
    for kind in KINDS:
        monkeypatch.setitem(BY_TYPE, kind.types[0], kind)
        monkeypatch.setitem(BY_ENTRY, kind.entry, kind)
        monkeypatch.setitem(
            tables.TABLES, f"base_{kind.name}", "idx BIGINT, time BIGINT, account VARCHAR, parts VARCHAR"
        )
        monkeypatch.setitem(tables._MAKERS, kind.types[0], tables._act)
    monkeypatch.setattr(loading, "ACT_TYPES", {kind.types[0] for kind in KINDS})
    more = [e.encode(entry) for entry in MORE]
    archive(tmp_path / "archive", *more).close()
    state = State()
    for act in Anything.acts:
        state.loop._of[act] = Anything()
    for body in (*bodies, *more):
        state.apply(body)
    return ArchiveReader(tmp_path / "archive"), state


def test_the_replay_has_met_the_debt_from_what_came_back(log: tuple[ArchiveReader, State]) -> None:
    _, state = log
    assert (state.held(WHO, YEAR, Unit.MILLIPOINTS), state.owed(WHO, Unit.MILLIPOINTS)) == (2, 0)
    assert state.total(Unit.MILLIPOINTS, YEAR, Bucket.REDEEMED) == 3


@pytest.mark.parametrize("chunk", [1, 3, 5_000])
def test_the_read_model_is_the_replays(log: tuple[ArchiveReader, State], tmp_path: Path, chunk: int) -> None:
    reader, state = log
    with read_model(tmp_path) as engine:
        Projector(engine, reader, chunk).catch_up()
        assert compare(engine, reader, state) == []
        with engine.begin() as connection:
            found = connection.execute(text("SELECT vintage, bucket, credits_mg, millipoints FROM bucket_total")).all()
            assert [tuple(row) for row in found] == [(YEAR, "redeemed", 0, 3)]
            connection.execute(text("UPDATE bucket_total SET millipoints = 4"))
        assert [one.where for one in compare(engine, reader, state)] == [f"bucket_total ({YEAR}, redeemed)"]


def test_the_auditors_views_and_the_statement_are_the_replays(log: tuple[ArchiveReader, State]) -> None:
    reader, state = log
    connection = loading.connect(None)
    loading.load(connection, reader)

    def rows(sql: str) -> list[tuple[Any, ...]]:
        return connection.execute(sql).fetchall()

    assert rows("SELECT year, credits_mg, millipoints FROM balances") == [(YEAR, *state.balances[WHO, YEAR])]
    assert rows("SELECT millipoints, millipoints_debt FROM accounts") == [(2, 0)]
    assert rows("SELECT * FROM buckets") == [(YEAR, "redeemed", 0, 3)]
    columns = "credits_minted_mg, millipoints_minted, credits_burned_mg, millipoints_burned, millipoints_held"
    assert rows(f"SELECT {columns} FROM totals_by_year") == [(*state.totals[YEAR], 2)]
    assert rows("SELECT account, parts FROM base_returned") == [(WHO.hex(), f"{YEAR}:7")]
    connection.close()
    found = statements.of_account(reader, WHO)
    assert found.statement.closing[Unit.MILLIPOINTS, YEAR, Bucket.HELD] == 2
    assert {found.kinds[line.index] for line in found.statement.lines} == {
        "reduction",
        "revocation",
        "spent",
        "returned",
    }
    assert [line.counterpart for line in found.statement.lines if line.index == len(BEGINNING) + 6] == [
        Bucket.REDEEMED, Bucket.REVOKED, Bucket.MET,
    ]  # fmt: skip
    assert found.about[len(BEGINNING)] is None
