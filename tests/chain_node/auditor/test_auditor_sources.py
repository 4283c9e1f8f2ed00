"""Contracts rebuilt from source: the real ones agree, a changed byte, setting or immutable is named."""

from __future__ import annotations

import copy
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from auditor_support import proxied
from node_support import settings

from chain_node.auditor import metadata
from chain_node.auditor.chain import ChainView
from chain_node.auditor.compiler import compile_sources, solc
from chain_node.auditor.sources import (
    Built,
    SourceVerdict,
    build,
    check,
    compiler_version,
    differing_sources,
    of_ledger,
    standard_input,
    with_ast,
)
from chain_node.engine.npm import find_npm
from chain_node.errors import ContractSourceError, RuntimeMissing
from chain_node.node.node import Node
from chain_node.rpc.client import JsonRpc

ROOT = Path(__file__).parents[3]
ALL = ("LuyaLedger", "LuyaLaw", "LuyaViews", "AccessManager", "Administration")
NAMES = ALL if os.environ.get("DEEP") == "1" else ("LuyaViews", "AccessManager", "Administration")
"""The ledger alone takes the compiler a minute or more; that all of them agree is shown in the deep tier."""


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Node]:
    with Node.open(tmp_path_factory.mktemp("home"), settings=settings()) as opened:
        yield opened


@pytest.fixture(scope="module")
def built() -> dict[str, Built]:
    try:
        find_npm()
    except RuntimeMissing as error:
        pytest.skip(str(error))
    with solc(compiler_version()) as binary:
        return build(compile_sources(with_ast(standard_input(), NAMES), binary), NAMES)


def verdicts(node: Node, built: dict[str, Built], rpc: JsonRpc | None = None) -> dict[str, SourceVerdict]:
    manifest = node.manifest
    facts = ChainView(node.rpc, manifest.ledger_address, node.engine.finality).facts(manifest.origin, 0)
    administration = manifest.contracts["Administration"]
    contracts = of_ledger(facts, manifest.authority_address, manifest.views_address, administration)
    contracts = [one for one in contracts if one.name in NAMES]
    return {one.name: one for one in check(rpc or node.rpc, built, contracts)}


def test_what_is_deployed_is_what_the_sources_say(node: Node, built: dict[str, Built]) -> None:
    found = verdicts(node, built)
    assert set(found) == set(NAMES)
    assert [one.findings for one in found.values()] == [()] * len(NAMES)
    assert found["LuyaViews"].immutables["_law"].endswith(node.manifest.law[2:])
    if "LuyaLedger" in found:
        assert found["LuyaLedger"].immutables["_genesisNonce"] == "0x" + node.manifest.genesis_nonce


def test_a_changed_byte_is_named(node: Node, built: dict[str, Built]) -> None:
    views = node.manifest.views.lower()

    def lie(method: str, params: list[Any], result: Any) -> Any:
        at = 2 + 2 * 1234
        wrong = method == "eth_getCode" and params[0] == views
        return result[:at] + f"{int(result[at : at + 2], 16) ^ 1:02x}" + result[at + 2 :] if wrong else result

    with proxied(node.engine.rpc_url) as proxy, JsonRpc(proxy.url) as rpc:
        proxy.lie = lie
        found = verdicts(node, built, rpc)
    first = found["LuyaViews"].findings[0]
    assert (first.contract, first.what, first.offset) == ("LuyaViews", "code", 1234)
    assert all(not one.findings for name, one in found.items() if name != "LuyaViews")


def test_another_immutable_is_named(node: Node, built: dict[str, Built]) -> None:
    honest = node.manifest.ledger[2:].lower()

    def lie(method: str, params: list[Any], result: Any) -> Any:
        views = method == "eth_getCode" and params[0] == node.manifest.views.lower()
        return result.replace(honest, "ee" * 20) if views else result

    with proxied(node.engine.rpc_url) as proxy, JsonRpc(proxy.url) as rpc:
        proxy.lie = lie
        findings = verdicts(node, built, rpc)["LuyaViews"].findings
    assert [one.what for one in findings] == ["immutable _ledger"]
    assert findings[0].offset in [start for start, _ in built["LuyaViews"].immutables["_ledger"]]


def test_another_setting_and_another_source_are_found(node: Node, tmp_path: Path) -> None:
    value = copy.deepcopy(standard_input())
    value["settings"]["metadata"]["bytecodeHash"] = "ipfs"
    value["sources"] = {
        name: source for name, source in value["sources"].items() if "Views" in name or "ILuya" in name or "lib" in name
    }
    with solc(compiler_version()) as binary:
        other = build(compile_sources(with_ast(value, ("LuyaViews",)), binary), ("LuyaViews",))
        source = value["sources"]["contracts/LuyaViews.sol"]
        source["content"] = source["content"].replace("number_", "number").replace("* 2)", "* 3)")
        value["settings"] = standard_input()["settings"]
        wrong = build(compile_sources(with_ast(value, ("LuyaViews",)), binary), ("LuyaViews",))
    assert differing_sources(value) == ["contracts/LuyaViews.sol"]
    manifest = node.manifest
    facts = ChainView(node.rpc, manifest.ledger_address, node.engine.finality).facts(manifest.origin, 0)
    views = of_ledger(facts, manifest.authority_address, manifest.views_address)[3:]
    findings = check(node.rpc, other, views)[0].findings
    assert "metadata.bytecodeHash" in [one.what for one in findings]
    findings = check(node.rpc, wrong, views)[0].findings
    assert [one.what for one in findings][:2] == ["code", "source, optimizer, viaIR or evmVersion"]


def test_sources_of_a_checkout() -> None:
    if not (ROOT / "node_modules" / "@openzeppelin").is_dir():
        pytest.skip("the checkout's packages are not installed")
    assert differing_sources(standard_input(ROOT)) == []


def test_sources_that_are_not_there(tmp_path: Path) -> None:
    with pytest.raises(ContractSourceError, match="npm ci"):
        standard_input(tmp_path)


def test_a_compiler_of_another_version(tmp_path: Path) -> None:
    fake = tmp_path / "solc"
    fake.write_text("#!/bin/sh\necho 'Version: 0.8.27+commit.1'\n")
    fake.chmod(0o755)
    with pytest.raises(ContractSourceError, match=r"0\.8\.27"), solc("0.8.28", fake):
        pass
    with pytest.raises(ContractSourceError, match="cannot be run"), solc("0.8.28", tmp_path / "none"):
        pass


def test_metadata() -> None:
    code = bytes.fromhex(json.loads((ROOT / "chain_node/artefacts/LuyaViews.json").read_text())["deployedBytecode"][2:])
    assert metadata.read(code) == {"solc": bytes([0, 8, 28])}
    older = code[:-3] + bytes([27]) + code[-2:]
    assert metadata.setting_of(code, older) == [("compiler version", "0.8.28", "0.8.27")]
    assert metadata.read(b"\x60\x00") is None
