"""Help that keeps every word, however narrow the terminal.

typer lays help out in rich tables, whose cells end in "…" where a word does not fit, and Chinese has no spaces at which
to break. What is too long is folded instead.
"""

from __future__ import annotations

from typing import Any

from rich.columns import Columns
from rich.table import Table
from rich.text import Text
from typer import rich_utils


class _FoldingTable(Table):
    """A table that cuts nothing."""

    def add_row(self, *cells: Any, **named: Any) -> None:
        """See `Table`."""
        super().add_row(*cells, **named)
        for column in self.columns:
            column.overflow = "fold"


class _FoldingColumns(Columns):
    """An option's help, its default and its environment variable, none of them cut."""

    def __init__(self, renderables: Any = None, *arguments: Any, **named: Any) -> None:
        parts = list(renderables or ())
        for part in parts:
            if isinstance(part, Text):
                part.overflow = "fold"
        super().__init__(parts, *arguments, **named)


def keep_every_word() -> None:
    """For all commands of this process; typer has no setting for it, only these names by which it lays out."""
    for name, folding in (("Table", _FoldingTable), ("Columns", _FoldingColumns)):
        setattr(rich_utils, name, folding)
