"""One SELECT, in a sandbox: no files, no network, no settings, no other statement."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from chain_node.archive.reader import ArchiveReader
from chain_node.auditor.loading import connect, load, state_of
from chain_node.engine.base import Progress, no_progress
from chain_node.errors import LockError, QueryError
from chain_node.storage.durable import FileLock

if TYPE_CHECKING:
    import duckdb

MEMORY: Final = "2GB"
"""What a question may use at most; what is more is written beside the database and removed."""
_FETCHED: Final = 10_000


@dataclass(frozen=True, slots=True)
class QueryResult:
    """A question's result.

    Attributes:
        columns: names.
        types: DuckDB's names of their types.
        connection: it is fetched from (`rows`), or copied from by the name `answer`.
    """

    columns: tuple[str, ...]
    types: tuple[str, ...]
    connection: duckdb.DuckDBPyConnection

    def rows(self) -> Iterator[tuple[Any, ...]]:
        """The rows, in pieces."""
        cursor = self.connection.execute("SELECT * FROM answer")
        while part := cursor.fetchmany(_FETCHED):
            yield from part


@contextmanager
def opened(
    archive: Path, database: Path | None, *, output: Path | None = None, progress: Progress = no_progress
) -> Iterator[tuple[duckdb.DuckDBPyConnection, int, bytes]]:
    """(sandboxed connection, size, root), with all that the archive has published; a database is kept for next time.

    Args:
        archive: folder of the archive.
        database: file; None loads into memory.
        output: the one file that may be written.
        progress: told of entries loaded.

    Raises:
        QueryError: nothing to load, or it does not hold together.
    """
    reader = ArchiveReader(archive)
    if database is None:
        connection = connect(None)
        lock = None
    else:
        lock = _loaded(database, reader, progress)
        connection = connect(database, read_only=True)
    try:
        size, root = load(connection, reader, progress) if database is None else state_of(connection) or (0, b"")
        _sandbox(connection, output)
        yield connection, size, root
    finally:
        connection.close()
        if lock is not None:
            lock.release()


def ask(connection: duckdb.DuckDBPyConnection, sql: str, *, seconds: float = 0.0) -> QueryResult:
    """Run one SELECT.

    Args:
        connection: a sandboxed one.
        sql: the question.
        seconds: stop it after so long; 0 waits for ever.

    Raises:
        QueryError: it is not one SELECT, is wrong, or takes too long.
    """
    import duckdb

    try:
        statements = duckdb.extract_statements(sql)
    except duckdb.Error as error:
        raise QueryError(f"this is no SQL: {error}") from error
    if len(statements) != 1 or statements[0].type != duckdb.StatementType.SELECT:
        raise QueryError("ask with one SELECT: the database holds what was replayed, and nothing in it can be changed")
    timer = threading.Timer(seconds, connection.interrupt) if seconds else None
    if timer is not None:
        timer.start()
    try:
        text = statements[0].query.strip().rstrip(";")
        connection.execute(f"CREATE OR REPLACE TEMP TABLE answer AS {text}\n")
        described = connection.execute("DESCRIBE answer").fetchall()
    except duckdb.InterruptException as error:
        raise QueryError(f"the question took longer than {seconds:g} s") from error
    except duckdb.Error as error:
        raise QueryError(str(error)) from error
    finally:
        if timer is not None:
            timer.cancel()
    return QueryResult(tuple(row[0] for row in described), tuple(row[1] for row in described), connection)


def _loaded(database: Path, reader: ArchiveReader, progress: Progress) -> FileLock:
    """The database up to date, and a shared lock on it; while others ask it is asked as it is."""
    path = database.with_name(database.name + ".lock")
    try:
        own = FileLock(path, "the auditor's database")
    except LockError:
        shared = FileLock(path, "the auditor's database", shared=True)
        if not database.exists():
            shared.release()
            raise QueryError(f"{database} is being made by another process: ask again in a while") from None
        return shared
    try:
        with connect(database) as connection:
            load(connection, reader, progress)
    finally:
        own.release()
    return FileLock(path, "the auditor's database", shared=True)


def _sandbox(connection: duckdb.DuckDBPyConnection, output: Path | None) -> None:
    if output is not None:
        connection.execute("SET allowed_paths = [?]", [str(output)])
    connection.execute("SET memory_limit = ?", [MEMORY])
    connection.execute("SET enable_external_access = false")
    connection.execute("SET allow_community_extensions = false")
    connection.execute("SET lock_configuration = true")
