"""`luya bench network` ends with the figures it promises, from a network of one. No timing is asserted."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from luyad_built import need_luyad

from chain_node.engine.build import source_folder
from luya.bench.network import Plan, parse_validators
from luya.bench.network_load import latencies
from luya.errors import UsageError

COMMAND = [sys.executable, "-m", "luya", "bench", "network", "--validators", "1", "--seconds", "2"]
LOAD = ["--rate", "200", "--records-per-batch", "100", "--json"]


def test_it_measures_what_it_says(tmp_path: Path) -> None:
    need_luyad()
    environment = os.environ | {"NO_COLOR": "1", "TMPDIR": str(tmp_path)}
    run = subprocess.run([*COMMAND, *LOAD], capture_output=True, text=True, timeout=300, env=environment)
    assert run.returncode == 0, run.stderr
    value = json.loads(run.stdout.splitlines()[-1])
    for figure in ("records_per_s", "p50_s", "p99_s"):
        assert value[figure].keys() == {"1"}, figure
        assert value[figure]["1"] > 0, figure
    assert value["p50_s"]["1"] <= value["p99_s"]["1"]
    assert value["machine"]["cores"] >= 1
    assert {"python", "luya", "luyad"} <= value["versions"].keys()
    assert value["peer"]["anvil"]
    network = value["networks"]["1"]
    assert network.keys() >= {"throughput", "queries", "sync", "deployment", "growth", "checked"}
    _check_all_is_final(network)
    _check_the_rest(network)
    assert not list(tmp_path.glob("luya-bench-*")), "what it made is gone"


def _check_all_is_final(network: dict[str, Any]) -> None:
    """Whatever the machine's pace: nothing was refused, nothing is missing, and everybody has the same."""
    checked, throughput = network["checked"], network["throughput"]
    loads = [throughput["saturated"], throughput["steady"]]
    assert checked["records"] == 1 + sum(load["records"] for load in loads)
    assert checked["records"] == checked["reductions"]
    assert checked["refused"] == 0
    assert checked["same_root_on_all"] is True


def _check_the_rest(network: dict[str, Any]) -> None:
    for method in ("eth_call", "eth_getBlockByNumber"):
        asked = network["queries"][method]
        assert asked["calls"] > 0
        assert asked["errors"] == 0
    assert isinstance(network["sync"]["seconds"], float), network["sync"]
    assert len(network["deployment"]["steps"]) == 3
    growth = network["growth"]
    assert growth["node_bytes_per_record"] > 64  # a record alone has so many
    assert growth["archive_bytes_per_record"] > 64
    assert growth["idle"]["blocks"] > 0


def test_without_luyad_it_says_what_to_do(tmp_path: Path) -> None:
    if (source_folder() / "bin" / "luyad").exists():
        pytest.skip("this package carries a luyad")
    environment = {name: value for name, value in os.environ.items() if name != "LUYA_LUYAD"}
    environment |= {"NO_COLOR": "1", "LUYA_CACHE": str(tmp_path)}
    run = subprocess.run(COMMAND, capture_output=True, text=True, timeout=60, env=environment)
    assert run.returncode == 1
    assert "luya engine build" in run.stderr
    assert "Traceback" not in run.stderr


def test_validators_are_read() -> None:
    assert parse_validators("1, 4") == (1, 4)


@pytest.mark.parametrize("text", ["", "0", "1,1", "17", "one", "1;4", "-1"])
def test_other_numbers_are_refused(text: str) -> None:
    with pytest.raises(UsageError, match="--validators"):
        parse_validators(text)


def test_a_steady_load_has_smaller_batches() -> None:
    assert Plan().steady_batch == 250
    assert Plan(rate=2).steady_batch == 1
    assert Plan(rate=50_000).steady_batch == 1_000


def test_latencies_of_few() -> None:
    assert latencies([0.5]) == {"p50_s": 0.5, "p99_s": 0.5, "max_s": 0.5}
    assert latencies([1.0, 3.0])["p50_s"] == 2.0
