"""Connections to the read model: one synchronous writer, many readers.

The writer's transactions begin with BEGIN IMMEDIATE on SQLite, so that two writers (the projector, a command) queue for
the lock instead of failing half-way. Readers run single statements in autocommit; what needs several statements of one
moment asks for a `snapshot`.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, Executable, Result, create_engine, event, make_url, text
from sqlalchemy.engine import URL
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine
from sqlalchemy.pool import NullPool, QueuePool

from api.errors import StoreError

BUSY_MS = 30_000
"""How long a SQLite writer waits for the lock, milliseconds."""
READ_BUSY_MS = 1_000
"""How long a SQLite reader waits: in WAL only while the file is being recovered after a crash."""
_DRIVERS = {"sqlite": "sqlite", "postgresql": "postgresql+psycopg"}


def _url(given: str) -> URL:
    """The URL with our driver.

    Raises StoreError: neither SQLite nor PostgreSQL, or SQLite without a file.
    """
    try:
        url = make_url(given)
    except Exception as error:
        raise StoreError("the database URL cannot be read: give sqlite:///FILE or postgresql://…") from error
    backend = url.get_backend_name()
    if backend not in _DRIVERS:
        raise StoreError(f"the database {backend!r} is not supported: give sqlite:///FILE or postgresql://…")
    if backend == "sqlite" and not url.database:
        raise StoreError("a SQLite read model needs a file: several processes share it")
    return url.set(drivername=_DRIVERS[backend])


def _pragmas(connection: Any, *, reading: bool) -> None:
    """Per-connection settings of SQLite."""
    cursor = connection.cursor()
    cursor.execute(f"PRAGMA busy_timeout = {READ_BUSY_MS if reading else BUSY_MS}")
    if not reading:
        cursor.execute("PRAGMA journal_mode = WAL")
        # tokens and outcomes cannot be projected again, and commits are few: each is fsynced
        cursor.execute("PRAGMA synchronous = FULL")
    else:
        cursor.execute("PRAGMA query_only = ON")
    cursor.execute("PRAGMA cache_size = -65536")
    cursor.execute("PRAGMA temp_store = MEMORY")
    cursor.close()


def writer(database_url: str) -> Engine:
    """The synchronous engine for those who write (projector, outcomes, tokens, migrations). Dispose of it when done."""
    url = _url(database_url)
    if url.get_backend_name() != "sqlite":
        return create_engine(url, poolclass=NullPool)
    Path(str(url.database)).parent.mkdir(parents=True, exist_ok=True)
    engine = create_engine(url, poolclass=NullPool, connect_args={"timeout": BUSY_MS / 1000})

    @event.listens_for(engine, "connect")
    def _connected(connection: Any, _record: object) -> None:
        connection.isolation_level = None  # transactions are begun below, not guessed by the driver
        _pragmas(connection, reading=False)

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        reading = connection.get_execution_options().get("luya_reading", False)
        connection.exec_driver_sql("BEGIN" if reading else "BEGIN IMMEDIATE")

    return engine


@contextmanager
def reading(engine: Engine) -> Iterator[Connection]:
    """A snapshot over the writer's engine that takes no writer's lock: all statements see the same moment."""
    options: dict[str, Any] = {"luya_reading": True}
    if engine.dialect.name == "postgresql":
        options["isolation_level"] = "REPEATABLE READ"
    with engine.execution_options(**options).connect() as connection:
        yield connection


class Reader:
    """What a repository gets: `execute`, whichever driver lies below."""

    def __init__(self, connection: Connection | AsyncConnection) -> None:
        self._connection = connection

    async def execute(
        self, statement: Executable, parameters: Mapping[str, Any] | None = None
    ) -> Result[*tuple[Any, ...]]:
        """Run one statement; its rows are all here when it returns."""
        if isinstance(self._connection, AsyncConnection):
            return await self._connection.execute(statement, parameters)
        return self._connection.execute(statement, parameters)


class Database:
    """The readers' side, for the API's own process.

    SQLite is read on the event loop's own thread: a look-up by an index takes a fraction of what handing it to another
    thread and back would (measured: 5 hand-overs and most of the tail), and in WAL no writer makes a reader wait.
    PostgreSQL is read asynchronously.
    """

    def __init__(self, database_url: str, pool_size: int = 4) -> None:
        url = _url(database_url)
        options: dict[str, Any] = {"pool_size": pool_size, "max_overflow": 0, "pool_timeout": 10}
        self._sync: Engine | None = None
        self._async: AsyncEngine | None = None
        if url.get_backend_name() == "sqlite":
            # in autocommit there is nothing to roll back when a connection returns
            options |= {"pool_reset_on_return": None, "poolclass": QueuePool, "max_overflow": -1}
            self._sync = create_engine(url, isolation_level="AUTOCOMMIT", **options)

            @event.listens_for(self._sync, "connect")
            def _connected(connection: Any, _record: object) -> None:
                _pragmas(connection, reading=True)
        else:
            self._async = create_async_engine(url, isolation_level="AUTOCOMMIT", pool_pre_ping=True, **options)

    @asynccontextmanager
    async def read(self) -> AsyncIterator[Reader]:
        """For one statement."""
        if self._sync is not None:
            with self._sync.connect() as connection:
                yield Reader(connection)
        elif self._async is not None:
            async with self._async.connect() as connection:
                yield Reader(connection)

    @asynccontextmanager
    async def snapshot(self) -> AsyncIterator[Reader]:
        """For several statements that all see the same moment."""
        begin = text("BEGIN" if self._sync is not None else "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
        async with self.read() as reader:
            await reader.execute(begin)
            try:
                yield reader
            finally:
                await reader.execute(text("ROLLBACK"))

    async def close(self) -> None:
        """Close every connection."""
        if self._sync is not None:
            self._sync.dispose()
        if self._async is not None:
            await self._async.dispose()
