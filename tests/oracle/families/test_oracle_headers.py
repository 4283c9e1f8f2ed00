"""One feed reads files of several header styles; what stands in for a person; how files say that there is nothing."""

from __future__ import annotations

import io
import json
import re
import tomllib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from insecure_ledger import TODAY, InsecureLedger, InsecureRegistrar, feed_entry, small, world
from partner_files import TRIP_HEADER, trip, write_trips

from chain_node import catalogue
from chain_node.protocol.rules import Rule
from oracle.calls.ingest import ingest
from oracle.calls.rejudge import retry
from oracle.errors import ConfigError, SourceError
from oracle.families import family_of
from oracle.families.config import FeedConfig, NumberFormat
from oracle.families.trips import Trip
from oracle.feeds import toml_files
from oracle.intake.fields import Unreadable
from oracle.intake.rows import RawRow
from oracle.judging import precheck, staging
from oracle.ports import FeedLaw

BIKES = toml_files.shipped()["bike-share"]
TEXT = (toml_files.SHIPPED / "bike-share.toml").read_text(encoding="utf-8")
STYLES = [dict(style) for style in BIKES.header_styles]
ROW = dict(zip(TRIP_HEADER, trip(), strict=True))


def reader(feed: FeedConfig) -> Callable[[Mapping[str, str]], Any]:
    return family_of(feed).reader(feed)


def in_style(number: int) -> dict[str, str]:
    """The same trip with another style's headers."""
    texts = {role: ROW[header] for role, header in STYLES[0].items()}
    return {header: texts[role] for role, header in STYLES[number].items()}


def test_each_row_is_read_by_the_style_it_fits() -> None:
    read = reader(BIKES)
    trips = [read(in_style(number)) for number in range(3)]
    assert trips[0] == trips[1] == trips[2]
    assert isinstance(trips[0], Trip)
    assert trips[0].seconds == 900
    short = {**in_style(1), "Trip Duration": "901"}
    assert read(short).seconds == 901, "the column, where the style has one"


def test_the_first_style_that_fits_counts() -> None:
    read = reader(BIKES)
    both = {**in_style(2), **in_style(1), "Trip Duration": "7"}
    assert family_of(BIKES).headers(BIKES).place(both) == 1
    assert read(both).seconds == 7
    assert read({**both, "End Station ID": "4"}).end_station == "4"


def test_a_header_that_fits_none_names_what_the_nearest_lacks(tmp_path: Path) -> None:
    file = tmp_path / "a.csv"
    file.write_text(",".join(name for name in STYLES[1].values() if name != "Stop Time") + "\n", encoding="utf-8")
    with pytest.raises(SourceError, match="has no column 'Stop Time' "):
        precheck.check([file], BIKES)
    with pytest.raises(Unreadable, match="has no Stop Time"):
        reader(BIKES)({name: "1" for name in STYLES[1].values() if name != "Stop Time"})


def keys(feed: FeedConfig, rows: Sequence[dict[str, str]]) -> list[bytes]:
    return [staging.key_in_any_case(RawRow(1, row), b"raw", b"file", family_of(feed).headers(feed)) for row in rows]


def test_each_style_has_its_own_record_id() -> None:
    feed = toml_files.parse(TEXT.replace('stand_in = "ride_id"', 'stand_in = "ride_id"\nrecord_id = "ride_id"'))
    rows = [in_style(0), {**in_style(2), "ride_id": "r7"}]
    assert [key[:1] for key in keys(feed, rows)] == [b"h", b"i"]
    assert keys(feed, rows)[1] == b"ir7"
    with pytest.raises(Unreadable, match="has no"):
        reader(feed)({name: text for name, text in rows[1].items() if name != "ride_id"})


def test_a_row_is_attested_once_though_its_style_names_a_record_id_later(tmp_path: Path) -> None:
    with pytest.warns(UserWarning, match="Insecure"):
        ledger = InsecureLedger(tmp_path / "ledger.db", BIKES)
    file = tmp_path / "a.csv"
    rows = [in_style(2)]
    file.write_text("\n".join(",".join(cells) for cells in (list(rows[0]), rows[0].values())) + "\n", encoding="utf-8")
    there = world(tmp_path, ledger)
    assert ingest([file], BIKES, there, enrol_unknown=True).accepted == 1
    since_2021 = {**BIKES.styles["since-2021"], "record_id": "ride_id"}
    later = small(BIKES, styles={**BIKES.styles, "since-2021": since_2021})
    again = ingest([file], later, there, enrol_unknown=True)
    assert (again.accepted, again.already_known, again.refused) == (0, 1, {})
    ledger.close()


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("trial = true", "trial = false", "only in a trial may something else stand in"),
        ('stand_in = "bikeid"', 'stand_in = "bikeid"\nperson = "userid"', "has both person and stand_in"),
        ('stand_in = "Bike ID"', "", r"\[styles.title-case\] lacks person"),
        ('start = "Start Time"', 'start = "Start Time"\ncolour = "x"', r"\[styles.title-case\] has colour"),
        ("[styles.title-case]", "[styles.since-2020]\n" + TEXT.partition("[columns]")[2].partition("[styles")[0][1:]
         .replace(" # until", "#").partition("\n")[2] + "[styles.title-case]", "since-2020. is never used"),
        ("max_kmh = 35", "max_kmh = -1", "rules.max_kmh lies between 0 and 1000"),
        ("[methods]", "[numbers]\nthousands = ','\ndecimal = ','\n[methods]", "not the same sign"),
        ("[methods]", "[numbers]\nthousands = '5'\n[methods]", "numbers.thousands"),
        ('format = ["', 'format = ["%d/%m/%y %H:%M", "', "is one time as"),
        (next(line for line in TEXT.splitlines() if line.startswith("format = [")), "format = []", "at least one"),
        ("[times]", "[times]\nduration_unit = 'hours'", "times.duration_unit"),
    ],
)  # fmt: skip
def test_a_wrong_configuration_says_where(old: str, new: str, says: str) -> None:
    assert old in TEXT
    with pytest.raises(ConfigError, match=says):
        toml_files.parse(TEXT.replace(old, new, 1), "mine.toml")


def test_what_stands_in_is_never_the_person_of_the_same_number() -> None:
    [*_, style] = STYLES
    by_name = {"person" if role == "stand_in" else role: header for role, header in STYLES[0].items()}
    named = replace(BIKES, columns=by_name, styles={})
    assert reader(named)({**ROW, "bikeid": "17"}).person == "17"
    assert reader(BIKES)({**ROW, "bikeid": "17"}).person == "stand-in:17"
    assert reader(BIKES)({**in_style(2), style["stand_in"]: "17"}).person == "stand-in:17"
    for nobody in ("", " ", "NULL", "\\N", " NULL "):
        with pytest.raises(Unreadable, match="bikeid is empty"):
            reader(BIKES)({**ROW, "bikeid": nobody})


def test_rows_of_nobody_never_share_an_account(tmp_path: Path) -> None:
    with pytest.warns(UserWarning, match="Insecure"):
        ledger = InsecureLedger(tmp_path / "ledger.db", BIKES)
    file = write_trips(tmp_path / "a.csv", [trip(bike="NULL"), trip(bike=""), trip(bike="1"), trip(bike="2")])
    result = ingest([file], BIKES, world(tmp_path, ledger), enrol_unknown=True)
    assert (result.accepted, result.refused) == (2, {"malformed": 2})
    assert InsecureRegistrar(ledger).count() == 2
    ledger.close()


@pytest.mark.parametrize("role", ["stand_in", "record_id"])
@pytest.mark.parametrize("form", ["csv", "json"])
def test_rows_whose_ids_stand_for_nothing_are_refused_and_none_is_taken_for_another(
    form: str, role: str, tmp_path: Path
) -> None:
    """JSON's null is read as a text; two rows of it were one account, and, as record ids, one row."""
    columns = {**STYLES[0], "record_id": "order"}
    feed = replace(BIKES, columns=columns, styles={}, source=replace(BIKES.source, format=form))  # type: ignore[arg-type]
    null = "NULL" if form == "csv" else None
    rows = [{**ROW, "bikeid": f"b{number}", "order": f"o{number}"} for number in range(4)]
    wrong = [{**row, columns[role]: null} for row in rows[:2]]
    file = tmp_path / "rows"
    if form == "csv":
        lines = [",".join(map(str, row.values())) for row in (*wrong, *rows[2:])]
        file.write_text("\n".join((",".join(rows[0]), *lines)) + "\n", "utf-8")
    else:
        file.write_text(json.dumps([*wrong, *rows[2:]]), "utf-8")
    with pytest.warns(UserWarning, match="Insecure"):
        ledger = InsecureLedger(tmp_path / "ledger.db", feed)
    result = ingest([file], feed, world(tmp_path, ledger), enrol_unknown=True)
    assert (result.accepted, result.refused, result.already_known) == (2, {"malformed": 2}, 0)
    assert InsecureRegistrar(ledger).count() == 2
    ledger.close()


@pytest.mark.parametrize("role", ["stand_in", "record_id"])
@pytest.mark.parametrize("form", ["json", "jsonl"])
@pytest.mark.parametrize("value", [True, ["a"], {"id": 7}, 1.5])
def test_json_that_is_no_id_is_never_taken_for_one(value: object, form: str, role: str, tmp_path: Path) -> None:
    """As texts, all rows of `"user": true` were one account, and, as record ids, one row."""
    columns = {**STYLES[0], "record_id": "order"}
    feed = replace(BIKES, columns=columns, styles={}, source=replace(BIKES.source, format=form))  # type: ignore[arg-type]
    rows: list[dict[str, Any]] = [{**ROW, "bikeid": number, "order": f"o{number}"} for number in range(5)]
    wrong = [{**row, columns[role]: value} for row in rows[:2]]
    file = tmp_path / "rows"
    all_rows = [*wrong, *rows[2:]]
    file.write_text(json.dumps(all_rows) if form == "json" else "\n".join(map(json.dumps, all_rows)), "utf-8")
    with pytest.warns(UserWarning, match="Insecure"):
        ledger = InsecureLedger(tmp_path / "ledger.db", feed)
    there = world(tmp_path, ledger)
    report = tmp_path / "report.csv"
    result = ingest([file], feed, there, enrol_unknown=True, report=report)
    assert (result.accepted, result.refused, result.already_known) == (3, {"malformed": 2}, 0)
    assert report.read_text("utf-8").count("is no id: write a text or a whole number") == 2
    assert InsecureRegistrar(ledger).count() == 3
    retried = retry(feed, there, enrol_unknown=True)
    assert retried.accepted == 0, "nor when judged again, without the file"
    ledger.close()


def test_unknown_persons_are_told_by_every_styles_column() -> None:
    assert BIKES.person_columns == "bikeid, Bike ID, ride_id"
    assert toml_files.shipped()["transit-card"].person_columns == "card_no"


def test_nulls_that_could_be_read_as_numbers_are_none() -> None:
    feed = replace(BIKES, source=replace(BIKES.source, nulls=("0.0", "-1")))
    with pytest.raises(Unreadable, match="latitude is empty"):
        reader(feed)({**ROW, "start station latitude": "0.0"})
    assert reader(BIKES)({**ROW, "start station latitude": "0.0"}).start_latitude == 0


def test_durations_in_other_units_and_with_signs() -> None:
    for unit, text, seconds in (
        ("minutes", "15.5", 930),
        ("milliseconds", "1,166,280", 1166),
        ("seconds", "1,390.0", 1390),
    ):
        feed = replace(
            BIKES,
            times=replace(BIKES.times, duration_unit=unit),  # type: ignore[arg-type]
            numbers=NumberFormat(",", "."),
        )
        assert reader(feed)({**ROW, "tripduration": text}).seconds == seconds


def test_json_rows_choose_their_style_one_by_one() -> None:
    lines = io.BytesIO("\n".join(json.dumps(in_style(number)) for number in (2, 0, 1)).encode())
    feed = replace(BIKES, source=replace(BIKES.source, format="jsonl"))
    read = reader(feed)
    assert {read(row.fields) for row in staging.rows(lines, "lines", feed)} == {read(in_style(0))}


def test_rows_of_all_styles_are_judged_alike() -> None:
    entry = feed_entry(BIKES)
    methods = {method.id: method.method for method in catalogue.load() if method.id in entry.methods}
    law = FeedLaw(entry, methods, {group.id: group.caps for group in catalogue.load_groups()}, TODAY)
    verdicts = family_of(BIKES).judge(BIKES, law)([reader(BIKES)(in_style(number)) for number in range(3)])
    assert verdicts[0].rule is None
    assert len(set(verdicts)) == 1


BY_ROLE = {
    "person": "p",
    "stand_in": "b",
    "record_id": "r",
    "duration": "1200",
    "steps": "5",
    "station": "x",
    "start_station": "1",
    "end_station": "2",
    "start_geohash": "wx4snhx",
    "end_geohash": "wx4snhj",
    "start_latitude": "30.5",
    "start_longitude": "104",
    "end_latitude": "30.51",
    "end_longitude": "104",
}


@pytest.mark.parametrize("path", sorted(toml_files.SHIPPED.rglob("*.toml")), ids=lambda path: path.stem)
def test_a_row_is_read_only_with_all_columns_of_its_style(path: Path, tmp_path: Path) -> None:
    """What lets the first style be tried before it is known to fit: whatever it reads has all that it wants."""
    text = path.read_text("utf-8")
    if (table := tomllib.loads(text).get("stations")) is not None:
        (tmp_path / table["file"]).write_text("id,latitude,longitude\n1,30.5,104\n2,30.51,104\n", "utf-8")
    feed = toml_files.parse(text, str(path), tmp_path)
    written = feed.times.formats[0]
    when = "2025-05-01T08:00:00" if written == "iso" else datetime(2025, 5, 1, 8).strftime(written)
    texts = {**BY_ROLE, **dict.fromkeys(("start", "end", "day", "time"), when), "type": feed.values.get("entry", "")}
    family = family_of(feed)
    for style, wanted in zip(feed.header_styles, family.headers(feed).wanted, strict=True):
        row = {header: texts[role] for role, header in style.items()}
        read = family.bind(feed, style)
        read(row)
        only_a_key = {style.get("record_id")} - {header for role, header in style.items() if role != "record_id"}
        for header in wanted - only_a_key:
            with pytest.raises(Unreadable, match=f"has no {re.escape(header)}$"):
                read({name: text for name, text in row.items() if name != header})


def test_a_feed_in_earnest_enrols_by_the_flag_that_the_remedy_names(tmp_path: Path) -> None:
    by_name = {"person" if role == "stand_in" else role: header for role, header in STYLES[0].items()}
    feed = replace(BIKES, columns=by_name, styles={}, trial=False)
    with pytest.warns(UserWarning, match="Insecure"):
        ledger = InsecureLedger(tmp_path / "ledger.db", feed)
    there = world(tmp_path, ledger)
    today = datetime.fromtimestamp((TODAY - 3) * 86_400, UTC)
    file = write_trips(tmp_path / "a.csv", [trip(start=today)])
    assert ingest([file], feed, there).refused == {"unknown-person": 1}
    for remedy in (Rule.UNKNOWN_PERSON.remedy_en, Rule.UNKNOWN_PERSON.remedy_zh):
        assert "luya oracle retry" in remedy
        assert "--enrol-unknown" in remedy
    assert retry(feed, there, enrol_unknown=True).accepted == 1
    ledger.close()
