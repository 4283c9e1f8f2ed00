"""A partner's own TOML becomes a feed of an existing home."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from chain_node import catalogue
from luya.demo.data import write_partner_files
from luya.errors import HomeError, UsageError
from luya.home import LuyaHome
from luya.oracle import registration, standing
from luya.session import feeds
from luya.session.session import opened
from oracle.errors import ConfigError
from oracle.feeds.toml_files import SHIPPED, load

NULLIFIED = next(method.id for method in catalogue.announced() if method.method.needs_nullifier)


def own_toml(folder: Path, *, number: int, name: str) -> Path:
    text = (SHIPPED / "daily-steps.toml").read_text("utf-8")
    path = folder / "mine.toml"
    path.write_text(text.replace("id = 2\n", f"id = {number}\n").replace('"daily-steps"', f'"{name}"'), "utf-8")
    return path


def test_a_registered_feed_records(tmp_path: Path) -> None:
    home = LuyaHome.of(tmp_path / "home")
    answer = registration.register(home, own_toml(tmp_path, number=7, name="my-steps"))
    assert (answer["feed"], answer["organisation"]) == (7, 7)
    file = write_partner_files(tmp_path / "files", records=40, last_day=date(2026, 10, 31)).files["daily-steps"]
    with opened(home) as session:
        result = session.ingest([file], feeds.find(home, "my-steps"), enrol_unknown=True)
        assert result.accepted > 0
        assert session.node.ledger.next_sequence(7) == result.accepted
        # As a home that was deployed before acts named what they replace: its contracts know no `entryHash`.
        session.node.manifest.changed(administration="").save(home.manifest)
    with pytest.raises(HomeError, match="run `luya rebuild` once"):
        registration.register(home, home.feeds / "my-steps.toml")
    assert [one["name"] for one in registration.list_all(home)["feeds"]][-1] == "my-steps"
    assert registration.list_all(home)["feeds"][-1]["settings"] == load(home.feeds / "my-steps.toml").digest.hex()[:16]


def test_a_method_that_the_ledger_lacks_is_told_before_an_engine_starts(tmp_path: Path) -> None:
    home, toml = LuyaHome.of(tmp_path / "home"), own_toml(tmp_path, number=7, name="my-steps")
    toml.write_text(toml.read_text("utf-8").replace("day = [1]", "day = [1, 77, 999]"), "utf-8")
    with pytest.raises(ConfigError, match="names 77, 999, which this ledger does not have; it has 1, 2"):
        registration.register(home, toml)
    toml.write_text(toml.read_text("utf-8").replace("[1, 77, 999]", f"[1, {NULLIFIED}]"), "utf-8")
    with pytest.raises(ConfigError, match=f"methods.day names {NULLIFIED}.*, which counts in"):
        registration.register(home, toml)
    with pytest.raises(ConfigError, match=f"names {NULLIFIED}, whose records need a nullifier"):
        standing.check_methods(standing.law_of(home), load(toml))
    assert not home.root.exists()


def test_an_id_or_name_that_is_taken_is_refused(tmp_path: Path) -> None:
    home = LuyaHome.of(tmp_path / "home")
    with pytest.raises(UsageError, match="daily-steps"):
        registration.register(home, own_toml(tmp_path, number=2, name="my-steps"))
    with pytest.raises(UsageError, match="bike-share"):
        registration.register(home, own_toml(tmp_path, number=7, name="bike-share"))
    with pytest.raises(UsageError, match="no such file"):
        registration.register(home, tmp_path / "absent.toml")


def test_a_feed_stays_with_its_organisation(tmp_path: Path) -> None:
    home = LuyaHome.of(tmp_path / "home")
    law, feed = standing.law_of(home), load(SHIPPED / "daily-steps.toml")
    standing.check_feed(law, feed)
    with pytest.raises(
        ConfigError, match=r"id is 77, and feed 2 was registered for organisation 2, with which it stays"
    ):
        standing.check_feed(law, replace(feed, organisation=replace(feed.organisation, id=77)))


def docks(folder: Path, name: str, number: int, *, at: str = "40.723047") -> Path:
    """A partner's folder: a feed by this name, and the station table that it names."""
    folder.mkdir()
    text = (SHIPPED / "templates" / "divvy-2014.toml").read_text("utf-8")
    path = folder / "mine.toml"
    path.write_text(text.replace("id = 13\n", f"id = {number}\n").replace('"divvy-2014"', f'"{name}"'), "utf-8")
    (folder / "divvy-2014-stations.csv").write_text(f"id,name,latitude,longitude\n3101,Dock,{at},-74.02\n", "utf-8")
    return path


def test_a_feeds_station_table_comes_with_it(tmp_path: Path) -> None:
    home = LuyaHome.of(tmp_path / "home")
    feeds.install(home)
    path = docks(tmp_path / "one", "one", 21)
    registration.keep(home, path, feeds.described(home, path))
    assert feeds.find(home, "one").digest == load(path).digest
    assert feeds.find(home, "one").station_positions == {"3101": (40.723047, -74.02)}
    moved = docks(tmp_path / "two", "one", 21, at="40.8")
    registration.keep(home, moved, feeds.described(home, moved))
    assert feeds.find(home, "one").station_positions == {"3101": (40.8, -74.02)}
    same = docks(tmp_path / "three", "three", 22, at="40.8")
    registration.keep(home, same, feeds.described(home, same))
    with pytest.raises(UsageError, match=r"feed 'one' has another station table 'divvy-2014-stations\.csv' already"):
        feeds.described(home, docks(tmp_path / "four", "four", 23))
    (home.feeds / "divvy-2014-stations.csv").unlink()
    with pytest.raises(ConfigError, match=r"station table .* cannot be read"):
        feeds.of_home(home)
