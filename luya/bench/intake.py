"""`luya bench intake`: rows a second that a feed's intake reads and types, alone: no judging, no journal, no ledger.

Time is this process's own CPU time, so that what else the machine does counts less; the best of the runs is told, and
the median.
"""

from __future__ import annotations

import statistics
import time
from pathlib import Path
from typing import Any

from luya.bench.machine import load_average, machine, versions
from luya.console import tell
from luya.errors import UsageError
from oracle.families import family_of
from oracle.families.config import FeedConfig
from oracle.feeds import toml_files
from oracle.intake.fields import Unreadable
from oracle.judging import staging


def run(file: Path, feed: str, repeat: int, *, quiet: bool) -> dict[str, Any]:
    """Measures and returns the figures.

    Args:
        file: a partner's.
        feed: a shipped feed's name, or a TOML file.
        repeat: runs.
        quiet: say nothing.

    Raises:
        UsageError: there is no such feed.
    """
    config, begun = _feed(feed), load_average()
    runs = [_once(file, config) for _ in range(repeat)]
    rows, unreadable, _ = runs[0]
    taken = [seconds for _, _, seconds in runs]
    best, median = round(rows / min(taken)), round(rows / statistics.median(taken))
    if not quiet:
        tell(f"读取 intake: {best:,} rows/s of CPU time at best, {median:,} in the median ({rows:,} rows)")
    return {
        "rows": rows,
        "unreadable": unreadable,
        "best_rows_per_s": best,
        "median_rows_per_s": median,
        "machine": {**machine(), "load_before": begun},
        "versions": versions(),
    }


def _feed(name: str) -> FeedConfig:
    if name.endswith(".toml"):
        return toml_files.load(Path(name))
    shipped = toml_files.shipped()
    if name not in shipped:
        raise UsageError(f"--feed {name}: no feed of this name ships: give one of {', '.join(shipped)}, or a TOML file")
    return shipped[name]


def _once(file: Path, feed: FeedConfig) -> tuple[int, int, float]:
    """(rows, of them unreadable, CPU seconds)."""
    read = family_of(feed).reader(feed)
    rows = unreadable = 0
    begun = time.process_time()
    with file.open("rb") as stream:
        for row in staging.rows(stream, str(file), feed):
            rows += 1
            try:
                if row.problem is not None:
                    raise Unreadable(row.problem)
                read(row.fields)
            except Unreadable:
                unreadable += 1
    return rows, unreadable, time.process_time() - begun
