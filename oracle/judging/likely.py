"""Why a file most likely does not fit its feed: what an operator should look at first."""

from __future__ import annotations

import difflib
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Final

from oracle.families import family_of
from oracle.families.config import FeedConfig
from oracle.intake.clocks import Clock
from oracle.intake.fields import Unreadable

DELIMITERS: Final = ",;\t|"
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
    "%Y/%m/%d %H:%M:%S",
    "%Y/%m/%d %H:%M",
    "%Y%m%d%H%M%S",
    "%Y%m%d",
    "%m/%d/%Y",
    "%m/%d/%y",
    "%d.%m.%Y",
    "iso",
)
"""Formats that are looked for, in this order."""
_NO_TIME: Final = ("is not a time like", "ISO 8601", "is no date", "is no time of a day")


def of_header(header: Sequence[str], missing: Sequence[str], config: FeedConfig) -> str:
    """What explains that these columns are missing; '' where nothing does."""
    if len(header) == 1:
        for other in DELIMITERS:
            if other != config.source.delimiter and other in header[0]:
                return f": its delimiter seems to be {other!r}, not {config.source.delimiter!r} (source.delimiter)"
    headers = family_of(config).headers(config)
    known = headers.wanted[headers.nearest(header)]
    parts = []
    for column in missing:
        by_key = {_key(name): name for name in header if name not in known}
        for close in difflib.get_close_matches(_key(column), list(by_key), 1, 0.75):
            parts.append(f"{column!r} may be called {by_key[close]!r} now")
    return f": {'; '.join(parts)}" if parts else f": it has {', '.join(map(repr, header[:12]))}"


def of_rows(fields: Iterable[dict[str, str]], reasons: Sequence[str], config: FeedConfig) -> str:
    """What explains most of these rows' reasons. fields: of the rows that are malformed."""
    if 2 * sum("not UTF-8" in reason for reason in reasons) > len(reasons):
        return 'it is not UTF-8, most likely GB 18030: set source.encoding = "gb18030"'
    if 2 * sum(any(text in reason for text in _NO_TIME) for reason in reasons) > len(reasons):
        rows = list(fields)
        columns = [style[role] for style in config.header_styles for role in ("start", "day", "time") if role in style]
        column = next((name for name in columns if any(name in row for row in rows)), "")
        texts = [text for row in rows if (text := row.get(column, "").strip())]
        found = time_format(texts, config.time_zone)
        return f"its times look like {found!r} ({column!r}: {texts[0][:40]!r})" if found else "times of another format"
    alike = Counter(_general(reason) for reason in reasons).most_common(1)[0][0]
    return next(reason for reason in reasons if _general(reason) == alike)


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
