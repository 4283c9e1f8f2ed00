"""CSV: whatever the bytes, every good row comes through and every bad one says why."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oracle.errors import SourceError
from oracle.intake import csv_rows, lines
from oracle.intake.rows import UNREAD, RawRow


def read(data: bytes, **options: object) -> list[RawRow]:
    return list(csv_rows.read(io.BytesIO(data), "f.csv", **options))  # type: ignore[arg-type]  # one test's options


def problems(data: bytes) -> list[str | None]:
    return [row.problem for row in read(data)]


CELL = st.text(st.characters(codec="utf-8", exclude_characters="\0\r\n"), max_size=8)


@given(st.lists(st.lists(CELL, min_size=3, max_size=3).filter(lambda row: any(cell.strip() for cell in row))))
def test_what_a_csv_writer_writes_is_read(rows: list[list[str]]) -> None:
    text = io.StringIO()
    csv.writer(text).writerows([["a", "b", "c"], *rows])
    found = read(b"\xef\xbb\xbf" + text.getvalue().encode())
    assert [row.problem for row in found] == [None] * len(rows)
    assert [list(row.fields.values()) for row in found] == rows


@given(st.binary(max_size=400))
def test_any_bytes_give_rows_or_one_clear_error(data: bytes) -> None:
    try:
        found = read(data)
    except SourceError:
        return
    assert [row.number for row in found] == list(range(1, len(found) + 1))
    assert all((UNREAD in row.fields) == (row.problem is not None) for row in found)


@given(st.lists(st.sampled_from([b"1,2", b'"', b"1,2,3", b"\xff,1", b'1,"x', b'"a"b,c', b"\0,1"]), max_size=8))
def test_a_good_row_after_bad_ones_is_not_lost(bad: list[bytes]) -> None:
    data = b"a,b\n" + b"\n".join([*bad, b"good,row"]) + b"\n"
    rows = read(data)
    assert rows[-1] == RawRow(rows[-1].number, {"a": "good", "b": "row"}, None, len(bad) + 2)


def test_an_unclosed_quote_costs_one_row() -> None:
    rows = read(b'a,b\n1,2\n3,"4\n5,6\n7,8\n')
    assert [row.problem is None for row in rows] == [True, False, True, True]
    assert list(rows[2].fields.values()) == ["5", "6"]


def test_a_quoted_field_may_hold_line_ends_and_delimiters() -> None:
    assert read(b'a,b\r\n"1\r\n,""2""",3\r\n') == [RawRow(1, {"a": '1\r\n,"2"', "b": "3"}, None, 2)]


def test_a_row_says_on_which_line_of_the_file_it_begins() -> None:
    rows = read(b'a,b\n\n1,2\n"x\ny",3\n\n4\n5,6')
    assert [(row.number, row.line, row.problem is None) for row in rows] == [
        (1, 3, True),
        (2, 4, True),
        (3, 7, False),
        (4, 8, True),
    ]


def test_each_kind_of_bad_row() -> None:
    data = b"a,b\n1\n1,2,3\n1,\xff\n1,\0\n" + b"1," + b"x" * 200_000 + b"\n1," + b"y" * 2_000_000 + b"\n1,2\n"
    found = problems(data)
    assert found[0] == "1 field where the header has 2"
    assert found[1] == "3 fields where the header has 2"
    assert found[2] == "not UTF-8: byte 0xff"
    assert found[3] == "holds a NUL byte"
    assert "131072" in str(found[4])
    assert "1048576" in str(found[5])
    assert found[6] is None


def test_a_field_is_bounded_in_bytes() -> None:
    rows = read("a,b\n1,泸州\n".encode(), max_field=5)
    assert rows[0].problem == "a field is longer than 5 bytes"


def test_blank_lines_are_no_rows() -> None:
    assert [row.number for row in read(b"\n a , b\n\n1,2\n   \n3,4\n\n")] == [1, 2]


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"", "is empty"),
        (b"a,b,a\n", "more than once"),
        ("a,b\n1,2\n".encode("utf-16"), "UTF-16"),
        ("a,b\n1,2\n".encode("utf-32"), "UTF-32"),
        ("名,b\n".encode("gb18030"), "not UTF-8"),
    ],
)
def test_a_file_that_is_none(data: bytes, says: str) -> None:
    with pytest.raises(SourceError, match=says):
        read(data)


@pytest.mark.parametrize(
    ("data", "encoding", "says"),
    [
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "utf-8", "an old Excel workbook"),
        (b"\xff\xd8\xff\xe0", "utf-8", "a JPEG picture"),
        (b"\x89PNG\r\n\x1a\n", "gb18030", "a PNG picture"),
        (b"7z\xbc\xaf\x27\x1c", "utf-8", "packed with 7z"),
        (b"Rar!\x1a\x07\x00", "utf-8", "packed with rar"),
        ("用户,b\n".encode("gb18030"), "utf-8", r"not UTF-8: byte 0x..; is it GB 18030 \(source"),
        (b"a,\xff\n", "gb18030", r"not GB18030: byte 0xff; is it UTF-8 \(source"),
    ],
)
def test_a_file_of_another_kind_is_told_by_its_kind(data: bytes, encoding: str, says: str) -> None:
    with pytest.raises(SourceError, match=says):
        read(data, encoding=encoding)


def test_other_encodings_and_delimiters() -> None:
    rows = read("名;b\n泸州;1\n".encode("gb18030"), encoding="gb18030", delimiter=";")
    assert rows == [RawRow(1, {"名": "泸州", "b": "1"}, None, 2)]


class Endless:
    """Five million rows that are nowhere in memory."""

    def __init__(self, head: bytes, row: bytes, size: int) -> None:
        self.parts: Iterator[bytes] = iter([head])
        self.row, self.left = row, size

    def read(self, limit: int) -> bytes:
        first = next(self.parts, None)
        if first is not None:
            return first
        count = min(limit // len(self.row), self.left // len(self.row))
        self.left -= count * len(self.row)
        return self.row * count


def test_chunks_may_end_anywhere(monkeypatch: pytest.MonkeyPatch) -> None:
    data = 'a,b\n"泸\n州",2\n3,4\n'.encode()
    whole = read(data)
    for size in range(1, 12):
        monkeypatch.setattr(lines, "CHUNK", size)
        if size >= 3:  # a byte order mark is looked for in the first chunk
            assert read(data) == whole
