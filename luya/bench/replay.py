"""`luya bench replay`: the speed of the replay in two trees of this project, in pairs whose order is swapped each time.

Each run is a process of its own that replays the same entries (97 in 100 reductions, then refusals and revocations)
with leaf hash and tree, five times, of which the best counts: by the process's own time, so that what else runs on the
machine counts little.
"""

from __future__ import annotations

import hashlib
import os
import statistics
import struct
import subprocess
import sys
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from chain_node.catalogue import announced, load_groups
from chain_node.protocol import entries as e
from chain_node.protocol.arithmetic import worth
from chain_node.protocol.records import Record
from chain_node.protocol.rules import Rule
from luya.bench.machine import load_average, machine, versions
from luya.console import tell
from luya.errors import HomeError, UsageError

_TIME, _DAY, _METHOD = 1_735_700_000, 20_088, 101
_PEOPLE: Final = 5_000
_A_DAY: Final = 45
"""Records of four slots that a day of an account has room for."""
_RUN: Final = """
import struct, sys, time
from chain_node.protocol.replay import State
data, entries, at = open(sys.argv[1], "rb").read(), [], 0
while at < len(data):
    (length,) = struct.unpack_from(">H", data, at)
    entries.append(data[at + 2 : at + 2 + length])
    at += 2 + length
best = 0.0
for _ in range(5):
    state = State(entry_at=entries.__getitem__)
    begun = time.process_time()
    for entry in entries:
        state.apply(entry)
    best = max(best, len(entries) / (time.process_time() - begun))
print(best, state.root().hex())
"""


def run(before: Path, after: Path, entries: int, pairs: int, *, quiet: bool) -> dict[str, Any]:
    """Measures and returns the figures, in entries/s.

    Args:
        before, after: folders with a `chain_node` each.
        entries: about people; law and accounts come on top.
        pairs: runs of each.
        quiet: say nothing.

    Raises:
        UsageError: a folder has no `chain_node`.
        HomeError: a tree cannot replay these entries, or the two come to different roots.
    """
    trees = {"before": before.resolve(), "after": after.resolve()}
    for tree in trees.values():
        if not (tree / "chain_node" / "protocol" / "replay.py").is_file():
            raise UsageError(f"{tree} has no chain_node/protocol/replay.py: give a tree of this project")
    begun = load_average()
    speeds: dict[str, list[float]] = {"before": [], "after": []}
    with tempfile.TemporaryDirectory(prefix="luya-bench-") as folder:
        path = Path(folder) / "entries"
        bodies = [e.encode(entry) for entry in log(entries)]
        path.write_bytes(b"".join(struct.pack(">H", len(body)) + body for body in bodies))
        roots = {_once(tree, path)[1] for tree in trees.values()}  # files are cached, bytecode is written
        if len(roots) != 1:
            raise HomeError(f"the trees replay the same entries to different roots: {' and '.join(sorted(roots))}")
        for pair in range(pairs):
            names = list(trees) if pair % 2 == 0 else list(trees)[::-1]
            for name in names:
                speeds[name].append(_once(trees[name], path)[0])
            if not quiet:
                tell(f"{speeds['before'][-1]:,.0f} → {speeds['after'][-1]:,.0f} entries/s")
    ratios = [now / then for then, now in zip(speeds["before"], speeds["after"], strict=True)]
    figures = {name: [round(speed) for speed in sorted(found)] for name, found in speeds.items()}
    return {
        "entries": len(bodies),
        "before_per_s": round(statistics.median(figures["before"])),
        "after_per_s": round(statistics.median(figures["after"])),
        "before_range": [figures["before"][0], figures["before"][-1]],
        "after_range": [figures["after"][0], figures["after"][-1]],
        "ratio": round(statistics.median(ratios), 4),
        "ratio_range": [round(min(ratios), 3), round(max(ratios), 3)],
        "machine": {**machine(), "load_before": begun, "load_after": load_average()},
        "versions": versions(),
    }


def log(count: int) -> list[e.Entry]:
    """The law, the people, and about `count` entries that say what they did."""
    made: list[e.Entry] = [e.Organisation(_TIME, 1, bytes(32), e.Standing.ACTIVE)]
    made += [e.GroupCaps(_TIME, group.id, 1 << 29, 1 << 29) for group in load_groups()]
    made += [replace(method.method, time=_TIME) for method in announced()]
    caps, signers = (1 << 62, 1 << 62), (bytes.fromhex("11" * 20),)
    made.append(e.Feed(_TIME, 1, 1, 1, 1, signers, e.TRIAL_LATE_DAYS, *caps, (_METHOD,), e.Standing.ACTIVE))
    people = [hashlib.sha256(b"%d" % n).digest()[:20] for n in range(_PEOPLE)]
    made += [e.Account(_TIME, who, hashlib.sha256(who).digest(), 1, 0, e.AccountState.ACTIVE) for who in people]
    method = next(shipped.method for shipped in announced() if shipped.id == _METHOD)
    revocable: list[int] = []
    for sequence in range(count):
        turn, who = divmod(sequence, _PEOPLE)
        day, place = divmod(turn, _A_DAY)
        if sequence % 100 == 98:
            made.append(e.Refusal(_TIME, 1, sequence, Rule.OVERLAP))
            continue
        record = Record(people[who], _METHOD, _DAY + day, 4 * place, 4, 0, 3_000 + sequence % 500, bytes(32))
        if sequence % 50 == 0:
            revocable.append(len(made))
        made.append(e.Reduction(_TIME, 1, sequence, record, *worth(method, record.activity)))
        if sequence % 50 == 49:
            index = revocable.pop()
            target = made[index]
            assert isinstance(target, e.Reduction)
            burned = (target.credits_mg, target.millipoints)
            made.append(e.Revocation(_TIME, index, 1, bytes(32), True, *burned, 0, 0))
    return made


def _once(tree: Path, path: Path) -> tuple[float, str]:
    """(entries/s, root) of one run of this tree."""
    command = [sys.executable, "-c", _RUN, str(path)]
    environ = {**os.environ, "PYTHONPATH": str(tree)}
    done = subprocess.run(command, env=environ, cwd=path.parent, capture_output=True, text=True)
    if done.returncode != 0:
        raise HomeError(f"{tree} cannot replay these entries: {done.stderr.strip().rpartition(chr(10))[2]}")
    speed, root = done.stdout.split()
    return float(speed), root
