"""One call of ingest: who is enrolled, what is already known, what the report and the journal hold."""

from __future__ import annotations

import csv
import sqlite3
import warnings
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import partner_files
import pytest
from insecure_ledger import InsecureLedger, InsecureRegistrar, small, world
from partner_files import DAY, swipe, trip

from chain_node.protocol import records
from chain_node.protocol.entries import Reduction, decode
from oracle.calls import report
from oracle.calls.ingest import FinishedCall, IngestPorts, IngestResult, Progress, close_held, ingest
from oracle.errors import JournalError, SignerError, SourceError
from oracle.families.config import FeedConfig
from oracle.feeds import toml_files
from oracle.store.journal import Journal


class Home:
    def __init__(self, folder: Path, feed: FeedConfig) -> None:
        self.folder = folder
        self.feed = feed
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            self.ledger = InsecureLedger(folder / f"{feed.name}.db", feed)
        self.world: IngestPorts = world(folder, self.ledger)

    def ingest(self, *files: Path, enrol: bool = True, report: Path | None = None) -> IngestResult:
        return ingest(files, self.feed, self.world, enrol_unknown=enrol, report=report, anyway=True)

    def lines(self, *files: Path, enrol: bool = True) -> list[dict[str, str]]:
        path = self.folder / "report.csv"
        self.ingest(*files, enrol=enrol, report=path)
        with path.open(encoding="utf-8", newline="") as file:
            return list(csv.DictReader(file))

    @property
    def accounts(self) -> int:
        return InsecureRegistrar(self.ledger).count()


@pytest.fixture
def bikes(tmp_path: Path) -> Iterator[Home]:
    home = Home(tmp_path, toml_files.shipped()["bike-share"])
    yield home
    home.ledger.close()


@pytest.fixture
def cards(tmp_path: Path) -> Iterator[Home]:
    home = Home(tmp_path, toml_files.shipped()["transit-card"])
    yield home
    home.ledger.close()


def later(hours: int) -> timedelta:
    return timedelta(hours=hours)


def test_an_unknown_person_is_refused_without_the_flag(bikes: Home, tmp_path: Path) -> None:
    file = partner_files.write_trips(tmp_path / "a.csv", [trip(bike="x"), trip(seconds=5, bike="y")])
    assert bikes.ingest(file, enrol=False).refused == {"unknown-person": 1, "too-short": 1}
    assert bikes.accounts == 0


def test_only_those_who_may_earn_are_enrolled(bikes: Home, tmp_path: Path) -> None:
    rows = [
        trip(bike="x"),
        trip(seconds=5, bike="y"),
        trip(bike="z", station="1"),
        trip(start=DAY + later(1), bike="x"),
    ]
    result = bikes.ingest(partner_files.write_trips(tmp_path / "a.csv", rows))
    assert (result.accepted, result.refused, bikes.accounts) == (2, {"too-short": 1, "same-station": 1}, 1)
    again = partner_files.write_trips(tmp_path / "b.csv", [trip(start=DAY + later(2), bike="x")])
    assert bikes.ingest(again, enrol=False).accepted == 1


def test_rows_are_taken_by_start_whatever_their_place(bikes: Home, tmp_path: Path) -> None:
    first = partner_files.write_trips(tmp_path / "a.csv", [trip(start=DAY + later(5)), trip(start=DAY + later(3))])
    second = partner_files.write_trips(
        tmp_path / "b.csv", [trip(start=DAY + later(4)), trip(start=DAY + later(3), there=0.02)]
    )
    lines = bikes.lines(first, second)
    assert [(Path(line["file"]).name, line["row"], line["outcome"], line["rule"]) for line in lines] == [
        ("a.csv", "1", "accepted", ""),
        ("a.csv", "2", "accepted", ""),
        ("b.csv", "1", "accepted", ""),
        ("b.csv", "2", "refused", "overlap"),
    ]
    assert [line["index"] for line in lines] == ["2", "0", "1", ""]


def test_the_same_row_twice_is_already_known(bikes: Home, tmp_path: Path) -> None:
    one = partner_files.write_trips(tmp_path / "a.csv", [trip(), trip(), ["junk"], ["junk"]])
    lines = bikes.lines(one, one)
    outcomes = ["accepted", "already-known", "refused", "refused"]
    assert [line["outcome"] for line in lines] == [*outcomes, *["already-known"] * 4], "two places, two unreadable rows"
    assert {line["index"] for line in lines if line["rule"] == ""} == {"0"}
    assert {line["rule"] for line in lines if line["index"] == ""} == {"malformed"}
    more = partner_files.write_trips(tmp_path / "b.csv", [trip(start=DAY + later(1)), trip()])
    result = bikes.ingest(more)
    assert (result.rows, result.accepted, result.already_known) == (2, 1, 1)


def test_a_refused_row_stays_refused_while_nothing_changes(bikes: Home, tmp_path: Path) -> None:
    file = partner_files.write_trips(tmp_path / "a.csv", [trip()])
    assert bikes.ingest(file, enrol=False).refused == {"unknown-person": 1}
    result = bikes.ingest(file, enrol=False)
    assert (result.already_known, result.known, bikes.accounts) == (1, {"unknown-person": 1}, 0)


def test_a_file_of_another_shape_is_refused_whole(bikes: Home, tmp_path: Path) -> None:
    file = tmp_path / "a.csv"
    file.write_text("when,who\n1,2\n", encoding="utf-8")
    with pytest.raises(SourceError, match="has no column 'bikeid'"):
        bikes.ingest(file)
    with pytest.raises(SourceError, match="cannot be read"):
        bikes.ingest(tmp_path / "none.csv")


def test_a_trip_is_two_rows_and_one_record(cards: Home, tmp_path: Path) -> None:
    files = []
    for name, rows in (
        ("a", [swipe(DAY, "c", "entry", "x"), swipe(DAY + later(3), "c", "ride")]),
        ("b", [swipe(DAY + later(1), "c", "exit", "y")]),
    ):
        files.append(tmp_path / f"{name}.json")
        files[-1].write_text(__import__("json").dumps({"data": rows}), encoding="utf-8")
    lines = cards.lines(*files)
    shown = [(line["outcome"], line["index"], line["credits_mg"], line["millipoints"]) for line in lines]
    assert shown == [
        ("accepted", "0", "0", "0"),
        ("accepted", "1", "80000", "10000"),
        ("accepted", "0", "46000", "4600"),
    ]
    assert cards.ingest(*files).already_known == 3
    assert cards.ingest(files[1]).already_known == 1


def test_evidence_opens(cards: Home, bikes: Home, tmp_path: Path) -> None:
    file = partner_files.swipes(tmp_path / "s.json", 300)
    cards.ingest(file)
    journal = Journal(tmp_path / "oracle" / "transit-card" / "journal.db", 3, b"k" * 32)
    entries = [decode(data) for data in cards.ledger.entries(0, cards.ledger.size)]
    assert entries
    prefixes = set()
    for identity, index in journal.db.execute("SELECT id, log_index FROM record WHERE sequence IS NOT NULL").fetchall():
        salt, raw = journal.opening(identity)
        entry = entries[index]
        assert isinstance(entry, Reduction)
        assert records.evidence(salt, raw) == entry.record.evidence
        prefixes.add(raw[:8])
    assert prefixes == {b'{"card_n', b'{"entry.'}
    sealed = b"".join(blob for (blob,) in journal.db.execute("SELECT sealed FROM opening"))
    assert b"card_no" not in sealed
    journal.close()
    with pytest.raises(JournalError, match="another key"):
        Journal(tmp_path / "oracle" / "transit-card" / "journal.db", 3, b"x" * 32)
    with pytest.raises(JournalError, match="of feed 3"):
        Journal(tmp_path / "oracle" / "transit-card" / "journal.db", 4, b"k" * 32)


def test_a_journal_has_one_holder(bikes: Home, tmp_path: Path) -> None:
    held = Journal(tmp_path / "oracle" / "bike-share" / "journal.db", 1, b"k" * 32)
    with pytest.raises(JournalError, match="in use by process"):
        bikes.ingest(partner_files.write_trips(tmp_path / "a.csv", [trip()]))
    held.close()


def test_nothing_of_a_call_stays_outside_the_journal(bikes: Home, tmp_path: Path) -> None:
    bikes.ingest(partner_files.trips(tmp_path / "a.csv", 50))
    left = {path.name for path in (tmp_path / "oracle" / "bike-share").iterdir()}
    assert left <= {"journal.db", "journal.lock"}
    assert (tmp_path / "oracle" / "bike-share" / "journal.db").stat().st_mode & 0o077 == 0
    db = sqlite3.connect(tmp_path / "oracle" / "bike-share" / "journal.db")
    assert db.execute("SELECT COUNT(*) FROM record WHERE state NOT IN ('final', 'refused')").fetchone() == (0,)
    db.close()


def test_progress_and_delivery(bikes: Home, tmp_path: Path) -> None:
    seen: list[Progress] = []
    delivered: list[tuple[FinishedCall, int]] = []

    def deliver(delivery: FinishedCall) -> None:
        delivered.append((delivery, sum(1 for _ in delivery.outcomes())))

    file = partner_files.trips(tmp_path / "a.csv", 120)
    result = ingest([file], bikes.feed, bikes.world, enrol_unknown=True, progress=seen.append, deliver=deliver)
    assert list(dict.fromkeys(step.stage for step in seen)) == ["survey", "read", "enrol", "verify", "settle"]
    ((delivery, rows),) = delivered
    assert (delivery.result, rows, delivery.files, delivery.feed) == (result, 120, (str(file),), 1)


def test_a_call_that_was_not_delivered_is_delivered_again(bikes: Home, tmp_path: Path) -> None:
    file = partner_files.trips(tmp_path / "a.csv", 120)

    def broken(delivery: FinishedCall) -> None:
        raise BrokenPipeError

    with pytest.raises(BrokenPipeError):
        ingest([file], bikes.feed, bikes.world, enrol_unknown=True, deliver=broken)
    size = bikes.ledger.size
    result = bikes.ingest(file)
    assert result.accepted > 0
    assert bikes.ledger.size == size == result.accepted
    assert bikes.ingest(file).already_known == 120


def test_a_held_call_is_known_once_it_is_closed(bikes: Home, tmp_path: Path) -> None:
    file, other = partner_files.trips(tmp_path / "a.csv", 120), partner_files.trips(tmp_path / "b.csv", 60)
    first = ingest([file], bikes.feed, bikes.world, enrol_unknown=True, hold=True)
    assert first.accepted > 0
    assert ingest([file], bikes.feed, bikes.world, enrol_unknown=True, hold=True) == first, (
        "as if killed before its end"
    )
    assert bikes.ingest(file, other).already_known >= 120, "another call, which knows the rows of the first"
    assert close_held(bikes.feed, bikes.world.home, bikes.world.key) == 1
    assert close_held(bikes.feed, bikes.world.home, bikes.world.key) == 0
    assert bikes.ingest(file).already_known == 120
    assert not list((tmp_path / "oracle" / "bike-share").glob("staging*"))


def test_too_few_signers(bikes: Home, tmp_path: Path) -> None:
    alone = IngestPorts(
        **{**{f: getattr(bikes.world, f) for f in IngestPorts.__slots__}, "signers": bikes.world.signers[:1]}
    )
    with pytest.raises(SignerError, match="wants 2 of its 3 signers, only 1"):
        ingest([], bikes.feed, alone)


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@x", "\t=1", "  =1", "\r\n=1", "＝1"])
def test_a_report_holds_no_formula(text: str) -> None:
    assert report.harmless(text).startswith("'")
    assert report.harmless(f"x{text}") == f"x{text}"


def test_what_a_partner_writes_cannot_become_a_formula(bikes: Home, tmp_path: Path) -> None:
    row = trip()
    row[3] = row[6] = "=HYPERLINK(1)"
    lines = bikes.lines(partner_files.write_trips(tmp_path / "a.csv", [row]))
    assert lines[0]["value"] == "'=HYPERLINK(1)"


def test_a_report_that_cannot_be_written_is_told_before_anything_is_taken(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")
    for path in (tmp_path, tmp_path / "file" / "report.csv"):
        with pytest.raises(SourceError, match="the report cannot be written to"):
            report.check(path)
    report.check(tmp_path / "new" / "report.csv")
    assert list((tmp_path / "new").iterdir()) == []


def test_a_report_replaces_a_report_and_no_other_file(tmp_path: Path) -> None:
    """`--report trips.csv trips.csv` would be the end of the partner's file."""
    path = tmp_path / "trips.csv"
    for text in ("Id,Date,StepTotal\nu1,2026-01-01,7\n", 'id = 7\nname = "own"\n', "f"):
        path.write_text(text, "utf-8")
        with pytest.raises(SourceError, match="is there already and is no report"):
            report.check(path)
        assert path.read_text("utf-8") == text
    for text in ("", "file,row,outcome,rule\n"):
        path.write_text(text, "utf-8")
        report.check(path)
    report.write(path, [], [])
    report.check(path)


def test_two_files_that_break_off_alike_are_two_refusals(cards: Home, tmp_path: Path) -> None:
    files = [tmp_path / "a.json", tmp_path / "b.json"]
    for number, file in enumerate(files):
        file.write_text(f'{{"page": {number}, "data": [', encoding="utf-8")
    assert cards.ingest(files[0]).refused == {"malformed": 1}
    assert cards.ingest(files[1]).refused == {"malformed": 1}, "another file's end is another row"
    assert cards.ingest(*files).already_known == 2


def test_of_two_rows_with_one_id_the_one_that_passes_counts(tmp_path: Path) -> None:
    feed = toml_files.shipped()["bike-share"]
    home = Home(tmp_path, small(feed, columns={**feed.columns, "record_id": "order"}))
    rows = [[*trip(seconds=5), "A"], [*trip(), "A"], [*trip(start=DAY + later(1)), "B"]]
    rows[2][1] = "?"
    file = partner_files.write_trips(tmp_path / "a.csv", rows, ["order"])
    lines = home.lines(file)
    assert [(line["outcome"], line["rule"]) for line in lines] == [
        ("already-known", ""),
        ("accepted", ""),
        ("refused", "malformed"),
    ]
    home.ledger.close()
