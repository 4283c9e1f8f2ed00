"""Every registered kind goes through everything that reads entries; an unassigned type through nothing, and a kind that
one reader forgot not through that one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from api_again import dump
from kinds_script import BATCH, BODIES, DOMAIN, SCRIPT, TIME, WHO, archive, calls, logs
from sqlalchemy import Engine, select, text

from api.entries import decoded
from api.errors import ProjectionError
from api.projection.compare import compare
from api.projection.projector import Projector
from api.projection.rows import entry_values, law_key
from api.store import database, migrate
from api.store.models import EntryRow
from chain_node.archive.reader import ArchiveReader
from chain_node.auditor import loading
from chain_node.auditor.changes import problem
from chain_node.auditor.tables import TABLES, line_of
from chain_node.errors import QueryError
from chain_node.following.events import Known, Rebuilder
from chain_node.protocol import entries as e
from chain_node.protocol.errors import CodecError, ReplayError
from chain_node.protocol.journal import PostingJournal
from chain_node.protocol.kinds import BY_ENTRY, BY_TYPE
from chain_node.protocol.kinds.kind import Kind, Layout
from chain_node.protocol.merkle import Tree, leaf_hash
from chain_node.protocol.moves import BY_TYPE as MOVES_BY_TYPE
from chain_node.protocol.replay import State

UNASSIGNED = sorted(set(range(256)) - set(BY_TYPE))
LAW_KINDS = (0x41, 0x42, 0x43, 0x44, 0x46, 0x47)
"""Entry types whose history is the law: organisation, feed, method, group caps, pause, log key."""


def replayed(*bodies: bytes) -> State:
    state = State()
    for body in bodies or BODIES:
        state.apply(body)
    return state


@contextmanager
def read_model(folder: Path) -> Iterator[Engine]:
    engine = database.writer(f"sqlite:///{folder / 'read-model.sqlite'}")
    migrate.upgrade(engine)
    try:
        yield engine
    finally:
        engine.dispose()


def test_the_script_has_every_type_that_is_registered() -> None:
    assert {body[0] for body in BODIES} == set(BY_TYPE)


def test_every_kind_goes_through_replay_tables_views_rows_and_postings() -> None:
    state, journal = State(), PostingJournal()
    tables = set()
    for index, (entry, body) in enumerate(zip(SCRIPT, BODIES, strict=True)):
        assert e.decode(body) == entry
        assert problem(state, entry, imported=True) is None
        assert state.apply(body) == index
        moved = [move.posting for move in journal.take(index, entry)]
        assert bool(moved) == (isinstance(entry, e.Reduction | e.Revocation) or body[0] in MOVES_BY_TYPE)
        table, line = line_of(index, body)
        assert line.count(",") == TABLES[table].count(",")
        tables.add(table)
        row = entry_values(index, body, entry, bytes(32), None)
        assert (row.type, row.time, row.body) == (body[0], TIME, body)
        assert decoded.view(body).time == TIME
        if body[0] in LAW_KINDS:
            assert law_key(entry)[0] == body[0]  # type: ignore[arg-type]  # its type is of the law
        elif not isinstance(entry, e.Act):
            assert body[0] in {code for codes in decoded.TYPES.values() for code in codes}
    assert tables == set(TABLES) - {"base_call", "base_posting"}
    assert state.balances[WHO, 2026] == tuple(journal.books.held(WHO, 2026, unit) for unit in (0, 1))  # type: ignore[arg-type]


@pytest.mark.parametrize("chunk", [1, 3, 5_000])
def test_every_kind_goes_through_the_projector_and_the_comparison(tmp_path: Path, chunk: int) -> None:
    archive(tmp_path / "archive").close()
    reader = ArchiveReader(tmp_path / "archive")
    with read_model(tmp_path) as engine:
        assert Projector(engine, reader, chunk).catch_up() == len(SCRIPT)
        assert compare(engine, reader, replayed()) == []
        with engine.connect() as connection:
            rows = connection.execute(select(EntryRow.__table__).order_by(EntryRow.index)).all()
            assert [row.body for row in rows] == BODIES
            law = set(connection.execute(text("SELECT idx FROM law")).scalars())
        assert law == {index for index, body in enumerate(BODIES) if body[0] in LAW_KINDS}
        # the comparison sees each of them
        for index, body in enumerate(BODIES):
            with engine.begin() as connection:
                connection.execute(text("UPDATE entry SET type = type + 1 WHERE idx = :idx"), {"idx": index})
            assert compare(engine, reader, replayed())[0].where == f"entry {index}", hex(body[0])
            with engine.begin() as connection:
                connection.execute(text("UPDATE entry SET type = type - 1 WHERE idx = :idx"), {"idx": index})


def test_every_kind_goes_through_the_events() -> None:
    entries, made = Rebuilder(Tree(), Known(), DOMAIN).take(logs())
    assert entries == BODIES
    assert made == calls()
    brought = {BODIES[index][0] for index in BATCH}
    known = Known()
    for body in BODIES:  # a batch's entries come by themselves too: in an import phase
        known.take(body)
    assert (set(known.methods), set(known.feeds)) == ({1, 2}, {1})
    assert brought == {e.REDUCTION, e.REDUCTION_NULLIFIER, e.REFUSAL}


def test_every_kind_is_in_the_auditors_list_of_entries(tmp_path: Path) -> None:
    archive(tmp_path / "archive").close()
    connection = loading.connect(None)
    assert loading.load(connection, ArchiveReader(tmp_path / "archive"))[0] == len(SCRIPT)
    rows = connection.execute("SELECT idx, kind, time FROM entries ORDER BY idx").fetchall()
    kinds = [BY_TYPE[body[0]].name.replace("group caps", "caps") for body in BODIES]
    assert rows == [(index, kind, TIME) for index, kind in enumerate(kinds)]
    connection.close()


def moved_on(engine: Engine, reader: ArchiveReader) -> State:
    """A read model that a program without these checks has moved on to the archive's end; a state of that size."""
    with engine.begin() as connection:
        row = {"size": reader.size, "root": reader.root_at(reader.size)}
        connection.execute(text("UPDATE ledger SET size = :size, root = :root"), row)
    state = replayed()
    for body in reader.entries(len(SCRIPT), reader.size):
        state.tree.append(leaf_hash(body))
    return state


@pytest.mark.parametrize("code", UNASSIGNED)
def test_an_unassigned_type_is_refused_by_name_everywhere(code: int) -> None:
    body = bytes([code]) + BODIES[8][1:]
    with pytest.raises(CodecError, match=f"0x{code:02x} is not assigned"):
        e.decode(body)
    with pytest.raises(ReplayError, match=f"0x{code:02x}"):
        State().apply(body)
    with pytest.raises(QueryError, match=f"type 0x{code:02x}"):
        line_of(4, body)
    with pytest.raises(CodecError, match=f"0x{code:02x}"):
        decoded.view(body)
    with pytest.raises(CodecError, match=f"0x{code:02x}"):
        Known().take(body)


@pytest.mark.parametrize("code", [0x00, 0x3E, 0x3F, 0x45])
def test_an_archive_with_an_unassigned_type_is_refused_and_the_cursor_stays(tmp_path: Path, code: int) -> None:
    body = bytes([code]) + BODIES[8][1:]
    archive(tmp_path / "archive", body, BODIES[1]).close()
    reader, size = ArchiveReader(tmp_path / "archive"), len(SCRIPT)
    named = rf"entry {size} of the archive cannot be read: entry type 0x{code:02x} is not assigned.*run the program"
    with read_model(tmp_path) as engine:
        projector = Projector(engine, reader, size)
        assert projector.step() == size
        before = dump(engine)
        for _ in range(2):
            with pytest.raises(ProjectionError, match=named):
                projector.step()
            assert dump(engine) == before
        state = moved_on(engine, reader)
        assert projector.step() == size + 2
        with pytest.raises(ProjectionError, match=named):
            compare(engine, reader, state)


@dataclass(frozen=True)
class Novelty:
    """A kind that the registry has and nobody else knows."""

    time: int


LAYOUT = Layout("type:B time:Q")
NOVELTY: Kind[Novelty] = Kind(
    "novelty",
    (0x7E,),
    Novelty,
    LAYOUT,
    lambda entry: LAYOUT.codes.pack(0x7E, entry.time),
    lambda data: Novelty(LAYOUT.codes.unpack(data)[1]),
    lambda _: None,
)
NEW = LAYOUT.codes.pack(0x7E, TIME)
READERS: dict[str, tuple[type[Exception], Callable[[Any], object]]] = {
    "the replay": (AssertionError, lambda entry: replayed(*BODIES, NEW)),
    "the auditor's changes": (AssertionError, lambda entry: problem(State(), entry, imported=True)),
    "the auditor's tables": (QueryError, lambda _: line_of(0, NEW)),
    "the API's views": (AssertionError, lambda _: decoded.view(NEW)),
    "the read model's rows": (AssertionError, lambda entry: entry_values(0, NEW, entry, bytes(32), None)),
    "the law's history": (AssertionError, law_key),
    "the journal": (AssertionError, lambda entry: PostingJournal().take(0, entry)),
    "the events": (AssertionError, lambda _: Known().take(NEW)),
}


@pytest.fixture
def novelty(monkeypatch: pytest.MonkeyPatch) -> Novelty:
    monkeypatch.setitem(BY_TYPE, 0x7E, NOVELTY)
    monkeypatch.setitem(BY_ENTRY, Novelty, NOVELTY)
    return Novelty(TIME)


@pytest.mark.parametrize("reader", READERS)
def test_a_kind_that_a_reader_forgot_does_not_get_through_it(novelty: Novelty, reader: str) -> None:
    assert e.decode(NEW) == novelty
    error, read = READERS[reader]
    with pytest.raises(error, match=r"unreachable|unknown type"):
        read(novelty)


def test_nor_through_projector_comparison_and_load(novelty: Novelty, tmp_path: Path) -> None:
    archive(tmp_path / "archive", NEW).close()
    reader, size = ArchiveReader(tmp_path / "archive"), len(SCRIPT)
    with read_model(tmp_path) as engine:
        projector = Projector(engine, reader, size)
        projector.step()
        with pytest.raises(AssertionError, match="unreachable"):
            projector.step()
        assert projector.size() == size
        with engine.begin() as connection:
            connection.execute(
                text("UPDATE ledger SET size = :size, root = :root"),
                {"size": size + 1, "root": reader.root_at(size + 1)},
            )
        state = replayed()
        state.tree.append(leaf_hash(NEW))
        with pytest.raises(AssertionError, match="unreachable"):
            compare(engine, reader, state)
    with pytest.raises(QueryError, match="unknown type 0x7e"):
        loading.load(loading.connect(None), reader)
