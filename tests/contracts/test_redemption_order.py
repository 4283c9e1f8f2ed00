"""The order in which held amounts are redeemed: the vectors that `HeldParts.t.sol` is driven over are the postings'."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
GENERATOR = [sys.executable, str(ROOT / "scripts" / "redemption_vectors.py"), "--check"]
VECTORS = ROOT / "hardhat_config" / "redemption-vectors.json"


def test_the_vectors_are_what_the_postings_say() -> None:
    done = subprocess.run(GENERATOR, cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr


def test_the_vectors_reach_what_matters() -> None:
    cases = json.loads(VECTORS.read_text("utf-8"))["cases"].values()
    lengths = [int(case["parts"][2:4], 16) for case in cases]
    assert any(case["missing"] for case in cases), "too little"
    assert max(lengths) >= 5, "many vintages"
    assert {case["unit"] for case in cases} == {0, 1}
