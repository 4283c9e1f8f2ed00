"""`luya gateway`: the door of a home, as its operator opens it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

import luya_process

from chain_node.supervisor.measure import lock_owner


def ask(url: str, method: str, params: list[Any], token: str = "") -> dict[str, Any]:
    body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": params}).encode()
    headers = {"Content-Type": "application/json"} | ({"Authorization": f"Bearer {token}"} if token else {})
    with urllib.request.urlopen(urllib.request.Request(url, body, headers), timeout=30) as answer:
        value: dict[str, Any] = json.loads(answer.read())
    return value


def until(look: Callable[[], Any], log: Path) -> Any:
    """What it finds, once it finds something."""
    deadline = time.monotonic() + 90
    while not (found := look()):
        assert time.monotonic() < deadline, log.read_text()
        time.sleep(0.05)
    return found


def answers(url: str) -> bool:
    try:
        return "result" in ask(url, "eth_chainId", [])
    except urllib.error.HTTPError:
        return False


def test_a_door_waits_for_the_node_and_follows_it(deployed_home: Path, tmp_path: Path) -> None:
    """Opened while the node is only starting; the node then comes back at another address."""
    ready, log, announced = tmp_path / "ready.json", tmp_path / "log", deployed_home / "run" / "node.json"
    node = luya_process.start("up", "--home", deployed_home, "--port", 0, log=tmp_path / "node-log")
    # not on its command line: what names the home there counts as the node's
    of_the_home = {"LUYA_HOME": str(deployed_home)}
    door = None
    try:
        until(lambda: lock_owner(deployed_home / "run" / "node.lock") == node.pid, log)
        assert not announced.exists()
        options = ("--port", 0, "--metrics-port", 0, "--ready", ready)
        door = luya_process.start("gateway", "serve", *options, log=log, env=of_the_home)
        url = until(lambda: luya_process.read_json(ready), log)["url"]
        before = until(lambda: luya_process.read_json(announced), log)["rpc_url"]
        assert answers(url)
        luya_process.stop(node)
        (deployed_home / "chain" / "luyad" / "ports.json").unlink(missing_ok=True)
        with luya_process.up(deployed_home) as again:
            assert again.rpc_url != before
            until(lambda: answers(url), log)
    finally:
        for process in (node, door):
            if process is not None:
                luya_process.stop(process)


def test_the_door_of_a_home(deployed_home: Path, tmp_path: Path) -> None:
    home = ["--home", deployed_home]
    made = luya_process.succeeds("gateway", "token", "create", *home, "--role", "auditor", "--label", "audit office")
    token = made["token"]
    oracle = luya_process.succeeds(
        "gateway", "token", "create", *home, "--role", "oracle", "--sender", "0x" + "ab" * 20, "--feed", "1"
    )
    by_address = luya_process.succeeds(
        "gateway", "token", "create", *home, "--role", "operator", "--address", "0x" + "cd" * 20
    )
    assert by_address["token"] is False
    listed = luya_process.succeeds("gateway", "token", "list", *home)["callers"]
    assert [entry["id"] for entry in listed] == [made["id"], oracle["id"], by_address["id"]]
    assert token not in json.dumps(listed)
    assert "auditor, oracle or operator" in luya_process.refuses("gateway", "token", "create", *home, "--role", "king")
    assert "no caller" in luya_process.refuses("gateway", "token", "revoke", "nobody", *home)
    assert "nodes" in luya_process.refuses("gateway", "serve", *home)  # nothing runs, and no file names a node
    # a killed node's file: its number may by now be another process's, this one's here
    stale = {"pid": os.getpid(), "rpc_url": "http://127.0.0.1:9", "finality": "latest", "engine": "luyad"}
    (deployed_home / "run" / "node.json").write_text(json.dumps(stale))
    assert "nodes" in luya_process.refuses("gateway", "serve", *home)
    with luya_process.up(deployed_home) as node:
        ready = tmp_path / "ready.json"
        command = [*luya_process.COMMAND, "gateway", "serve", "--home", str(deployed_home), "--port", "0"]
        command += ["--metrics-port", "0", "--ready", str(ready)]
        environment = luya_process.environment()
        with (tmp_path / "log").open("wb") as log:
            process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, env=environment)
        try:
            deadline = time.monotonic() + 60
            while not ready.exists():
                assert process.poll() is None, (tmp_path / "log").read_text()
                assert time.monotonic() < deadline
                time.sleep(0.05)
            where = json.loads(ready.read_bytes())
            manifest = json.loads((deployed_home / "manifest.json").read_bytes())
            assert int(ask(where["url"], "eth_chainId", [])["result"], 16) == manifest["chain_id"]
            assert ask(where["url"], "eth_getLogs", [{"fromBlock": "0x0"}])["error"]["code"] == 4100
            assert ask(where["url"], "eth_getLogs", [{"fromBlock": "0x0"}], token)["result"]
            with urllib.request.urlopen(where["metrics_url"] + "/healthz", timeout=10) as answer:
                assert json.loads(answer.read())["by_node"][0]["standing"] == "ok"
            luya_process.succeeds("gateway", "token", "revoke", made["id"], *home)
            assert node.rpc_url not in (tmp_path / "log").read_text()
        finally:
            process.send_signal(signal.SIGTERM)
            out, _ = process.communicate(timeout=30)
        assert process.returncode == 0
        assert json.loads(out.splitlines()[-1]) == {"stopped": True}
    checked = luya_process.succeeds("gateway", "audit", "verify", *home)
    assert (checked["lines"], checked["torn"]) == (1, 0)
    path = next((deployed_home / "gateway" / "audit").glob("*.jsonl"))
    path.write_text(path.read_text().replace("eth_getLogs", "eth_gasPrice"))
    assert luya_process.succeeds("gateway", "audit", "verify", *home)["lines"] == 1  # the last line has none after it
    path.write_text("{}\n" + path.read_text())
    assert "does not continue" in luya_process.refuses("gateway", "audit", "verify", *home)
