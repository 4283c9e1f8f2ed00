"""Before anything is recorded: do the first rows of each file fit the feed?"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice
from pathlib import Path
from typing import Final

from oracle.errors import SourceError
from oracle.families import family_of
from oracle.families.config import FeedConfig
from oracle.intake.fields import Unreadable
from oracle.judging import likely, staging

LOOKED_AT: Final = 1_000
"""Rows of each file."""


def check(paths: Sequence[Path], config: FeedConfig, *, anyway: bool = False) -> None:
    """Looks at the head of each file; needs no ledger. anyway: whatever its rows are like.

    Raises SourceError: a header that does not fit, or over half of the first rows malformed; with the likely cause.
    """
    read = family_of(config).reader(config)
    for path in paths:
        staging.check_kind(path)
        reasons, malformed, seen = [], [], 0
        try:
            with path.open("rb") as stream:
                for row in islice(staging.rows(stream, str(path), config), LOOKED_AT):
                    seen += 1
                    try:
                        if row.problem is not None:
                            raise Unreadable(row.problem)
                        read(row.fields)
                    except Unreadable as error:
                        reasons.append(str(error))
                        malformed.append(dict(row.fields))
        except SourceError as error:
            hint = likely.of_file(path, config)
            raise SourceError(f"{error}{hint.en}", error.zh and error.zh + hint.zh) from None
        except OSError as error:
            raise SourceError(f"{path} cannot be read: {error.strerror or error}") from None
        if 2 * len(reasons) > seen and not anyway:
            cause = likely.of_rows(malformed, reasons, config)
            raise SourceError(
                f"{path}: {len(reasons):,} of its first {seen:,} rows are malformed for feed {config.name}: "
                f"{cause.en}. Nothing is recorded; --anyway takes it as it is",
                f"{path}：前 {seen:,} 行中有 {len(reasons):,} 行无法按数据源 {config.name} 读取：{cause.zh}。"
                "未作任何记录；--anyway 可照收",
            )
