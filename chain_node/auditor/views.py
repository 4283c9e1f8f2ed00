"""The views an auditor asks: one file a view in `sql/`, which begins with what it says, column by column.

    -- 中文                        what the view is
    -- English
    --
    -- column | 中文 | English     one line a column, in the SELECT's order; amounts with their unit
    SELECT …

Documentation in both languages is made from these lines, so a view without its words cannot be (a test compares them
with what DuckDB says). Amounts are whole numbers: milligrams of CO2e and thousandths of a point.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib import resources
from typing import Final

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
    "totals_by_year",
    "totals_by_method",
    "totals_by_feed",
    "totals_by_organisation",
    "totals_by_district",
)
"""In the order in which they are made: a view may use those before it."""
HELPERS: Final = {
    "dated_reduction": (
        "SELECT *, CAST(DATE '1970-01-01' + CAST(day AS INTEGER) AS DATE) AS date, "
        "CAST(year(DATE '1970-01-01' + CAST(day AS INTEGER)) AS USMALLINT) AS year FROM base_reduction"
    )
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
    source = resources.files("chain_node.auditor") / "sql" / f"{name}.sql"
    lines = source.read_text("utf-8").splitlines()
    count = next(number for number, line in enumerate(lines) if not line.startswith("--"))
    zh, en, _, *columns = (line.removeprefix("--").strip() for line in lines[:count])
    described = (tuple(part.strip() for part in line.split("|")) for line in columns)
    return View(name, zh, en, tuple(Column(*fields) for fields in described), "\n".join(lines[count:]))
