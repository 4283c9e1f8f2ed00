"""How many rows a second a feed's intake reads and types, alone: no judging, no journal, no ledger.

    python scripts/bench_intake.py [--feed FEED] [--repeat N] FILE

FEED is a shipped feed's name or a TOML file. Time is this process's own CPU time, so that what else the machine does
counts less; the best of N runs is told, and the median.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from pathlib import Path

from oracle.families import family_of
from oracle.families.config import FeedConfig
from oracle.feeds import toml_files
from oracle.intake.fields import Unreadable
from oracle.judging import staging


def once(file: Path, feed: FeedConfig) -> tuple[int, int, float]:
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


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("file", type=Path)
    options.add_argument("--feed", default="bike-share")
    options.add_argument("--repeat", type=int, default=9)
    given = options.parse_args()
    feed = toml_files.load(Path(given.feed)) if given.feed.endswith(".toml") else toml_files.shipped()[given.feed]
    runs = [once(given.file, feed) for _ in range(given.repeat)]
    rows, unreadable, _ = runs[0]
    taken = [seconds for _, _, seconds in runs]
    best, middle = rows / min(taken), rows / statistics.median(taken)
    print(json.dumps({"rows": rows, "unreadable": unreadable, "best": round(best), "median": round(middle)}))


if __name__ == "__main__":
    main()
