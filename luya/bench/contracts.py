"""`luya bench contracts`: the ledger beside OpenZeppelin's ERC-1155 with nullifiers and beside EAS, records a second.

Each size is measured with each of the three in turn, on a new chain of the same engine with the same settings: an
engine slows as its state grows, and nobody shall pay for another's. Call data, quorum signatures included, is made
before the clock starts; then the same sender sends it, with the same number of transactions in flight, and the clock
stops when the last is in a final block. The size of a batch is each one's own best, found by a short sweep first.
Afterwards each is asked whether it holds what it was sent. What they check on the way differs: docs/performance.md says
how.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any, Final

from luya.bench.contracts_chain import PeerChain
from luya.bench.contracts_peers import Contender, Eas, Luya, OpenZeppelin, Ride, Sent, rides
from luya.bench.machine import load_average, machine, versions
from luya.bench.network_load import ReadyBatch, through
from luya.console import Advance, progress, tell

SIZES: Final = (1_000, 10_000, 100_000)
LUYA, OPENZEPPELIN, CREDITS_ALONE, EAS = "luya", "openzeppelin", "openzeppelin_credits_alone", "eas"
GOALS: Final = {OPENZEPPELIN: 5.0, EAS: 20.0}
"""How many times as many records a second the ledger should record."""
_SWEEP: Final = 4_000
_BATCHES: Final = (25, 50, 75, 100, 200, 500, 1_000)
"""Records of a batch that are tried; the ledger's own oracles send up to 200 on anvil and 1,000 on luyad."""
_NOISE: Final = 0.1
_RIDES_OF_ONE: Final = 10
_SHORT: Final = 1_000
_IN_FLIGHT: Final = 128
"""Many: anvil hashes its whole state at each block, so few blocks are kind to whoever writes much."""
_PATIENCE: Final = 900.0
"""Seconds without a block: anvil makes one of 9,600 attestations on a state of a million words, on shared cores."""
_BLOCK_TIME: Final = 0.1
"""Where the engine has its own pace; anvil is told to make a block as soon as the last is there."""


@dataclass(frozen=True, slots=True)
class PeersPlan:
    """What is measured.

    Attributes:
        sizes: records of each measurement.
        engine: all of them run on it.
        in_flight: transactions that are not final at a time.
        block_time: seconds between blocks, where the engine has its own pace.
        batches: sizes of a batch that the sweep tries.
    """

    sizes: tuple[int, ...] = SIZES
    engine: str = "anvil"
    in_flight: int = _IN_FLIGHT
    block_time: float = _BLOCK_TIME
    batches: tuple[int, ...] = _BATCHES

    @property
    def sweep(self) -> int:
        """Records with which a size of a batch is tried."""
        return min(_SWEEP, max(self.sizes))


def run(plan: PeersPlan, *, quiet: bool) -> dict[str, Any]:
    """Measures and returns the figures; everything lies in a temporary folder, and is gone in the end.

    Raises:
        RuntimeMissing: the engine, or EAS's package, is not there and cannot be installed.
        HomeError: one of them does not hold what it was sent, or does not go on.
    """
    begun, bench = load_average(), _Bench(plan)
    with tempfile.TemporaryDirectory(prefix="luya-bench-") as folder, progress() as advance:
        bench.run(Path(folder), advance)
    value = bench.told() | {
        "plan": {
            "sizes": list(plan.sizes),
            "engine": plan.engine,
            "in_flight": plan.in_flight,
            "block_time": plan.block_time,
            "rides_of_one": _RIDES_OF_ONE,
        },
        "machine": {**machine(), "load_before": begun, "load_after": load_average()},
        "measured_on": date.today().isoformat(),
        "versions": versions() | bench.versions,
    }
    if not quiet:
        _tell(value)
    return value


class _Bench:
    """One run."""

    def __init__(self, plan: PeersPlan) -> None:
        self._plan = plan
        self._batch: dict[str, int] = {}
        self._swept: dict[str, dict[int, int]] = {}
        self._measured: dict[str, dict[int, dict[str, Any]]] = {}
        self.versions: dict[str, str] = {}

    def run(self, folder: Path, advance: Advance) -> None:
        """Everything, in turns."""
        for name in (LUYA, OPENZEPPELIN, EAS):
            advance(f"{name}: size of a batch", 0, 0)
            with self._chain(folder / f"{name}-sweep", name, self._plan.sweep * len(self._plan.batches)) as chain:
                self._sweep(name, chain)
        self._batch[CREDITS_ALONE] = self._batch[OPENZEPPELIN]
        for size in self._plan.sizes:
            for name in (LUYA, OPENZEPPELIN, CREDITS_ALONE, EAS):
                advance(f"{name}: {size:,} records", 0, 0)
                with self._chain(folder / f"{name}-{size}", name, size * _rounds(size)) as chain:
                    self._measured.setdefault(name, {})[size] = self._rounds(name, chain, size)

    def told(self) -> dict[str, Any]:
        """The figures."""
        measured = self._measured
        goals = {
            name: {
                str(size): round(measured[LUYA][size]["records_per_s"] / measured[name][size]["records_per_s"], 2)
                for size in measured[name]
            }
            for name in (OPENZEPPELIN, CREDITS_ALONE, EAS)
        }
        return {
            "records_per_engine_cpu_s_by_batch": self._swept,
            "runs": {name: {str(size): one for size, one in by_size.items()} for name, by_size in measured.items()},
            "times_as_many": goals,
            "records_per_s": self._figure("records_per_s"),
            "gas_per_record": self._figure("gas_per_record"),
        }

    def _figure(self, figure: str) -> dict[str, dict[str, Any]]:
        return {
            name: {str(size): one[figure] for size, one in self._measured[name].items()}
            for name in (LUYA, OPENZEPPELIN, EAS)
        }

    def _chain(self, folder: Path, name: str, records: int) -> PeerChain:
        accounts = max(1, records // _RIDES_OF_ONE)
        return PeerChain(folder, self._plan.engine, self._plan.block_time, accounts, ledger=name == LUYA)

    def _contender(self, name: str, chain: PeerChain) -> Contender:
        if name == LUYA:
            made: Contender = Luya(chain.rpc, chain.manifest, chain.signers.who_sign)
        elif name == EAS:
            made = Eas(chain.rpc, chain.sender)
        else:
            made = OpenZeppelin(chain.rpc, chain.sender, points=name == OPENZEPPELIN)
        self.versions |= made.versions | chain.versions
        chain.take_over()
        return made

    def _sweep(self, name: str, chain: PeerChain) -> None:
        """Tries sizes of a batch within the engine's limits, the largest first, on the emptiest chain.

        By the engine's CPU time: on a machine that others use, wall time tells more of them.
        """
        contender, swept = self._contender(name, chain), dict[int, int]()
        each = len(chain.accounts) // len(self._plan.batches)
        sizes = [batch for batch in self._plan.batches if batch <= self._plan.sweep]
        for turn, batch in enumerate(sorted(sizes, reverse=True)):
            accounts = chain.accounts[turn * each : (turn + 1) * each]
            made = rides(accounts, self._plan.sweep, f"{name}/sweep/{batch}")
            if chain.takes(contender.tx(made[:batch], 0, "never sent")):
                swept[batch] = self._measure(chain, contender, made, batch)["records_per_engine_cpu_s"]
        self._swept[name], self._batch[name] = swept, best_batch(swept)

    def _rounds(self, name: str, chain: PeerChain, size: int) -> dict[str, Any]:
        """The round in the middle, riders new in each: where a run is short, the wait for a block is much of it."""
        contender, count = self._contender(name, chain), _rounds(size)
        each = len(chain.accounts) // count
        rounds = []
        for turn in range(count):
            made = rides(chain.accounts[turn * each : (turn + 1) * each], size, f"{name}/{size}/{turn}")
            rounds.append(self._measure(chain, contender, made, self._batch[name]))
        rounds.sort(key=lambda one: float(one["records_per_s"]))
        return rounds[count // 2] | {"rounds": count}

    def _measure(self, chain: PeerChain, contender: Contender, made: Sequence[Ride], batch: int) -> dict[str, Any]:
        begun = time.monotonic()
        starts = range(0, len(made), batch)
        parts = [made[at : at + batch] for at in starts]
        ready = [
            ReadyBatch(contender.tx(part, at, f"{contender.name}/{part[0].nullifier.hex()}"), len(part))
            for at, part in zip(starts, parts, strict=True)
        ]
        prepared, first, cpu, own = time.monotonic(), chain.height() + 1, chain.engine_cpu(), time.process_time()
        with chain.mining():
            seconds = through(chain.sender, chain.rpc, ready, self._plan.in_flight, _PATIENCE)
        spent, client = chain.engine_cpu() - cpu, time.process_time() - own
        blocks = chain.blocks(first, len(ready))
        contender.check([Sent(part, moment) for part, moment in zip(parts, blocks.times, strict=True)])
        call_data = sum(len(one.tx.data) for one in ready)
        return {
            "records_per_s": round(len(made) / seconds, 1),
            "gas_per_record": round(blocks.gas / len(made)),
            "records_per_engine_cpu_s": round(len(made) / max(spent, 0.01)),
            "seconds": round(seconds, 3),
            "records_per_batch": batch,
            "transactions": len(ready),
            "blocks": blocks.count,
            "prepared_s": round(prepared - begun, 2),
            "cpu_seconds": {"engine": round(spent, 2), "client": round(client, 2)},
            "gas_per_s": round(blocks.gas / seconds),
            "call_data_bytes_per_record": round(call_data / len(made), 1),
        }


def best_batch(swept: Mapping[int, int]) -> int:
    """The largest size that comes within a tenth of the fastest: what is nearer than that is noise, and a larger batch
    costs less gas a record."""
    most = max(swept.values())
    return max(batch for batch, rate in swept.items() if rate >= (1 - _NOISE) * most)


def _rounds(size: int) -> int:
    """How often a size is measured: odd, so that one is in the middle; the largest once."""
    return 5 if size <= _SHORT else 3 if size <= 10 * _SHORT else 1


def _tell(value: dict[str, Any]) -> None:
    for size in value["records_per_s"][LUYA]:
        tell(f"[bold]{int(size):,} 条 records[/bold]")
        for name, by_size in value["runs"].items():
            one = by_size[size]
            tell(
                f"  {name}: {one['records_per_s']:,}/s, {one['gas_per_record']:,} gas a record, "
                f"{one['records_per_batch']} a batch, engine CPU {one['cpu_seconds']['engine']} s of {one['seconds']} s"
            )
    told = "; ".join(
        f"{name} {', '.join(f'{times}×' for times in by_size.values())}"
        for name, by_size in value["times_as_many"].items()
    )
    tell(f"账本快多少倍 the ledger is faster by: {told} (goals: {GOALS[OPENZEPPELIN]:g}×, {GOALS[EAS]:g}×)")
