"""The views an auditor asks: one file a view in `sql/`, which begins with what it says, column by column.

    -- 中文                        what the view is
    -- English
    --
    -- column | 中文 | English     one line a column, in the SELECT's order; amounts with their unit
    SELECT …

A file without a SELECT is of sums: after its own columns come those of `sums.sql`, by its own. Documentation in both
languages is made from these lines, so a view without its words cannot be (a test compares them with what DuckDB says).
Amounts are whole numbers: milligrams of CO2e and thousandths of a point.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib import resources
from typing import Final

from chain_node.auditor.tables import ACT_TABLES

NAMES: Final = (
    "entries",
    "reductions",
    "refusals",
    "revocations",
    "balances",
    "accounts",
    "organisations",
    "feeds",
    "methods",
    "buckets",
    "totals_by_year",
    "totals_by_method",
    "totals_by_feed",
    "totals_by_organisation",
    "totals_by_district",
)
"""In the order in which they are made: a view may use those before it."""
_SUMS: Final = "sums"
HELPERS: Final = {
    "dated_reduction": (
        "SELECT *, CAST(DATE '1970-01-01' + CAST(day AS INTEGER) AS DATE) AS date, "
        "CAST(year(DATE '1970-01-01' + CAST(day AS INTEGER)) AS USMALLINT) AS year FROM base_reduction"
    ),
    "act_entry": " UNION ALL ".join(
        f"SELECT idx, '{kind}' AS kind, time FROM {table}"  # noqa: S608  # both are the registry's own words
        for kind, table in ACT_TABLES.items()
    ),
}
"""For the views' own use."""


@dataclass(frozen=True, slots=True)
class Column:
    """A column: its name, and what it is in Chinese and English (with its unit)."""

    name: str
    zh: str
    en: str


@dataclass(frozen=True, slots=True)
class View:
    """A view: its words, its columns in order, its SELECT."""

    name: str
    zh: str
    en: str
    columns: tuple[Column, ...]
    sql: str


def views() -> tuple[View, ...]:
    """All of them, in the order in which they are made."""
    return tuple(_view(name) for name in NAMES)


def documentation(language: str) -> str:
    """The views as Markdown. language: 'zh' or 'en'."""
    chinese = language == "zh"
    parts = []
    for view in views():
        head = "| 列 | 含义 |" if chinese else "| column | meaning |"
        rows = [f"| `{column.name}` | {column.zh if chinese else column.en} |" for column in view.columns]
        text = view.zh if chinese else view.en
        parts.append("\n".join([f"### {view.name}", "", text, "", head, "|---|---|", *rows]))
    return "\n\n".join(parts) + "\n"


def _view(name: str) -> View:
    (zh, en, _, *described), sql = _read(name)
    columns = _columns(described)
    if not sql:
        more, sums = _read(_SUMS)
        sql = sums.format(by=", ".join(column.name for column in columns))
        columns += _columns(more)
    return View(name, zh, en, columns, sql)


def _read(name: str) -> tuple[list[str], str]:
    """The lines of comment at the beginning of a file, and its statement; empty where it has none."""
    source = resources.files("chain_node.auditor") / "sql" / f"{name}.sql"
    lines = source.read_text("utf-8").splitlines()
    count = next((number for number, line in enumerate(lines) if not line.startswith("--")), len(lines))
    return [line.removeprefix("--").strip() for line in lines[:count]], "\n".join(lines[count:])


def _columns(lines: list[str]) -> tuple[Column, ...]:
    return tuple(Column(*(part.strip() for part in line.split("|"))) for line in lines)
