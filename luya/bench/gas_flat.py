"""`luya bench gas`: shows that gas a record stays flat while the ledger grows (±5 % from 10,000 to 300,000 records).

Bike trips of 10,000 riders, a morning and an evening each day: the morning's opens a slot word, the evening's finds it
in use. What a batch of 200 costs is read from its receipt.
"""

from __future__ import annotations

import tempfile
import time
from contextlib import ExitStack
from datetime import date, timedelta
from pathlib import Path
from typing import Any, Final

from luya.bench.gas import FIRST, IN_USE, NEW_DAY, Gas, mean
from luya.bench.machine import load_average, machine, versions
from luya.console import tell
from luya.demo.data import write_trips
from luya.home import LuyaHome
from luya.session import feeds
from luya.session.session import opened

RIDERS: Final = 10_000
KEEP_BLOCKS: Final = 60


def measure(records: int, *, quiet: bool) -> dict[str, dict[int, int]]:
    """Mean gas a record, by kind, then by records in the ledger when the batches began."""
    means: dict[str, dict[int, int]] = {NEW_DAY: {}, IN_USE: {}, FIRST: {}}
    last_day = date.today() - timedelta(days=1)
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="luya-gas-")))
        session = stack.enter_context(opened(LuyaHome.of(folder / "home"), keep_blocks=KEEP_BLOCKS))
        gas, seen, recorded = Gas(session.node.rpc, session.node.archive), 0, 0
        path, feed = folder / "trips.csv", feeds.find(session.home, "bike-share")
        riders = min(RIDERS, records)
        for number in range(-(-records // riders)):
            day, evening = divmod(number, 2)
            hour = 17 if evening else 7
            write_trips(path, start=day * riders, rows=riders, riders=riders, last_day=last_day, hour=hour)
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
            if not quiet:
                tell(f"{recorded:,} 条 records, {result.accepted / took:,.0f}/s")
    return means


def deviation(by_size: dict[int, int]) -> float:
    """The largest deviation from the first figure at 10,000 records or more, in per cent."""
    figures = [gas for size, gas in by_size.items() if size >= 9_000]
    return round(max(abs(gas / figures[0] - 1) for gas in figures) * 100, 2) if figures else 0.0


def run(records: int, *, quiet: bool) -> dict[str, Any]:
    """Measures and returns the figures: mean gas by kind and size of the ledger, the largest deviation in per cent."""
    begun = load_average()
    means = measure(records, quiet=quiet)
    return {
        "gas_per_record": means,
        "deviation_percent": {kind: deviation(by_size) for kind, by_size in means.items() if by_size},
        "machine": {**machine(), "load_before": begun},
        "versions": versions(),
    }
