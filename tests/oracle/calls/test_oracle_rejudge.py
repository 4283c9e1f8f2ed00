"""Rows judged again without their files: by `retry`, and those that other settings refused, by themselves."""

from __future__ import annotations

import csv
from collections.abc import Callable
from pathlib import Path

import partner_files
import pytest
from insecure_ledger import InsecureRegistrar, small
from partner_files import DAY, swipe, trip
from rejudged_home import BIKES, CARDS, ORDERS, WRONG, Home, at, killed_at_submit, month, page

from chain_node.protocol.rules import Rule
from oracle.ports import BatchLimits
from oracle.submitting import journaling


def test_retry_judges_what_the_journal_holds(home: Callable[..., Home], tmp_path: Path) -> None:
    bikes = home(BIKES)
    first = partner_files.write_trips(tmp_path / "a.csv", [trip(bike="x"), trip(start=at(1), bike="y"), ["junk"]])
    second = partner_files.write_trips(tmp_path / "b.csv", [trip(start=at(2), bike="x"), trip(seconds=5, bike="x")])
    bikes.ingest(first, enrol=False)
    assert bikes.ingest(second, enrol=False).refused == {"unknown-person": 1, "too-short": 1}
    for file in (first, second):
        file.unlink()
    InsecureRegistrar(bikes.ledger).enrol_many(1, ["stand-in:x"])
    assert bikes.retry(rule=Rule.TOO_SHORT).known == {"too-short": 1}
    report, delivered = tmp_path / "again.csv", []
    result = bikes.retry(rule=Rule.UNKNOWN_PERSON, report=report, deliver=delivered.append)
    assert (result.rows, result.accepted, result.known) == (3, 2, {"unknown-person": 1})
    with report.open(encoding="utf-8", newline="") as found:
        lines = list(csv.DictReader(found))
    assert [(Path(line["file"]).name, line["row"], line["line"], line["outcome"]) for line in lines] == [
        ("a.csv", "1", "2", "accepted"),
        ("a.csv", "2", "3", "already-known"),
        ("b.csv", "1", "2", "accepted"),
    ]
    assert delivered[0].files == (str(first), str(second))
    assert bikes.retry(enrol_unknown=True).accepted == 1, "and all rules, with the flag"


def test_rows_that_other_settings_refused_follow_by_themselves(home: Callable[..., Home], tmp_path: Path) -> None:
    bikes, file = home(BIKES), month(tmp_path / "month.csv")
    bikes.ingest(file, feed=WRONG)
    assert bikes.under_other_settings() is None, "there is nothing to be judged again under the same settings"
    today = bikes.ingest(partner_files.write_trips(tmp_path / "a.csv", [trip(bike="new")]), feed=BIKES)
    assert (today.accepted, today.judged_otherwise) == (1, 60)
    again = bikes.under_other_settings(feed=BIKES)
    assert again is not None
    assert (again.rows, again.accepted, again.judged_again, again.judged_otherwise) == (60, 60, 60, 0)
    assert bikes.under_other_settings(feed=BIKES) is None


def test_what_is_set_aside_is_tried_once_more_when_asked(home: Callable[..., Home], tmp_path: Path) -> None:
    cards = home(CARDS)
    come, go = swipe(DAY, "c", "entry", "x"), swipe(at(1), "c", "exit", "y")
    cards.ledger.revert = lambda record: Rule.WINDOW
    assert cards.ingest(page(tmp_path / "a.json", come, go)).refused == {"window": 2}
    cards.ledger.revert = lambda record: None
    assert cards.retry(rule=Rule.TOO_LONG).rows == 0
    result = cards.retry(rule=Rule.WINDOW)
    assert (result.accepted, len(cards.reductions())) == (2, 1)


def test_retry_pairs_swipes_of_several_files_and_none_across_a_known_trip(
    home: Callable[..., Home], tmp_path: Path
) -> None:
    cards = home(CARDS)
    kinds = [("entry", "x"), ("entry", "y"), ("exit", "z"), ("exit", "x")]
    around = [swipe(at(hour), "c", kind, station) for hour, (kind, station) in enumerate(kinds)]
    cards.ingest(page(tmp_path / "a.json", *around))
    come, go = swipe(at(30), "d", "entry", "x"), swipe(at(31), "d", "exit", "y")
    cards.ingest(page(tmp_path / "b.json", come))
    cards.ingest(page(tmp_path / "c.json", go))
    result = cards.retry(rule=Rule.ENTRY_WITHOUT_EXIT, enrol_unknown=True)
    assert (result.rows, result.accepted) == (4, 2)
    assert result.known == {"entry-without-exit": 1, "exit-without-entry": 1}
    assert len(cards.reductions()) == 2


def test_retry_under_another_record_id_makes_no_second_record(home: Callable[..., Home], tmp_path: Path) -> None:
    bikes = home(BIKES)
    rows = [[*trip(seconds=5 if n else 900, start=at(n)), f"O{n}"] for n in range(3)]
    file = partner_files.write_trips(tmp_path / "a.csv", rows, ["order"])
    assert bikes.ingest(file).refused == {"too-short": 2}
    lax = small(ORDERS, rules={**BIKES.rules, "min_seconds": 1, "max_kmh": 10_000})
    result = bikes.retry(feed=lax)
    assert (result.rows, result.accepted) == (2, 2)
    assert bikes.retry(feed=lax).rows == 0
    assert bikes.retry(feed=small(BIKES, rules=lax.rules)).rows == 0, "by its old name it is gone"
    assert bikes.ingest(file, feed=lax).known == {"accepted": 3}
    assert bikes.ingest(file, feed=small(BIKES, rules=lax.rules)).known == {"accepted": 3}


@pytest.mark.parametrize("moment", range(8))
def test_a_retry_that_is_killed_goes_on(
    home: Callable[..., Home], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, moment: int
) -> None:
    monkeypatch.setattr(journaling, "CHUNK", 15)
    bikes, file = home(BIKES, limits=BatchLimits(max_records=7)), month(tmp_path / "month.csv")
    bikes.ingest(file, feed=WRONG)
    with killed_at_submit(monkeypatch, moment):
        bikes.under_other_settings(feed=BIKES)
    if moment % 4 == 0:  # the files come in between
        assert bikes.ingest(file).rows == 60
    result = bikes.under_other_settings(feed=BIKES)
    assert result is not None
    assert result.accepted + result.already_known == 60
    assert len(bikes.reductions()) == 60
    assert bikes.under_other_settings(feed=BIKES) is None
