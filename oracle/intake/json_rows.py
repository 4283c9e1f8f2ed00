"""JSON lines, and the elements of one JSON array anywhere in a document: streamed, in constant memory.

`json.JSONDecoder.raw_decode` (C) reads each element from a buffer. Where it fails, a small scan finds the element's
end, so that one bad element costs one row: by depth and strings, and by the line's end where a string is left open.
"""

from __future__ import annotations

import codecs
import json
import re
from collections.abc import Collection, Iterator
from typing import BinaryIO, Final, NamedTuple

from oracle.errors import SourceError
from oracle.intake.fields import shown
from oracle.intake.lines import CHUNK, lines, without_mark
from oracle.intake.rows import EXCERPT, UNREAD, RawRow

MAX_ELEMENT: Final = 1 << 20
"""Characters of one element; a longer one is malformed."""
MAX_DEPTH: Final = 64
"""Levels of objects and arrays within one field."""
DEEPEST: Final = 900
"""Levels that are decoded at all: within Python's own recursion limit, and far from the end of any stack."""
_SPACE: Final = " \t\r\n"
_NOT_SPACE: Final = re.compile(r"[^ \t\r\n]")
_OPEN_STRING: Final = re.compile(r'"(?:[^"\\\n]|\\.)*\\?')
_WHOLE: Final = re.compile(r"-?\d+", re.ASCII)
_BRACKET: Final = re.compile(r'"(?:[^"\\\n]|\\.)*"|[\[\]{}]')
_TOKEN: Final = re.compile(r'"(?:[^"\\\n]|\\.)*"|[\[\]{},"]')


class _Number(str):
    """A number as its source text: nothing is rounded, and none is too large."""

    __slots__ = ()


def _refuse(name: str) -> object:
    raise ValueError(f"{name} is not JSON")


def _object(pairs: list[tuple[str, object]]) -> dict[str, object]:
    fields = dict(pairs)
    if len(fields) != len(pairs):
        raise ValueError("an object names a field twice")
    return fields


_DECODER: Final = json.JSONDecoder(
    object_pairs_hook=_object, parse_float=_Number, parse_int=_Number, parse_constant=_refuse
)


def _too_deep(text: str, start: int) -> bool:
    """Whether the value that starts here nests too deeply, as far as a decoder would come."""
    if text[start : start + 1] not in ("[", "{"):
        return False
    depth = 0
    for token in _BRACKET.finditer(text, start):
        mark = token[0]
        if mark in "[{":
            depth += 1
            if depth > DEEPEST:
                return True
        elif mark in "]}":
            depth -= 1
            if depth == 0:
                return False
    return False


def _decode(text: str, start: int) -> tuple[object, int]:
    """The JSON value that starts here, and where it ends.

    The C decoder goes as deep as the interpreter's recursion limit lets it, which libraries raise (py_ecc, which
    eth-account imports, to 100,000): then a partner's file could overflow the stack and end the process. The limit is
    one for all threads, so it is not lowered here: nothing is decoded before its depth is known to be bounded. Most
    elements are short, and no text nests deeper than it is long.

    Raises ValueError: not JSON, or nested too deeply.
    """
    near = text[start : start + DEEPEST]
    try:
        value, end = _DECODER.raw_decode(near)
        if near[end - 1] in '}]"':  # a number may go on behind what is looked at
            return value, start + end
    except (ValueError, RecursionError):
        pass  # of the whole text it is said what is wrong, and where
    if _too_deep(text, start):
        raise ValueError("nested too deeply")
    try:
        return _DECODER.raw_decode(text, start)
    except RecursionError:
        raise ValueError("nested too deeply") from None


def json_text(value: object, depth: int = 0) -> str:
    """A value as its JSON text, numbers as they were written. Raises ValueError: it is nested too deeply."""
    if isinstance(value, _Number):
        return str(value)
    if depth > MAX_DEPTH:
        raise ValueError(f"is nested deeper than {MAX_DEPTH} levels")
    if isinstance(value, dict):
        parts = [f"{json.dumps(key, ensure_ascii=False)}:{json_text(part, depth + 1)}" for key, part in value.items()]
        return "{" + ",".join(parts) + "}"
    if isinstance(value, list):
        return "[" + ",".join([json_text(part, depth + 1) for part in value]) + "]"
    return json.dumps(value, ensure_ascii=False)


def _no_id(element: dict[str, object], ids: Collection[str]) -> str:
    """Why this object cannot be told by its ids, '' where it can: as texts, all that say `true` would be of one."""
    for name in ids:
        value = element.get(name)
        if value is None or (_WHOLE.fullmatch(value) if isinstance(value, _Number) else isinstance(value, str)):
            continue
        return f"{name}: {shown(json_text(value))} is no id: write a text or a whole number"
    return ""


def _row(number: int, element: object, text: str, max_field: int, ids: Collection[str]) -> RawRow:
    if not isinstance(element, dict):
        return RawRow(number, {UNREAD: text[:EXCERPT]}, "is not a JSON object")
    try:
        if problem := _no_id(element, ids):
            return RawRow(number, {UNREAD: text[:EXCERPT]}, problem)
        fields = {name: value if type(value) is str else json_text(value) for name, value in element.items()}
    except ValueError as error:
        return RawRow(number, {UNREAD: text[:EXCERPT]}, str(error))
    if len(text) * 4 > max_field and any(
        len(value.encode("utf-8", "replace")) > max_field for value in fields.values()
    ):
        return RawRow(number, {UNREAD: text[:EXCERPT]}, f"a field is longer than {max_field} bytes")
    return RawRow(number, fields)


def _bad(number: int, text: str, reason: str) -> RawRow:
    return RawRow(number, {UNREAD: text.strip(_SPACE)[:EXCERPT]}, reason)


def read_lines(
    stream: BinaryIO, name: str, *, encoding: str = "utf-8", max_field: int = 131_072, ids: Collection[str] = ()
) -> Iterator[RawRow]:
    """One element a line. Blank lines are no rows. ids: fields that, where they stand, are texts or whole numbers."""
    number = 0
    for line in lines(stream, name, encoding, MAX_ELEMENT):
        text = line.text.strip(_SPACE)
        if not text:
            continue
        number += 1
        if line.problem:
            yield _bad(number, text, line.problem)._replace(line=line.number)
            continue
        try:
            element, end = _decode(text, 0)
        except ValueError as error:
            yield _bad(number, text, f"not JSON: {error}")._replace(line=line.number)
            continue
        if end != len(text):
            yield _bad(number, text, "not JSON: more than one value in the line")._replace(line=line.number)
        else:
            yield _row(number, element, text, max_field, ids)._replace(line=line.number)


class _Buffer:
    """Decoded text of a stream, from where the reader is."""

    def __init__(self, stream: BinaryIO, name: str, encoding: str) -> None:
        self._stream = stream
        self._decoder = codecs.getincrementaldecoder(encoding)("replace")
        self.text = self._decoder.decode(without_mark(stream, name, encoding))
        self.at = 0
        self.ended = False
        self._name = name
        self._line, self._counted = 1, 0

    def more(self) -> bool:
        """Read on; False at the stream's end."""
        if self.ended:
            return False
        data = self._stream.read(CHUNK)
        self._line, self._counted = self.line, 0
        self.ended = not data
        self.text = self.text[self.at :] + self._decoder.decode(data, final=self.ended)
        self.at = 0
        return not self.ended

    @property
    def line(self) -> int:
        """The line of the file on which the reader is, from 1. (It only moves on, so each end of line counts once.)"""
        self._line += self.text.count("\n", self._counted, self.at)
        self._counted = self.at
        return self._line

    def peek(self) -> str:
        """The next character that is not space, '' at the end; `at` then points to it."""
        while True:
            found = _NOT_SPACE.search(self.text, self.at)
            if found:
                self.at = found.start()
                return found.group()
            self.at = len(self.text)
            if not self.more():
                return ""

    def value(self, what: str) -> object:
        """The value that starts here, whole. Raises SourceError: none does, or it is longer than an element may be."""
        self.peek()
        while True:
            try:
                value, end = _decode(self.text, self.at)
                if end < len(self.text) or self.ended:
                    self.at = end
                    return value
            except ValueError as error:
                if self.ended or len(self.text) - self.at > 16 * MAX_ELEMENT:
                    raise SourceError(f"{self._name}: {what} cannot be read: {error}") from None
            twice = 2 * (len(self.text) - self.at)  # so that a long value is not begun again with every part of it
            while self.more() and len(self.text) < twice:
                pass


def _enter(buffer: _Buffer, name: str, path: str) -> list[set[str]]:
    """Move behind the '[' of the array at `path`; returns the names seen so far in each object that holds it.

    Raises SourceError: there is none.
    """
    inside: list[set[str]] = []
    for key in path.split(".") if path else ():
        if buffer.peek() != "{":
            raise SourceError(f"{name}: there is no object that could hold {key!r} of source.path {path!r}")
        buffer.at += 1
        inside.append(set())
        while True:
            if buffer.peek() in ("}", ""):
                raise SourceError(f"{name} has no {key!r} of source.path {path!r}")
            found = _name(buffer, name, inside[-1])
            if found == key:
                break
            buffer.value(f"the value of {found!r}")
            if buffer.peek() == ",":
                buffer.at += 1
    if buffer.peek() != "[":
        raise SourceError(
            f"{name}: what stands at source.path {path!r} is not an array",
            f"{name} 中 source.path {path!r} 处不是数组",
        )
    buffer.at += 1
    return inside


def _name(buffer: _Buffer, name: str, seen: set[str]) -> str:
    """The name of the field that starts here, and behind its ':'. Raises SourceError: none, or one that came before."""
    found = buffer.value("the name of a field")
    if not isinstance(found, str) or buffer.peek() != ":":
        raise SourceError(f"{name} is not JSON: no ':' after {str(found)[:40]!r}")
    buffer.at += 1
    if found in seen:
        raise SourceError(f"{name} gives {found[:40]!r} twice: which of the two is meant?")
    seen.add(found)
    return found


def _leave(buffer: _Buffer, name: str, inside: list[set[str]]) -> None:
    """Read from behind the array to the document's end. Raises SourceError: cut off, a name twice, or more text."""
    for seen in reversed(inside):
        while (mark := buffer.peek()) == ",":
            buffer.at += 1
            buffer.peek()
            found = _name(buffer, name, seen)
            buffer.value(f"the value of {found[:40]!r}, behind the array,")
        if mark != "}":
            raise SourceError(f"{name} is cut off, or not JSON, behind the array: send the whole document")
        buffer.at += 1
    if (mark := buffer.peek()) != "":
        what = "a second JSON document" if mark in "[{" else f"more text ({mark!r} …)"
        raise SourceError(f"{name} holds {what} behind the first one's end: part it into files")


class _Scan(NamedTuple):
    """How far a scan came. end: where the element ends, None if not within the text; at, depth: where to go on."""

    end: int | None
    at: int
    depth: int


def _scan(text: str, at: int, depth: int = 0) -> _Scan:
    """Look for the end of the element that lies open at `at`, by depth and strings."""
    for token in _TOKEN.finditer(text, at):
        mark = token.group()
        if mark == '"':
            opened = _OPEN_STRING.match(text, token.start())
            if opened and opened.end() == len(text):
                return _Scan(None, token.start(), depth)  # it may close in what is not read yet
        elif mark in "[{":
            depth += 1
        elif mark in "]}" and depth:
            depth -= 1
        elif mark in ",]}" and depth == 0:
            return _Scan(token.start(), token.start(), depth)
    return _Scan(None, len(text), depth)


def read_array(
    stream: BinaryIO,
    name: str,
    *,
    path: str = "",
    encoding: str = "utf-8",
    max_field: int = 131_072,
    ids: Collection[str] = (),
) -> Iterator[RawRow]:
    """The elements of the array at `path` (keys joined by dots; '' = the document itself). ids: as in `read_lines`.

    Raises SourceError: no such array, or what follows it is no end of a document. A document that ends within the array
    gives a last malformed row.
    """
    buffer = _Buffer(stream, name, encoding)
    inside = _enter(buffer, name, path)
    number = 0
    while True:
        mark = buffer.peek()
        if mark == "]":
            buffer.at += 1
            _leave(buffer, name, inside)
            return
        number += 1
        if mark == "":
            yield _bad(number, "", "the document ends within the array")._replace(line=buffer.line)
            return
        line = buffer.line
        yield _element(buffer, number, max_field, ids)._replace(line=line)
        # Behind an element stands ','; a stray '}' is stepped over, so that every turn moves on.
        if buffer.peek() in (",", "}"):
            buffer.at += 1


def _element(buffer: _Buffer, number: int, max_field: int, ids: Collection[str]) -> RawRow:
    """The element that starts here; moves behind it, to ',' or ']' or the end."""
    while True:
        start, problem = buffer.at, ""
        try:
            element, end = _decode(buffer.text, start)
        except ValueError as error:
            problem = f"not JSON: {error}"
        else:
            after = _NOT_SPACE.search(buffer.text, end)
            if after and after.group() in ",]":
                buffer.at = after.start()
                text = buffer.text[start:end]
                if "\ufffd" in text:
                    return _bad(number, text, "holds bytes that are not in the file's encoding")
                return _row(number, element, text, max_field, ids)
            if after:
                problem = f"not JSON: {after.group()!r} after an element"
            elif buffer.ended:
                buffer.at = len(buffer.text)
                return _row(number, element, buffer.text[start:end], max_field, ids)
        if problem:
            end_of = _scan(buffer.text, start).end
            if end_of is not None or buffer.ended:
                return _skip(buffer, number, start, end_of, problem)
        if len(buffer.text) - start > 2 * MAX_ELEMENT:
            return _skip_far(buffer, number, start)
        buffer.more()


def _skip(buffer: _Buffer, number: int, start: int, end: int | None, problem: str) -> RawRow:
    text = buffer.text[start : len(buffer.text) if end is None else end]
    line_end = text.find("\n")
    # A string left open hides the structure: the bad element then ends with its line.
    opened = '"' in _TOKEN.findall(text)
    if opened and line_end >= 0:
        text = text[:line_end]
    buffer.at = start + len(text)
    return _bad(number, text, problem)


def _skip_far(buffer: _Buffer, number: int, start: int) -> RawRow:
    """Pass over an element longer than any may be, in constant memory."""
    excerpt, scan = buffer.text[start : start + EXCERPT], _Scan(None, start, 0)
    while True:
        scan = _scan(buffer.text, scan.at, scan.depth)
        if scan.end is not None:
            buffer.at = scan.end
            break
        # A string longer than any element is not waited for: what follows is read as structure.
        buffer.at = scan.at if len(buffer.text) - scan.at < 2 * MAX_ELEMENT else len(buffer.text)
        if not buffer.more():
            buffer.at = len(buffer.text)
            break
        scan = scan._replace(at=0)
    return _bad(number, excerpt, f"an element is longer than {MAX_ELEMENT} characters")
