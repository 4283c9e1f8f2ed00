"""`luya governance roles`: the chain's table, in a home's own ledger and at an endpoint of somebody else's."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from chain_node.contracts.handles import Contract, artefact
from chain_node.sending.sender import Tx
from luya.cli import app
from luya.home import LuyaHome
from luya.session.session import opened

EVE = "0x" + "e5" * 20


@pytest.fixture
def runner() -> CliRunner:
    return CliRunner()


def test_the_role_table_is_exported_and_compared(tmp_path: Path, runner: CliRunner) -> None:
    home = LuyaHome.of(tmp_path / "home")
    with opened(home) as session:
        node = session.node
        url, manifest = node.engine.rpc_url, str(home.manifest)
        asked = ["governance", "roles", "--rpc", url, "--manifest", manifest]
        result = runner.invoke(app, [*asked, "--json"])
        assert result.exit_code == 0, result.output
        value = json.loads(result.stdout.strip().splitlines()[-1])
        assert (value["ok"], value["complete"], value["differences"]) == (True, True, [])
        roles = {role["role"]: role for role in value["roles"]}
        assert [one["address"] for one in roles["ADMIN"]["holders"]] == [node.manifest.administration]
        assert roles["GOVERNANCE"]["guardian"] == "GUARDIAN"
        assert roles["GOVERNANCE"]["grant_delay_next"]["delay_s"] == 172_800
        law = next(one for one in value["contracts"] if one["contract"] == "LuyaLaw")
        assert law["functions"]["disableFeed(uint16)"] == "FEED_BRAKE"
        assert law["authority"] == node.manifest.authority

        own = runner.invoke(app, ["governance", "roles", "--home", str(home.root), "--json"])
        assert json.loads(own.stdout.strip().splitlines()[-1])["roles"] == value["roles"]

        grant = node.authority.data("grantRole", 8, EVE, 0)
        address = node.manifest.contracts["Administration"]
        data = Contract(node.rpc, address, artefact("Administration").abi).data("administer", [grant])
        node.sender("governance").run([Tx(address, data, 500_000, "eve")])
        node.release_sender("governance")
        result = runner.invoke(app, asked)
        assert result.exit_code == 3
        assert f"AUDITOR of {EVE}" in result.output


def test_what_is_asked_must_be_whole(tmp_path: Path, runner: CliRunner) -> None:
    result = runner.invoke(app, ["governance", "roles", "--rpc", "http://127.0.0.1:1"])
    assert result.exit_code == 1
    assert "belong together" in result.output
    result = runner.invoke(app, ["governance", "roles", "--home", str(tmp_path / "none")])
    assert result.exit_code == 1
    assert "nothing has been deployed" in result.output
    assert not (tmp_path / "none").exists()
