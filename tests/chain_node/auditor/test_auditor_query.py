"""SQL over replayed entries: figures agree with the replay to the milligram; nothing but one SELECT; exact exports."""

from __future__ import annotations

import csv
import json
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import combinations
from pathlib import Path
from xml.etree import ElementTree

import pytest
from query_world import METHOD, RIDE, TIME, World, archived, history, rows

from chain_node.archive.calls import Call
from chain_node.archive.reader import ArchiveReader
from chain_node.archive.writer import Archive
from chain_node.auditor import loading
from chain_node.auditor.export import temporary_of, write
from chain_node.auditor.loading import connect, load
from chain_node.auditor.query import QueryResult, ask, opened
from chain_node.auditor.tables import TABLES
from chain_node.auditor.views import documentation, views
from chain_node.catalogue import load_groups
from chain_node.errors import QueryError
from chain_node.protocol.entries import (
    Account,
    Feed,
    Pause,
    Refusal,
    decode,
    encode,
)
from chain_node.protocol.journal import About, PostingJournal
from chain_node.protocol.postings import Unit
from chain_node.protocol.totals import minted, taken_back, totals


@pytest.fixture(scope="module")
def world() -> World:
    made = World()
    made.law()
    history(made, 600, 3)
    return made


@pytest.fixture(scope="module")
def folder(world: World, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("archive")
    archived(world, folder)
    return folder


def test_balances_are_the_replays(world: World, folder: Path) -> None:
    assert world.state.revoked
    found = {(bytes.fromhex(str(a)), y): (c, p) for a, y, c, p in rows(folder, "SELECT * FROM balances")}
    assert found == world.state.balances
    wanted = {}
    for address, view in world.state.accounts.items():
        held = [amounts for (account, _), amounts in world.state.balances.items() if account == address]
        sums = (sum(c for c, _ in held), sum(p for _, p in held))
        wanted[address.hex()] = (*sums, view.credits_debt, view.millipoints_debt)
    sql = "SELECT account, credits_mg, millipoints, credits_debt_mg, millipoints_debt FROM accounts"
    assert {row[0]: row[1:] for row in rows(folder, sql)} == wanted


def test_totals_add_up_to_the_milligram(world: World, folder: Path) -> None:
    sql = (
        "SELECT year, credits_minted_mg, millipoints_minted, credits_burned_mg, millipoints_burned FROM totals_by_year"
    )
    assert {row[0]: row[1:] for row in rows(folder, sql)} == {y: tuple(t) for y, t in world.state.totals.items()}
    held = rows(folder, "SELECT sum(credits_held_mg), sum(millipoints_held) FROM totals_by_year")
    assert held == rows(folder, "SELECT sum(credits_mg), sum(millipoints) FROM balances")
    by_method = rows(
        folder, "SELECT year, method, records, credits_mg, revoked_records, revoked_credits_mg FROM totals_by_method"
    )
    assert {(y, m): rest for y, m, *rest in by_method} == {
        key: [one.records, one.credits_mg, one.revoked_records, one.revoked_credits_mg]
        for key, one in world.state.totals_by_method.items()
    }
    sums = {
        tuple(
            rows(
                folder, f"SELECT sum(records), sum(credits_mg), sum(net_credits_mg), sum(net_millipoints) FROM {name}"
            )[0]
        )
        for name in ("totals_by_method", "totals_by_feed", "totals_by_organisation", "totals_by_district")
    }
    assert len(sums) == 1
    net = next(iter(sums))[2]
    held_mg, owed_mg = rows(folder, "SELECT sum(credits_mg), sum(credits_debt_mg) FROM accounts")[0]
    assert net == held_mg - owed_mg  # type: ignore[operator]


KEYS: dict[str, Callable[[About], int]] = {
    "method": lambda about: about.method,
    "feed": lambda about: about.feed,
    "organisation": lambda about: about.organisation,
    "district": lambda about: about.district,
}


@pytest.mark.parametrize("key", KEYS)
def test_each_total_is_the_postings(world: World, tmp_path: Path, key: str) -> None:
    """Also where a feed has gone to another organisation and people have moved: what counts is when it was recorded."""
    log, journal = [decode(body) for body in world.entries], PostingJournal()
    feeds = {entry.feed: entry for entry in log if isinstance(entry, Feed)}
    people = {entry.account: entry for entry in log if isinstance(entry, Account)}
    half = len(log) // 2
    # no targets of revocations may move: laws go where a refusal is
    places = [index for index, entry in enumerate(log) if isinstance(entry, Refusal) and index > half]
    moved = [replace(feeds[1], organisation=7)]
    moved += [replace(person, district=person.district + 50) for person in list(people.values())[: len(places) - 1]]
    for place, entry in zip(places, moved, strict=False):
        log[place] = entry
    moves = [move for index, entry in enumerate(log) for move in journal.take(index, entry)]
    with Archive(tmp_path) as archive:
        archive.append([encode(entry) for entry in log], [Call(0, len(log), "0x" + "ab" * 32, 7)])
        archive.publish(lambda checkpoint: checkpoint.body() + "\n— t AAAAAAA=\n", "luya.test/1")
    of = KEYS[key]
    sheets = totals(((move.about.vintage, of(move.about)), move.posting) for move in moves)
    assert len({part for _, part in sheets}) > 1 or key == "method"
    expected = {
        where: tuple(figure(sheet, unit) for figure in (minted, taken_back) for unit in Unit)
        for where, sheet in sheets.items()
    }
    columns = "credits_mg, millipoints, revoked_credits_mg, revoked_millipoints"
    found = rows(tmp_path, f"SELECT year, {key}, {columns}, net_credits_mg, net_millipoints FROM totals_by_{key}")
    assert {(row[0], row[1]): row[2:6] for row in found} == expected
    for _, _, gave, points, back, points_back, net, net_points in found:
        assert (net, net_points) == (gave - back, points - points_back)  # type: ignore[operator]  # whole numbers


def test_views_have_the_columns_that_their_words_name(folder: Path) -> None:
    with opened(folder, None) as (connection, size, _):
        for view in views():
            found = [row[0] for row in connection.execute(f"DESCRIBE {view.name}").fetchall()]
            assert found == [column.name for column in view.columns], view.name
            assert all(column.zh and column.en for column in view.columns)
        kinds = dict(connection.execute("SELECT kind, count(*) FROM entries GROUP BY kind").fetchall())
        assert sum(kinds.values()) == size
        assert connection.execute("SELECT count(DISTINCT idx) FROM entries").fetchone() == (size,)
    assert "| `credits_mg` | 减排量，毫克二氧化碳当量 |" in documentation("zh")
    assert documentation("en").count("###") == len(views())


def test_no_two_views_are_written_out_alike() -> None:
    files = sorted(Path(loading.__file__).with_name("sql").glob("*.sql"))
    pieces = {path.stem: set(path.read_text("utf-8").splitlines()) for path in files}
    for one, other in combinations(pieces, 2):
        assert len(pieces[one] & pieces[other]) < 6, f"{one} and {other}: what is the same stands in one file"


def test_it_grows_by_what_is_new(world: World, tmp_path: Path) -> None:
    archive, database = tmp_path / "archive", tmp_path / "query.duckdb"
    first = World()
    first.law()
    history(first, 40, 5)
    archived(first, archive)
    start = len(first.entries)
    assert rows(archive, "SELECT count(*) FROM entries", database) == [(start,)]
    history(first, 30, 6)
    archived(first, archive, start)
    assert rows(archive, "SELECT count(*) FROM entries", database) == [(len(first.entries),)]
    found = {(bytes.fromhex(str(a)), y): (c, p) for a, y, c, p in rows(archive, "SELECT * FROM balances", database)}
    assert found == first.state.balances
    other = tmp_path / "other"
    archived(world, other)
    assert rows(other, "SELECT count(*) FROM entries", database) == [(len(world.entries),)], "another log: made anew"


def test_a_changed_archive_is_refused(world: World, tmp_path: Path) -> None:
    archived(world, tmp_path / "archive")
    path = next((tmp_path / "archive" / "tile" / "entries").glob("000"))
    data = bytearray(path.read_bytes())
    data[-3] ^= 1
    path.write_bytes(data)
    with pytest.raises(QueryError, match="restore it"):
        rows(tmp_path / "archive", "SELECT 1")


def test_no_archive(tmp_path: Path) -> None:
    with pytest.raises(QueryError, match="no archive"):
        rows(tmp_path, "SELECT 1")


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT * FROM read_csv('/etc/passwd')",
        "SELECT * FROM '/etc/passwd'",
        "SELECT * FROM read_text('/etc/hostname')",
        "SELECT * FROM glob('/*')",
        "COPY reductions TO '/tmp/x.csv'",
        "SELECT 1; SELECT 2",
        "SELECT 1; COPY reductions TO '/tmp/x.csv'",
        "SET enable_external_access = true",
        "ATTACH '/tmp/x.db'",
        "INSTALL httpfs",
        "LOAD httpfs",
        "DELETE FROM base_reduction",
        "CREATE TABLE x (a INTEGER)",
        "PRAGMA database_list",
        "EXPLAIN ANALYZE SELECT 1",
        "not SQL at all",
        "",
        "SELECT * FROM no_such_view",
    ],
)
@pytest.mark.parametrize("kept", [False, True])
def test_only_questions(folder: Path, tmp_path: Path, sql: str, kept: bool) -> None:
    with opened(folder, tmp_path / "q.duckdb" if kept else None) as (connection, _, _), pytest.raises(QueryError):
        ask(connection, sql)


def test_a_question_that_takes_too_long(folder: Path) -> None:
    with opened(folder, None) as (connection, _, _), pytest.raises(QueryError, match=r"longer than 0\.3 s"):
        ask(connection, "SELECT count(*) FROM range(100000000000) a, range(100000000) b", seconds=0.3)


ODD = """SELECT * FROM (VALUES
    (1, 9007199254740993::BIGINT, sum_it(1), '=1+1', NULL, DATE '2025-06-30'),
    (2, 999999999999999::BIGINT, sum_it(2), '@SUM(A1)', 'https://example.org', DATE '2024-02-29')
) t(n, big, huge, formula, url, day)"""
QUESTION = ODD.replace("sum_it(1)", "123456789012345678901234567890::HUGEINT").replace("sum_it(2)", "2::HUGEINT")


@pytest.fixture
def odd(folder: Path, tmp_path: Path) -> Iterator[tuple[QueryResult, Path]]:
    with opened(folder, None, output=temporary_of(tmp_path / "out.parquet")) as (connection, _, _):
        yield ask(connection, QUESTION), tmp_path


def test_csv(odd: tuple[QueryResult, Path]) -> None:
    answer, folder = odd
    assert write(answer, folder / "out.csv") == 2
    with (folder / "out.csv").open(encoding="utf-8", newline="") as file:
        lines = list(csv.reader(file))
    assert lines[0] == ["n", "big", "huge", "formula", "url", "day"]
    assert lines[1] == ["1", "9007199254740993", "123456789012345678901234567890", "'=1+1", "", "2025-06-30"]
    assert lines[2][3] == "'@SUM(A1)"


def test_json(odd: tuple[QueryResult, Path]) -> None:
    answer, folder = odd
    assert write(answer, folder / "out.json") == 2
    value = json.loads((folder / "out.json").read_text("utf-8"))
    assert value["rows"][0] == [1, 9007199254740993, 123456789012345678901234567890, "=1+1", None, "2025-06-30"]
    assert value["columns"][1] == "big"


def test_parquet(odd: tuple[QueryResult, Path]) -> None:
    answer, folder = odd
    assert write(answer, folder / "out.parquet") == 2
    with connect(None) as connection:
        found = connection.execute(f"SELECT * FROM '{folder / 'out.parquet'}'").fetchall()
        types = connection.execute(f"SELECT typeof(huge), typeof(big) FROM '{folder / 'out.parquet'}'").fetchone()
    assert found[0][1:4] == (9007199254740993, 123456789012345678901234567890, "=1+1")
    assert types == ("DECIMAL(38,0)", "BIGINT")


def test_xlsx(odd: tuple[QueryResult, Path]) -> None:
    answer, folder = odd
    assert write(answer, folder / "out.xlsx") == 2
    with zipfile.ZipFile(folder / "out.xlsx") as book:
        sheet = ElementTree.fromstring(book.read("xl/worksheets/sheet1.xml"))
    space = {"x": "http://schemas.openxmlformats.org/spreadsheetml/2006/main"}
    cells = {cell.get("r"): cell for cell in sheet.iterfind(".//x:c", space)}
    assert not list(sheet.iterfind(".//x:f", space)), "no formula"
    text = {name: "".join(cell.itertext()) for name, cell in cells.items()}
    assert text["D2"] == "=1+1"
    assert (text["B2"], cells["B2"].get("t")) == ("9007199254740993", "inlineStr")
    assert (text["B3"], cells["B3"].get("t")) == ("999999999999999", None)
    assert text["C2"] == "123456789012345678901234567890"
    assert text["F3"] == "2024-02-29"


@pytest.mark.parametrize("name", ["out.csv", "out.json", "out.parquet", "out.xlsx"])
def test_an_answer_replaces_an_earlier_one_and_no_other_file(name: str, odd: tuple[QueryResult, Path]) -> None:
    answer, folder = odd
    place = folder / name
    for _ in range(2):
        assert write(answer, place) == 2
    for other in (b"order,user\n1,a\n", b"PK\x03\x04 a workbook of somebody's", b'{"rows": []}', b"PAR1 rows PAR1"):
        place.write_bytes(other)
        with pytest.raises(QueryError, match="nothing replaces it"):
            write(answer, place)
        assert place.read_bytes() == other


def test_an_unknown_format(odd: tuple[QueryResult, Path]) -> None:
    answer, folder = odd
    with pytest.raises(QueryError, match="must end with"):
        write(answer, folder / "out.docx")


def test_pause_and_law_are_there(folder: Path, tmp_path: Path) -> None:
    made = World()
    made.law()
    made.add(Pause(TIME, TIME + 100))
    archived(made, tmp_path / "archive")
    assert rows(tmp_path / "archive", "SELECT count(*) FROM entries WHERE kind = 'pause'") == [(1,)]
    assert rows(tmp_path / "archive", "SELECT feed, organisation, credits_cap_mg FROM feeds ORDER BY 1") == [
        (1, 1, 2**63),
        (2, 2, 2**63),
    ]
    names = rows(tmp_path / "archive", "SELECT key, credit_num FROM methods")
    assert names == [(RIDE.key, METHOD.credit_num)]
    assert load_groups()


def test_a_database_of_a_program_with_other_kinds_is_made_anew(
    world: World, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    connection = loading.connect(tmp_path / "audit.duckdb")
    loading.load(connection, ArchiveReader(folder))
    assert loading.state_of(connection) is not None
    monkeypatch.setitem(TABLES, "base_novelty", "idx BIGINT, time BIGINT")
    assert loading.state_of(connection) is None
    assert loading.load(connection, ArchiveReader(folder))[0] == len(world.entries)
    assert connection.execute("SELECT count(*) FROM base_novelty").fetchone() == (0,)
    assert connection.execute("SELECT count(*) FROM entries").fetchone() == (len(world.entries),)
    connection.close()


def test_a_killed_load_leaves_a_shorter_database(world: World, folder: Path, tmp_path: Path) -> None:

    class Killed(Exception):
        pass

    def die(_what: str, done: int, _total: int) -> None:
        if done >= 200:
            raise Killed

    path = tmp_path / "q.duckdb"
    before, loading.CHUNK = loading.CHUNK, 100  # type: ignore[misc]
    try:
        with connect(path) as connection, pytest.raises(Killed):
            load(connection, ArchiveReader(folder), die)
    finally:
        loading.CHUNK = before  # type: ignore[misc]
    assert rows(folder, "SELECT count(*) FROM entries", path) == [(len(world.entries),)]
