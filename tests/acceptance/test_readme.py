"""The READMEs' commands: the same in both languages, and those of a first visit run as they are printed."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from itertools import islice
from pathlib import Path

import luya_process
import pytest

from chain_node.engine.npm import cache_dir

ROOT = Path(__file__).resolve().parents[2]
READMES = ("README.md", "README.zh-CN.md")
NOT_RUN = {
    "pip install uv && uv run luya demo": "asks the registry for uv, and serves until Ctrl-C; test_demo.py",
    "uv run pytest -m unit": "its promise is held by test_unit_tier.py",
    "uv run pytest": "is this",
    "uv run luya agent custodian": "test_demo.py",
    'uv run luya organisation set 101 --description "Planters"': "test_demo.py",
    "uv run luya agent add 101 --role merchant": "test_demo.py",
    "uv run luya catalogue add item.toml": "tests/luya/loop",
    "uv run luya redeem --account 0x… --item 1": "tests/luya/loop",
    "uv run luya project open project.toml": "tests/luya/loop",
    "uv run luya project pledge 1 --account 0x… --units 1": "tests/luya/loop",
    "uv run luya retire --account 0x… --grams 100 --beneficiary 2 --reason …": "tests/luya/loop",
    "uv run luya trail PLEDGE -o trail.json": "test_demo.py",
    "uv run luya engine build": "compiles for minutes; test_engine_build.py",
    "uv run luya demo --engine luyad --validators 4 --once": "takes minutes; test_demo_network.py, deep",
    "uv run luya network init --organisations 4 --out net": "needs luyad; tests/luya/network",
    "uv run luya gateway serve": "needs the home's policy; tests/luya/gateway",
    "uv run luya governance roles": "tests/luya/governance",
}
"""Commands that are not run here, and why."""
YOUR_OWN_DATA = 1
"""The block of a first visit, counted from 0."""


def blocks(name: str) -> list[list[str]]:
    """The commands of each shell block of a README, without what they say beside them."""
    found = re.findall(r"^```sh\n(.*?)^```", (ROOT / name).read_text("utf-8"), re.MULTILINE | re.DOTALL)
    return [[re.sub(r"\s+# .*$", "", line) for line in block.splitlines() if line.strip()] for block in found]


def test_both_languages_have_the_same_commands() -> None:
    english, chinese = (blocks(name) for name in READMES)
    assert english == chinese
    assert len(english) == 4
    told = [re.findall(r"`((?:uv run )?luya [^`]*)`", (ROOT / name).read_text("utf-8")) for name in READMES]
    assert len(told[0]) == len(told[1])


@pytest.mark.parametrize("name", READMES)
def test_every_page_of_docs_is_linked_in_one_of_its_languages(name: str) -> None:
    linked = set(re.findall(r"\]\(docs/([\w.-]+)\.md\)", (ROOT / name).read_text("utf-8")))
    pages = {page.stem.removesuffix(".zh-CN") for page in (ROOT / "docs").glob("*.md")}
    assert {page.removesuffix(".zh-CN") for page in linked} == pages


def test_every_command_is_run_here_or_said_to_be_run_elsewhere() -> None:
    everything = [line for block in blocks("README.md") for line in block]
    run = blocks("README.md")[YOUR_OWN_DATA]
    assert "uv run luya up" in run
    elsewhere = [line for line in everything if line not in run]
    assert [line for line in elsewhere if not line.endswith(" --help")] == list(NOT_RUN)


@pytest.fixture
def visit(tmp_path: Path, partner_rows: dict[str, Path]) -> dict[str, str]:
    """The environment of somebody who has just come: an empty HOME with a trips.csv, and uv with this checkout."""
    tools = tmp_path / "bin"
    tools.mkdir()
    uv = tools / "uv"
    # `uv run` looks for a project where it is called; the environment that it would find is the one of this test
    uv.write_text(f'#!/bin/sh\n[ "$1 $2" = "run luya" ] || exit 64\nshift 2\nexec {sys.executable} -m luya "$@"\n')
    uv.chmod(0o755)
    with partner_rows["bike-share"].open("rb") as source:
        (tmp_path / "trips.csv").write_bytes(b"".join(islice(source, 41)))
    path = f"{tools}{os.pathsep}{os.environ['PATH']}"
    return luya_process.environment({"HOME": str(tmp_path), "LUYA_CACHE": str(cache_dir()), "PATH": path})


def shell(lines: list[str], folder: Path, environment: dict[str, str]) -> str:
    """Runs these lines as they are pasted; returns what they print."""
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", "\n".join(lines)],
        cwd=folder,
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=luya_process.PATIENCE,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert luya_process.TRACEBACK not in done.stderr, done.stderr
    return done.stdout


def test_the_commands_for_your_own_data_run_as_they_are_printed(tmp_path: Path, visit: dict[str, str]) -> None:
    lines = blocks("README.md")[YOUR_OWN_DATA]
    at = lines.index("uv run luya up")
    told = [json.loads(line) for line in shell(lines[:at], tmp_path, visit).splitlines()]
    checked, ingested = told
    assert {name: checked[name] for name in ingested} == ingested
    assert ingested["accepted"] > 20
    # On any free port, and of its home by name: what stands in the README serves 8420 until Ctrl-C.
    up = luya_process.launch(tmp_path / ".luya")
    try:
        said = shell(lines[at + 1 :], tmp_path, visit)
    finally:
        code = luya_process.stop(up.process)
    assert code == 0, up.log.read_text("utf-8", "replace")
    luya_process.wait_gone(tmp_path / ".luya")
    answers = [json.loads(line) for line in said.splitlines() if line.startswith("{")]
    status, bundle, verified, fsck = answers
    assert (status["ok"], verified["verified"], fsck["ok"]) == (True, True, True)
    assert (tmp_path / "proof.json").stat().st_size > 1_000
    assert bundle
    assert fsck["differences"] == []
