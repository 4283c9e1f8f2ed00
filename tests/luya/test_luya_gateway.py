"""`luya gateway`: the door of a home, as its operator opens it."""

from __future__ import annotations

import json
import signal
import subprocess
import time
import urllib.request
from pathlib import Path
from typing import Any

import luya_process


def ask(url: str, method: str, params: list[Any], token: str = "") -> dict[str, Any]:
    body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": params}).encode()
    headers = {"Content-Type": "application/json"} | ({"Authorization": f"Bearer {token}"} if token else {})
    with urllib.request.urlopen(urllib.request.Request(url, body, headers), timeout=30) as answer:
        value: dict[str, Any] = json.loads(answer.read())
    return value


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
