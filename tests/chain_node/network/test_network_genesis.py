"""The genesis plan: the council is the only admin, no key has a right, luyad makes the same bytes of it."""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
from eth_abi.abi import decode
from network_support import part

from chain_node.contracts.handles import artefact
from chain_node.errors import NetworkError
from chain_node.network.genesis import AUTHORITY, COUNCIL, PERMISSIONS, VALIDATORS, genesis_plan, solo_plan
from chain_node.network.parts import Charter, FoundingTerms
from chain_node.network.tool import Luyad
from chain_node.rpc.client import to_bytes, to_hex

NOW = datetime(2026, 1, 31, tzinfo=UTC)
DEPLOYER, SENDER = "0x" + "d" * 40, "0x" + "5" * 40
CHARTER = Charter.of([part(3), part(1), part(2)], FoundingTerms(deployers=(DEPLOYER,), senders=(SENDER,)), now=NOW)


def _arguments(name: str, address: bytes) -> tuple[object, ...]:
    code = {to_bytes(one["address"]): to_bytes(one["init_code"]) for one in genesis_plan(CHARTER)["contracts"]}[address]
    found = artefact(name)
    assert code.startswith(found.bytecode)
    return tuple(decode(found.abi.constructor, code[len(found.bytecode) :]))


def test_the_plan_is_pure() -> None:
    again = Charter.of([part(2), part(3), part(1)], FoundingTerms(deployers=(DEPLOYER,), senders=(SENDER,)), now=NOW)
    assert json.dumps(genesis_plan(CHARTER)) == json.dumps(genesis_plan(again))


def test_the_council_is_the_only_admin_and_no_call_gives_rights() -> None:
    assert _arguments("AccessManager", AUTHORITY) == (to_hex(COUNCIL),)
    assert _arguments("Validators", VALIDATORS)[:2] == (to_hex(AUTHORITY), to_hex(COUNCIL))
    assert _arguments("Permissions", PERMISSIONS)[0] == to_hex(AUTHORITY)
    assert genesis_plan(CHARTER)["calls"] == []


def test_members_validators_nodes_and_rights() -> None:
    members, threshold, delay, lifetime = _arguments("Council", COUNCIL)
    assert members == tuple((part(n).member, n, part(n).name_bytes) for n in (1, 2, 3))
    assert (threshold, delay, lifetime) == (2, 0, 14 * 86_400)
    _, _, validators, nodes = _arguments("Validators", VALIDATORS)
    assert validators == tuple((bytes.fromhex(part(n).validator_key), 10, n) for n in (1, 2, 3))
    assert nodes == tuple((bytes.fromhex(part(n).node_id), n) for n in (1, 2, 3))
    _, rights, is_open = _arguments("Permissions", PERMISSIONS)
    assert isinstance(rights, tuple)
    assert dict(rights) == {part(n).member: 1 for n in (1, 2, 3)} | {DEPLOYER: 3, SENDER: 1}
    assert is_open is False


def _genesis(luyad: Luyad, folder: Path, plan: object, name: str) -> bytes:
    path, out = folder / f"{name}-plan.json", folder / f"{name}.json"
    path.write_text(json.dumps(plan))
    luyad.make_genesis(path, out)
    return out.read_bytes()


def test_luyad_makes_the_same_bytes_of_the_same_plan(luyad: Luyad, tmp_path: Path) -> None:
    # real points of the curve: luyad refuses others
    keys = [luyad.make_keys(tmp_path / str(n), "n") for n in (1, 2)]
    parts = [part(n, node_id=key.node_id, validator_key=key.validator_key) for n, key in zip((1, 2), keys, strict=True)]
    charter = Charter.of(parts, FoundingTerms(), now=NOW)
    first = _genesis(luyad, tmp_path, genesis_plan(charter), "first")
    second = _genesis(luyad, tmp_path, genesis_plan(charter), "second")
    assert hashlib.sha256(first).digest() == hashlib.sha256(second).digest()
    told = json.loads(first)
    assert told["chain_id"] == f"luya-{charter.chain_id}"
    assert len(told["consensus"]["validators"]) == 2
    lying = genesis_plan(charter)
    lying["validators"][0]["power"] = 11  # the contract says 10
    with pytest.raises(NetworkError, match="not the plan's validators"):
        _genesis(luyad, tmp_path, lying, "lying")
    lying = genesis_plan(charter)
    lying["nodes"].pop()
    with pytest.raises(NetworkError, match="nodes"):
        _genesis(luyad, tmp_path, lying, "fewer-nodes")


def test_one_machine(luyad: Luyad, tmp_path: Path) -> None:
    key = luyad.make_keys(tmp_path / "node", "solo")
    plan = solo_plan(
        7_000_000_001,
        node_id=key.node_id,
        validator_key=key.validator_key,
        member=b"\x0a" * 20,
        deployers=[b"\x0d" * 20],
        senders=[b"\x05" * 20],
        open_sending=True,
    )
    assert plan["evm_chain_id"] == 7_000_000_001
    assert _genesis(luyad, tmp_path, plan, "solo")
