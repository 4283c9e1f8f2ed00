"""The report of a call: a CSV with a line per input row, safe to open in a spreadsheet."""

from __future__ import annotations

import csv
import os
import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final

from chain_node.storage.durable import fsync_dir
from oracle.errors import SourceError
from oracle.store.outcomes import RowOutcome

HEADER: Final = ("file", "row", "outcome", "rule", "value", "index", "credits_mg", "millipoints")
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")


def harmless(text: str) -> str:
    """Text that no spreadsheet takes for a formula: one that could be starts with an apostrophe."""
    return f"'{text}" if text.lstrip(" ").startswith(_FORMULA) or text.startswith(_FORMULA) else text


def write(path: Path, names: Sequence[str], rows: Iterable[RowOutcome]) -> None:
    """Write the report; a crash leaves the old one or the new one. names: the files' names by their place in the call.

    Raises SourceError: it cannot be written there.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    shown = [harmless(name) for name in names]
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with temporary.open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(HEADER)
            writer.writerows(_line(row, shown) for row in rows)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
        fsync_dir(path.parent)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise SourceError(f"the report cannot be written to {path}: {error.strerror or error}") from None


def check(path: Path) -> None:
    """Before hours of work: can the report be written there?

    Raises SourceError: it can't.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.is_dir():
            raise SourceError(f"the report cannot be written to {path}: it is a folder; name a file")
        with tempfile.TemporaryFile(dir=path.parent):
            pass
    except OSError as error:
        raise SourceError(f"the report cannot be written to {path}: {error.strerror or error}") from None


def _line(row: RowOutcome, names: Sequence[str]) -> tuple[object, ...]:
    index = "" if row.index is None else row.index
    value = harmless(row.value)
    return (names[row.file], row.row, row.outcome, row.rule, value, index, row.credits_mg, row.millipoints)
