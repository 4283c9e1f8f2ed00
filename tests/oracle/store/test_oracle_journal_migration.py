"""A journal that version 1 wrote (journals/*.sql, dumps of a real one) is opened, migrated, and gone on with."""

from __future__ import annotations

import json
import sqlite3
import warnings
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from insecure_ledger import InsecureLedger, small, world
from partner_files import DAY, swipe

from chain_node.protocol.entries import Reduction, decode
from chain_node.protocol.records import evidence
from oracle.calls.ingest import ingest
from oracle.errors import JournalError
from oracle.feeds import toml_files
from oracle.store import migrations
from oracle.store.journal import Journal, path_of

DUMPS = Path(__file__).with_name("journals")
CARDS = toml_files.shipped()["transit-card"]
FEED = small(CARDS, columns={**CARDS.columns, "record_id": "no"})
KEY = b"k" * 32


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[InsecureLedger]:
    """The home: calls a (accepted; its ride revoked since), b (refused), and c (interrupted: accepted, not signed)."""
    for name, path in (("ledger", tmp_path / "ledger.db"), ("journal", path_of(tmp_path / "oracle", FEED.name))):
        path.parent.mkdir(exist_ok=True, parents=True)
        db = sqlite3.connect(path)
        db.executescript((DUMPS / f"version-1-{name}.sql").read_text(encoding="utf-8"))
        db.close()
    (tmp_path / "oracle" / FEED.name / "staging-3.db").touch()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        made = InsecureLedger(tmp_path / "ledger.db", FEED)
    yield made
    made.close()


def page(folder: Path, name: str, *rows: tuple[str, dict[str, str]]) -> Path:
    path = folder / f"{name}.json"
    data = {"data": [{**row, "no": no} for no, row in rows]}
    path.write_text(json.dumps(data, ensure_ascii=False), encoding="utf-8")
    return path


def rows(path: Path) -> list[tuple[object, ...]]:
    db = sqlite3.connect(path)
    found = db.execute("SELECT * FROM record ORDER BY id").fetchall()
    db.close()
    return found


def test_what_is_in_it_stays_and_is_gone_on_with(ledger: InsecureLedger, tmp_path: Path) -> None:
    path = path_of(tmp_path / "oracle", FEED.name)
    before = rows(path)
    Journal(path, FEED.id, KEY).close()
    assert [row[: len(before[0])] for row in rows(path)] == before
    assert not (path.parent / "staging-3.db").exists(), "of a call that is closed now"
    Journal(path, FEED.id, KEY).close()

    first = [("E1", swipe(DAY, "c", "entry", "x")), ("X1", swipe(DAY + timedelta(hours=1), "c", "exit", "y"))]
    ride = ("R1", swipe(DAY + timedelta(hours=3), "c", "ride"))
    result = ingest([page(tmp_path, "a", *first, ride)], FEED, world(tmp_path, ledger))
    assert (result.known, result.corrected) == ({"accepted": 2, "revoked": 1}, 0)
    unknown = ("U1", swipe(DAY + timedelta(hours=4), "d", "ride"))
    waiting = ("R2", swipe(DAY + timedelta(hours=26), "c", "ride"))
    result = ingest([page(tmp_path, "b", unknown, waiting)], FEED, world(tmp_path, ledger), enrol_unknown=True)
    assert (result.accepted, result.judged_again, result.known) == (1, 1, {"accepted": 1})
    other = ("E1", swipe(DAY, "c", "entry", "z"))
    assert ingest([page(tmp_path, "c", other)], FEED, world(tmp_path, ledger)).corrected == 1

    journal = Journal(path, FEED.id, KEY)
    found = [decode(data) for data in ledger.entries(0, ledger.size)]
    made = [entry for entry in found if isinstance(entry, Reduction)]
    assert [entry.sequence for entry in made] == [0, 1, 2, 3]
    assert all(evidence(*journal.opening_of(entry.sequence)) == entry.record.evidence for entry in made)
    journal.close()


def test_it_is_migrated_wholly_or_not_at_all(
    ledger: InsecureLedger, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = path_of(tmp_path / "oracle", FEED.name)
    before = rows(path)

    def broken(db: sqlite3.Connection, unsealed: object) -> None:
        raise JournalError("no more")

    with monkeypatch.context() as patch:
        patch.setattr(migrations, "_contents", broken)
        with pytest.raises(JournalError, match="no more"):
            Journal(path, FEED.id, KEY)
    assert rows(path) == before
    with pytest.raises(JournalError, match="another key"):
        Journal(path, FEED.id, b"x" * 32)
    assert rows(path) == before
    Journal(path, FEED.id, KEY).close()
    assert rows(path) != before


def test_a_later_programs_journal_is_left_alone(ledger: InsecureLedger, tmp_path: Path) -> None:
    path = path_of(tmp_path / "oracle", FEED.name)
    db = sqlite3.connect(path)
    db.execute("UPDATE meta SET value = 99 WHERE name = 'version'")
    db.commit()
    db.close()
    with pytest.raises(JournalError, match="of version 99, this program knows"):
        Journal(path, FEED.id, KEY)
