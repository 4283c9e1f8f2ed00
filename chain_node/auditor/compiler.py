"""The compiler of exactly the contracts' version, for py-solc-x: a given one, an installed one, or npm's."""

from __future__ import annotations

import os
import shlex
import shutil
import stat
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib import resources
from pathlib import Path
from typing import Any

from chain_node.engine.base import Progress, no_progress
from chain_node.engine.npm import ensure, find_npm
from chain_node.errors import ContractSourceError, RuntimeMissing


@contextmanager
def solc(version: str, given: Path | None = None, progress: Progress = no_progress) -> Iterator[Path]:
    """A solc of this version, as an executable.

    Args:
        version: such as 0.8.28.
        given: the one to use, if any; of another version it is refused.
        progress: told of an installation.

    Raises:
        ContractSourceError: the given one is of another version, or none can be had.
    """
    if given is not None:
        found = version_of(given)
        if not found.startswith(version):
            raise ContractSourceError(f"{given} is solc {found}, the contracts were compiled with {version}")
        yield given
        return
    native = _installed(version)
    if native is not None:
        yield native
        return
    with tempfile.TemporaryDirectory(prefix="luya-solc-") as folder:
        path = _npm_solc(Path(folder), progress)
        found = version_of(path)
        if not found.startswith(version):
            raise ContractSourceError(
                f"the package's lock installs solc {found}, the contracts were compiled with {version}"
            )
        yield path


def compile_sources(standard_input: Mapping[str, Any], binary: Path) -> dict[str, Any]:
    """The compiler's JSON output.

    Raises:
        ContractSourceError: py-solc-x is missing, or the sources do not compile.
    """
    try:
        from solcx import compile_standard
        from solcx.exceptions import SolcError
    except ImportError as error:
        raise ContractSourceError("py-solc-x is missing: install this package as `luya[auditor]`") from error
    try:
        output: dict[str, Any] = compile_standard(dict(standard_input), solc_binary=binary)
    except SolcError as error:
        raise ContractSourceError(f"the sources do not compile: {str(error)[:2_000]}") from error
    except (OSError, ValueError, subprocess.SubprocessError) as error:
        raise ContractSourceError(f"{binary} cannot be used: {error}") from error
    return output


def version_of(binary: Path) -> str:
    """What a solc says of its version, such as 0.8.28+commit.7893614a.

    Raises:
        ContractSourceError: it cannot be run, or is no solc.
    """
    try:
        done = subprocess.run([str(binary), "--version"], capture_output=True, text=True, timeout=120, check=True)
    except (OSError, subprocess.SubprocessError) as error:
        raise ContractSourceError(f"{binary} cannot be run as solc: {error}") from error
    _, found, rest = done.stdout.partition("Version: ")
    if not found:
        raise ContractSourceError(f"{binary} is no solc: it says {done.stdout[:80]!r}")
    return rest.split()[0]


def _installed(version: str) -> Path | None:
    """py-solc-x's own installed binary of this version; its folder is not created by asking."""
    folder = Path(os.environ.get("SOLCX_BINARY_PATH") or Path.home() / ".solcx")
    path = folder / f"solc-v{version}"
    return path if path.is_file() and os.access(path, os.X_OK) else None


def _npm_solc(folder: Path, progress: Progress) -> Path:
    """npm's solc from the package's lock, behind an executable that speaks as py-solc-x asks."""
    source = resources.files("chain_node.auditor") / "solc"
    try:
        package, lock = (source / "package.json").read_bytes(), (source / "package-lock.json").read_bytes()
        installed = ensure("solc", package, lock, "the contracts' compiler from npm (about 10 MB, once)", progress)
        npm = find_npm()
    except RuntimeMissing as error:
        raise ContractSourceError(f"{error}; or name a compiler with --solc") from error
    node = npm[0] if len(npm) > 1 else shutil.which("node")
    if node is None:
        raise ContractSourceError("npm is there and Node is not: put node on PATH, or name a compiler with --solc")
    script = folder / "standard.cjs"
    script.write_bytes((source / "standard.cjs").read_bytes())
    modules = shlex.quote(str(installed / "node_modules"))
    path = folder / "solc"
    path.write_text(
        f'#!/bin/sh\nNODE_PATH={modules} exec {shlex.quote(node)} {shlex.quote(str(script))} "$@"\n', "utf-8"
    )
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return path
