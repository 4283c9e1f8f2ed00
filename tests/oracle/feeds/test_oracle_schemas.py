"""Files in the shapes that partners really have, read by TOML alone: what becomes of every row, exactly.

`schemas/expected.json` came with the files; what is here beside it are the same docks' trips in older styles.
"""

from __future__ import annotations

import csv
import json
import shutil
import tomllib
import warnings
from pathlib import Path
from typing import Any

import pytest
from insecure_ledger import InsecureLedger, InsecureRegistrar, world
from partner_files import DAY, swipe
from rehearsed import Log

from chain_node.protocol.entries import Reduction, decode
from oracle.calls.ingest import ingest
from oracle.errors import SourceError
from oracle.families.config import FeedConfig
from oracle.feeds import toml_files
from oracle.judging import precheck

SCHEMAS = Path(__file__).parent / "schemas"
TEMPLATES = toml_files.SHIPPED / "templates"
TABLE = SCHEMAS / "divvy-2014-stations.csv"
MG_A_METRE = 48


def accepted(metres: int) -> dict[str, Any]:
    return {"outcome": "accepted", "activity_m": metres, "credits_mg": metres * MG_A_METRE}


def refused(rule: str) -> dict[str, Any]:
    return {"outcome": "refused", "rule": rule}


EXPECTED: dict[str, list[dict[str, Any]]] = {
    **json.loads((SCHEMAS / "expected.json").read_text("utf-8")),
    "citibike-2013.csv": [
        accepted(2072),
        accepted(2579),
        accepted(1882),  # by its coordinates: the station is NULL
        *(refused(rule) for rule in ("malformed", "too-short", "same-station", "malformed", "malformed")),
    ],
    "citibike-2016.csv": [accepted(2774), refused("too-long")],
}
EXPECTED["mobike-shanghai-2016.csv"][0] = accepted(861)  # see test_oracle_positions.py
EXPECTED["mobike-beijing-2017.csv"][0] = accepted(384)
UNTIL_2020 = ["citibike-2013.csv", "citibike-2016.csv"]
BY_TEMPLATE = {
    "citibike-until-2020": UNTIL_2020,
    **{file.removesuffix(".csv"): [file] for file in EXPECTED if file not in UNTIL_2020},
}


def template(name: str, folder: Path) -> FeedConfig:
    """The feed of this template as a partner has it: in a folder, beside its station table."""
    file = shutil.copy(TEMPLATES / f"{name}.toml", folder)
    table = tomllib.loads(Path(file).read_text("utf-8")).get("stations")
    if table is not None:
        shutil.copy(TABLE, folder / table["file"])
    return toml_files.load(Path(file))


def outcomes(feed: FeedConfig, file: Path, folder: Path) -> tuple[list[dict[str, Any]], InsecureLedger]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        ledger = InsecureLedger(folder / "ledger.db", feed)
    report = folder / "report.csv"
    ingest([file], feed, world(folder, ledger), enrol_unknown=True, report=report, anyway=True)
    records = [entry.record for data in ledger.entries(0, ledger.size) if isinstance(entry := decode(data), Reduction)]
    found = []
    with report.open(encoding="utf-8", newline="") as lines:
        for line in csv.DictReader(lines):
            if line["outcome"] == "accepted":
                metres = records[int(line["index"])].activity
                found.append({"outcome": "accepted", "activity_m": metres, "credits_mg": int(line["credits_mg"])})
            else:
                found.append({"outcome": line["outcome"], "rule": line["rule"]})
    return found, ledger


def without_index(report: Path) -> list[dict[str, str]]:
    """A report's lines but for the entries' places in the log, which only exist once they are recorded."""
    with report.open(encoding="utf-8", newline="") as lines:
        return [{name: text for name, text in line.items() if name != "index"} for line in csv.DictReader(lines)]


@pytest.mark.parametrize(("name", "file"), [(name, file) for name, files in BY_TEMPLATE.items() for file in files])
def test_every_row_of_a_template_is_what_it_should_be(name: str, file: str, tmp_path: Path) -> None:
    feed = template(name, tmp_path)
    found, ledger = outcomes(feed, SCHEMAS / file, tmp_path)
    assert found == EXPECTED[file]
    ledger.close()
    (tmp_path / "copy").mkdir()
    Log(feed, tmp_path / "none").check(
        feed, tmp_path / "copy", SCHEMAS / file, report=tmp_path / "checked.csv", enrol_unknown=True
    )
    assert without_index(tmp_path / "checked.csv") == without_index(tmp_path / "report.csv"), "check says the same"


@pytest.mark.parametrize("file", [*UNTIL_2020, "citibike-2021.csv"])
def test_the_shipped_feed_reads_all_styles_of_its_operator(file: str, tmp_path: Path) -> None:
    found, ledger = outcomes(toml_files.shipped()["bike-share"], SCHEMAS / file, tmp_path)
    assert found == EXPECTED[file]
    ledger.close()


def test_every_template_is_tried_and_can_stand_in_one_home(tmp_path: Path) -> None:
    names = sorted(path.stem for path in TEMPLATES.glob("*.toml"))
    assert names == sorted(BY_TEMPLATE)
    feeds = [template(name, tmp_path) for name in names]
    assert [feed.name for feed in feeds] == names
    every = [*feeds, *toml_files.shipped().values()]
    assert len({feed.id for feed in every}) == len({feed.organisation.id for feed in every}) == len(every)


def test_trips_of_nobody_have_an_account_each(tmp_path: Path) -> None:
    found, ledger = outcomes(template("citibike-2021", tmp_path), SCHEMAS / "citibike-2021.csv", tmp_path)
    count = sum(row["outcome"] == "accepted" for row in found)
    records = [entry.record for data in ledger.entries(0, ledger.size) if isinstance(entry := decode(data), Reduction)]
    assert len({record.account for record in records}) == InsecureRegistrar(ledger).count() == count == 4
    ledger.close()


def test_a_file_of_two_styles_at_once_is_not_taken(tmp_path: Path) -> None:
    file = tmp_path / "mixed.csv"
    text = (SCHEMAS / "citibike-2016.csv").read_text("utf-8")
    file.write_text(text.replace("Bike ID", "bikeid"), encoding="utf-8")
    with pytest.raises(SourceError, match="has no column 'Bike ID'"):
        precheck.check([file], toml_files.shipped()["bike-share"])


def test_a_metro_operator_with_a_maximum_stay(tmp_path: Path) -> None:
    """By the shipped feed, of four hours: in at 08:00 and out at 20:30 is no trip, and 12:00 is the last minute."""
    at = {hour: DAY.replace(hour=hour) for hour in (8, 12, 20)}
    rows = [
        *(swipe(at[8], "long", "entry", "红山"), swipe(at[20].replace(minute=30), "long", "exit", "龙华")),
        *(swipe(at[8], "day", "entry", "红山"), swipe(at[12], "day", "exit", "龙华")),
        *(swipe(at[8], "over", "entry", "红山"), swipe(at[12].replace(second=1), "over", "exit", "龙华")),
    ]
    file = tmp_path / "page.json"
    file.write_text(json.dumps({"data": rows}, ensure_ascii=False), encoding="utf-8")
    found, ledger = outcomes(toml_files.shipped()["transit-card"], file, tmp_path)
    told = [row.get("rule", row["outcome"]) for row in found]
    assert told == ["too-long", "too-long", "accepted", "accepted", "too-long", "too-long"]
    assert sum(row.get("credits_mg", 0) for row in found) == 46_000, "one trip"
    ledger.close()
