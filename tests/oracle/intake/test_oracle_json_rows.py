"""JSON arrays and JSON lines, streamed: the same elements as json.loads gives, and one bad element costs one row."""

from __future__ import annotations

import contextlib
import io
import json
import sys
import tracemalloc
from typing import Any
from unittest import mock

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from test_oracle_csv_rows import Endless

from oracle.errors import SourceError
from oracle.intake import json_rows, lines
from oracle.intake.rows import UNREAD, RawRow

TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\ufffd"), max_size=8)
VALUE = st.recursive(TEXT | st.integers() | st.booleans() | st.none(), lambda v: st.lists(v) | st.dictionaries(TEXT, v))
ELEMENT = st.dictionaries(TEXT, VALUE, max_size=4)


def read(data: bytes, path: str = "") -> list[RawRow]:
    return list(json_rows.read_array(io.BytesIO(data), "f.json", path=path))


def texts(element: dict[str, Any]) -> dict[str, str]:
    return {
        key: value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, separators=(",", ":"))
        for key, value in element.items()
    }


@example([{"]}\x07": []}], 5, None, False)
@given(st.lists(ELEMENT), st.integers(5, 60), st.sampled_from([None, 2]), st.booleans())
def test_an_array_gives_its_elements(rows: list[dict[str, Any]], chunk: int, indent: int | None, ascii: bool) -> None:
    document = {"before": [1, {"data": 2}], "outer": {"x": "]", "data": rows, "after": 1}}
    data = json.dumps(document, indent=indent, ensure_ascii=ascii).encode()
    with mock.patch.object(json_rows, "CHUNK", chunk), mock.patch.object(lines, "CHUNK", chunk):
        found = read(data, "outer.data")
    assert [row[:3] for row in found] == [(n, texts(row), None) for n, row in enumerate(rows, 1)]
    if indent is None:
        assert {row.line for row in found} <= {1}
    else:  # an element begins on a line of its own, eight columns in
        starts = [n for n, line in enumerate(data.split(b"\n"), 1) if line.startswith(b"      {")]
        assert [row.line for row in found] == starts


@given(st.binary(max_size=200))
def test_any_bytes_give_rows_or_one_clear_error(data: bytes) -> None:
    for raw in (data, b"[" + data, b'[{"a":"b"},' + data + b"]"):
        try:
            found = read(raw)
        except SourceError:
            continue
        assert [row.number for row in found] == list(range(1, len(found) + 1))
    with contextlib.suppress(SourceError):  # a few first bytes say that it is no text
        for row in json_rows.read_lines(io.BytesIO(data), "f.jsonl"):
            assert (UNREAD in row.fields) == (row.problem is not None)


@pytest.mark.parametrize(
    "bad",
    [
        '{"a":}',
        '{"a":1 "b":2}',
        '{"a":NaN}',
        '{"a":1,"a":2}',
        "[1,2]",
        '"text"',
        "12",
        "nul",
        '{"a":"\\x"}',
        '{"a":' + "[" * 100_000 + "]" * 100_000 + "}",
        '{"a":"' + "x" * 200_000 + '"}',
        '{"a":"' + "x" * 3_000_000 + '"}',
    ],
)
def test_one_bad_element_costs_one_row(bad: str) -> None:
    found = read(f'[{{"a":"1"}},{bad},{{"a":"3"}}]'.encode())
    assert [row.number for row in found] == [1, 2, 3]
    assert found[1].problem
    assert (found[0].fields, found[2].fields) == ({"a": "1"}, {"a": "3"})


def test_an_open_string_ends_with_its_line() -> None:
    found = read(b'[\n{"a":"1"},\n{"a":"2},\n{"a":"3"}\n]')
    assert [row.problem is None for row in found] == [True, False, True]


@pytest.mark.parametrize("tail", ["", ",", ',{"a"', ',{"a":"2'])
def test_a_document_that_breaks_off(tail: str) -> None:
    found = read(f'[{{"a":"1"}}{tail}'.encode())
    assert found[0] == RawRow(1, {"a": "1"}, None, 1)
    assert found[-1].problem


@pytest.mark.parametrize(
    ("data", "path", "says"),
    [
        (b"", "", "not an array"),
        (b'{"a": 1}', "data", "no 'data'"),
        (b'{"data": {"a": 1}}', "data", "not an array"),
        (b"[1]", "data", "no object"),
        (b'{"x": nul, "data": []}', "data", "cannot be read"),
        (b"\xff\xfe[", "", "UTF-16"),
    ],
)
def test_no_such_array(data: bytes, path: str, says: str) -> None:
    with pytest.raises(SourceError, match=says):
        read(data, path)


def test_numbers_keep_their_text_and_null_is_text() -> None:
    found = read(b'[{"a":1.10,"b":12345678901234567890123,"c":null,"d":{"e":[1.50,true]}}]')
    fields = {"a": "1.10", "b": "12345678901234567890123", "c": "null", "d": '{"e":[1.50,true]}'}
    assert found == [RawRow(1, fields, None, 1)]


def test_json_lines() -> None:
    data = b'\xef\xbb\xbf{"a":1}\n\n{"a":\n{"a":2} {"a":3}\n\xff\n[1]\n{"a":"4"}'
    found = list(json_rows.read_lines(io.BytesIO(data), "f.jsonl"))
    assert [row.problem is None for row in found] == [True, False, False, False, False, True]
    assert [row.line for row in found] == [1, 3, 4, 5, 6, 7]
    assert found[-1] == RawRow(6, {"a": "4"}, None, 7)


def test_memory_does_not_grow_with_the_file() -> None:
    row = b'{"deal_date":"2018-08-31 22:14:50","card_no":"CBEHFCFCG","deal_type":"x","station":"' + b"y" * 900 + b'"},'

    def peak(size: int) -> int:
        tracemalloc.start()
        stream: Any = Endless(b'{"total":1,"data":[', row, size)
        count = sum(1 for _ in json_rows.read_array(stream, "f.json", path="data"))
        found = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert count == size // len(row) + 1, "the last one says that the document breaks off"
        return found

    assert peak(6_000_000) < 1.2 * peak(3_000_000)


@pytest.mark.parametrize("depth", [66, 600, 900, 3_000])
def test_a_field_of_many_levels_costs_one_row(depth: int) -> None:
    deep = '{"a":' + "[" * depth + "]" * depth + "}"
    problems = [row.problem for row in read(f'[{deep},{{"a":"1"}}]'.encode())]
    assert problems[0] is not None
    assert problems[1:] == [None]
    problems = [row.problem for row in json_rows.read_lines(io.BytesIO(f'{deep}\n{{"a":"1"}}'.encode()), "f.jsonl")]
    assert problems[0] is not None
    assert problems[1:] == [None]


@pytest.mark.parametrize("opening", ["[", '["]",', '{"a]}":', '["\\\\"   ,', '["\\"]}",'])
def test_a_raised_recursion_limit_does_not_let_a_file_overflow_the_stack(opening: str) -> None:
    """Nor is the limit touched, which is one for all threads."""
    closing = "]" if opening[0] == "[" else "}"
    nested = '{"a":' + opening * 100_000 + "1" + closing * 100_000 + "}"
    limit = sys.getrecursionlimit()
    sys.setrecursionlimit(100_000)
    try:
        with mock.patch.object(sys, "setrecursionlimit", side_effect=AssertionError("another thread's limit as well")):
            found = read(f'[{nested},{{"a":"2"}}]'.encode())
            lines = list(json_rows.read_lines(io.BytesIO(nested.encode() + b'\n{"a":"2"}\n'), "f"))
            with pytest.raises(SourceError, match="the value of 'x' cannot be read: nested too deeply"):
                read(f'{{"x":{nested},"data":[]}}'.encode(), "data")
    finally:
        sys.setrecursionlimit(limit)
    assert [row.problem for row in found] == ["not JSON: nested too deeply", None]
    assert [row.problem for row in lines] == ["not JSON: nested too deeply", None]


def test_many_brackets_side_by_side_or_in_a_text_are_not_deep() -> None:
    flat = {"a": [[]] * 5_000, "b": "[{" * 5_000}
    document = json.dumps({"x": [flat] * 30, "data": [flat, {"a": "2"}, 3]}).encode()
    found = read(document, "data")
    assert [row.problem for row in found] == [None, None, "is not a JSON object"]
    assert found[0].fields["b"] == flat["b"]


def test_a_number_is_read_to_its_end_however_long() -> None:
    number = "1" * (json_rows.DEEPEST - 1) + "e5"
    assert read(f'{{"x":{number},"data":[{{"a":{number}}}]}}'.encode(), "data")[0].fields == {"a": number}
    assert read(f"[{number}]".encode())[0].problem == "is not a JSON object"
