"""Feed configurations: the shipped ones are whole, a wrong one says every place that is wrong."""

from __future__ import annotations

from pathlib import Path

import pytest

from chain_node import catalogue
from oracle.errors import ConfigError
from oracle.families import family_of
from oracle.feeds import toml_files

TEXT = (toml_files.SHIPPED / "bike-share.toml").read_text(encoding="utf-8")


def test_the_three_shipped_feeds() -> None:
    feeds = toml_files.shipped()
    seen = {name: (feed.id, feed.organisation.id, feed.method_ids, feed.late_days) for name, feed in feeds.items()}
    assert seen == {
        "bike-share": (1, 1, (101,), 65_535),
        "daily-steps": (2, 2, (1,), 65_535),
        "transit-card": (3, 3, (2, 201), 65_535),
    }
    assert {feed.time_zone for feed in feeds.values()} == {"Asia/Shanghai"}
    known = {method.id: method.key for method in catalogue.load()}
    assert [known[i] for i in (101, 1, 2, 201)] == [
        "pca/cycling",
        "luzhou/walking",
        "luzhou/bus",
        "reference/metro-trip",
    ]


def test_a_feed_by_its_file_has_the_same_digest(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(TEXT, encoding="utf-8")
    assert toml_files.load(path).digest == toml_files.shipped()["bike-share"].digest
    path.write_text(TEXT.replace("max_kmh = 35", "max_kmh = 36"), encoding="utf-8")
    assert toml_files.load(path).digest != toml_files.shipped()["bike-share"].digest


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ('kind = "trips"', 'kind = "flights"', "kind"),
        ('stand_in = "bikeid"', "", r"\[columns\] lacks person"),
        ("min_seconds = 120", "min_seconds = 120\nmin_metres = 3", "has min_metres"),
        ("min_seconds = 120", 'min_seconds = "120"', "rules.min_seconds"),
        ("max_kmh = 35", "max_kmh = 35.5", "rules.max_kmh"),
        ("Asia/Shanghai", "Asia/Luzhou", "time zone database"),
        ('name = "bike-share"', 'name = "../bikes"', "lower-case"),
        ("trial = true", "trial = false\ncolour = 'red'", "colour"),
        ("id = 1\n", "id = 70000\n", "ids of feed"),
        ("trip = [101]", "trip = []", "at least one method"),
        ("[source]", "[source", "not TOML"),
        ("id = 1\n", "id = 1979-05-27\n", "no setting has"),
        ('[source]\nformat = "csv"', '[source]\nformat = "xml"', "source.format"),
    ],
)
def test_a_wrong_configuration_says_where(old: str, new: str, says: str) -> None:
    assert old in TEXT
    with pytest.raises(ConfigError, match=says):
        toml_files.parse(TEXT.replace(old, new, 1), "mine.toml")


def test_no_such_feed(tmp_path: Path) -> None:
    assert set(toml_files.shipped()) == {"bike-share", "daily-steps", "transit-card"}
    with pytest.raises(ConfigError, match="cannot be read"):
        toml_files.load(tmp_path / "ferry.toml")


def test_a_homes_feed_of_before_keeps_its_digest_and_its_accounts() -> None:
    """A copy that a home of November 2026 has: what was signed stays what the file says, and who a bike is."""
    old = toml_files.load(Path(__file__).parent / "bike-share-2026-11.toml")
    assert old.digest.hex() == "259dffd70c04554e73075dbc644f5a31c2955e4b2d2d8cc6307fee136c25a4f3"
    row = dict.fromkeys(old.columns.values(), "30.5")
    row |= {"bikeid": "17", "starttime": "1/1/17 0:21", "stoptime": "1/1/17 0:24", "tripduration": "148"}
    assert family_of(old).reader(old)(row).person == "17"
