"""What the contracts of the loop refuse is said in both languages, with what to do."""

from __future__ import annotations

import pytest

from chain_node.contracts.handles import artefact
from chain_node.errors import RevertReason
from luya.loop.refusals import REMEDIES, refusal


@pytest.mark.parametrize("contract", ["LuyaAgents", "LuyaControllers", "LuyaProjects", "LuyaRewards"])
def test_every_refusal_of_the_contract_has_its_words(contract: str) -> None:
    names = {error.name for error in artefact(contract).abi.errors.values()}
    own = {name for name in names if name.startswith(contract)}
    assert own, "the artefact has errors"
    assert own <= REMEDIES.keys()
    assert all(zh and remedy for zh, remedy in REMEDIES.values())


def test_it_says_rule_values_and_remedy() -> None:
    told = refusal(RevertReason("LuyaProjectsOverTarget", {"project": 1, "left": 2, "units": 3}))
    assert "LuyaProjectsOverTarget(project=1, left=2, units=3)" in str(told)
    assert "pledge those" in str(told)
    assert told.zh


def test_a_refusal_without_words_says_what_there_is() -> None:
    assert "Unheard(x=1)" in str(refusal(RevertReason("Unheard", {"x": 1})))
