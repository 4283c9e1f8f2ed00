"""`luya engine`, and which engine a home runs on."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from luya_process import fsck, ingest, luya, refuses, succeeds, up
from luyad_built import need_luyad

from chain_node.engine.anvil import AnvilEngine, AnvilSettings
from chain_node.engine.build import find_luyad
from chain_node.errors import NodeError
from chain_node.node.home import EngineChoice
from chain_node.node.settings import NodeSettings
from luya.engine.choice import EVALUATION, NOTHING_ASKED, EngineOptions, warning, with_engine
from luya.errors import HomeError, LuyaError, UsageError
from luya.home import LuyaHome


def chosen(home: LuyaHome, asked: EngineOptions = NOTHING_ASKED, *, rebuild: bool = False) -> NodeSettings:
    return with_engine(NodeSettings(rebuild=rebuild), home, asked)


# --- the choice


def test_a_new_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home = LuyaHome(tmp_path)
    monkeypatch.delenv("LUYA_ENGINE")
    monkeypatch.setattr("chain_node.engine.luyad.find_luyad", lambda: None)
    assert chosen(home).engine == "anvil"
    assert warning("anvil", NOTHING_ASKED) == EVALUATION
    assert "evaluation" in EVALUATION
    monkeypatch.setattr("chain_node.engine.luyad.find_luyad", lambda: tmp_path)
    assert chosen(home).engine == "luyad"
    assert warning("luyad", NOTHING_ASKED) is None
    assert warning("anvil", EngineOptions("anvil")) is None, "who asks for it knows"
    monkeypatch.setenv("LUYA_ENGINE", "anvil")
    assert chosen(home).engine == "anvil"
    assert chosen(home, EngineOptions("luyad")).engine == "luyad"
    monkeypatch.setenv("LUYA_ENGINE", "besu")
    with pytest.raises(UsageError, match="LUYA_ENGINE is 'besu'"):
        chosen(home)


def test_a_home_keeps_its_engine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home = LuyaHome(tmp_path)
    EngineChoice("luyad").keep(home)
    monkeypatch.setenv("LUYA_ENGINE", "anvil")
    assert chosen(home).engine == "luyad"
    with pytest.raises(HomeError, match=r"is on luyad: to move it to anvil.*luya rebuild --engine anvil"):
        chosen(home, EngineOptions("anvil"))
    assert chosen(home, EngineOptions("anvil"), rebuild=True).engine == "anvil"
    assert chosen(home, rebuild=True).engine == "luyad"


def test_a_home_of_version_0_1(tmp_path: Path) -> None:
    home = LuyaHome(tmp_path)
    home.manifest.write_text(json.dumps({"engine": "anvil"}))
    assert EngineChoice.read(home) == EngineChoice("anvil")
    home.engine_choice.write_text("{")
    with pytest.raises(NodeError, match=r"engine\.json.*restore"):
        EngineChoice.read(home)


def test_rpc_remembers_its_endpoints(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home = LuyaHome(tmp_path)
    with pytest.raises(UsageError, match="needs an endpoint"):
        chosen(home, EngineOptions("rpc"))
    monkeypatch.setenv("LUYA_RPC", "http://c:1, http://d:1")
    assert chosen(home, EngineOptions("rpc")).rpc_urls == ("http://c:1", "http://d:1")
    asked = EngineOptions.of(None, ["http://a:1", "http://b:1"], "latest")
    first = chosen(home, asked)
    assert (first.engine, first.rpc_urls, first.finality) == ("rpc", ("http://a:1", "http://b:1"), "latest")
    monkeypatch.setenv("LUYA_RPC", "http://c:1,http://c:1")
    with pytest.raises(UsageError, match="LUYA_RPC: addresses 1 and 2 are the same"):
        chosen(home, EngineOptions("rpc"))
    monkeypatch.delenv("LUYA_RPC")
    EngineChoice(first.engine, first.rpc_urls, first.finality).keep(home)
    assert chosen(home) == first
    assert chosen(home, EngineOptions.of(None, ["http://e:1"], None)).rpc_urls == ("http://e:1",)


@pytest.mark.parametrize(
    ("engine", "rpc", "finality", "said"),
    [
        ("besu", None, None, "no engine 'besu'"),
        ("anvil", ["http://a"], None, "are for the engine rpc"),
        ("luyad", None, "latest", "are for the engine rpc"),
        ("rpc", ["http://a"], "soon", "unknown finality rule"),
        ("rpc", ["http://a,"], None, "--rpc: address 2 of 2 is empty"),
        ("rpc", ["http://a", "http://b, http://a/"], None, "--rpc: addresses 1 and 3 are the same"),
    ],
)
def test_options_that_do_not_fit(engine: str, rpc: list[str] | None, finality: str | None, said: str) -> None:
    with pytest.raises((LuyaError, NodeError), match=said):
        EngineOptions.of(engine, rpc, finality)


# --- the commands


@pytest.mark.parametrize("command", [("engine", "build"), ("engine", "conformance")])
def test_help_of_engine(command: tuple[str, ...]) -> None:
    done = luya(*command, "--help")
    assert done.code == 0
    assert re.search(r"[\u4e00-\u9fff]", done.stdout)


def test_check_says_what_is_there() -> None:
    done = luya("engine", "build", "--check")
    assert set(done.answer) == {"ok", "binary", "sources", "tools"}
    assert set(done.answer["tools"]) == {"Go", "C compiler", "disk"}
    for tool in done.answer["tools"].values():
        assert tool["detail"]
    assert "luyad" in done.stderr


def test_check_without_go(tmp_path: Path) -> None:
    env = {"PATH": str(tmp_path), "LUYA_CACHE": str(tmp_path), "LUYA_LUYAD": "", "CC": "/nonexistent"}
    done = luya("engine", "build", "--check", "--json", env=env)
    assert not done.answer["tools"]["C compiler"]["ok"]
    assert done.code == (0 if done.answer["ok"] else 1)


@pytest.mark.deep
def test_conformance_of_an_endpoint(tmp_path: Path) -> None:
    engine = AnvilEngine(tmp_path / "chain", AnvilSettings(chain_id=7_000_000_126, block_time=0.2))
    engine.start()
    key = tmp_path / "key"
    key.write_text("0x" + "21" * 32 + "\n")
    value = succeeds("engine", "conformance", "--rpc", engine.rpc_url, "--key", key, "--json")
    assert value["ok"]
    assert value["needed_failed"] == []
    checks = {check["name"]: check for check in value["checks"]}
    assert checks["restart"]["status"] == "skipped"
    assert checks["deploy"]["measured"]["address"].startswith("0x")
    table = luya("engine", "conformance", "--rpc", engine.rpc_url, "--only", "logs")
    assert "eth_getLogs: 2,500 events" in table.stderr
    assert "The ledger can run on it" in table.stderr
    assert "is chain 7000000126, not 5" in refuses(
        "engine", "conformance", "--rpc", engine.rpc_url, "--chain-id", 5, "--json"
    )
    key.write_text("no key")
    assert "64 hex digits" in refuses("engine", "conformance", "--rpc", engine.rpc_url, "--key", key)
    engine.stop()
    assert "no engine answers" in refuses("engine", "conformance", "--rpc", "http://127.0.0.1:9")


def test_another_engine_is_not_taken_in_passing(deployed_home: Path) -> None:
    said = refuses("up", "--engine", "luyad", "--home", deployed_home)
    assert "luya rebuild --engine luyad" in said
    assert "no engine" in refuses("up", "--engine", "besu", "--home", deployed_home)


@pytest.mark.deep
def test_a_ledger_moves_to_the_durable_engine(ingested_home: Path, partner_rows: dict[str, Path]) -> None:
    """From anvil to luyad by rebuild: the same root; then it is used, killed, and goes on without a rebuild."""
    need_luyad()
    before = fsck(ingested_home)
    value = succeeds("rebuild", "--engine", "luyad", "--json", "--home", ingested_home)
    assert value["engine"] == "luyad"
    assert (value["log_size"], value["log_root"]) != (0, "")
    assert value["sealed_root"] == before["log_root"]
    with up(ingested_home) as running:
        said = running.log.read_text("utf-8")
        assert "luyad http://127.0.0.1" in said
        assert "evaluation" not in said
        head = int(running.rpc("eth_blockNumber"), 16)
        assert succeeds("status", "--json", "--home", ingested_home)["processes"]["node"]["engine"] == "luyad"
    feed = next(iter(partner_rows))
    ingest(ingested_home, feed, partner_rows[feed])
    with up(ingested_home) as running:
        assert int(running.rpc("eth_blockNumber"), 16) > head, "the same chain, not a new one"
        assert succeeds("fsck", "--deep", "--json", "--home", ingested_home)["storage_words"] > 100, "attached"
    fsck(ingested_home)
    assert succeeds("fsck", "--deep", "--json", "--home", ingested_home)["storage_words"] > 100


def test_the_first_look_is_warned_of(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a built luyad, and unasked, `luya up` is on anvil and says what that is."""
    monkeypatch.delenv("LUYA_ENGINE")
    monkeypatch.delenv("LUYA_LUYAD", raising=False)
    if find_luyad() is not None:
        pytest.skip("luyad is built on this machine, and so the default")
    with up(tmp_path / "home") as running:
        assert "for evaluation" in running.log.read_text("utf-8")
