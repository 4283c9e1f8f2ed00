"""Which faults the mutation tests plant, and that none survives without an explanation."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
SCRIPTS = ROOT / "scripts" / "assurance"
SOURCE = """
library Words {
    uint256 private constant _MOST = 5;

    /// Where a < b, 3 of them.
    function less(uint256 a, uint256 b) internal pure returns (bool) {
        if (a < b) return true; // or a <= b
        assembly ("memory-safe") {
            a := add(a, 7)
        }
        seen(b);
    }
}
"""


@pytest.fixture
def script(monkeypatch: pytest.MonkeyPatch) -> Any:
    """A script by its name, as its own folder imports it."""
    monkeypatch.syspath_prepend(str(SCRIPTS))
    return importlib.import_module


def test_mutants_are_of_code_alone(script: Any) -> None:
    mutants = {str(mutant) for mutant in script("mutate").mutants_of("Words.sol", SOURCE)}
    assert mutants == {
        "Words.sol less: if (a <= b) return true; // or a <= b",
        "Words.sol less: if (a >= b) return true; // or a <= b",
        "Words.sol less: if (false && a < b) return true; // or a <= b",
        "Words.sol less: if (a < b) return false; // or a <= b",
        "Words.sol less: a := sub(a, 7)",
        "Words.sol less: a := add(a, 8)",
        "Words.sol less: - a := add(a, 7)",
        "Words.sol less: - seen(b);",
    }, "nothing in comments and constants"


def test_a_mutant_changes_its_place_only(script: Any) -> None:
    for mutant in script("mutate").mutants_of("Words.sol", SOURCE):
        changed = mutant.applied(SOURCE).splitlines()
        assert sum(one != other for one, other in zip(SOURCE.splitlines(), changed, strict=True)) == 1


def test_every_subject_has_mutants_in_its_assembly(script: Any) -> None:
    mutate = script("mutate")
    for source in mutate.SUBJECTS:
        mutants = list(mutate.mutants_of(source, (ROOT / source).read_text(encoding="utf-8")))
        assert len(mutants) > 30
        assert len({(mutant.start, mutant.end, mutant.new) for mutant in mutants}) == len(mutants)
    assert any("staticcall" not in mutant.line and ":=" in mutant.line for mutant in mutants)


def test_survivors_are_explained_and_explanations_are_of_survivors(script: Any) -> None:
    mutate = script("mutate")
    one, two = list(mutate.mutants_of("Words.sol", SOURCE))[:2]
    assert mutate.judge([one], [two], {}) == 1, "not explained"
    assert mutate.judge([one], [two], {str(one): "why"}) == 0
    assert mutate.judge([], [one], {str(one): "why"}) == 1, "found by now"
