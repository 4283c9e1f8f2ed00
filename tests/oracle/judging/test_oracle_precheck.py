"""A file that does not fit is told by name before anything is recorded; --anyway takes it."""

from __future__ import annotations

import gzip
import io
import os
import re
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import partner_files
import pytest
from insecure_ledger import InsecureLedger, small, world
from partner_files import TRIP_HEADER, trip

from oracle.calls.ingest import ingest
from oracle.errors import ConfigError, SourceError
from oracle.feeds import toml_files
from oracle.judging import precheck

BIKES = toml_files.shipped()["bike-share"]
CARDS = toml_files.shipped()["transit-card"]
ROWS = [TRIP_HEADER, *(trip(bike=f"b{n}") for n in range(4))]


def lines(delimiter: str = ",", end: str = "\n") -> bytes:
    return "".join(delimiter.join(row) + end for row in ROWS).encode()


def rows_as(change: Callable[[bytes], bytes]) -> bytes:
    """The file with each line changed but its header."""
    head, *rest = lines().splitlines()
    return b"\n".join((head, *map(change, rest))) + b"\n"


def zipped() -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("trips.csv", lines())
    return packed.getvalue()


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (lines(";"), r"its delimiter seems to be ';', not ','"),
        (lines("\t"), r"its delimiter seems to be '\\t'"),
        (lines(end="\r"), "lone carriage return"),
        (lines().replace(b"starttime", b"Start Time", 1), "'starttime' may be called 'Start Time' now"),
        (b"a,b,c\n", "has no column 'bikeid'.*: it has 'a', 'b', 'c'"),
        (b"<!DOCTYPE html><html><body>Please log in</body></html>", "web page"),
        (b"\xef\xbb\xbf\n <HTML>", "web page"),
        (zipped(), "zip archive"),
        (gzip.compress(lines()), "gzip"),
        (
            lines().replace(b"5/1/25 ", b"2025-05-01 "),
            r"times look like '%Y-%m-%d %H:%M' \('starttime': '2025-05-01 0:00'\)",
        ),
        (lines().replace(b"5/1/25 ", b"25/5/2025 "), "times look like '%d/%m/%Y %H:%M'"),
        (lines().replace(b",b", ",泸".encode("gb18030")), "header line.*GB 18030"),
        (lines().replace(b"104.0,b", "104.0,泸".encode("gb18030")), "most likely GB 18030"),
        (lines().replace(b"30.5,", b"4.07e1,"), "without an exponent"),
        (lines().replace(b"30.5,", b","), "start station latitude is empty"),
        (re.sub(rb"5/1/25 (\d+):(\d+)", rb"01-05-2025 \1:\2", lines()), "look like '%d-%m-%Y %H:%M'"),
        (re.sub(rb"5/1/25 \d+:(\d+)", rb"5/1/2025 3:\1:00 PM", lines()), "12-hour clock .* not supported"),
        (re.sub(rb"5/1/25 \d+:(\d+)", "2025/5/1 下午3:00".encode(), lines()), "12-hour clock .* not supported"),
        (re.sub(rb"5/1/25 \d+:(\d+)", rb"45778.\1", lines()), "spreadsheet's day numbers .* not supported"),
        (
            lines().replace(b"30.5,", b"104.0,"),
            "104.0' is not between -90 and 90 degrees; latitude and longitude may be",
        ),
        (b"Rides of May 2025\n" + lines(), "header seems to stand on line 2: remove"),
        (b"Rides,,\n\n" + lines(), "more than once.*header seems to stand on line 3"),
        (b"a,b\n" + b"x" * 200_000 + b"\r\0,\n" + lines(), "has no column"),
        (b"sep=,\n" + lines(), "header seems to stand on line 2"),
        (lines("，"), "its delimiter seems to be '，'"),
        (lines().replace(b",", "，".encode(), 2), "full-width commas"),
        ("".join(", ".join(f'"{cell}"' for cell in row) + "\n" for row in ROWS).encode(), "space stands before its q"),
        (re.sub(rb",5/1/25 (\d+:\d+)", rb', "5/1/25 \1"', lines()), "a space stands before the quotes"),
        (rows_as(lambda row: b'"' + row + b'"'), "1 field where .*: each row is quoted as a whole"),
        (
            rows_as(lambda row: row.replace(b",", b";")),
            "1 field .*: its rows are parted by ';', its header by ','",
        ),
    ],
)
def test_the_likely_cause_is_named(data: bytes, says: str, tmp_path: Path) -> None:
    file = tmp_path / "a.csv"
    file.write_bytes(data)
    with pytest.raises(SourceError, match=says) as told:
        precheck.check([file], BIKES)
    assert re.search("[一-鿿]{2}", told.value.zh), "partners read it in Chinese too"
    assert str(file) in told.value.zh


def test_lines_of_json_are_told_from_a_document(tmp_path: Path) -> None:
    feed = replace(BIKES, source=replace(BIKES.source, format="json"))
    file = tmp_path / "a.json"
    file.write_text('{"a": 1}\n{"a": 2}\n', "utf-8")
    with pytest.raises(SourceError, match=r'not an array.*source.format = "jsonl"'):
        precheck.check([file], feed)


def fifo(path: Path) -> None:
    os.mkfifo(path)


@pytest.mark.parametrize(("make", "says"), [(Path.mkdir, "is a folder"), (fifo, "is a pipe"), (str, "No such file")])
def test_what_is_no_file(make: Callable[[Path], object], says: str, tmp_path: Path) -> None:
    make(tmp_path / "in")
    with pytest.raises(SourceError, match=says):
        precheck.check([tmp_path / "in"], BIKES)


ROW = '{"card_no":"c","deal_date":"2025-05-01 08:00:00","deal_type":"巴士"}'


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (f'{{"data":[{ROW}]}}{{"data":[{ROW}]}}', "a second JSON document"),
        (f'{{"data":[{ROW}]}} ok', "more text"),
        (f'{{"data":[{ROW}],"data":[]}}', "gives 'data' twice"),
        (f'{{"page":1,"page":2,"data":[{ROW}]}}', "gives 'page' twice"),
        (f'{{"data":[{ROW}],"next":"oops', "cannot be read"),
        (f'{{"data":[{ROW}],"next":1', "cut off"),
        (f'{{"data":[{ROW}]', "cut off"),
        ('{"data":' + "[" * 3_000, "nested too deeply"),
        ('{"deep":' + "[" * 3_000 + ",", "nested too deeply"),
    ],
)
def test_no_document_loses_anything_silently(text: str, says: str, tmp_path: Path) -> None:
    file = tmp_path / "page.json"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(SourceError, match=says):
        precheck.check([file], CARDS)


def test_what_follows_the_array_and_is_well_formed_is_no_fault(tmp_path: Path) -> None:
    file = tmp_path / "page.json"
    file.write_text(f'{{"page":1,"data":[{ROW}],"next":{{"data":[1]}},"total":1}}\n\n', encoding="utf-8")
    precheck.check([file], CARDS)


def test_nothing_is_recorded_unless_asked(tmp_path: Path) -> None:
    wrong = small(BIKES, times=replace(BIKES.times, format="%Y.%m.%d"))
    file = partner_files.write_trips(tmp_path / "a.csv", ROWS[1:])
    with pytest.warns(UserWarning, match="Insecure"):
        ledger = InsecureLedger(tmp_path / "ledger.db", wrong)
    with pytest.raises(SourceError, match=r"4 of its first 4 rows are malformed.*--anyway"):
        ingest([file], wrong, world(tmp_path, ledger), enrol_unknown=True)
    assert not list(tmp_path.rglob("journal.db"))
    taken = ingest([file], wrong, world(tmp_path, ledger), enrol_unknown=True, anyway=True)
    assert taken.refused == {"malformed": 4}
    ledger.close()


def test_half_malformed_is_taken(tmp_path: Path) -> None:
    rows = [trip(), trip(), trip(), trip()]
    rows[0][1] = rows[1][1] = "?"
    precheck.check([partner_files.write_trips(tmp_path / "a.csv", rows)], BIKES)
    rows[2][1] = "?"
    with pytest.raises(SourceError, match="3 of its first 4"):
        precheck.check([partner_files.write_trips(tmp_path / "a.csv", rows)], BIKES)


@pytest.mark.parametrize("pattern", ["%d.%m", "%Q", "%Y-%m-%d %Y", "%H:%M"])
def test_a_format_that_cannot_be_read_is_no_configuration(pattern: str) -> None:
    text = (toml_files.SHIPPED / "bike-share.toml").read_text("utf-8").replace("%m/%d/%y %H:%M", pattern)
    with pytest.raises(ConfigError, match=r"times\.format"):
        toml_files.parse(text)
