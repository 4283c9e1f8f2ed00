"""`luya bench` ends with the figures it promises. No timing is asserted: a busy machine is no failure."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from luya_process import refuses

KEYS = {
    "end_to_end_per_s",
    "stages",
    "fsck_per_s",
    "api_p50_ms",
    "api_p99_ms",
    "gas_per_record",
    "machine",
    "versions",
    "engine",
}


def test_it_measures_what_it_says(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "luya", "bench", "--records", "1000", "--seconds", "1", "--home", str(tmp_path)]
    run = subprocess.run(command, capture_output=True, text=True, timeout=300, env=os.environ | {"NO_COLOR": "1"})
    assert run.returncode == 0, run.stderr
    value = json.loads(run.stdout.splitlines()[-1])
    assert value.keys() >= KEYS
    for figure in ("end_to_end_per_s", "fsck_per_s", "api_p50_ms", "api_p99_ms"):
        assert value[figure] > 0, figure
    assert value["api_p50_ms"] <= value["api_p99_ms"]
    assert {"read", "enrol", "journal", "settle", "project"} <= value["stages"].keys()
    assert min(value["stages"].values()) >= 0
    # the law of the contracts, whatever the machine: a record costs neither nothing nor a transaction of its own
    assert 5_000 < value["gas_per_record"]["mean"] < 61_000
    assert value["api"]["errors"] == 0
    assert value["api"]["requests"] == 200
    assert value["fsck_ok"] is True
    assert value["rows"] == 1_000
    assert value["machine"]["cores"] >= 1
    assert {"python", "sqlite", "anvil", "web3", "luya"} <= value["versions"].keys()


def test_only_an_engine_that_it_starts_itself_is_measured() -> None:
    said = refuses("bench", "--engine", "rpc")
    assert "--engine rpc: a bench measures an engine that it starts itself: anvil, luyad" in said
