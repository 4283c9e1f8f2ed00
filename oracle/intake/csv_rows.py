"""CSV with a header line, streamed; a bad row never hides the rows after it."""

from __future__ import annotations

import csv
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from typing import BinaryIO, Final

from oracle.errors import SourceError
from oracle.intake.lines import Line, lines
from oracle.intake.rows import EXCERPT, UNREAD, RawRow

MAX_RECORD_LINES: Final = 64
"""A quoted field may hold this many line ends; more are an unclosed quote."""


class _Feed:
    """Hands physical lines to the csv reader, remembers those of the current record, and takes some back."""

    def __init__(self, source: Iterator[Line]) -> None:
        self._source = source
        self._again: deque[Line] = deque()
        self.taken: list[Line] = []

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        if len(self.taken) >= MAX_RECORD_LINES:
            raise csv.Error("a quote is not closed")
        line = self._again.popleft() if self._again else next(self._source)
        self.taken.append(line)
        return line.text

    def give_back_all_but_first(self) -> None:
        self._again.extendleft(reversed(self.taken[1:]))


def read(
    stream: BinaryIO,
    name: str,
    *,
    encoding: str = "utf-8",
    delimiter: str = ",",
    max_field: int = 131_072,
    check_header: Callable[[Sequence[str]], None] | None = None,
) -> Iterator[RawRow]:
    """The data rows of a CSV stream. Blank lines are no rows.

    check_header: is shown the header's names, before any row and though there be none.

    Raises SourceError: no header, or a header with an empty or doubled name.
    """
    feed = _Feed(lines(stream, name, encoding))
    header = _header(feed, name, delimiter)
    if check_header is not None:
        check_header(header)
    width, number = len(header), 0
    reader = csv.reader(feed, delimiter=delimiter, strict=True)
    while True:
        feed.taken.clear()
        problem = None
        try:
            row = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            row, problem = [], next((line.problem for line in feed.taken if line.problem), None) or _told(error)
            # A failed reader may be inside a quote still: a new one starts clean.
            reader = csv.reader(feed, delimiter=delimiter, strict=True)
        taken = feed.taken
        if problem is None and (not row or (len(row) == 1 and not row[0].strip() and width > 1)):
            continue
        number += 1
        if problem is None:
            problem = _problem(row, width, taken, max_field)
        if problem is None:
            yield RawRow(number, dict(zip(header, row, strict=True)), None, taken[0].number)
            continue
        if len(taken) > 1:
            feed.give_back_all_but_first()
            reader = csv.reader(feed, delimiter=delimiter, strict=True)
        begun = taken[0] if taken else Line("")
        yield RawRow(number, {UNREAD: begun.text.rstrip("\r\n")[:EXCERPT]}, problem, begun.number)


def _told(error: csv.Error) -> str:
    text = str(error)
    return "a carriage return stands alone within the row" if text.startswith("new-line character") else text


def _header(feed: _Feed, name: str, delimiter: str) -> list[str]:
    try:
        header = next(row for row in csv.reader(feed, delimiter=delimiter) if any(cell.strip() for cell in row))
    except StopIteration:
        raise SourceError(f"{name} is empty: it has no header line", f"{name} 是空文件，没有表头") from None
    except csv.Error as error:
        if feed.taken and "\r" in feed.taken[-1].text.rstrip("\r\n"):
            raise SourceError(
                f"{name}: its lines end in a lone carriage return: save it with LF or CRLF",
                f"{name} 的行以单独的回车符（CR）结尾：请以 LF 或 CRLF 换行保存",
            ) from None
        raise SourceError(
            f"{name}: its header line cannot be read: {error}", f"{name} 的表头无法读取：{error}"
        ) from None
    header = [cell.strip() for cell in header]
    twice = sorted({cell for cell in header if header.count(cell) > 1})
    if twice:
        shown = ", ".join(map(repr, twice[:3])) + (" …" if len(twice) > 3 else "")
        raise SourceError(
            f"{name}: its header names {shown} more than once; is it a CSV file with a header line?",
            f"{name} 的表头中 {shown} 出现不止一次：它是带表头的 CSV 文件吗？",
        )
    problem = feed.taken[0].problem if feed.taken else None
    if problem:
        if problem.startswith("not "):
            problem += f"; is it {'UTF-8' if 'GB18030' in problem else 'GB 18030'} (source.encoding)?"
        raise SourceError(f"{name}: its header line: {problem}", f"{name} 的表头有误：{problem}")
    return header


def _problem(row: list[str], width: int, taken: list[Line], max_field: int) -> str | None:
    if len(row) != width:
        return f"{len(row)} field{'' if len(row) == 1 else 's'} where the header has {width}"
    for line in taken:
        if line.problem is not None:
            return line.problem
        if "\0" in line.text:
            return "holds a NUL byte"
        # Only a long line can hold a long field; csv's own limit is a setting of the whole process, so not ours to set.
        if len(line.text) * 4 > max_field and any(len(cell.encode("utf-8", "replace")) > max_field for cell in row):
            return f"a field is longer than {max_field} bytes"
    return None
