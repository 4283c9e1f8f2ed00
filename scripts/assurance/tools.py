"""The tools of `docs/assurance.md`, each of a pinned version, from the registries into a folder of their own.

A tool's packages stand in `NAME.txt` beside this file (`uv pip compile --universal --no-annotate`), forge in
`package-lock.json`.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Final

HERE: Final = Path(__file__).resolve().parent
ROOT: Final = HERE.parents[1]
CACHE: Final = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "luya" / "assurance"
SOLC: Final = HERE / "solc.mjs"


def python_tool(name: str) -> Path:
    """The `bin` folder of an environment with the tool, made anew where its pins have changed."""
    pins = HERE / f"{name}.txt"
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    digest = hashlib.sha256(pins.read_bytes() + version.encode()).hexdigest()[:16]
    folder = CACHE / f"{name}-{digest}"
    done = folder / "done"
    if not done.exists():
        shutil.rmtree(folder, ignore_errors=True)
        run("uv", "venv", "--quiet", "--python", sys.executable, str(folder))
        run("uv", "pip", "install", "--quiet", "--python", str(folder), "--no-deps", "-r", str(pins))
        done.touch()
    return folder / "bin"


def forge() -> Path:
    """The folder of the forge program."""
    found = sorted(HERE.glob("node_modules/@foundry-rs/forge-*/bin/forge"))
    if not found:
        run("npm", "ci", "--prefix", str(HERE), "--no-audit", "--no-fund", "--loglevel=error")
        found = sorted(HERE.glob("node_modules/@foundry-rs/forge-*/bin/forge"))
    if len(found) != 1:
        raise SystemExit("npm has no forge for this machine: Linux on x64 or arm64 is expected")
    return found[0].parent


def environment(*first: Path, **more: str) -> dict[str, str]:
    """The environment with these folders in front of PATH and these variables."""
    path = os.pathsep.join([*map(str, first), os.environ["PATH"]])
    return {**os.environ, "PATH": path, "FOUNDRY_CONFIG": str(HERE / "foundry.toml"), **more}


def run(*command: str) -> None:
    subprocess.run(command, check=True, cwd=ROOT)
