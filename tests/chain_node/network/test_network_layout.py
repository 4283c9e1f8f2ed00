"""luyad reads the contracts' storage by the numbers of layout.go: the compiler's, and the contracts' limits."""

from __future__ import annotations

import json
import re
from pathlib import Path

from chain_node.engine.build import source_folder
from chain_node.network.genesis import AUTHORITY, COUNCIL, DEPLOY, PERMISSIONS, SEND, VALIDATORS
from chain_node.network.parts import MAX_MEMBERS, MAX_POWER
from chain_node.rpc.client import to_hex

ROOT = Path(__file__).parents[3]


def _constants() -> dict[str, str]:
    text = (source_folder() / "layout.go").read_text("utf-8")
    found = re.findall(r"^\t(\w+)\s*=\s*(\S+?)(?:\s*//.*)?$", text, re.MULTILINE)
    shifts = re.findall(r"^\t(\w+)\s*=\s*(1 << \d)", text, re.MULTILINE)
    return {name: value.strip('"') for name, value in found} | dict(shifts)


def _numbers() -> dict[str, int]:
    return {
        name: int(value.replace("_", ""))
        for name, value in _constants().items()
        if value[0].isdigit() and "x" not in value and "<" not in value
    }


def _storage(contract: str) -> dict[str, tuple[int, int]]:
    artefact = json.loads((ROOT / "chain_node" / "artefacts" / f"{contract}.json").read_text("utf-8"))
    return {item["label"]: (int(item["slot"]), int(item["offset"])) for item in artefact["storage"]}


def test_addresses() -> None:
    constants = _constants()
    assert constants["addressAuthority"] == to_hex(AUTHORITY)
    assert constants["addressValidators"] == to_hex(VALIDATORS)
    assert constants["addressCouncil"] == to_hex(COUNCIL)
    assert constants["addressPermissions"] == to_hex(PERMISSIONS)


def test_slots() -> None:
    numbers = _numbers()
    validators, permissions, council = _storage("Validators"), _storage("Permissions"), _storage("Council")
    assert (numbers["slotValidators"], 0) == validators["_validators"]
    assert (numbers["slotNodes"], 0) == validators["_nodes"]
    assert (numbers["slotValidatorPlace"], 0) == validators["_placeOf"]
    assert (numbers["slotNodePlace"], 0) == validators["_nodePlaceOf"]
    assert (numbers["slotSetSummary"], 0) == validators["_changedAt"]
    assert (numbers["slotSetSummary"], 8) == validators["_totalPower"]
    assert (numbers["slotFlags"], 0) == permissions["_flags"]
    assert (numbers["slotDeployers"], 0) == permissions["_deployers"]
    assert (numbers["slotAccounts"], 0) == permissions["_accounts"]
    assert (numbers["slotOpen"], 0) == permissions["_open"]
    assert (numbers["slotMembers"], 0) == council["_accounts"]
    assert (numbers["slotMember"], 0) == council["_memberships"]


def test_limits_and_flags_are_the_contracts() -> None:
    numbers = _numbers()
    sources = {
        name: (ROOT / "contracts" / "governance" / f"{name}.sol").read_text("utf-8")
        for name in ("Validators", "Permissions", "Council")
    }

    def constant(contract: str, name: str) -> int:
        found = re.search(rf"constant {name} = (\d+);", sources[contract])
        assert found, name
        return int(found[1])

    assert numbers["maxValidators"] == constant("Validators", "_MAX_VALIDATORS") >= MAX_MEMBERS, "each founds with one"
    assert numbers["maxValidatorPower"] == constant("Validators", "_MAX_POWER") == MAX_POWER
    assert numbers["maxNodes"] == constant("Validators", "_MAX_NODES")
    own = MAX_MEMBERS * constant("Validators", "_MAX_OWN_NODES")
    assert own + 256 == numbers["maxNodes"], "votes find room whatever the members list"
    assert numbers["maxDeployers"] == constant("Permissions", "_MAX_DEPLOYERS")
    assert numbers["maxCouncilMembers"] == constant("Council", "_MAX_MEMBERS") == MAX_MEMBERS
    constants = _constants()
    assert (constants["flagSend"], SEND) == ("1 << 0", constant("Permissions", "_SEND"))
    assert (constants["flagDeploy"], DEPLOY) == ("1 << 1", constant("Permissions", "_DEPLOY"))
