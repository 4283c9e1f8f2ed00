"""`check` says what `ingest` would do, row by row, and leaves nothing behind."""

from __future__ import annotations

import csv
import hashlib
import os
import re
import shutil
import sqlite3
import warnings
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from itertools import islice, product
from pathlib import Path

import partner_files
import pytest
from insecure_ledger import JOURNAL_KEY, TIME, InsecureLedger, small, world
from rehearsed import Log

from chain_node.protocol.entries import Account, AccountState, Pause
from oracle.calls.ingest import ingest
from oracle.errors import LedgerBlocked, SourceError
from oracle.families.config import FeedConfig
from oracle.feeds import toml_files
from oracle.judging import precheck
from oracle.store import peek
from oracle.store.journal import Journal, path_of

ROOT = Path(__file__).resolve().parents[3]
DATA = Path(os.environ.get("LUYA_REAL_DATA", ROOT.parent / "shared" / "data"))
SCHEMAS = ROOT / "tests" / "oracle" / "feeds" / "schemas"
TEMPLATES = toml_files.SHIPPED / "templates"
HEAD = 1_500
"""Lines of a large real file in the fast tier; the whole file is the deep tier's."""
FEEDS = toml_files.shipped()
REAL = {
    "citibike/JC-201701-citibike-tripdata.csv": "bike-share",
    "citibike/JC-201703-citibike-tripdata.csv": "bike-share",
    "fitbit/dailySteps_merged.csv": "daily-steps",
    "szt/page1x100.json": "transit-card",
}
needs_data = pytest.mark.skipif(not DATA.is_dir(), reason=f"no real data at {DATA} (set LUYA_REAL_DATA)")


def lines(report: Path) -> list[dict[str, str]]:
    """A report's lines without their places in the log: what is rehearsed has none."""
    with report.open(encoding="utf-8", newline="") as file:
        return [{name: text for name, text in line.items() if name != "index"} for line in csv.DictReader(file)]


def files_of(folder: Path) -> dict[str, str]:
    """What lies in a folder, by its content (SQLite's passing files aside)."""
    paths = (path for path in sorted(folder.rglob("*")) if path.is_file() and not path.name.endswith(("-wal", "-shm")))
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in paths}


def agree(feed: FeedConfig, files: list[Path], folder: Path) -> list[dict[str, str]]:
    """Check and ingest of these files in fresh homes give the same report and the same sums; returns its lines."""
    (folder / "home").mkdir(parents=True)
    (folder / "copy").mkdir()
    checked = Log(feed, folder / "none").check(
        feed, folder / "copy", *files, report=folder / "checked.csv", enrol_unknown=True
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        ledger = InsecureLedger(folder / "ledger.db", feed)
    try:
        there = world(folder / "home", ledger)
        done = ingest(files, feed, there, enrol_unknown=True, report=folder / "done.csv", anyway=True)
    finally:
        ledger.close()
    assert checked.result == done
    found = lines(folder / "checked.csv")
    assert found == lines(folder / "done.csv")
    assert not (folder / "none").exists()
    return found


# --- agreement


def test_agrees_on_made_up_trips(tmp_path: Path) -> None:
    found = agree(FEEDS["bike-share"], [partner_files.trips(tmp_path / "trips.csv", 600)], tmp_path)
    assert {line["rule"] for line in found} >= {"", "malformed", "too-long", "too-short", "same-station", "overlap"}
    assert len(found) > 500


def test_agrees_on_made_up_swipes(tmp_path: Path) -> None:
    files = [partner_files.swipes(tmp_path / f"{seed}.json", 300, seed) for seed in (1, 2)]
    found = agree(FEEDS["transit-card"], files, tmp_path)
    assert {"", "entry-without-exit", "exit-without-entry", "same-station"} <= {line["rule"] for line in found}


@pytest.mark.parametrize("template", sorted(path.stem for path in TEMPLATES.glob("*.toml")))
def test_agrees_on_the_shapes_that_partners_have(template: str, tmp_path: Path) -> None:
    text = (TEMPLATES / f"{template}.toml").read_text("utf-8")
    table = re.search(r'^file = "(.*)"', text, re.MULTILINE)
    if table is not None:
        shutil.copy(SCHEMAS / "divvy-2014-stations.csv", tmp_path / table[1])
    feed = toml_files.parse(text, folder=tmp_path)
    until_2020 = ["citibike-2013", "citibike-2016"]
    files = [SCHEMAS / f"{name}.csv" for name in (until_2020 if template == "citibike-until-2020" else [template])]
    for number, file in enumerate(files):
        assert any(line["outcome"] == "accepted" for line in agree(feed, [file], tmp_path / str(number)))


@needs_data
@pytest.mark.parametrize("name", list(REAL))
def test_agrees_on_the_head_of_each_real_file(name: str, tmp_path: Path) -> None:
    file = DATA / name
    if file.suffix == ".csv":
        with file.open(encoding="utf-8") as stream:
            (tmp_path / file.name).write_text("".join(islice(stream, HEAD)), "utf-8")
        file = tmp_path / file.name
    assert agree(FEEDS[REAL[name]], [file], tmp_path)


@needs_data
@pytest.mark.deep
@pytest.mark.parametrize("name", list(REAL))
def test_agrees_on_each_whole_real_file(name: str, tmp_path: Path) -> None:
    assert agree(FEEDS[REAL[name]], [DATA / name], tmp_path)


def refusal(act: Callable[[], object]) -> str:
    """Why a file is not taken at all; '' where it is."""
    try:
        act()
    except SourceError as error:
        return str(error)
    return ""


@needs_data
def test_agrees_on_every_other_file_with_every_shipped_feed(tmp_path: Path) -> None:
    """Most are not of the feed's form: then both refuse to start, for the same reason."""
    others = [path for path in sorted(DATA.rglob("*")) if path.is_file() and str(path.relative_to(DATA)) not in REAL]
    assert len(others) > 50
    for number, (feed, path) in enumerate(product(FEEDS.values(), others)):
        here = tmp_path / str(number)
        said = refusal(partial(precheck.check, [path], feed))
        if said:
            assert refusal(partial(Log(feed, here / "none").check, feed, here / "copy", path, anyway=False)) == said
        else:
            assert agree(feed, [path], here)


# --- what the journal and the log know


@pytest.fixture
def trips(tmp_path: Path) -> Path:
    rows = [partner_files.trip(start=partner_files.DAY.replace(hour=hour), bike=f"b{hour}") for hour in range(8)]
    return partner_files.write_trips(tmp_path / "trips.csv", rows)


@pytest.fixture
def log(tmp_path: Path) -> Log:
    return Log(FEEDS["bike-share"], tmp_path / "home")


def folder(tmp_path: Path) -> Path:
    made = tmp_path / f"copy-{len(list(tmp_path.iterdir()))}"
    made.mkdir()
    return made


def test_who_is_not_enrolled_is_said_and_what_would_be_if(log: Log, trips: Path, tmp_path: Path) -> None:
    feed = FEEDS["bike-share"]
    log.ingest(feed, trips, enrol=["stand-in:b0", "stand-in:b1"])
    before = files_of(log.home)
    found = log.check(feed, folder(tmp_path), trips, report=tmp_path / "r.csv")
    assert found.result.known == {"accepted": 2, "unknown-person": 6}
    would = log.check(feed, folder(tmp_path), trips, enrol_unknown=True, report=tmp_path / "r.csv")
    assert (would.result.accepted, would.result.judged_again, would.result.already_known) == (6, 6, 2)
    told = lines(tmp_path / "r.csv")
    assert [line["was"] for line in told] == ["accepted"] * 2 + ["unknown-person"] * 6
    assert files_of(log.home) == before
    assert log.ingest(feed, trips, enrol=[f"stand-in:b{n}" for n in range(8)]).accepted == 6


def test_rows_under_other_settings_are_judged_again(log: Log, trips: Path, tmp_path: Path) -> None:
    right = FEEDS["bike-share"]
    wrong = small(right, times=replace(right.times, format="%Y.%m.%d"))
    log.ingest(wrong, trips, enrol=[f"stand-in:b{n}" for n in range(8)])
    other = partner_files.write_trips(tmp_path / "other.csv", [partner_files.trip(bike="b7", there=0.02)])
    before = files_of(log.home)
    checked = log.check(right, folder(tmp_path), other)
    assert checked.result.accepted == 1
    assert checked.earlier is not None
    assert checked.earlier.judged_again == 8
    assert files_of(log.home) == before


def test_no_index_is_shown_that_does_not_exist_yet(log: Log, trips: Path, tmp_path: Path) -> None:
    feed = FEEDS["bike-share"]
    log.ingest(feed, trips, enrol=["stand-in:b0", "stand-in:b1"])
    log.check(feed, folder(tmp_path), trips, enrol_unknown=True, report=tmp_path / "r.csv")
    with (tmp_path / "r.csv").open(encoding="utf-8", newline="") as file:
        indexes = [line["index"] for line in csv.DictReader(file)]
    assert all(0 < int(one) < len(log.data) for one in indexes[:2])
    assert indexes[2:] == [""] * 6


def test_what_only_the_ledger_refuses_is_told_apart(trips: Path, tmp_path: Path) -> None:
    feed = FEEDS["bike-share"]
    one = Log(feed, tmp_path / "other").check(feed, folder(tmp_path), trips, enrol_unknown=True).result
    caps = replace(feed.registration, credits_cap_mg=3 * one.credits_mg // 8)
    low = small(feed, registration=caps)
    found = Log(low, tmp_path / "home").check(low, folder(tmp_path), trips, enrol_unknown=True)
    assert (found.result.accepted, found.result.refused, found.by_ledger) == (3, {"over-cap": 5}, 5)
    assert found.examples["over-cap"].value == "by the ledger"


def test_a_frozen_account_and_a_pause_are_the_ledgers(log: Log, trips: Path, tmp_path: Path) -> None:
    feed = FEEDS["bike-share"]
    log.ingest(feed, partner_files.write_trips(tmp_path / "one.csv", []), enrol=["stand-in:b0", "stand-in:b1"])
    account = log.enrolled["stand-in:b0"]
    nullifier = hashlib.sha256(b"rehearsal" + account).digest()
    log.append(Account(TIME, account, nullifier, 0, 0, AccountState.FROZEN))
    found = log.check(feed, folder(tmp_path), trips)
    assert found.result.refused == {"unknown-person": 6, "frozen": 1}
    log.append(Pause(TIME, TIME + 3_600))
    with pytest.raises(LedgerBlocked, match="paused"):
        log.check(feed, folder(tmp_path), trips)


def test_a_call_that_was_cut_off_is_gone_on_with(log: Log, trips: Path, tmp_path: Path) -> None:
    """Its rows wait in the journal, signed and not recorded: in earnest the same command would record them."""
    feed, everybody = FEEDS["bike-share"], [f"stand-in:b{n}" for n in range(8)]
    log.append(Pause(TIME, TIME + 3_600))
    with pytest.raises(LedgerBlocked, match="paused"):
        log.ingest(feed, trips, enrol=everybody)
    log.append(Pause(TIME, TIME))
    before = files_of(log.home)
    checked = log.check(feed, folder(tmp_path), trips, report=tmp_path / "checked.csv", enrol_unknown=False)
    assert checked.result.accepted == 8
    assert files_of(log.home) == before
    assert log.check(feed, folder(tmp_path), trips).result == log.ingest(feed, trips)


# --- the journal's copy


def test_a_journal_that_is_held_is_copied(log: Log, trips: Path, tmp_path: Path) -> None:
    """While an ingest runs: the copy needs no lock."""
    feed = FEEDS["bike-share"]
    log.ingest(feed, trips, enrol=["stand-in:b0"])
    held = Journal(path_of(log.home, feed.name), feed.id, JOURNAL_KEY)
    try:
        assert log.check(feed, folder(tmp_path), trips).result.already_known == 8
    finally:
        held.close()


def test_a_journal_of_the_first_version_stays_as_it_is(tmp_path: Path) -> None:
    old = tmp_path / "journal.db"
    with sqlite3.connect(old) as db:
        db.executescript(
            (Path(__file__).parents[1] / "store" / "journals" / "version-1-journal.sql").read_text("utf-8")
        )
        feed = db.execute("SELECT value FROM meta WHERE name = 'feed'").fetchone()[0]
    db.close()
    before = old.read_bytes()
    (tmp_path / "copy").mkdir()
    peek.copy(old, tmp_path / "copy" / "journal.db")
    journal = Journal(tmp_path / "copy" / "journal.db", feed, JOURNAL_KEY)
    assert journal.meta("version") == 2
    journal.close()
    assert old.read_bytes() == before
