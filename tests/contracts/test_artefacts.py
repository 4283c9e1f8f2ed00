"""The compiled contracts in the package are what the sources compile to, byte by byte."""

from __future__ import annotations

import json
import os
import re
import subprocess
from pathlib import Path

import pytest
from eth_hash.auto import keccak

from chain_node.contracts.handles import GOVERNANCE, LAW, MODULES, NAMES, artefact
from chain_node.engine.npm import find_npm
from chain_node.errors import RuntimeMissing

ROOT = Path(__file__).parents[2]
ARTEFACTS = ROOT / "chain_node" / "artefacts"
CONTRACTS = (*NAMES, *MODULES, *GOVERNANCE)
NETWORKS_OWN = {"Validators", "Permissions"}
"""Under the AccessManager of a luyad network, whose only admin is its council."""
SIZE_LIMIT = 24_576


def _node() -> str:
    """Node of the Python environment, else the machine's own; the toolchain is installed where it is not there yet."""
    try:
        npm = find_npm()
    except RuntimeMissing as error:
        pytest.skip(str(error))
    node = npm[0] if len(npm) > 1 else "node"
    if not (ROOT / "node_modules" / "solc").is_dir():
        path = f"{Path(npm[0]).parent}{os.pathsep}{os.environ['PATH']}"
        command = [*npm, "ci", "--no-audit", "--no-fund", "--loglevel=error"]
        done = subprocess.run(
            command, cwd=ROOT, env=os.environ | {"PATH": path}, capture_output=True, text=True, timeout=900
        )
        if done.returncode != 0:
            pytest.skip(f"the contract toolchain cannot be installed by `npm ci`: {done.stderr[-400:]}")
    return node


def _artefact(name: str) -> dict[str, object]:
    loaded: dict[str, object] = json.loads((ARTEFACTS / f"{name}.json").read_text("utf-8"))
    return loaded


def test_recompiled_artefacts_are_identical(tmp_path: Path) -> None:
    command = [_node(), str(ROOT / "scripts" / "export_artefacts.mjs"), "--out", str(tmp_path)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True, timeout=300)
    names = sorted(path.name for path in tmp_path.iterdir())
    assert names == sorted([*(f"{name}.json" for name in CONTRACTS), "standard-input.json"])
    for name in names:
        assert (tmp_path / name).read_bytes() == (ARTEFACTS / name).read_bytes(), f"{name}: run `npm run export`"


@pytest.mark.parametrize("name", CONTRACTS)
def test_contract_fits_the_size_limit(name: str) -> None:
    code = str(_artefact(name)["deployedBytecode"]).removeprefix("0x")
    assert 0 < len(code) // 2 <= SIZE_LIMIT


def test_the_documented_sizes_are_the_artefacts() -> None:
    """The table of docs/contracts.md names each contract with its bytes, as they are deployed."""
    rows = [
        [cell.strip() for cell in line.strip("|").split("|")]
        for line in (ROOT / "docs" / "contracts.md").read_text("utf-8").splitlines()
        if line.startswith("| `")
    ]
    documented: dict[str, int] = {}
    for row in rows:
        names = row[0].replace("`", "").split(", ")
        if len(row) == 3 and set(names) <= set(CONTRACTS):
            sizes = [int(size.replace(",", "")) for size in row[2].split(" · ")]
            documented |= dict(zip(names, sizes, strict=True))
    assert documented == {
        name: len(str(_artefact(name)["deployedBytecode"]).removeprefix("0x")) // 2 for name in CONTRACTS
    }


def test_storage_layout_is_the_documented_one() -> None:
    """`LedgerSlots`, which view contracts read by, against the compiler's own layout."""
    constants: dict[str, int] = {}
    for line in (ROOT / "contracts" / "libraries" / "LedgerSlots.sol").read_text("utf-8").splitlines():
        words = line.split()
        if words[:3] == ["uint256", "internal", "constant"]:
            constants[words[3]] = int(words[5].rstrip(";"), 0)
    name = int.from_bytes(keccak(b"luya.ledger.buckets"), "big") - 1
    assert constants.pop("BUCKETS") == int.from_bytes(keccak(name.to_bytes(32, "big")), "big") & ~0xFF, "ERC-7201"
    storage = _artefact("LuyaLedger")["storage"]
    assert isinstance(storage, list)
    slots = {item["label"]: int(item["slot"]) for item in storage}
    head = {item["label"]: item["offset"] for item in storage if item["slot"] == "0"}
    assert head == {"_size": 0, "_pausedUntil": 8, "_sealed": 16, "_importedTime": 17}
    names = {
        "LOG_KEY": "_logKey",
        "IDENTITY_OF": "_identityOf",
    }
    for constant, position in constants.items():
        if constant != "HEAD":
            assert slots[names.get(constant, "_" + constant.lower())] == position, constant


def _canonical(item: dict[str, object]) -> str:
    kind = str(item["type"])
    if kind.startswith("tuple"):
        parts = item["components"]
        assert isinstance(parts, list)
        return "(" + ",".join(_canonical(part) for part in parts) + ")" + kind.removeprefix("tuple")
    return kind


def test_every_changing_function_has_a_role_or_a_reason() -> None:
    """roles.json names each function of the ledger's contracts that changes anything: who may call it, or why all."""
    roles = json.loads((ARTEFACTS / "roles.json").read_text("utf-8"))
    managed = {name for name in CONTRACTS if _is_managed(name)} - NETWORKS_OWN
    assert managed == set(roles["functions"]) == set(roles["target_admin_delays"])
    assert set(roles["open"]) == managed
    for contract in managed:
        table, free = roles["functions"][contract], roles["open"][contract]
        changing = _changing(contract)
        source = _sources(ROOT / str(_artefact(contract)["sourceName"]))
        restricted = {signature for signature in changing if _is_restricted(source, signature.partition("(")[0])}
        assert set(table) == restricted
        assert set(free) == changing - restricted - {"setAuthority(address)"}  # the AccessManager's alone
        assert all(free.values())
        assert set(table.values()) <= set(roles["roles"].values())


def test_the_tables_of_roles_name_roles() -> None:
    roles = json.loads((ARTEFACTS / "roles.json").read_text("utf-8"))
    names = set(roles["roles"])
    assert len(set(roles["roles"].values())) == len(names)
    assert {*roles["guardians"], *roles["guardians"].values()} <= names
    assert set(roles["grant_delays"]) <= names | {"ADMIN"}
    # What is scheduled can be cancelled by somebody else, and whoever brakes waits for nothing.
    assert set(roles["grant_delays"]) - {"ADMIN"} == set(roles["guardians"])
    assert not {"GUARDIAN", "FEED_BRAKE"} & set(roles["grant_delays"])


def _is_managed(contract: str) -> bool:
    abi = _artefact(contract)["abi"]
    assert isinstance(abi, list)
    return any(item.get("name") == "setAuthority" for item in abi)


def _changing(contract: str) -> set[str]:
    abi = _artefact(contract)["abi"]
    assert isinstance(abi, list)
    return {
        f"{item['name']}({','.join(_canonical(part) for part in item['inputs'])})"
        for item in abi
        if item["type"] == "function" and item["stateMutability"] in ("nonpayable", "payable")
    }


def test_every_module_is_in_the_table() -> None:
    """Whatever lies in contracts/modules is deployed, made with (authority, ledger) as the table has it."""
    assert set(MODULES) == {path.stem for path in (ROOT / "contracts" / "modules").glob("Luya*.sol")}
    for name in (LAW, *MODULES):
        assert list(artefact(name).abi.constructor) == ["address", "address"], name


def _sources(path: Path) -> str:
    """A contract's own text, and that of its parts in the same folder."""
    own = path.read_text("utf-8")
    parts = re.findall(r'from "\./(\w+\.sol)"', own)
    return "\n".join([own, *((path.parent / part).read_text("utf-8") for part in parts)])


def _is_restricted(source: str, function: str) -> bool:
    _, found, rest = source.partition(f"function {function}(")
    return bool(found) and "restricted" in rest.partition("{")[0].split()
