"""Runs the migrations of `migrations/` from inside the program: nobody has to know alembic to start."""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine, select, text

from api.errors import StoreError
from api.store.models import PROJECTION_VERSION, LedgerRow

_LOCK = 0x6C757961
"""PostgreSQL advisory lock ('luya'): two processes that start together migrate one after the other."""


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    return config


def head() -> str:
    """The revision this program needs."""
    revision = ScriptDirectory.from_config(_config()).get_current_head()
    if revision is None:  # pragma: no cover – a packaging fault
        raise StoreError("the package holds no migrations: it was built wrongly")
    return revision


def current(connection: Connection) -> str | None:
    """The revision the database is at; None for a fresh one."""
    return MigrationContext.configure(connection).get_current_revision()


def refuse_newer(version: int) -> None:
    """Raises StoreError: the read model was projected by a newer program than this one."""
    if version > PROJECTION_VERSION:
        raise StoreError(
            f"the read model is of projection version {version}, this program knows {PROJECTION_VERSION} at most: run "
            "the newer program that projected it, or project into a fresh database"
        )


def upgrade(engine: Engine) -> str:
    """Bring the database to `head()`; nothing happens where it is there already. Returns the revision.

    Raises StoreError: the database was written or projected by a newer program.
    """
    config = _config()
    with engine.begin() as connection:
        if connection.dialect.name == "postgresql":
            connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})
        found = current(connection)
        known = {script.revision for script in ScriptDirectory.from_config(config).walk_revisions()}
        if found is not None and found not in known:
            raise StoreError(
                f"the read model is at revision {found}, which this program does not know: run the newer program "
                "that wrote it, or project into a fresh database"
            )
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
        refuse_newer(connection.execute(select(LedgerRow.version)).scalar() or 0)
        return head()
