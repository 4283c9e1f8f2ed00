"""Why a file most likely does not fit its feed: what an operator should look at first."""

from __future__ import annotations

import csv
import difflib
import json
import re
from collections import Counter
from collections.abc import Sequence
from itertools import islice
from pathlib import Path
from typing import Final

from oracle.families import family_of
from oracle.families.config import FeedConfig
from oracle.intake.clocks import Clock
from oracle.intake.fields import Unreadable
from oracle.intake.rows import UNREAD

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
_NO_TIME: Final = ("is not a time like", "ISO 8601", "is no date", "is no time of a day")


def of_header(header: Sequence[str], missing: Sequence[str], config: FeedConfig) -> str:
    """What explains that these columns are missing; '' where nothing does."""
    if len(header) == 1:
        for other in DELIMITERS:
            if other != config.source.delimiter and other in header[0]:
                return f": its delimiter seems to be {other!r}, not {config.source.delimiter!r} (source.delimiter)"
    if any("，" in name for name in header):
        return ": some of its fields are parted by full-width commas (，): have all of them parted by one sign"
    if any(name.startswith('"') for name in header):
        return ': a space stands before its quotes (`, "x"`), so they quote nothing: have it written without the space'
    headers = family_of(config).headers(config)
    known = headers.wanted[headers.nearest(header)]
    parts = []
    for column in missing:
        by_key = {_key(name): name for name in header if name not in known}
        for close in difflib.get_close_matches(_key(column), list(by_key), 1, 0.75):
            parts.append(f"{column!r} may be called {by_key[close]!r} now")
    return f": {'; '.join(parts)}" if parts else f": it has {', '.join(map(repr, header[:12]))}"


def of_rows(fields: Sequence[dict[str, str]], reasons: Sequence[str], config: FeedConfig) -> str:
    """What explains most of these rows' reasons. fields: of the rows that are malformed."""
    if 2 * sum("not UTF-8" in reason for reason in reasons) > len(reasons):
        return 'it is not UTF-8, most likely GB 18030: set source.encoding = "gb18030"'
    if 2 * sum(any(text in reason for text in _NO_TIME) for reason in reasons) > len(reasons):
        rows = fields
        columns = [style[role] for style in config.header_styles for role in ("start", "day", "time") if role in style]
        column = next((name for name in columns if any(name in row for row in rows)), "")
        texts = [text for row in rows if (text := row.get(column, "").strip())]
        return _of_times(texts, column, config.time_zone)
    if 2 * sum(reason.startswith("1 field where") for reason in reasons) > len(reasons):
        return f"{reasons[0]}: {_of_one_field([row.get(UNREAD, '') for row in fields], config.source.delimiter)}"
    alike = Counter(_general(reason) for reason in reasons).most_common(1)[0][0]
    found = next(reason for reason in reasons if _general(reason) == alike)
    hint = "; latitude and longitude may be exchanged ([columns])" if any(text in found for text in _EXCHANGED) else ""
    return found + hint


def _of_times(texts: Sequence[str], column: str, zone: str) -> str:
    """What these times look like, that the feed's format does not read."""
    found = time_format(texts, zone)
    if found:
        return f"its times look like {found!r} ({column!r}: {texts[0][:40]!r})"
    if texts and all(text.startswith('"') for text in texts):
        return f"a space stands before the quotes ({column!r}: {texts[0][:40]!r}): have it written without the space"
    if texts and all(_HALF_DAY.fullmatch(text) for text in texts):
        return f"its times are of a 12-hour clock ({column!r}: {texts[0][:40]!r}), which is not supported: use 24 hours"
    if texts and all(_SERIAL_DAY.fullmatch(text) for text in texts):
        return (
            f"its times are a spreadsheet's day numbers ({column!r}: {texts[0][:40]!r}), which are not supported: "
            "format the column as text or date, such as 2025-01-31 08:00, before it is saved as CSV"
        )
    return "times of another format"


def _of_one_field(texts: Sequence[str], delimiter: str) -> str:
    """Why the rows of a file whose header has several fields have but one."""
    if all(text.startswith('"') and text.endswith('"') for text in texts):
        return "each row is quoted as a whole; have the quotes around it taken away"
    for other in DELIMITERS:
        if other != delimiter and all(other in text for text in texts):
            return f"its rows are parted by {other!r}, its header by {delimiter!r}"
    return f"no {delimiter!r} parts them"


def of_file(path: Path, config: FeedConfig) -> str:
    """What explains that a file's header, or its form, does not fit, from its first lines; '' where nothing does."""
    with path.open("rb") as stream:
        text = [line.decode(config.source.encoding, "replace") for line in islice(stream, _HEAD)]
    if config.source.format == "json":
        full = [line for line in text if line.strip()]
        return '; its lines are a JSON object each: source.format = "jsonl"' if _objects(full) else ""
    if config.source.format == "csv":
        headers = family_of(config).headers(config)
        for number, line in enumerate(text[1:], 2):
            cells = [cell.strip() for row in csv.reader([line], delimiter=config.source.delimiter) for cell in row]
            if not headers.missing(cells):
                return f"; its header seems to stand on line {number}: remove what stands before it"
    return ""


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
