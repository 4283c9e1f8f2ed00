"""A draft tells from a sample what it can, says what it can't, and reads the file that it was made from."""

from __future__ import annotations

import csv
import json
import os
from pathlib import Path

import partner_files
import pytest
from rehearsed import Log

from oracle.errors import ConfigError, SourceError
from oracle.families.config import FeedConfig
from oracle.feeds.toml_files import parse, shipped
from oracle.judging.draft import Draft, draft, name_of
from oracle.judging.guess import time_formats
from oracle.judging.sample import read

ROOT = Path(__file__).resolve().parents[3]
DATA = Path(os.environ.get("LUYA_REAL_DATA", ROOT.parent / "shared" / "data"))
needs_data = pytest.mark.skipif(not DATA.is_dir(), reason=f"no real data at {DATA} (set LUYA_REAL_DATA)")
SCHEMAS = ROOT / "tests" / "oracle" / "feeds" / "schemas"
NEED_STATIONS = ("divvy-2014.csv", "capitalbikeshare-2015.csv")
UNCONFIRMED = '# time_zone = "Asia/Shanghai"'


def drafted(path: Path, table: Path | None = None) -> Draft:
    return draft(read(path), 7, name_of(path), None if table is None else read(table))


def confirmed(made: Draft, folder: Path | None = None) -> FeedConfig:
    """The draft as a feed, its time zone confirmed. folder: where its station table lies."""
    assert made.missing == ()
    assert made.text.count(UNCONFIRMED) == 1
    return parse(made.text.replace(UNCONFIRMED, UNCONFIRMED[2:]), folder=folder)


# --- the files of the shipped feeds


def same_as_shipped(name: str, file: Path, folder: Path) -> None:
    """The draft from this file judges its rows as the shipped feed does."""
    results = []
    for place, feed in enumerate((confirmed(drafted(file)), shipped()[name])):
        here = folder / str(place)
        here.mkdir(parents=True)
        results.append(Log(feed, here / "none").check(feed, here, file, enrol_unknown=True).result)
    assert results[0] == results[1]
    assert results[0].accepted > 0


def test_made_up_trips(tmp_path: Path) -> None:
    same_as_shipped("bike-share", partner_files.trips(tmp_path / "trips.csv", 400), tmp_path)


def test_made_up_swipes(tmp_path: Path) -> None:
    same_as_shipped("transit-card", partner_files.swipes(tmp_path / "page.json", 400), tmp_path)


@needs_data
@pytest.mark.parametrize(
    ("name", "file"),
    [
        ("bike-share", "citibike/JC-201701-citibike-tripdata.csv"),
        ("bike-share", "citibike/JC-201703-citibike-tripdata.csv"),
        ("daily-steps", "fitbit/dailySteps_merged.csv"),
        ("transit-card", "szt/page1x100.json"),
    ],
)
def test_real_files(name: str, file: str, tmp_path: Path) -> None:
    path = DATA / file
    if path.suffix == ".csv":  # the head of a large one, to its twentieth day: by then month and day are told apart
        with path.open(encoding="utf-8") as stream:
            header, *rows = stream
        (tmp_path / path.name).write_text("".join([header, *rows[:: len(rows) // 600 + 1]]), "utf-8")
        path = tmp_path / path.name
    same_as_shipped(name, path, tmp_path)


@needs_data
@pytest.mark.parametrize(
    ("file", "said"),
    [
        ("zurich_waste/disposa-liz.csv", "do not tell what they hold .*for trips it lacks person, start"),
        ("zurich_waste/lord-of-the-bins.csv", "for steps it lacks person, day, steps"),
        ("geolife/010/labels.txt", "for transit it lacks person, time, type"),
        ("geolife/010/Trajectory/20080330004134.plt", "do not part into columns"),
        ("berka/fin_order.tsv", "has no header line: its first line holds values"),
        ("szt/szmc.net-metro.csv", "has no header line"),
        ("meals/test-chicken-satay.jpg", "JPEG picture"),
    ],
)
def test_what_is_no_feeds_file_is_said_to_be_none(file: str, said: str) -> None:
    with pytest.raises(SourceError, match=said):
        drafted(DATA / file)


# --- shapes that partners really have


def test_drafts_for_real_schemas_give_what_must_come_out(tmp_path: Path) -> None:
    expected: dict[str, list[dict[str, str]]] = json.loads((SCHEMAS / "expected.json").read_text("utf-8"))
    assert len(expected) >= 6
    for name, rows in expected.items():
        file, here = SCHEMAS / name, tmp_path / name
        table = SCHEMAS / "divvy-2014-stations.csv" if name in NEED_STATIONS else None
        feed = confirmed(drafted(file, table), SCHEMAS)
        here.mkdir()
        Log(feed, here / "none").check(feed, here, file, enrol_unknown=True, report=here / "report.csv")
        with (here / "report.csv").open(encoding="utf-8", newline="") as stream:
            told = [(line["outcome"], line["rule"]) for line in csv.DictReader(stream)]
        assert told == [(row["outcome"], row.get("rule", "")) for row in rows], name


def test_stations_without_a_table_are_missing(tmp_path: Path) -> None:
    made = drafted(SCHEMAS / "divvy-2014.csv")
    assert made.missing == ("stations",)
    assert "# [stations]" in made.text
    with pytest.raises(ConfigError, match=r"stations with a table \[stations\]"):
        parse(made.text.replace(UNCONFIRMED, UNCONFIRMED[2:]))
    with pytest.raises(SourceError, match="is no station table: no column looks like a station's id"):
        drafted(SCHEMAS / "divvy-2014.csv", partner_files.trips(tmp_path / "trips.csv", 10))


@pytest.mark.parametrize("page", ["feeds.md", "feeds.zh-CN.md"])
def test_the_pages_example_is_what_is_drafted_from_its_own_columns(page: str, tmp_path: Path) -> None:
    example = (ROOT / "docs" / page).read_text("utf-8").partition("```toml\n")[2].partition("```")[0]
    columns = parse(example).header_styles[0]
    held = {"start": "2026/11/20 08:00", "end": "2026/11/20 08:20", "duration": "20"}
    held |= {role: "31.2" if role.endswith("latitude") else "121.4" for role in columns if role.endswith("itude")}
    sample = tmp_path / "rides.csv"
    row = ",".join(held.get(role, f"{role}-1") for role in columns)
    sample.write_text(f"{','.join(columns.values())}\n{row}\n", "utf-8")
    assert confirmed(drafted(sample)).header_styles[0] == columns


def test_what_only_the_partner_knows_is_to_be_confirmed() -> None:
    shanghai, beijing = drafted(SCHEMAS / "mobike-shanghai-2016.csv"), drafted(SCHEMAS / "mobike-beijing-2017.csv")
    assert "gcj02 if these are" in shanghai.text
    assert "gcj02 if these are" in beijing.text
    assert "is taken to last so many minutes.\nnominal_minutes = 15\n" in beijing.text
    jersey = drafted(SCHEMAS / "citibike-2021.csv")
    assert "gcj02" not in jersey.text
    assert "nominal_minutes" not in jersey.text


# --- what partners write otherwise


def rewritten(path: Path, source: Path, delimiter: str, encoding: str, names: dict[str, str]) -> Path:
    """The file with another delimiter, encoding and header."""
    with source.open(encoding="utf-8", newline="") as stream:
        header, *rows = csv.reader(stream)
    with path.open("w", encoding=encoding, newline="") as stream:
        writer = csv.writer(stream, delimiter=delimiter, lineterminator="\n")
        writer.writerows([[names.get(name, name) for name in header], *rows])
    return path


def test_chinese_headers_in_gb18030_with_semicolons(tmp_path: Path) -> None:
    names = {
        "tripduration": "骑行时长(秒)",
        "starttime": "开始时间",
        "stoptime": "结束时间",
        "start station id": "起点站点编号",
        "start station latitude": "起点纬度",
        "start station longitude": "起点经度",
        "end station id": "终点站点编号",
        "end station latitude": "终点纬度",
        "end station longitude": "终点经度",
        "bikeid": "用户编号",
    }
    plain = partner_files.trips(tmp_path / "trips.csv", 300)
    chinese = rewritten(tmp_path / "行程.csv", plain, ";", "gb18030", names)
    feed = confirmed(drafted(chinese))
    assert (feed.source.encoding, feed.source.delimiter, feed.name) == ("gb18030", ";", "feed")
    assert feed.columns == {
        "person": "用户编号",
        "start": "开始时间",
        "end": "结束时间",
        "duration": "骑行时长(秒)",
        "start_station": "起点站点编号",
        "start_latitude": "起点纬度",
        "start_longitude": "起点经度",
        "end_station": "终点站点编号",
        "end_latitude": "终点纬度",
        "end_longitude": "终点经度",
    }
    here, there = tmp_path / "here", tmp_path / "there"
    here.mkdir()
    there.mkdir()
    of = shipped()["bike-share"]
    found = Log(feed, tmp_path / "none").check(feed, here, chinese, enrol_unknown=True).result
    assert found == Log(of, tmp_path / "none").check(of, there, plain, enrol_unknown=True).result


def steps_file(path: Path, days: list[str], counts: list[str]) -> Path:
    pairs = enumerate(zip(days, counts, strict=True))
    rows = [["userId", "日期", "步数"], *([f"u{n}", day, count] for n, (day, count) in pairs)]
    path.write_text("".join("\t".join(row) + "\n" for row in rows), "utf-8")
    return path


def test_month_and_day_that_can_be_the_other_way_round_are_to_be_confirmed(tmp_path: Path) -> None:
    unclear = drafted(steps_file(tmp_path / "a.tsv", ["3/4/25", "5/6/25"], ["1,200", "8"]))
    assert "can %m, the month, and %d, the day, be the other way round?" in unclear.text
    feed = confirmed(unclear)
    assert (feed.source.delimiter, feed.numbers.thousands, feed.times.formats) == ("\t", ",", ("%m/%d/%y",))
    clear = drafted(steps_file(tmp_path / "b.tsv", ["3/4/25", "5/26/25"], ["1200", "8"]))
    assert "the other way round" not in clear.text
    assert confirmed(clear).numbers.thousands == ""


def test_json_lines_with_timestamps_need_no_zone(tmp_path: Path) -> None:
    path = tmp_path / "swipes.jsonl"
    kinds = ["tap_in", "tap_out", "bus"]
    rows = [{"cardNo": "c1", "time": 1_746_000_000_000 + n, "type": kind} for n, kind in enumerate(kinds)]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    made = drafted(path)
    feed = parse(made.text)
    assert (feed.source.format, feed.times.formats, feed.kind) == ("jsonl", ("unix-ms",), "transit")
    assert feed.values == {"entry": "tap_in", "exit": "tap_out", "ride": "bus"}


@pytest.mark.parametrize(("unit", "seconds"), [("minutes", 60), ("milliseconds", 0.001), ("seconds", 1)])
def test_the_unit_of_a_duration_is_told_by_start_and_end(unit: str, seconds: float, tmp_path: Path) -> None:
    rows = [partner_files.trip(seconds=900 + 60 * n, bike=f"b{n}") for n in range(20)]
    for row in rows:
        row[0] = f"{int(row[0]) / seconds:.0f}"
    feed = confirmed(drafted(partner_files.write_trips(tmp_path / "trips.csv", rows)))
    assert feed.times.duration_unit == unit


def test_several_formats_are_told_where_one_does_not_read_all() -> None:
    assert time_formats(["2021-02-03 08:01:02", "2021-02-03T08:05:02.345"]) == ("iso",)
    mixed = ["1/31/2015 23:20", "2/28/2015 8:00", "2021-02-03 08:01:02"]
    assert set(time_formats(mixed)) == {"%m/%d/%Y %H:%M", "%Y-%m-%d %H:%M:%S"}
    assert time_formats(["yesterday", "2021-02-03 08:01:02"]) == ()


# --- what is missing


def test_what_the_sample_lacks_is_marked_and_refused(tmp_path: Path) -> None:
    path = tmp_path / "rides.csv"
    path.write_text("start_time,start_lat,start_lng,end_lat,end_lng\n2025-03-31 23:20,30.5,104,30.6,104\n", "utf-8")
    made = drafted(path)
    assert made.missing == ("person",)
    assert [line for line in made.text.splitlines() if "【缺】" in line and line.startswith("# person")]
    with pytest.raises(ConfigError, match=r"columns. lacks person"):
        parse(made.text.replace(UNCONFIRMED, UNCONFIRMED[2:]))


def test_an_unconfirmed_zone_is_refused_by_name(tmp_path: Path) -> None:
    made = drafted(partner_files.trips(tmp_path / "trips.csv", 100))
    with pytest.raises(ConfigError, match=r"does not say its time_zone.*confirm the line that is marked"):
        parse(made.text, "trips.toml")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "is empty"),
        (b"\n\n", "is empty"),
        (b"PK\x03\x04abc", "a zip archive"),
        (b"<!DOCTYPE html><p>", "web page"),
        (b'{"a": 1}', "no array of objects"),
        (b'{"data": [{"a": 1}', "no JSON document"),
        (b"[]", "no array of objects"),
        (b"one\ntwo\n", "do not part into columns"),
    ],
)
def test_a_sample_that_tells_nothing(content: bytes, said: str, tmp_path: Path) -> None:
    path = tmp_path / "sample"
    path.write_bytes(content)
    with pytest.raises(SourceError, match=said):
        drafted(path)


def test_the_name_is_made_of_the_files() -> None:
    assert name_of(Path("x/JC-201701 Trip_Data.csv")) == "jc-201701-trip-data"
    assert name_of(Path("行程.csv")) == "feed"
    assert len(name_of(Path("a" * 200))) == 63
