"""What acts are about, in the read model: chunk by chunk the same, seen by the comparison, and nothing made up."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from api_again import dump
from api_ledger import standard
from api_loop import Loop, grove, shop
from sqlalchemy import text
from test_api_kinds import read_model

from api.errors import ProjectionError
from api.projection.compare import compare
from api.projection.projector import Projector
from api.projection.subjects import subjects
from api.store.models import SubjectRow, SubjectTotalRow
from chain_node.archive.reader import ArchiveReader
from chain_node.protocol import entries as e
from chain_node.protocol.kinds.projects import Acceptance, PledgeReturn

TABLES = (SubjectRow.__table__, SubjectTotalRow.__table__)


@pytest.mark.parametrize("chunk", [1, 4])
def test_chunks_make_no_difference(tmp_path: Path, chunk: int) -> None:
    ledger = standard(tmp_path / "archive")
    grove(ledger)
    shop(ledger)
    ledger.publish()
    reader = ArchiveReader(tmp_path / "archive")
    found = []
    for size in (chunk, 5_000):
        (tmp_path / str(size)).mkdir()
        with read_model(tmp_path / str(size)) as engine:
            Projector(engine, reader, size).catch_up()
            found.append(dump(engine, TABLES))
            assert compare(engine, reader, ledger.state) == []
    assert found[0] == found[1]
    assert found[0]["subject_total"]


@pytest.mark.parametrize(
    ("change", "where"),
    [
        ("UPDATE subject SET units = units + 1 WHERE idx = :idx", "subject (25"),
        ("DELETE FROM subject WHERE idx = :idx", "subject (2"),
        ("UPDATE subject_total SET amount = amount + 1 WHERE type = 27", "subject_total (24, 1, 27, 0)"),
    ],
)
def test_the_comparison_sees_each_change(tmp_path: Path, change: str, where: str) -> None:
    ledger = standard(tmp_path / "archive")
    marks = grove(ledger)
    ledger.publish()
    reader = ArchiveReader(tmp_path / "archive")
    with read_model(tmp_path) as engine:
        Projector(engine, reader).catch_up()
        with engine.begin() as connection:
            connection.execute(text(change), {"idx": marks["returned"]} if ":idx" in change else {})
        found = compare(engine, reader, ledger.state)
        assert found
        assert all(one.where.startswith("subject") for one in found)
        assert any(one.where.startswith(where) for one in found)
    ledger.close()


def test_an_act_about_nothing_is_refused(tmp_path: Path) -> None:
    ledger = standard(tmp_path / "archive")
    marks = grove(ledger)
    acceptance = e.decode(ledger.bodies[marks["accepted"]])
    assert isinstance(acceptance, Acceptance)
    with pytest.raises(ProjectionError, match="about the act 77, which no entry before it is"):
        subjects(80, replace(acceptance, delivery=77), None)
    returned = e.decode(ledger.bodies[marks["returned"]])
    assert isinstance(returned, PledgeReturn)
    with pytest.raises(ProjectionError, match="by a number that nothing in this log has"):
        subjects(80, replace(returned, pledge=1 << 63), None)
    ledger.close()


def test_of_reductions_nothing_is_kept_here(tmp_path: Path) -> None:
    ledger = standard(tmp_path / "archive")
    ledger.publish()
    with read_model(tmp_path) as engine:
        Projector(engine, ArchiveReader(tmp_path / "archive")).catch_up()
        assert dump(engine, TABLES) == {"subject": [], "subject_total": []}
        Loop(ledger).found()
        ledger.publish()
        Projector(engine, ArchiveReader(tmp_path / "archive")).catch_up()
        # the custodian, who is one for all
        assert [row[:3] for row in dump(engine, TABLES)["subject"]] == [(0x4F, 0, 0x4F)]
    ledger.close()
