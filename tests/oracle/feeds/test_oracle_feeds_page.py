"""The partner's page names every key with its bounds, in both languages, and its examples are feeds."""

from __future__ import annotations

import re
from dataclasses import fields
from pathlib import Path

import pytest

from oracle.families import FAMILIES
from oracle.families import config as settings
from oracle.feeds import toml_files

ROOT = Path(__file__).parents[3]
PAGES = {"feeds.md": " to ", "feeds.zh-CN.md": " 至 "}
TABLES = {
    "organisation": settings.PartnerOrganisation,
    "source": settings.Source,
    "times": settings.Times,
    "numbers": settings.NumberFormat,
    "positions": settings.PositionFormat,
    "stations": settings.StationTable,
    "registration": settings.Registration,
}
MADE = {"settings", "station_positions"}


def page(name: str) -> str:
    return (ROOT / "docs" / name).read_text("utf-8")


def keys() -> set[str]:
    own = {field.name for field in fields(settings.FeedConfig)} - MADE
    assert TABLES.keys() <= own
    by_family = {"columns": "ROLE", "styles": "NAME.ROLE", "methods": "USE", "rules": "NAME"}
    found = own - TABLES.keys() - by_family.keys() - {"values"}
    found |= {f"{table}.{name}" for table, name in by_family.items()}
    for table, one in TABLES.items():
        found |= {f"{table}.{field.name}" for field in fields(one)}
    for family in FAMILIES.values():
        found |= {f"values.{value}" for value in family.values} | {f"methods.{use}" for use in family.methods}
        found |= family.columns | family.optional | family.rules.keys() | family.optional_rules.keys()
    return found | {settings.STAND_IN}


@pytest.mark.parametrize("name", list(PAGES))
def test_the_page_names_every_key(name: str) -> None:
    text = page(name)
    assert sorted(key for key in keys() if f"`{key}`" not in text) == []


@pytest.mark.parametrize(("name", "to"), PAGES.items())
def test_the_page_says_the_bounds_of_every_rule(name: str, to: str) -> None:
    lines = page(name).splitlines()
    for family in FAMILIES.values():
        for rule, (low, high) in {**family.rules, **family.optional_rules}.items():
            said = f"| {low:,}{to}{high:,} "
            assert [line for line in lines if line.startswith(f"| `{rule}` |") and said in line], (rule, said)


@pytest.mark.parametrize("name", list(PAGES))
def test_its_example_is_a_feed(name: str) -> None:
    [example] = re.findall(r"```toml\n(.*?)```", page(name), re.DOTALL)
    assert toml_files.parse(example).kind == "trips"


@pytest.mark.parametrize("name", list(PAGES))
def test_its_links_lead_somewhere_and_readers_come_to_it(name: str) -> None:
    links = re.findall(r"\]\(([^)#]+)\)", page(name))
    assert [link for link in links if "://" not in link and not (ROOT / "docs" / link).exists()] == []
    assert {path.name for path in (toml_files.SHIPPED / "templates").glob("*.toml")} <= {
        Path(link).name for link in links
    }
    readme = "README.zh-CN.md" if "zh-CN" in name else "README.md"
    assert f"docs/{name}" in (ROOT / readme).read_text("utf-8")


def test_both_pages_have_the_same_keys_in_the_same_order() -> None:
    first, second = (re.findall(r"^\| (`[^|]*`)", page(name), re.MULTILINE) for name in PAGES)
    assert [re.findall(r"`[^`]*`", cell) for cell in first] == [re.findall(r"`[^`]*`", cell) for cell in second]
