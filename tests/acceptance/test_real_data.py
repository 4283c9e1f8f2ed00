"""The four real files, the whole way: what is reported, what stands in the log, and what the contracts hold.

The expected table is the design's, and `independent_counts.py` comes to the same without a line of the oracle's code.
"""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import independent_counts
import luya_process
import pytest
from independent_counts import Expected
from luya_process import ingest_command, succeeds

from chain_node.contracts.handles import LuyaLedger, LuyaViews
from chain_node.deployment.manifest import Manifest
from chain_node.node.node import Node
from chain_node.protocol.entries import Account, Reduction, Refusal, decode
from chain_node.protocol.times import year_of
from chain_node.rpc.client import JsonRpc


@dataclass(frozen=True)
class RealFile:
    """A file, the feed that takes it, and what must come out; amounts in mg CO2e and thousandths of a point."""

    feed: str
    path: str
    expected: Expected


JANUARY = RealFile(
    "bike-share",
    "citibike/JC-201701-citibike-tripdata.csv",
    Expected(
        12_926,
        12_168,
        {"overlap": 33, "same-station": 308, "too-long": 16, "too-short": 401},
        311,
        12_677_655,
        608_527_440,
        60_847_433,
    ),
)
MARCH = RealFile(
    "bike-share",
    "citibike/JC-201703-citibike-tripdata.csv",
    Expected(
        12_201,
        11_492,
        {"overlap": 48, "same-station": 275, "too-long": 18, "too-short": 368},
        455,
        12_091_217,
        580_378_416,
        58_032_955,
    ),
)
STEPS = RealFile(
    "daily-steps",
    "fitbit/dailySteps_merged.csv",
    Expected(940, 863, {"zero-activity": 77}, 33, 7_179_636, 117_745_681, 14_359_272),
)
SWIPES = RealFile(
    "transit-card",
    "szt/page1x100.json",
    Expected(
        100,
        10,
        {"entry-without-exit": 58, "exit-without-entry": 20, "same-station": 12},
        10,
        10,
        800_000,
        100_000,
    ),
)
BOTH_ACCOUNTS = 499
ALL = {"citibike-01": JANUARY, "citibike-03": MARCH, "fitbit": STEPS, "szt": SWIPES}


@pytest.fixture(scope="session")
def data() -> Path:
    """The folder of the real files."""
    folder = independent_counts.data_folder()
    missing = [file.path for file in ALL.values() if not (folder / file.path).is_file()]
    if missing:
        pytest.skip(f"no real data: {folder} lacks {', '.join(missing)} (name its folder by LUYA_REAL_DATA)")
    return folder


@pytest.fixture(scope="session")
def independent(data: Path) -> dict[str, Expected]:
    """The independent count of every file."""
    return independent_counts.table(data)


@pytest.mark.parametrize("name", ALL)
def test_independent_count_agrees_with_the_table(name: str, independent: dict[str, Expected]) -> None:
    assert independent[name] == ALL[name].expected


def test_transit_cards_in_a_home_that_did_not_exist(data: Path, tmp_path: Path) -> None:
    home = tmp_path / "home"
    taken = take(home, SWIPES, data)
    assert on_the_ledger(home) == taken
    again(home, SWIPES, data)


def test_steps(data: Path, deployed_home: Path) -> None:
    taken = take(deployed_home, STEPS, data)
    assert on_the_ledger(deployed_home) == taken
    again(deployed_home, STEPS, data)


def test_march(data: Path, deployed_home: Path) -> None:
    taken = take(deployed_home, MARCH, data)
    assert on_the_ledger(deployed_home) == taken


def test_january_and_then_march(data: Path, deployed_home: Path, independent: dict[str, Expected]) -> None:
    january = take(deployed_home, JANUARY, data)
    assert on_the_ledger(deployed_home) == january
    march = take(deployed_home, MARCH, data)
    both = on_the_ledger(deployed_home)
    assert both.accounts == BOTH_ACCOUNTS == independent["citibike-both"].accounts
    assert both == Entered(
        january.reductions + march.reductions,
        BOTH_ACCOUNTS,
        january.activity + march.activity,
        january.credits_mg + march.credits_mg,
        january.millipoints + march.millipoints,
    )
    again(deployed_home, JANUARY, data)
    again(deployed_home, MARCH, data)
    assert on_the_ledger(deployed_home) == both


@dataclass(frozen=True)
class Entered:
    """What the records of a home come to, wherever it is read."""

    reductions: int
    accounts: int
    activity: int
    credits_mg: int
    millipoints: int


COLUMNS = "file row line outcome rule value index credits_mg millipoints was corrected settings remedy_zh remedy_en"
NOTHING_ELSE = {"corrected": 0, "judged_again": 0, "judged_otherwise": 0}


def take(home: Path, file: RealFile, data: Path) -> Entered:
    """Ingests a file that must give its line of the table; checks the report too."""
    report = home.parent / f"{file.feed}-report.csv"
    answer = succeeds(*ingest_command(home, file.feed, data / file.path, report=report))
    expected = file.expected
    assert answer == {
        "feed": file.feed,
        "rows": expected.rows,
        "accepted": expected.accepted,
        "refused": expected.refused,
        "already_known": 0,
        "credits_mg": expected.credits_mg,
        "millipoints": expected.millipoints,
        "known": {},
        **NOTHING_ELSE,
    }
    check_report(report, data / file.path, expected)
    return Entered(expected.accepted, expected.accounts, expected.activity, expected.credits_mg, expected.millipoints)


def again(home: Path, file: RealFile, data: Path) -> None:
    """The same file once more adds nothing, and its report still tells what became of every row."""
    report = home.parent / f"{file.feed}-again.csv"
    before = luya_process.succeeds("status", "--json", "--home", home)
    answer = succeeds(*ingest_command(home, file.feed, data / file.path, report=report))
    rows = file.expected.rows
    assert answer == {
        "feed": file.feed,
        "rows": rows,
        "accepted": 0,
        "refused": {},
        "already_known": rows,
        "credits_mg": 0,
        "millipoints": 0,
        "known": {"accepted": file.expected.accepted, **file.expected.refused},
        **NOTHING_ELSE,
    }
    after = luya_process.succeeds("status", "--json", "--home", home)
    assert (after["log_size"], after["log_root"]) == (before["log_size"], before["log_root"])
    lines = list(report_lines(report))
    assert len(lines) == rows
    assert {line["outcome"] for line in lines} == {"already-known"}
    assert Counter(line["rule"] for line in lines if line["rule"]) == file.expected.refused


def report_lines(report: Path) -> Iterator[dict[str, str]]:
    """The lines of a report by column."""
    with report.open(encoding="utf-8", newline="") as file:
        yield from csv.DictReader(file)


def check_report(report: Path, source: Path, expected: Expected) -> None:
    """One line for each input row, in order; its sums are the totals."""
    lines = list(report_lines(report))
    assert list(lines[0]) == COLUMNS.split()
    assert all(bool(line["remedy_zh"] and line["remedy_en"]) == bool(line["rule"]) for line in lines)
    assert {line["file"] for line in lines} == {str(source)}
    assert [int(line["row"]) for line in lines] == list(range(1, expected.rows + 1))
    assert sum(line["outcome"] == "accepted" for line in lines) == expected.accepted
    assert Counter(line["rule"] for line in lines if line["outcome"] == "refused") == expected.refused
    assert all(bool(line["rule"]) == (line["outcome"] == "refused") for line in lines)
    assert sum(int(line["credits_mg"]) for line in lines) == expected.credits_mg
    assert sum(int(line["millipoints"]) for line in lines) == expected.millipoints
    indexes = [int(line["index"]) for line in lines if line["outcome"] == "accepted"]
    assert len(set(indexes)) == expected.accepted
    assert all(line["index"] == "" for line in lines if line["outcome"] == "refused")


def on_the_ledger(home: Path) -> Entered:
    """What log and contracts hold, read from the running chain; the two must agree."""
    with Node.open(home) as node:
        node.catch_up()
        entries = [decode(data) for data in node.archive.entries()]
        found = _of_chain(node.rpc, node.manifest, entries)
        checkpoint = node.archive.checkpoint()
        assert checkpoint is not None
        assert (node.ledger.log_size(), node.ledger.root()) == (checkpoint.size, checkpoint.root)
    return found


def _of_chain(rpc: JsonRpc, manifest: Manifest, entries: Sequence[object]) -> Entered:
    reductions = [entry for entry in entries if isinstance(entry, Reduction)]
    accounts = [entry.account for entry in entries if isinstance(entry, Account)]
    assert not any(isinstance(entry, Refusal) for entry in entries), "what an oracle sends, the ledger takes"
    ledger, views = LuyaLedger(rpc, manifest.ledger_address), LuyaViews(rpc, manifest.views_address)
    assert ledger.log_size() == len(entries)
    years = sorted({year_of(entry.record.day) for entry in reductions})
    minted = {year: [0, 0, 0, 0] for year in years}
    held = {(account, year): [0, 0] for account in accounts for year in years}
    for entry in reductions:
        year = year_of(entry.record.day)
        for amounts in (minted[year], held[entry.record.account, year]):
            amounts[0] += entry.credits_mg
            amounts[1] += entry.millipoints
    totals = views.totals(years)
    assert [list(total) for total in totals] == list(minted.values())
    assert [list(balance) for balance in views.balances(list(held))] == list(held.values())
    assert [view[0] for view in views.accounts(accounts)] == [1] * len(accounts), "all are registered and active"
    return Entered(
        len(reductions),
        len(set(accounts)),
        sum(entry.record.activity for entry in reductions),
        sum(total[0] for total in totals),
        sum(total[1] for total in totals),
    )
