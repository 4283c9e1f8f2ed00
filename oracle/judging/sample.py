"""How a partner's file is written, told from the file alone: encoding, form, delimiter, columns, first rows."""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Final, Literal

from oracle.errors import SourceError
from oracle.intake import csv_rows, json_rows
from oracle.intake.lines import lines
from oracle.judging.likely import DELIMITERS
from oracle.judging.staging import check_kind

ROWS: Final = 20_000
"""Rows that are looked at."""
_LINES: Final = 30
_HEAD: Final = 1 << 20
_LARGEST: Final = 1 << 26
"""Bytes of a JSON document whose rows are looked for."""
_DEPTH: Final = 4
_VALUE: Final = re.compile(r"-?[\d.,]+|\d{1,4}[-/.]\d{1,2}[-/.]\d{1,4}.*", re.ASCII)


@dataclass(frozen=True, slots=True)
class Sample:
    """name: the file's; path: of the rows in a JSON document; columns: in their order; rows: {column: text}."""

    name: str
    format: Literal["csv", "json", "jsonl"]
    encoding: Literal["utf-8", "gb18030"]
    delimiter: str
    path: str
    columns: tuple[str, ...]
    rows: tuple[Mapping[str, str], ...]

    def texts(self, column: str) -> list[str]:
        """What the rows have in this column, where they have something."""
        return [text for row in self.rows if (text := row.get(column, "").strip())]


def read(path: Path) -> Sample:
    """Look at a file. Raises SourceError: it is none that a feed could be made of; the text says why."""
    check_kind(path)
    name = str(path)
    try:
        with path.open("rb") as stream:
            for _ in lines(stream, name):  # a packed file, a page, UTF-16: said in the reader's own words
                break
        with path.open("rb") as stream:
            head = stream.read(_HEAD)
        encoding = _encoding(head, name)
        first = head.decode(encoding, "replace").lstrip("\ufeff \t\r\n")[:1]
        if not first:
            raise SourceError(f"{name} is empty: nothing can be told from it")
        return _json(path, encoding) if first in "[{" else _csv(path, head, encoding)
    except OSError as error:
        raise SourceError(f"{name} cannot be read: {error.strerror or error}") from None


def _encoding(head: bytes, name: str) -> Literal["utf-8", "gb18030"]:
    whole = head[: head.rfind(b"\n") + 1] or head
    for encoding in ("utf-8", "gb18030"):
        try:
            whole.decode(encoding)
        except UnicodeDecodeError:
            continue
        return "utf-8" if encoding == "utf-8" else "gb18030"
    raise SourceError(f"{name} is neither UTF-8 nor GB 18030: convert it to UTF-8 first")


# --- CSV


def _csv(path: Path, head: bytes, encoding: Literal["utf-8", "gb18030"]) -> Sample:
    name = str(path)
    text = head.decode(encoding, "replace").lstrip("\ufeff").splitlines()[:_LINES]
    delimiter = _delimiter(text)
    if delimiter is None:
        raise SourceError(f"{name}: its lines do not part into columns by any of {' '.join(map(repr, DELIMITERS))}")
    header = next(csv.reader(text, delimiter=delimiter))
    values = [cell for cell in header if _VALUE.fullmatch(cell.strip())]
    if values:
        raise SourceError(
            f"{name} has no header line: its first line holds values ({values[0]!r}). A feed finds its columns by "
            "name: ask the partner for a header, or put one before the rows"
        )
    with path.open("rb") as stream:
        found = csv_rows.read(stream, name, encoding=encoding, delimiter=delimiter)
        rows = tuple(row.fields for row in islice(found, ROWS) if row.problem is None)
    return Sample(name, "csv", encoding, delimiter, "", tuple(cell.strip() for cell in header), rows)


def _delimiter(text: list[str]) -> str | None:
    """The sign by which most lines part into as many columns as the first one; of several, that of most columns."""
    best, most = None, 1
    for sign in DELIMITERS:
        try:
            widths = [len(row) for row in csv.reader(text, delimiter=sign) if row]
        except csv.Error:
            continue
        if widths and widths[0] > most and 2 * widths.count(widths[0]) > len(widths):
            best, most = sign, widths[0]
    return best


# --- JSON


def _json(path: Path, encoding: Literal["utf-8", "gb18030"]) -> Sample:
    name = str(path)
    if path.stat().st_size > _LARGEST:
        raise SourceError(f"{name} is larger than {_LARGEST >> 20} MiB: give a smaller sample")
    text = path.read_bytes().decode(encoding, "replace").lstrip("\ufeff")
    lined = [line for line in text.splitlines() if line.strip()]
    if len(lined) > 1 and all(_is_object(line) for line in lined[:_LINES]):
        with path.open("rb") as stream:
            raw = list(islice(json_rows.read_lines(stream, name, encoding=encoding), ROWS))
        form: Literal["json", "jsonl"] = "jsonl"
        place = ""
    else:
        found = _array(text, name)
        with path.open("rb") as stream:
            raw = list(islice(json_rows.read_array(stream, name, path=found, encoding=encoding), ROWS))
        form, place = "json", found
    rows = tuple(row.fields for row in raw if row.problem is None)
    columns = dict.fromkeys(column for row in rows for column in row)
    if not columns:
        raise SourceError(f"{name} holds no rows: nothing can be told from it")
    return Sample(name, form, encoding, ",", place, tuple(columns), rows)


def _is_object(line: str) -> bool:
    try:
        return isinstance(json.loads(line), dict)
    except (ValueError, RecursionError):
        return False


def _array(text: str, name: str) -> str:
    """Where the document's longest array of objects is: its keys, joined by dots. Raises SourceError: nowhere."""
    try:
        document = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise SourceError(f"{name} is no JSON document, nor are its lines: {error}") from None
    found: list[tuple[int, str]] = []

    def look(value: object, keys: tuple[str, ...]) -> None:
        if isinstance(value, list) and value and isinstance(value[0], dict):
            found.append((len(value), ".".join(keys)))
        elif isinstance(value, dict) and len(keys) < _DEPTH:
            for key, inner in value.items():
                if "." not in key:
                    look(inner, (*keys, key))

    look(document, ())
    if not found:
        raise SourceError(f"{name} holds no array of objects: nothing in it is a row")
    return max(found)[1]
