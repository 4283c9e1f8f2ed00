"""`luya bench gateway` asks engine and door the same, and says what it ran on. No timing is asserted."""

from __future__ import annotations

from luya_process import succeeds

from luya.bench.gateway import KINDS


def test_it_measures_what_it_says() -> None:
    plan = ("--rate", 20, "--seconds", 0.2, "--rounds", 1, "--connections", 2)
    value = succeeds("bench", "gateway", *plan, "--json")
    assert value["kinds"].keys() == KINDS.keys()
    for row in value["kinds"].values():
        for place in ("engine", "gateway"):
            assert row[place]["errors"] == 0
            assert row[place]["p50_ms"] <= row[place]["p99_ms"] <= row[place]["max_ms"]
            assert row[place]["capacity_calls_per_s"] > 0
    assert value["plan"] == {"rate": 20, "seconds": 0.2, "rounds": 1, "connections": 2}
    assert value["machine"]["cores"] >= 1
    assert {"python", "luya", "aiohttp"} <= value["versions"].keys()
