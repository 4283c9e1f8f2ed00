"""What every connector yields: one raw row, well formed or not."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple


class RawRow(NamedTuple):
    """One row of a partner's file (a tuple, not a dataclass: there are millions of them).

    number: counted from 1 among the file's data rows; fields: {header: text}, all columns of the row;
    problem: why the row cannot be read, or None. A row with a problem still has `fields`, as far as they go.
    line: of the file, counted from 1, on which the row begins: what an editor shows.
    """

    number: int
    fields: Mapping[str, str]
    problem: str | None = None
    line: int = 0


UNREAD = "#unread"
"""The field that holds what could not be parted into fields."""
EXCERPT = 4096
"""Characters kept of what could not be read."""
