"""Entries → DuckDB: from an auditor's store or any archive folder, incremental, and sealed by the log's root.

Lines of CSV in a temporary folder are by far the fastest way into DuckDB without further packages. A chunk is one
transaction, so a process that is killed leaves a shorter database and not a wrong one.
"""

from __future__ import annotations

import tempfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from chain_node.archive.reader import ArchiveReader
from chain_node.auditor.balances import burned
from chain_node.auditor.tables import ACT_TYPES, DERIVED, TABLES, line_of, posting_lines
from chain_node.auditor.views import HELPERS, views
from chain_node.catalogue import load as load_catalogue
from chain_node.engine.base import Progress, no_progress
from chain_node.errors import QueryError
from chain_node.protocol.merkle import Tree, leaf_hash
from chain_node.protocol.records import text_hash
from chain_node.protocol.rules import Rule

if TYPE_CHECKING:
    import duckdb

CHUNK: Final = 200_000
"""Entries in one transaction."""


def connect(path: Path | None, *, read_only: bool = False) -> duckdb.DuckDBPyConnection:
    """A connection that installs and loads nothing by itself.

    Args:
        path: the database; None for one in memory.
        read_only: open it so.

    Raises:
        QueryError: DuckDB is missing, or the file is not one of its databases.
    """
    try:
        import duckdb
    except ImportError as error:
        raise QueryError("DuckDB is missing: install this package as `luya[auditor]`") from error
    config: dict[str, Any] = {
        "autoinstall_known_extensions": False,
        "autoload_known_extensions": False,
        "python_enable_replacements": False,
    }
    try:
        return duckdb.connect(":memory:" if path is None else str(path), read_only=read_only, config=config)
    except duckdb.Error as error:
        raise QueryError(f"{path} cannot be opened: {error}; remove it, and it is made anew") from error


def load(
    connection: duckdb.DuckDBPyConnection, reader: ArchiveReader, progress: Progress = no_progress
) -> tuple[int, bytes]:
    """Bring the database up to the archive's published size; gives (size, root).

    Args:
        connection: for writing.
        reader: the archive.
        progress: told of entries loaded.

    Raises:
        QueryError: the archive's entries do not have its checkpoint's root, or contradict themselves.
    """
    checkpoint = reader.checkpoint()
    if checkpoint is None:
        raise QueryError(f"{reader.folder} holds no archive with a checkpoint: follow first, or give another folder")
    tree = _begin(connection, reader)
    size = checkpoint.size
    while tree.size < size:
        _chunk(connection, reader, tree, min(size, tree.size + CHUNK))
        progress("loading entries", tree.size, size)
    if tree.size == checkpoint.size and tree.root() != checkpoint.root:
        raise QueryError(
            f"{reader.folder}: its {size} entries have root {tree.root().hex()}, its checkpoint says "
            f"{checkpoint.root.hex()}: it was changed; restore it from a copy"
        )
    _derive(connection)
    return tree.size, tree.root()


def schema_version() -> int:
    """A number of all tables and views: a database of another one, of a program with other kinds, is made anew."""
    schema = (TABLES, DERIVED, HELPERS, [view.sql for view in views()])
    return zlib.crc32(repr(schema).encode()) & 0x7FFFFFFF


def state_of(connection: duckdb.DuckDBPyConnection) -> tuple[int, bytes] | None:
    """(size, root) of what is loaded; None where nothing is, or it is of another version of this package."""
    found = connection.execute("SELECT count(*) FROM information_schema.tables WHERE table_name = 'meta'").fetchone()
    if not found or not found[0]:
        return None
    row = connection.execute("SELECT version, size, edge FROM meta").fetchone()
    if row is None or row[0] != schema_version():
        return None
    tree = _tree(row[1], row[2])
    return tree.size, tree.root()


def _begin(connection: duckdb.DuckDBPyConnection, reader: ArchiveReader) -> Tree:
    """The tree of what is loaded; a database of another log, or of another version, is emptied."""
    known = state_of(connection)
    if known is not None and known[0] <= reader.size and known[1] == reader.root_at(known[0]):
        row = connection.execute("SELECT size, edge FROM meta").fetchone()
        assert row is not None
        return _tree(row[0], row[1])
    connection.execute("BEGIN")
    for name, columns in {**TABLES, **DERIVED}.items():
        connection.execute(f"CREATE OR REPLACE TABLE {name} ({columns})")
    connection.execute("CREATE OR REPLACE TABLE meta (version INTEGER, size BIGINT, edge VARCHAR, calls BIGINT)")
    connection.execute("INSERT INTO meta VALUES (?, 0, '', 0)", [schema_version()])
    for name, sql in HELPERS.items():
        connection.execute(f"CREATE OR REPLACE VIEW {name} AS {sql}")
    for view in views():
        connection.execute(f"CREATE OR REPLACE VIEW {view.name} AS {view.sql}")
    connection.execute("COMMIT")
    return Tree()


def _tree(size: int, edge: str) -> Tree:
    return Tree(size, [bytes.fromhex(part) for part in edge.split()])


def _chunk(connection: duckdb.DuckDBPyConnection, reader: ArchiveReader, tree: Tree, stop: int) -> None:
    lines: dict[str, list[str]] = {name: [] for name in TABLES}
    append = tree.append
    for index, data in enumerate(reader.entries(tree.size, stop), tree.size):
        append(leaf_hash(data))
        table, line = line_of(index, data)
        lines[table].append(line)
        if data[0] in ACT_TYPES:
            lines["base_posting"] += posting_lines(index, data)
    row = connection.execute("SELECT calls FROM meta").fetchone()
    assert row is not None
    calls = list(_calls(reader, row[0], stop))
    lines["base_call"] = [line for line, _ in calls]
    connection.execute("BEGIN")
    with tempfile.TemporaryDirectory(prefix="luya-query-") as folder:
        for name, rows in lines.items():
            if rows:
                path = Path(folder) / f"{name}.csv"
                path.write_text("".join(rows), "ascii")
                connection.execute(f"COPY {name} FROM '{path}' (FORMAT csv, HEADER false, AUTO_DETECT false)")
    edge = " ".join(part.hex() for part in tree.edge)
    connection.execute("UPDATE meta SET size = ?, edge = ?, calls = calls + ?", [stop, edge, len(calls)])
    connection.execute("COMMIT")


def _calls(reader: ArchiveReader, known: int, size: int) -> Iterator[tuple[str, int]]:
    """Lines of the calls from number `known` on that lie below `size`."""
    for number, row in enumerate(reader.call_rows()):
        if number < known:
            continue
        if row.first_index + row.count > size:
            return
        call = reader.read_call(row)
        signatures = len(call.batch.signatures) if call.batch else 0
        yield f"{call.first_index},{call.count},{call.block},{call.tx_hash},{signatures}\n", number


def _derive(connection: duckdb.DuckDBPyConnection) -> None:
    """What cannot be summed: who was burned of what, and texts."""
    burns, debts, held = burned(connection)
    connection.execute("BEGIN")
    for name in DERIVED:
        connection.execute(f"TRUNCATE {name}")
    if burns:
        connection.executemany("INSERT INTO base_burn VALUES (?, ?, ?, ?)", burns)
    if held:
        connection.executemany("INSERT INTO base_held VALUES (?, ?, ?, ?)", held)
    if debts:
        connection.executemany("INSERT INTO base_debt VALUES (?, ?, ?)", debts)
    rules = [(rule.number, rule.label, rule.reason_zh, rule.reason_en) for rule in Rule]
    connection.executemany("INSERT INTO base_rule VALUES (?, ?, ?, ?)", rules)
    texts = [
        (text_hash(*one.published).hex(), one.key, one.name.zh, one.name.en, one.unit.zh, one.unit.en, one.source)
        for one in load_catalogue()
    ]
    connection.executemany("INSERT INTO base_text VALUES (?, ?, ?, ?, ?, ?, ?)", texts)
    connection.execute("COMMIT")
