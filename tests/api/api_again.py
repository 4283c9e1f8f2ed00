"""A program that knows more than the one that projected, and one that is killed while it projects again."""

from __future__ import annotations

import multiprocessing
import os
import signal
from pathlib import Path
from typing import Any

import pytest
from api_ledger import person
from sqlalchemy import Engine, event, select, text

from api.projection import compare, projector
from api.projection.outcomes import ReportedRow
from api.projection.projector import Projector
from api.store import database, migrate, models
from api.store.models import DERIVED, KEPT
from api.web import whole
from chain_node.archive.reader import ArchiveReader

ROWS = [
    ReportedRow(1, "a.csv", 1, "k1", "final", account=person(1), sequence=0),
    ReportedRow(1, "a.csv", 2, "k2", "refused", 3),
]
CHUNK = 20


def dump(engine: Engine, tables: tuple[Any, ...] = (*DERIVED, *KEPT)) -> dict[str, list[tuple[Any, ...]]]:
    """Every row of these tables."""
    with engine.connect() as connection:
        return {
            table.name: sorted((tuple(row) for row in connection.execute(select(table))), key=repr) for table in tables
        }


def know_more(monkeypatch: pytest.MonkeyPatch) -> int:
    """This program's version of the projection rises by one."""
    newer = models.PROJECTION_VERSION + 1
    for module in (models, migrate, projector, compare, whole):
        monkeypatch.setattr(module, "PROJECTION_VERSION", newer)
    return newer


def spoil(engine: Engine) -> None:
    """What an older program has made of the entries: some rows otherwise, some missing, some too many."""
    with engine.begin() as connection:
        connection.execute(text("UPDATE balance SET credits_mg = credits_mg + 1"))
        connection.execute(text("UPDATE entry SET account = NULL"))
        connection.execute(text("DELETE FROM law"))
        connection.execute(text("DELETE FROM call"))
        connection.execute(text("INSERT INTO feed_total VALUES (77, 0, 5)"))
        connection.execute(text("INSERT INTO vintage_total VALUES (1999, 1, 1, 1, 1)"))
        connection.execute(text("UPDATE method_total SET records = 0"))
        connection.execute(text("UPDATE account SET district = 0"))


def _project_until(url: str, archive: Path, version: int, boundary: int) -> None:
    """In a child: projects, and dies by SIGKILL at this boundary: before or after a statement or commit."""
    for module in (models, migrate, projector):
        module.PROJECTION_VERSION = version  # type: ignore[attr-defined]  # the child's own copy
    engine = database.writer(url)
    passed = 0

    def boundary_passed(*_: Any) -> None:
        nonlocal passed
        passed += 1
        if passed > boundary:
            os.kill(os.getpid(), signal.SIGKILL)

    for name in ("before_cursor_execute", "after_cursor_execute", "commit"):
        event.listen(engine, name, boundary_passed)
    engine.pool.dispose()
    Projector(engine, ArchiveReader(archive), CHUNK).catch_up()
    os._exit(0)


def killed_at(boundary: int, url: str, archive: Path, version: int) -> bool:
    """Whether a child that dies at this boundary died, or was done before it."""
    child = multiprocessing.get_context("fork").Process(target=_project_until, args=(url, archive, version, boundary))
    child.start()
    child.join(60)
    assert child.exitcode in (0, -signal.SIGKILL)
    return child.exitcode != 0
