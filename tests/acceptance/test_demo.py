"""`luya demo`: from nothing to a served, verified ledger, as a newcomer runs it."""

from __future__ import annotations

import json
import re
import time
import urllib.request
from pathlib import Path

import pytest
from luya_process import TRACEBACK, fsck, refuses, start, stop, succeeds, wait_gone

KEYS = {
    "accepted",
    "refused",
    "log_size",
    "log_root",
    "credits_mg",
    "engine",
    "millipoints",
    "verified",
    "seconds",
    "redeemed_millipoints",
    "orders",
    "deliveries",
    "retired_mg",
    "trail_verified",
}


def test_once_and_once_more(tmp_path: Path) -> None:
    home = tmp_path / "home"
    first = succeeds("demo", "--once", "--json", "--home", home, "--records", 200)
    assert set(first) == KEYS
    assert first["verified"] is True
    assert re.fullmatch(r"[0-9a-f]{64}", first["log_root"])
    assert first["accepted"] > 100
    assert set(first["refused"]) & {"too-long", "too-short", "same-station", "malformed", "zero-activity"}
    assert 195 <= first["accepted"] + sum(first["refused"].values()) <= 210
    assert all(isinstance(value, float) for value in first["seconds"].values())
    wait_gone(home)

    found = fsck(home)
    for name in ("log_size", "log_root"):
        assert found[name] == first[name], name
    assert found["credits_mg"] == first["credits_mg"] - first["retired_mg"]
    assert found["millipoints"] == first["millipoints"] - first["redeemed_millipoints"]

    assert (first["redeemed_millipoints"], first["orders"], first["deliveries"]) == (700, 1, 1)
    assert first["retired_mg"] == 100_000
    assert first["trail_verified"] is True
    the_tree(home, tmp_path)

    manifest = (home / "manifest.json").read_bytes()
    second = succeeds("demo", "--once", "--json", "--home", home, "--records", 60)
    assert second["verified"] is True
    assert second["trail_verified"] is True, "the agent that was disabled is one again"
    assert second["seconds"]["start"] < first["seconds"]["start"]
    assert (home / "manifest.json").read_bytes() == manifest, "the chain's state is intact: nothing is deployed again"
    assert second["log_size"] >= first["log_size"] + second["accepted"]
    found = fsck(home)
    assert found["credits_mg"] == sum(one["credits_mg"] - one["retired_mg"] for one in (first, second))
    assert found["millipoints"] == sum(one["millipoints"] - one["redeemed_millipoints"] for one in (first, second))


def the_tree(home: Path, folder: Path) -> None:
    """By the commands: from the partner's record to the tree; then the planter's agent is one no more."""
    [project] = succeeds("project", "list", "--json", "--home", home)["projects"]
    assert (project["pledged"], project["accepted"], project["pending"]) == (1, 1, 0)
    [pledge] = succeeds("project", "show", project["project"], "--json", "--home", home)["pledges"]
    file = folder / "trail.json"
    made = succeeds("trail", pledge["pledge"], "-o", file, "--home", home)
    assert (made["units"], made["delivered"]) == (1, 1)
    key = succeeds("status", "--json", "--home", home)["log_key"]
    shown = succeeds("verify", file, "--key", key)
    assert (shown["verified"], shown["records"], shown["delivered"]) == (True, made["records"], 1)
    assert shown["deliveries"][0]["delivered_by"] != shown["deliveries"][0]["accepted_by"]
    file.write_bytes(file.read_bytes().replace(b'"index":', b'"index" :', 1))
    assert "canonical" in refuses("verify", file, "--key", key)

    listed = succeeds("agent", "list", "--json", "--home", home)
    assert listed["custodian"] is not None
    assert {(one["organisation"], one["role"], one["state"]) for one in listed["agents"]} == {
        (101, "merchant", "active"),
        (102, "acceptor", "active"),
    }
    asked = succeeds("agent", "disable", "agent-101-merchant", "--dry-run", "--json", "--home", home)
    assert asked["rehearsed"] is True
    assert succeeds("agent", "disable", "agent-101-merchant", "--json", "--home", home)["index"] is not None
    assert "role" in refuses("agent", "add", 101, "--role", "gardener", "--home", home)


def test_it_serves_until_it_is_stopped(ingested_home: Path, tmp_path: Path) -> None:
    said = tmp_path / "demo.log"
    child = start("demo", "--home", ingested_home, "--records", 60, log=said)
    try:
        text = wait_for(said, "Ctrl-C", child.poll)
        url = re.search(r"(http://127\.0\.0\.1:\d+)/docs", text)
        token = re.search(r"Bearer ([^' ]+)'", text)
        curl = re.search(r"(/v1/entries/\d+)", text)
        assert url
        assert token
        assert curl
        request = urllib.request.Request(url[1] + curl[1], headers={"Authorization": f"Bearer {token[1]}"})
        with urllib.request.urlopen(request, timeout=30) as answer:
            assert json.loads(answer.read())["entry"]
        with urllib.request.urlopen(url[1] + "/docs", timeout=30) as answer:
            assert answer.status == 200
        key = re.search(r"--key '([^']+)'", text)
        assert key
        assert key[1] == succeeds("status", "--json", "--home", ingested_home)["log_key"]
    finally:
        code = stop(child)
    text = said.read_text("utf-8")
    assert code == 0, text
    assert TRACEBACK not in text
    assert json.loads(text.splitlines()[-1])["verified"] is True
    wait_gone(ingested_home)
    fsck(ingested_home)


def wait_for(said: Path, word: str, ended: object, seconds: float = 120.0) -> str:
    """What was said, once `word` is in it."""
    assert callable(ended)
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        text = said.read_text("utf-8", "replace")
        if word in text:
            return text
        if ended() is not None:
            break
        time.sleep(0.1)
    pytest.fail(f"{word!r} was never said: {said.read_text('utf-8', 'replace')}")
