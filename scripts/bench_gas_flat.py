"""Shows that gas a record stays flat while the ledger grows (±5 % from 10,000 to 300,000 records).

Bike trips of 10,000 riders, a morning and an evening each day: the morning's opens a slot word, the evening's finds it
in use. What a batch of 200 costs is read from its receipt.

    uv run python scripts/bench_gas_flat.py [--records 300000]

The last line is JSON: for each kind of record the mean gas by size of the ledger, and the largest deviation from the
first in per cent.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from contextlib import ExitStack
from datetime import date, timedelta
from pathlib import Path

from luya.bench.gas import FIRST, IN_USE, NEW_DAY, Gas, mean
from luya.bench.pipeline import machine
from luya.demo.data import write_trips
from luya.home import LuyaHome
from luya.session import feeds
from luya.session.session import opened

RIDERS = 10_000
KEEP_BLOCKS = 60


def measure(records: int) -> dict[str, dict[int, int]]:
    """Mean gas a record, by kind, then by records in the ledger when the batches began."""
    means: dict[str, dict[int, int]] = {NEW_DAY: {}, IN_USE: {}, FIRST: {}}
    last_day = date.today() - timedelta(days=1)
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="luya-gas-")))
        session = stack.enter_context(opened(LuyaHome.of(folder / "home"), keep_blocks=KEEP_BLOCKS))
        gas, seen, recorded = Gas(session.node.rpc, session.node.archive), 0, 0
        path, feed = folder / "trips.csv", feeds.find(session.home, "bike-share")
        for number in range(-(-records // RIDERS)):
            day, evening = divmod(number, 2)
            hour = 17 if evening else 7
            write_trips(path, start=day * RIDERS, rows=RIDERS, riders=RIDERS, last_day=last_day, hour=hour)
            begun = time.monotonic()
            result = session.ingest([path], feed, enrol_unknown=True)
            took = time.monotonic() - begun
            gas.collect()
            new, seen = gas.batches[seen:], len(gas.batches)
            for kind, by_size in means.items():
                used = [batch for batch in new if batch.kind == kind]
                if used:
                    by_size[recorded] = mean(used)
            recorded += result.accepted
            print(f"{recorded:,} records, {result.accepted / took:,.0f}/s", file=sys.stderr)
    return means


def deviation(by_size: dict[int, int]) -> float:
    """The largest deviation from the first figure at 10,000 records or more, in per cent."""
    figures = [gas for size, gas in by_size.items() if size >= 9_000]
    return round(max(abs(gas / figures[0] - 1) for gas in figures) * 100, 2) if figures else 0.0


def main() -> None:
    """Run it once."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--records", type=int, default=300_000)
    means = measure(parser.parse_args().records)
    flat = {kind: deviation(by_size) for kind, by_size in means.items() if by_size}
    print(json.dumps({"gas_per_record": means, "deviation_percent": flat, "machine": machine()}))


if __name__ == "__main__":
    main()
