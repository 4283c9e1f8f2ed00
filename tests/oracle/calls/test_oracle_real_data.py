"""The four real files give exactly the table of the shared data's README, and so says the independent script."""

from __future__ import annotations

import csv
import importlib.util
import os
import sys
import warnings
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import ModuleType

import pytest
from insecure_ledger import InsecureLedger, InsecureRegistrar, small, world

from oracle.calls import rejudge
from oracle.calls.ingest import IngestResult, ingest
from oracle.feeds import toml_files

ROOT = Path(__file__).resolve().parents[3]
DATA = Path(os.environ.get("LUYA_REAL_DATA", ROOT.parent / "shared" / "data"))
JANUARY = DATA / "citibike" / "JC-201701-citibike-tripdata.csv"
MARCH = DATA / "citibike" / "JC-201703-citibike-tripdata.csv"
STEPS = DATA / "fitbit" / "dailySteps_merged.csv"
SWIPES = DATA / "szt" / "page1x100.json"

pytestmark = pytest.mark.skipif(not DATA.is_dir(), reason=f"no real data at {DATA} (set LUYA_REAL_DATA)")

# rows, accepted, refused, accounts, credits_mg, millipoints: the README's table.
TABLE: dict[str, tuple[int, int, dict[str, int], int, int, int]] = {
    "citibike-01": (
        *(12_926, 12_168),
        {"too-long": 16, "too-short": 401, "same-station": 308, "overlap": 33},
        *(311, 608_527_440, 60_847_433),
    ),
    "citibike-03": (
        *(12_201, 11_492),
        {"too-long": 18, "too-short": 368, "same-station": 275, "overlap": 48},
        *(455, 580_378_416, 58_032_955),
    ),
    "fitbit": (940, 863, {"zero-activity": 77}, 33, 117_745_681, 14_359_272),
    "szt": (100, 10, {"same-station": 12, "entry-without-exit": 58, "exit-without-entry": 20}, 10, 800_000, 100_000),
}
FILES = {
    "citibike-01": ("bike-share", JANUARY),
    "citibike-03": ("bike-share", MARCH),
    "fitbit": ("daily-steps", STEPS),
    "szt": ("transit-card", SWIPES),
}


class Home:
    """A fresh home with its ledger, for one feed."""

    def __init__(self, folder: Path, feed: str) -> None:
        self.folder = folder
        self.feed = toml_files.shipped()[feed]
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            self.ledger = InsecureLedger(folder / "ledger.db", self.feed)

    def ingest(self, *files: Path, report: Path | None = None) -> IngestResult:
        there = world(self.folder, self.ledger)
        return ingest(files, self.feed, there, enrol_unknown=True, report=report, anyway=True)

    def retry(self) -> IngestResult:
        return rejudge.retry(self.feed, world(self.folder, self.ledger), enrol_unknown=True)

    @property
    def accounts(self) -> int:
        return InsecureRegistrar(self.ledger).count()


@pytest.fixture(scope="module")
def independent() -> ModuleType:
    path = ROOT / "tests" / "acceptance" / "independent_counts.py"
    spec = importlib.util.spec_from_file_location("independent_counts", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def homes(tmp_path: Path) -> Iterator[dict[str, Home]]:
    made = {}
    for feed in toml_files.shipped():
        (tmp_path / feed).mkdir()
        made[feed] = Home(tmp_path / feed, feed)
    yield made
    for home in made.values():
        home.ledger.close()


def test_the_independent_script_gives_the_table(independent: ModuleType) -> None:
    found = independent.table(DATA)
    for name, (rows, accepted, refused, accounts, credits_mg, millipoints) in TABLE.items():
        line = found[name]
        assert (line.rows, line.accepted, line.refused, line.accounts) == (rows, accepted, refused, accounts)
        assert (line.credits_mg, line.millipoints) == (credits_mg, millipoints)


@pytest.mark.parametrize("name", list(TABLE))
def test_each_file_in_a_fresh_home(name: str, homes: dict[str, Home], tmp_path: Path) -> None:
    rows, accepted, refused, accounts, credits_mg, millipoints = TABLE[name]
    feed, file = FILES[name]
    home = homes[feed]
    result = home.ingest(file, report=tmp_path / "report.csv")
    assert result == IngestResult(rows, accepted, refused, 0, credits_mg, millipoints)
    assert home.accounts == accounts
    check_report(tmp_path / "report.csv", result)
    size = home.ledger.size
    again = home.ingest(file)
    assert again == IngestResult(rows, 0, {}, rows, 0, 0, {"accepted": accepted, **refused}), "it adds nothing"
    assert home.ledger.size == size


@pytest.mark.parametrize("sent_again", [True, False], ids=["sent-again", "from-the-journal"])
@pytest.mark.parametrize("name", list(TABLE))
def test_each_file_after_a_wrong_time_format(name: str, sent_again: bool, homes: dict[str, Home]) -> None:
    rows, accepted, refused, _, credits_mg, millipoints = TABLE[name]
    feed, file = FILES[name]
    home, right = homes[feed], homes[feed].feed
    home.feed = small(right, times=replace(right.times, format="%Y.%m.%d"))
    assert home.ingest(file).refused == {"malformed": rows}
    home.feed = right
    mended = home.ingest(file) if sent_again else home.retry()
    assert mended == IngestResult(rows, accepted, refused, 0, credits_mg, millipoints, {}, 0, rows, 0)


def check_report(path: Path, result: IngestResult) -> None:
    with path.open(encoding="utf-8", newline="") as file:
        lines = list(csv.DictReader(file))
    assert [int(line["row"]) for line in lines] == list(range(1, result.rows + 1))
    assert Counter(line["outcome"] for line in lines) == {
        "accepted": result.accepted,
        "refused": sum(result.refused.values()),
    }
    assert Counter(line["rule"] for line in lines if line["rule"]) == result.refused
    assert sum(int(line["credits_mg"]) for line in lines) == result.credits_mg
    assert sum(int(line["millipoints"]) for line in lines) == result.millipoints
    indexes = [line["index"] for line in lines if line["outcome"] == "accepted"]
    assert all(indexes)


def test_january_and_then_march_in_one_home(homes: dict[str, Home]) -> None:
    home = homes["bike-share"]
    for name in ("citibike-01", "citibike-03"):
        rows, accepted, refused, _, credits_mg, millipoints = TABLE[name]
        assert home.ingest(FILES[name][1]) == IngestResult(rows, accepted, refused, 0, credits_mg, millipoints)
    assert home.accounts == 499


def test_march_and_then_january_is_too_late_by_the_ring(homes: dict[str, Home]) -> None:
    home = homes["bike-share"]
    home.ingest(MARCH)
    result = home.ingest(JANUARY)
    assert result.refused["too-late"] > 0
    assert result.rows == result.accepted + sum(result.refused.values())
