"""Roles as they stand on a real chain: every role × every function, and whatever somebody changes is found."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from importlib import resources
from typing import Any

import pytest
from eth_hash.auto import keccak
from node_support import settings

from chain_node.contracts.handles import Contract, artefact
from chain_node.deployment.plan import RoleGrant, role_numbers, role_table
from chain_node.deployment.role_check import differences, role_name, selector, standing
from chain_node.errors import RpcError
from chain_node.node.node import Node
from chain_node.rpc.client import to_hex
from chain_node.sending.sender import Tx

EVE = "0x" + "e5" * 20
UNAUTHORIZED = selector("AccessManagedUnauthorized(address)")
NOTICE = 172_800
HELD = ("FEED_ADMIN", "FEED_BRAKE", "REGISTRAR", "CATALOGUE_MANAGER", "MERCHANT", "ACCEPTOR", "AUDITOR", "GUARDIAN")


def holder(role: str) -> str:
    """Nobody's key: only asked for in calls."""
    return to_hex(keccak(role.encode())[:20])


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Node]:
    """A ledger whose roles are each somebody else's; this home's own key governs, without a delay."""
    home = tmp_path_factory.mktemp("home")
    with Node.open(home, settings=settings()) as first:
        governor = first.keystore.chain_key("governance").address
    (home / "manifest.json").unlink()
    grants = [RoleGrant("GOVERNANCE", governor)]
    grants += [RoleGrant(role, bytes.fromhex(holder(role)[2:])) for role in HELD]
    grants.append(RoleGrant("FEED_ADMIN", b"\x0f" * 20, NOTICE))
    with Node.open(home, settings=settings(roles=tuple(grants), rebuild=True)) as opened:
        yield opened


def found(node: Node) -> set[str]:
    return {str(one) for one in differences(standing(node.rpc, node.manifest), node.manifest)}


def changing(contract: str) -> list[tuple[str, str]]:
    """(name and types, 4 bytes) of each function in the ABI that is no view: of all, whatever the table says."""
    text = (resources.files("chain_node") / "artefacts" / f"{contract}.json").read_text("utf-8")
    return [
        (signature, selector(signature))
        for item in json.loads(text)["abi"]
        if item["type"] == "function" and item["stateMutability"] not in ("view", "pure")
        for signature in [f"{item['name']}({','.join(map(canonical, item['inputs']))})"]
    ]


def canonical(part: dict[str, Any]) -> str:
    kind: str = part["type"]
    if kind.startswith("tuple"):
        return f"({','.join(map(canonical, part['components']))}){kind.removeprefix('tuple')}"
    return kind


def test_every_role_by_every_function(node: Node) -> None:
    """Who holds a role gets past the door of exactly its functions. A function that is new is one of nobody's."""
    table, numbers = role_table(), role_numbers()
    callers = {role: holder(role) for role in (*HELD, "IMPORTER", "ADMIN", "nobody")}
    callers["GOVERNANCE"] = node.manifest.roles["GOVERNANCE"][0]
    asked = [
        (contract, signature, role, {"from": caller, "to": to_hex(address), "data": short + "00" * 640})
        for contract, address in node.manifest.contracts.items()
        if contract in table["functions"]
        for signature, short in changing(contract)
        for role, caller in callers.items()
    ]
    answers = node.rpc.batch([("eth_call", [request, "latest"]) for *_, request in asked])
    let_in: dict[str, dict[str, set[str]]] = {}
    for (contract, signature, role, _), answer in zip(asked, answers, strict=True):
        refused = isinstance(answer, RpcError) and to_hex(answer.data or b"").startswith(UNAUTHORIZED)
        let_in.setdefault(contract, {}).setdefault(signature, set())
        if not refused:
            let_in[contract][signature].add(role)
    names = {number: name for name, number in numbers.items()}
    everybody = set(callers)
    for contract, functions in let_in.items():
        for signature, who in functions.items():
            number = table["functions"][contract].get(signature)
            free = signature in table["open"][contract]
            if free:
                assert who == everybody, (contract, signature, who)
            elif number is None:
                assert signature == "setAuthority(address)", f"{contract}.{signature} has no role in roles.json"
                assert who == set()
            else:
                assert who == ({names[number]} & everybody) - {"IMPORTER"}, (contract, signature, who)
    assert sum(map(len, let_in.values())) >= 28


def test_disabling_is_at_once_and_raising_is_delayed() -> None:
    """What only stops is of a role without guardian or grant delay; what raises of one that both have."""
    table = role_table()
    by_name = {
        signature.partition("(")[0]: role_name(number)
        for functions in table["functions"].values()
        for signature, number in functions.items()
    }
    stops = ("disableOrganisation", "disableFeed", "disableSigner", "lowerFeedCaps", "lowerGroupCaps", "endMethod")
    raises = ("setOrganisation", "setFeed", "setGroupCaps", "announceMethod", "setLogKey", "setModule", "administer")
    for name in (*stops, "pause", "suspend"):
        assert by_name[name] not in table["guardians"], name
        assert by_name[name] not in table["grant_delays"], name
    for name in raises:
        assert table["guardians"][by_name[name]] == "GUARDIAN", name
        assert table["grant_delays"][by_name[name]] >= NOTICE, name


def test_a_deployed_table_is_the_committed_one(node: Node) -> None:
    assert found(node) == set()
    state = standing(node.rpc, node.manifest)
    assert state.complete
    feed_admin = state.roles[role_numbers()["FEED_ADMIN"]]
    assert {one.address: one.delay for one in feed_admin.holders} == {holder("FEED_ADMIN"): 0, "0x" + "0f" * 20: NOTICE}
    assert (feed_admin.grant_delay, feed_admin.pending_grant is not None) == (0, True), "from the sixth day on"
    assert feed_admin.pending_grant is not None
    assert feed_admin.pending_grant.delay == NOTICE


def test_what_is_not_as_deployed_is_named(node: Node) -> None:
    manifest = node.manifest
    first = manifest.roles["AUDITOR"][0]
    more = manifest.changed(roles=manifest.roles | {"AUDITOR": [first, EVE]})
    assert {str(one) for one in differences(standing(node.rpc, more), more)} == {
        f"AUDITOR of {EVE}: expected held, found not held"
    }
    slower = manifest.changed(delays={})
    state = standing(node.rpc, manifest)
    assert [str(one) for one in differences(state, slower)] == [
        f"FEED_ADMIN of 0x{'0f' * 20}, delay: expected 0 s, found {NOTICE} s"
    ]
    unfinished = differences(replace(state, complete=False), manifest)
    assert [one.what for one in unfinished] == ["events"]
    before = differences(state, manifest.changed(administration=""))
    assert "run `luya rebuild`" in str(before[0])


def test_whatever_governance_changes_is_found(node: Node) -> None:
    """The contract Administration does it; nothing in the manifest knows, the events and the views do."""
    numbers, manager = role_numbers(), node.authority
    ledger, law = to_hex(node.ledger.address), to_hex(node.law.address)
    free = bytes.fromhex(selector("record(uint16,uint64,bytes,bytes,bytes32,bytes)")[2:])
    calls = [
        manager.data("grantRole", numbers["AUDITOR"], EVE, 0),
        manager.data("grantRole", 77, EVE, 5),
        manager.data("grantRole", numbers["MERCHANT"], holder("MERCHANT"), 9),
        manager.data("revokeRole", numbers["ACCEPTOR"], holder("ACCEPTOR")),
        manager.data("setRoleGuardian", numbers["GOVERNANCE"], numbers["AUDITOR"]),
        manager.data("setRoleAdmin", numbers["REGISTRAR"], numbers["AUDITOR"]),
        manager.data("setGrantDelay", numbers["FEED_ADMIN"], 7),
        manager.data("setTargetAdminDelay", law, 8),
        manager.data("setTargetFunctionRole", ledger, [free], numbers["AUDITOR"]),
        manager.data("setTargetClosed", law, True),
    ]
    abi = artefact("Administration").abi
    administration = Contract(node.rpc, node.manifest.contracts["Administration"], abi)
    tx = Tx(administration.address, administration.data("administer", calls), 2_000_000, "changes")
    node.sender("governance").run([tx])
    node.release_sender("governance")
    heads = {line.partition(": expected")[0] for line in found(node)}
    assert heads == {
        f"AUDITOR of {EVE}",
        f"role 77 of {EVE}",
        f"MERCHANT of {holder('MERCHANT')}, delay",
        f"ACCEPTOR of {holder('ACCEPTOR')}",
        "GOVERNANCE, its guardian",
        "REGISTRAR, who grants it",
        "FEED_ADMIN, grant delay",
        "LuyaLaw, admin delay",
        f"LuyaLedger.{to_hex(free)}",
        "LuyaLaw",
    }


def test_another_authority_is_found(node: Node) -> None:
    state = standing(node.rpc, node.manifest)
    law = to_hex(node.law.address)
    moved = replace(state, targets=state.targets | {law: replace(state.targets[law], authority=EVE)})
    assert f"LuyaLaw, authority: expected {node.manifest.authority}, found {EVE}" in {
        str(one) for one in differences(moved, node.manifest)
    }
