"""Settings that can be read and cannot be meant are told, each by its name, before a feed is registered."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from chain_node import catalogue
from oracle.errors import ConfigError
from oracle.families import FAMILIES
from oracle.feeds.sound import check_sound
from oracle.feeds.toml_files import SHIPPED, parse

STEPS, TRIPS, TRANSIT = "daily-steps", "templates/mobike-shanghai-2016", "transit-card"
CREDITS = "credits_cap_mg = 1000000000000"
POINTS = "millipoints_cap = 100000000000"


def changed(name: str, old: str, new: str) -> str:
    text = (SHIPPED / f"{name}.toml").read_text("utf-8")
    assert old in text
    return text.replace(old, new, 1)


def test_what_ships_is_sound(tmp_path: Path) -> None:
    files = sorted(SHIPPED.rglob("*.toml"))
    assert len(files) >= 10
    for path in files:
        text = path.read_text("utf-8")
        table = re.search(r'^file = "(.*)"', text, re.MULTILINE)
        if table is not None:
            (tmp_path / table[1]).write_text("id,latitude,longitude\n1,40.7,-74.0\n", "utf-8")
        check_sound(parse(text, str(path), tmp_path))


def test_every_use_of_every_family_counts_in_a_unit_of_the_catalogue() -> None:
    units = {method.unit.en for method in catalogue.load()}
    assert {unit for family in FAMILIES.values() for unit in family.methods.values()} <= units


@pytest.mark.parametrize(
    ("name", "old", "new", "said"),
    [
        (STEPS, CREDITS, "credits_cap_mg = -1", "registration.credits_cap_mg lies between 0 and 18446744073709551615"),
        (STEPS, CREDITS, "credits_cap_mg = 18446744073709551616", "registration.credits_cap_mg lies between 0"),
        (STEPS, POINTS, "millipoints_cap = 99999999999999999999999", "registration.millipoints_cap lies between"),
        (STEPS, "day = [1]", "day = [101]", r"methods.day names 101 \(pca/cycling\), which counts in metre, not step"),
        (TRANSIT, "ride = [2]", "ride = [102]", r"methods.ride names 102 \(pca/bus\), which counts in metre, not ride"),
        (STEPS, 'name = "Daily-steps trial partner"', 'name = " "', "organisation.name is empty"),
        (STEPS, 'person = "Id"', 'person = ""', "columns.person is empty"),
        (STEPS, 'person = "Id"', 'person = "Date"', "columns.day and columns.person are one column, 'Date'"),
        (TRIPS, "min_seconds = 120", "min_seconds = 30000", "rules.min_seconds is more than rules.max_seconds"),
        (TRIPS, "max_kmh = 35", "max_kmh = 0", "rules.max_kmh is 0"),
        (TRANSIT, 'entry = "地铁入站"', 'entry = "巴士"', "values.entry and values.ride are one text, '巴士'"),
        (TRANSIT, 'entry = "地铁入站"', 'entry = ""', "values.entry is empty"),
    ],
)
def test_what_cannot_be_meant_is_told(name: str, old: str, new: str, said: str) -> None:
    feed = parse(changed(name, old, new))
    with pytest.raises(ConfigError, match=said):
        check_sound(feed)


def test_all_that_is_wrong_is_told_at_once() -> None:
    text = changed(STEPS, CREDITS, "credits_cap_mg = -1").replace('person = "Id"', 'person = ""')
    with pytest.raises(ConfigError, match=r"columns.person is empty; registration.credits_cap_mg lies"):
        check_sound(parse(text))


def test_bounds_that_are_odd_and_can_be_meant_pass() -> None:
    check_sound(parse(changed(STEPS, CREDITS, "credits_cap_mg = 0")))
    check_sound(parse(changed(TRIPS, "min_seconds = 120", "min_seconds = 21600")))
