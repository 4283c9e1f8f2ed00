"""Lines of a binary stream, each bounded, whatever the file holds."""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator
from typing import BinaryIO, Final, NamedTuple

from oracle.errors import SourceError

CHUNK: Final = 1 << 20
MAX_LINE: Final = 1 << 20


class Line(NamedTuple):
    """A line with its end; `problem` says why it is not what the file holds (cut, or not in the encoding).

    number: counted from 1 in the file.
    """

    text: str
    problem: str | None = None
    number: int = 0


def without_mark(stream: BinaryIO, name: str, encoding: str) -> bytes:
    """The stream's first chunk without its byte order mark.

    Raises SourceError: the mark is that of UTF-16 or UTF-32, which no feed is configured for; or it is a packed file, a
    workbook or a web page.
    """
    first = stream.read(CHUNK)
    _is_text(first, name)
    for mark, other in (
        (codecs.BOM_UTF32_LE, "UTF-32"),
        (codecs.BOM_UTF16_LE, "UTF-16"),
        (codecs.BOM_UTF16_BE, "UTF-16"),
    ):
        if first.startswith(mark):
            raise SourceError(
                f"{name} is written in {other}: convert it to {encoding.upper()} first",
                f"{name} 的编码是 {other}：请先转为 {encoding.upper()}",
            )
    return first.removeprefix(codecs.BOM_UTF8) if encoding == "utf-8" else first


_PACKED: Final = (
    (
        b"PK\x03\x04",
        "a zip archive or a workbook (xlsx): unpack it, or save the sheet as CSV, first",
        "zip 压缩包或 Excel 工作簿（xlsx）：请先解压，或把工作表另存为 CSV",
    ),
    (b"\x1f\x8b", "packed with gzip: unpack it first (gunzip)", "gzip 压缩文件：请先解压（gunzip）"),
    (b"7z\xbc\xaf\x27\x1c", "packed with 7z: unpack it first", "7z 压缩包：请先解压"),
    (b"Rar!\x1a\x07", "packed with rar: unpack it first", "rar 压缩包：请先解压"),
    (
        b"\xd0\xcf\x11\xe0",
        "an old Excel workbook (xls): save the sheet as CSV first",
        "旧版 Excel 工作簿（xls）：请把工作表另存为 CSV",
    ),
    (b"\xff\xd8\xff", "a JPEG picture: ask the partner for CSV or JSON", "JPEG 图片：请向合作方索取 CSV 或 JSON"),
    (b"\x89PNG\r\n", "a PNG picture: ask the partner for CSV or JSON", "PNG 图片：请向合作方索取 CSV 或 JSON"),
    (b"%PDF-", "a PDF: ask the partner for CSV or JSON", "PDF：请向合作方索取 CSV 或 JSON"),
)
_PAGE: Final = re.compile(rb"\s*<(!doctype|html|\?xml|head|body)\b", re.IGNORECASE)


def _is_text(first: bytes, name: str) -> None:
    """Raises SourceError: the file is of a kind that no feed is configured for."""
    for mark, what, what_zh in _PACKED:
        if first.startswith(mark):
            raise SourceError(f"{name} is {what}", f"{name} 是 {what_zh}")
    if _PAGE.match(first.removeprefix(codecs.BOM_UTF8)[:1024]):
        raise SourceError(
            f"{name} is a web page or XML, most likely a login or error page saved in place of the data",
            f"{name} 是网页或 XML，很可能是误存的登录页或错误页",
        )


def lines(stream: BinaryIO, name: str, encoding: str = "utf-8", max_line: int = MAX_LINE) -> Iterator[Line]:
    """The stream's lines, in constant memory: a longer one is cut at `max_line` bytes and says so."""
    rest, skipping, chunk, number = b"", False, without_mark(stream, name, encoding), 1
    while chunk:
        parts = (rest + chunk).split(b"\n")
        rest = parts.pop()
        for part in parts:
            if skipping:
                skipping = False
            else:
                yield _line(part + b"\n", encoding, max_line, number)
            number += 1
        if len(rest) > max_line:
            if not skipping:
                yield _line(rest, encoding, max_line, number)
            rest, skipping = b"", True
        chunk = stream.read(CHUNK)
    if rest and not skipping:
        yield _line(rest, encoding, max_line, number)


def _line(data: bytes, encoding: str, max_line: int, number: int) -> Line:
    problem = None
    if len(data) > max_line:
        problem, data = f"line is longer than {max_line} bytes", data[:max_line]
    try:
        return Line(data.decode(encoding), problem, number)
    except UnicodeDecodeError as error:
        reason = problem or f"not {encoding.upper()}: byte 0x{data[error.start]:02x}"
        return Line(data.decode(encoding, "replace"), reason, number)
