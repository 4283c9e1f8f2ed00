"""Why a file most likely does not fit its feed: what an operator should look at first."""

from __future__ import annotations

import csv
import difflib
import json
import re
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Final, NamedTuple

from oracle.families import family_of
from oracle.families.config import FeedConfig
from oracle.intake.clocks import Clock
from oracle.intake.fields import Unreadable
from oracle.intake.rows import UNREAD


class Cause(NamedTuple):
    """What explains a file, in both languages."""

    en: str
    zh: str


NO_CAUSE: Final = Cause("", "")
DELIMITERS: Final = ",;\t|，"
FORMATS: Final = (
    "%Y-%m-%d %H:%M:%S",
    "%Y-%m-%d %H:%M",
    "%m/%d/%Y %H:%M:%S",
    "%m/%d/%Y %H:%M",
    "%m/%d/%y %H:%M:%S",
    "%m/%d/%y %H:%M",
    "%d.%m.%Y %H:%M:%S",
    "%d.%m.%Y %H:%M",
    "%d/%m/%Y %H:%M:%S",
    "%d/%m/%Y %H:%M",
    "%d-%m-%Y %H:%M:%S",
    "%d-%m-%Y %H:%M",
    "%m-%d-%Y %H:%M:%S",
    "%m-%d-%Y %H:%M",
    "%Y/%m/%d %H:%M:%S",
    "%Y/%m/%d %H:%M",
    "%Y%m%d%H%M%S",
    "%Y%m%d",
    "%m/%d/%Y",
    "%m/%d/%y",
    "%d.%m.%Y",
    "%d-%m-%Y",
    "%m-%d-%Y",
    "iso",
)
"""Formats that are looked for, in this order."""
_HALF_DAY: Final = re.compile(r".*\d\s*[ap]\.?m\.?|.*(上午|下午).*", re.IGNORECASE)
_SERIAL_DAY: Final = re.compile(r"[34]\d{4}(\.\d+)?", re.ASCII)
"""Days since 1899-12-30, as a spreadsheet counts them: 1982 to 2036."""
_EXCHANGED: Final = ("is not between -90 and 90 degrees", "is outside the area that GCJ-02 is used in")
_HEAD: Final = 20
"""Lines within which a header is looked for."""
_HEAD_BYTES: Final = 1 << 16
"""Of those; fewer than the csv module takes for one field."""
_NO_TIME: Final = ("is not a time like", "ISO 8601", "is no date", "is no time of a day")


def of_header(header: Sequence[str], missing: Sequence[str], config: FeedConfig) -> Cause:
    """What explains that these columns are missing; '' where nothing does."""
    if len(header) == 1:
        for other in DELIMITERS:
            if other != config.source.delimiter and other in header[0]:
                return Cause(
                    f": its delimiter seems to be {other!r}, not {config.source.delimiter!r} (source.delimiter)",
                    f"：分隔符似乎是 {other!r}，不是 {config.source.delimiter!r}（source.delimiter）",
                )
    if any("，" in name for name in header):
        return Cause(
            ": some of its fields are parted by full-width commas (，): have all of them parted by one sign",
            "：有些字段以全角逗号（，）分隔：请统一分隔符",
        )
    if any(name.startswith('"') for name in header):
        return Cause(
            ': a space stands before its quotes (`, "x"`), and they quote nothing: leave the space out',
            '：引号前有空格（`, "x"`），引号因此无效：请去掉空格',
        )
    headers = family_of(config).headers(config)
    known = headers.wanted[headers.nearest(header)]
    parts, parts_zh = [], []
    for column in missing:
        by_key = {_key(name): name for name in header if name not in known}
        for close in difflib.get_close_matches(_key(column), list(by_key), 1, 0.75):
            parts.append(f"{column!r} may be called {by_key[close]!r} now")
            parts_zh.append(f"{column!r} 现在可能叫 {by_key[close]!r}")
    if parts:
        return Cause(f": {'; '.join(parts)}", f"：{'；'.join(parts_zh)}")
    return Cause(f": it has {', '.join(map(repr, header[:12]))}", f"：文件中有 {'、'.join(map(repr, header[:12]))}")


def of_rows(fields: Sequence[dict[str, str]], reasons: Sequence[str], config: FeedConfig) -> Cause:
    """What explains most of these rows' reasons. fields: of the rows that are malformed."""
    if 2 * sum("not UTF-8" in reason for reason in reasons) > len(reasons):
        return Cause(
            'it is not UTF-8, most likely GB 18030: set source.encoding = "gb18030"',
            '它不是 UTF-8，很可能是 GB 18030：请设 source.encoding = "gb18030"',
        )
    if 2 * sum(any(text in reason for text in _NO_TIME) for reason in reasons) > len(reasons):
        rows = fields
        columns = [style[role] for style in config.header_styles for role in ("start", "day", "time") if role in style]
        column = next((name for name in columns if any(name in row for row in rows)), "")
        texts = [text for row in rows if (text := row.get(column, "").strip())]
        return _of_times(texts, column, config.time_zone)
    if 2 * sum(reason.startswith("1 field where") for reason in reasons) > len(reasons):
        cause = _of_one_field([row.get(UNREAD, "") for row in fields], config.source.delimiter)
        return Cause(f"{reasons[0]}: {cause.en}", f"每行只有一个字段：{cause.zh}")
    alike = Counter(_general(reason) for reason in reasons).most_common(1)[0][0]
    found = next(reason for reason in reasons if _general(reason) == alike)
    if any(text in found for text in _EXCHANGED):
        return Cause(
            f"{found}; latitude and longitude may be exchanged ([columns])",
            f"经纬度可能颠倒（[columns]）：{found}",
        )
    return Cause(found, f"例如 {found}")


def _of_times(texts: Sequence[str], column: str, zone: str) -> Cause:
    """What these times look like, that the feed's format does not read."""
    found = time_format(texts, zone)
    shown = f"{column!r}: {texts[0][:40]!r}" if texts else ""
    if found:
        return Cause(f"its times look like {found!r} ({shown})", f"时间的格式似乎是 {found!r}（{shown}）")
    if texts and all(text.startswith('"') for text in texts):
        return Cause(
            f"a space stands before the quotes ({shown}): have it written without the space",
            f"引号前有空格（{shown}）：请去掉空格",
        )
    if texts and all(_HALF_DAY.fullmatch(text) for text in texts):
        return Cause(
            f"its times are of a 12-hour clock ({shown}), which is not supported: use 24 hours",
            f"时间是 12 小时制（{shown}），不支持：请改用 24 小时制",
        )
    if texts and all(_SERIAL_DAY.fullmatch(text) for text in texts):
        return Cause(
            f"its times are a spreadsheet's day numbers ({shown}), which are not supported: "
            "format the column as text or date, such as 2025-01-31 08:00, before it is saved as CSV",
            f"时间是电子表格的日期序号（{shown}），不支持：另存为 CSV 之前请把该列设为文本或日期，如 2025-01-31 08:00",
        )
    return Cause("times of another format", "时间是另一种格式")


def _of_one_field(texts: Sequence[str], delimiter: str) -> Cause:
    """Why the rows of a file whose header has several fields have but one."""
    if all(text.startswith('"') and text.endswith('"') for text in texts):
        return Cause(
            "each row is quoted as a whole; have the quotes around it taken away",
            "整行都在引号之内，请去掉行首和行尾的引号",
        )
    for other in DELIMITERS:
        if other != delimiter and all(other in text for text in texts):
            return Cause(
                f"its rows are parted by {other!r}, its header by {delimiter!r}",
                f"数据行以 {other!r} 分隔，表头以 {delimiter!r} 分隔",
            )
    return Cause(f"no {delimiter!r} parts them", f"其中没有分隔符 {delimiter!r}")


def of_file(path: Path, config: FeedConfig) -> Cause:
    """What explains that a file's header, or its form, does not fit, from its first lines; '' where nothing does."""
    with path.open("rb") as stream:
        text = stream.read(_HEAD_BYTES).decode(config.source.encoding, "replace").splitlines()[:_HEAD]
    if config.source.format == "json":
        full = [line for line in text if line.strip()]
        if _objects(full):
            return Cause(
                '; its lines are a JSON object each: source.format = "jsonl"',
                '；每行是一个 JSON 对象：source.format = "jsonl"',
            )
    if config.source.format == "csv":
        headers = family_of(config).headers(config)
        for number, line in enumerate(text[1:], 2):
            cells = [cell.strip() for row in csv.reader([line], delimiter=config.source.delimiter) for cell in row]
            if not headers.missing(cells):
                return Cause(
                    f"; its header seems to stand on line {number}: remove what stands before it",
                    f"；表头似乎在第 {number} 行：请删去它前面的内容",
                )
    return NO_CAUSE


def _objects(text: Sequence[str]) -> bool:
    try:
        return len(text) > 1 and all(isinstance(json.loads(line), dict) for line in text[:2])
    except (ValueError, RecursionError):
        return False


def time_format(texts: Sequence[str], zone: str) -> str | None:
    """The first of FORMATS that reads all these texts; None where none does."""
    for pattern in FORMATS:
        clock = Clock(pattern, zone)
        try:
            for text in texts:
                clock.read(text, "")
        except Unreadable:
            continue
        return pattern if texts else None
    return None


def _key(name: str) -> str:
    return "".join(letter for letter in name.lower() if letter.isalnum())


def _general(reason: str) -> str:
    """A reason without the value that it shows."""
    return reason.partition("'")[0]
