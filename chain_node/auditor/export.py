"""An answer as CSV, JSON, Parquet or XLSX: whole numbers stay exact, text stays text.

A spreadsheet keeps 15 digits of a number: longer ones are written as text. Text that a spreadsheet would take for a
formula gets an apostrophe in CSV, as OWASP advises, and is plainly text in XLSX.
"""

from __future__ import annotations

import csv
import io
import json
import os
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import IO, Any, Final

from chain_node.auditor.query import QueryResult
from chain_node.errors import QueryError
from chain_node.storage.durable import fsync_dir, replaceable

_MADE_BY: Final = "luya auditor query"
_FOOTER: Final = 1 << 16
"""Bytes at a Parquet file's end within which it says what wrote it."""
_EXACT_DIGITS: Final = 10**15
_SHEET_ROWS: Final = 1_048_575
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")
_HUGE: Final = ("HUGEINT", "UHUGEINT")


def write(answer: QueryResult, path: Path) -> int:
    """Write an answer in the format that the file's name ends with; gives the number of rows.

    Raises:
        QueryError: no such format, another file is there that is no such answer, or a part of this package is missing.
    """
    writer = WRITERS.get(path.suffix.lower())
    if writer is None:
        raise QueryError(f"{path}: the name must end with {', '.join(sorted(WRITERS))}")
    if not _replaceable(answer, path):
        raise QueryError(
            f"{path} is there already and is no earlier answer of these columns: nothing replaces it; name another file"
        )
    with _replaced(path) as temporary:
        return writer(answer, temporary)


def temporary_of(path: Path) -> Path:
    """Where an output is written before it takes its name; Parquet's must be allowed in the sandbox beforehand."""
    return path.with_name(f".{path.name}.part")


def _replaceable(answer: QueryResult, path: Path) -> bool:
    """Whether nothing is there but an earlier answer: of these columns where the file begins with them."""
    kind = path.suffix.lower()
    if kind in (".csv", ".json"):
        head = io.StringIO()
        if kind == ".csv":
            csv.writer(head, lineterminator="\n").writerow(answer.columns)
        else:
            head.write(json.dumps({"columns": answer.columns}, ensure_ascii=False)[:-1])
        return replaceable(path, head.getvalue().encode())
    if not path.is_file() or not path.stat().st_size:
        return replaceable(path, b"")
    if kind == ".parquet":
        with path.open("rb") as file:
            file.seek(max(0, path.stat().st_size - _FOOTER))
            return b"DuckDB" in file.read()
    try:
        with zipfile.ZipFile(path) as book:
            return _MADE_BY.encode() in book.read("docProps/core.xml")
    except (zipfile.BadZipFile, KeyError):
        return False


def plain(value: Any) -> Any:
    """A value for JSON: whole numbers exact, dates as ISO 8601, bytes as hex."""
    match value:
        case None | bool() | int() | str():
            return value
        case Decimal():
            return int(value) if value == value.to_integral_value() else str(value)
        case float():
            return value if value == value and abs(value) != float("inf") else None
        case datetime() | date():
            return value.isoformat()
        case bytes():
            return value.hex()
        case list() | tuple():
            return [plain(part) for part in value]
        case dict():
            return {str(key): plain(part) for key, part in value.items()}
        case _:
            return str(value)


def write_csv(answer: QueryResult, file: IO[str]) -> int:
    """RFC 4180 with a header, LF at line ends."""
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(answer.columns)
    count = 0
    for row in answer.rows():
        writer.writerow([_cell(value) for value in row])
        count += 1
    return count


def _cell(value: Any) -> Any:
    shown = plain(value)
    if isinstance(shown, bool):
        return "true" if shown else "false"
    if isinstance(shown, str) and shown.startswith(_FORMULA) and not isinstance(value, Decimal):
        return "'" + shown
    return json.dumps(shown, ensure_ascii=False) if isinstance(shown, list | dict) else shown


def _csv(answer: QueryResult, path: Path) -> int:
    with path.open("w", encoding="utf-8", newline="") as file:
        return write_csv(answer, file)


def _json(answer: QueryResult, path: Path) -> int:
    count = 0
    with path.open("w", encoding="utf-8") as file:
        file.write(json.dumps({"columns": answer.columns, "types": answer.types}, ensure_ascii=False)[:-1])
        file.write(', "rows": [')
        for row in answer.rows():
            file.write(",\n" if count else "\n")
            file.write(json.dumps([plain(value) for value in row], ensure_ascii=False))
            count += 1
        file.write("\n]}\n")
    return count


def _parquet(answer: QueryResult, path: Path) -> int:
    """By DuckDB itself; what it would turn into floating point goes as a decimal of 38 digits."""
    columns = ", ".join(
        f"CAST({_quoted(name)} AS DECIMAL(38, 0)) AS {_quoted(name)}" if kind in _HUGE else _quoted(name)
        for name, kind in zip(answer.columns, answer.types, strict=True)
    )
    target = str(path).replace("'", "''")
    query = f"COPY (SELECT {columns} FROM answer) TO '{target}' (FORMAT parquet)"  # noqa: S608  # names are quoted
    row = answer.connection.execute(query).fetchone()
    return int(row[0]) if row else 0


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _xlsx(answer: QueryResult, path: Path) -> int:
    try:
        import xlsxwriter  # type: ignore[import-untyped]  # ships without types
    except ImportError as error:
        raise QueryError("xlsxwriter is missing: install this package as `luya[auditor]`") from error
    options = {"constant_memory": True, "strings_to_formulas": False, "strings_to_urls": False, "in_memory": False}
    count = 0
    with xlsxwriter.Workbook(str(path), options) as book:
        book.set_properties({"comments": _MADE_BY})
        bold = book.add_format({"bold": True})
        sheet: Any = None
        for row in answer.rows():
            place = count % _SHEET_ROWS
            if place == 0:
                sheet = _sheet(book, answer, bold)
            for column, value in enumerate(row):
                _write_cell(sheet, place + 1, column, value)
            count += 1
        if sheet is None:
            _sheet(book, answer, bold)
    return count


def _sheet(book: Any, answer: QueryResult, bold: Any) -> Any:
    sheet = book.add_worksheet()
    sheet.freeze_panes(1, 0)
    for column, name in enumerate(answer.columns):
        sheet.write_string(0, column, name, bold)
    return sheet


def _write_cell(sheet: Any, row: int, column: int, value: Any) -> None:
    shown = plain(value)
    if shown is None:
        return
    if isinstance(shown, bool):
        sheet.write_boolean(row, column, shown)
    elif isinstance(shown, int | float) and abs(shown) < _EXACT_DIGITS:
        sheet.write_number(row, column, shown)
    else:
        text = json.dumps(shown, ensure_ascii=False) if isinstance(shown, list | dict) else str(shown)
        sheet.write_string(row, column, text[:32_767])


@contextmanager
def _replaced(path: Path) -> Iterator[Path]:
    """A file that takes its name when it is whole."""
    temporary = temporary_of(path)
    try:
        yield temporary
        with temporary.open("rb") as file:
            os.fsync(file.fileno())
        os.replace(temporary, path)
        fsync_dir(path.parent)
    finally:
        temporary.unlink(missing_ok=True)


WRITERS: Final[dict[str, Callable[[QueryResult, Path], int]]] = {
    ".csv": _csv,
    ".json": _json,
    ".parquet": _parquet,
    ".xlsx": _xlsx,
}
