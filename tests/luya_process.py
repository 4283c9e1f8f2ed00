"""Runs the real `luya` command in processes of its own, as a person at a keyboard does."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

COMMAND = [sys.executable, "-m", "luya"]
PATIENCE = 300.0
TRACEBACK = "Traceback (most recent call last)"


@dataclass(frozen=True, slots=True)
class Done:
    """A command that has ended. answer: the JSON on the last line of standard output, {} where there is none."""

    code: int
    stdout: str
    stderr: str

    @property
    def answer(self) -> dict[str, Any]:
        """The last line of standard output."""
        lines = self.stdout.splitlines()
        value: dict[str, Any] = json.loads(lines[-1]) if lines else {}
        return value

    @property
    def said(self) -> str:
        """All that it said, for a failed assertion."""
        return f"exit {self.code}\n--- stdout\n{self.stdout}\n--- stderr\n{self.stderr}"


def environment(extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """The test's environment without what would lead `luya` elsewhere; a wide terminal, so that no sentence is cut."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("LUYA_HOME", "LUYA_API"))}
    return kept | {"COLUMNS": "200", "NO_COLOR": "1", "PYTHONWARNINGS": "error::ResourceWarning"} | dict(extra or {})


def luya(*arguments: object, env: Mapping[str, str] | None = None, cwd: Path | None = None) -> Done:
    """Runs a command to its end, whatever its exit code."""
    done = subprocess.run(
        [*COMMAND, *map(str, arguments)],
        capture_output=True,
        text=True,
        encoding="utf-8",
        env=environment(env),
        cwd=cwd,
        stdin=subprocess.DEVNULL,
        timeout=PATIENCE,
    )
    return Done(done.returncode, done.stdout, done.stderr)


def succeeds(*arguments: object, env: Mapping[str, str] | None = None, cwd: Path | None = None) -> dict[str, Any]:
    """Runs a command that must succeed; returns its answer."""
    done = luya(*arguments, env=env, cwd=cwd)
    assert done.code == 0, done.said
    return done.answer


def refuses(*arguments: object, env: Mapping[str, str] | None = None, cwd: Path | None = None) -> str:
    """Runs a command that must end with exit code 1, one sentence and no traceback; returns that sentence."""
    done = luya(*arguments, env=env, cwd=cwd)
    assert done.code == 1, done.said
    assert TRACEBACK not in done.stderr + done.stdout, done.said
    lines = [line for line in done.stderr.splitlines() if line.strip()]
    assert len(lines) == 1, done.said
    return lines[0]


def ingest_command(home: Path, feed: str, *files: Path, report: Path | None = None) -> list[str]:
    """The arguments of an ingest that enrols unknown ids."""
    made = ["oracle", "ingest", "--feed", feed, "--enrol-unknown", "--home", str(home)]
    return [*made, *(["--report", str(report)] if report else []), *map(str, files)]


def ingest(home: Path, feed: str, *files: Path, report: Path | None = None) -> dict[str, Any]:
    """Ingests files; returns the answer."""
    return succeeds(*ingest_command(home, feed, *files, report=report))


def fsck(home: Path) -> dict[str, Any]:
    """Runs fsck, which must find nothing."""
    value = succeeds("fsck", "--json", "--home", home)
    assert value["ok"], value
    assert value["differences"] == []
    return value


def start(*arguments: object, log: Path, env: Mapping[str, str] | None = None) -> subprocess.Popen[bytes]:
    """Starts a command in a session of its own; all that it says goes to `log`."""
    with log.open("wb") as output:
        return subprocess.Popen(
            [*COMMAND, *map(str, arguments)],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            env=environment(env),
            start_new_session=True,
        )


def processes(home: Path) -> dict[int, str]:
    """Living processes whose command line names this home: pid → command line. Zombies do not count."""
    found: dict[int, str] = {}
    for process in psutil.process_iter(["cmdline", "status"]):
        command = " ".join(process.info["cmdline"] or ())
        if str(home) in command and process.info["status"] != psutil.STATUS_ZOMBIE and process.pid != os.getpid():
            found[process.pid] = command
    return found


def engine_pid(home: Path) -> int | None:
    """The process of the home's anvil (not its launcher's interpreter), or None."""
    state = str(home / "chain" / "state.json")
    for pid, command in processes(home).items():
        if state in command and not command.startswith(sys.executable):
            return pid
    return None


def kill(pid: int) -> None:
    """`kill -9`; a process that is gone already is no matter."""
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)


def wait_gone(home: Path, seconds: float = 15.0) -> None:
    """No process of this home is left, or is not within `seconds`."""
    deadline = time.monotonic() + seconds
    while (left := processes(home)) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not left, f"left over: {left}"


def read_json(path: Path) -> dict[str, Any] | None:
    """A small JSON file, None while it is not there or not whole."""
    with contextlib.suppress(OSError, ValueError):
        value: dict[str, Any] = json.loads(path.read_bytes())
        return value
    return None


@dataclass(frozen=True, slots=True)
class Running:
    """A `luya up` that is up. url: of its API; rpc_url: of its engine; process: its node."""

    home: Path
    url: str
    rpc_url: str
    process: subprocess.Popen[bytes]
    log: Path

    def get(self, path: str, token: str = "", *, accept: str = "application/json") -> tuple[int, str]:
        """(status, body) of a GET."""
        headers = {"Accept": accept} | ({"Authorization": f"Bearer {token}"} if token else {})
        try:
            with urllib.request.urlopen(urllib.request.Request(self.url + path, headers=headers), timeout=30) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.read().decode()

    def json(self, path: str, token: str = "") -> dict[str, Any]:
        """The JSON of a GET that must succeed."""
        status, body = self.get(path, token)
        assert status == 200, body
        value: dict[str, Any] = json.loads(body)
        return value

    def token(self, *scopes: str) -> str:
        """A new token."""
        arguments = [part for scope in scopes for part in ("--scope", scope)]
        return str(succeeds("token", "create", *arguments, "--home", self.home)["token"])

    def rpc(self, method: str, *parameters: Any) -> Any:
        """A JSON-RPC call to the engine."""
        body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": parameters}).encode()
        request = urllib.request.Request(self.rpc_url, body, {"Content-Type": "application/json"})
        with urllib.request.urlopen(request, timeout=30) as answer:
            value = json.loads(answer.read())
        assert "error" not in value, value
        return value["result"]


def launch(home: Path, *arguments: object, log: Path | None = None) -> Running:
    """Starts `luya up` on a home and waits until its API answers. Whoever calls stops it."""
    said = log or home.parent / f"{home.name}-up.log"
    child = start("up", "--home", home, "--port", 0, *arguments, log=said)
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline and child.poll() is None:
        node, api = read_json(home / "run" / "node.json"), read_json(home / "run" / "api.json")
        if node and api and node["pid"] == child.pid:
            running = Running(home, api["url"], node["rpc_url"], child, said)
            with contextlib.suppress(OSError):
                if running.get("/healthz")[0] == 200:
                    return running
        time.sleep(0.05)
    child.kill()
    child.wait()
    raise AssertionError(f"`luya up` did not come up: {said.read_text('utf-8', 'replace')}")


@contextlib.contextmanager
def up(home: Path, *arguments: object) -> Iterator[Running]:
    """`luya up` while inside; ended by SIGINT, and nothing is left of it."""
    running = launch(home, *arguments)
    try:
        yield running
    finally:
        code = stop(running.process)
    assert code == 0, running.log.read_text("utf-8", "replace")
    wait_gone(home)


def stop(child: subprocess.Popen[bytes]) -> int:
    """Ctrl-C; returns the exit code."""
    if child.poll() is None:
        child.send_signal(signal.SIGINT)
    try:
        return child.wait(90)
    except subprocess.TimeoutExpired:
        child.kill()
        child.wait()
        raise
