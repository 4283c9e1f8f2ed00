"""`luya up`: engine, follower, projection and API of a home, until Ctrl-C or SIGTERM; a dead API is restarted."""

from __future__ import annotations

import contextlib
import json
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any, Final

from luya.console import progress, tell
from luya.errors import HomeError
from luya.home import Home
from luya.session import Projection, Session, opened

_START_PATIENCE: Final = 30.0
_STOP_PATIENCE: Final = 10.0
_LOOK_EVERY: Final = 0.5
_MAX_RESTARTS: Final = 5


class ApiProcess:
    """The API in a process of its own: a slow reader never holds up following.

    Args:
        home: whose API it is.
        port: 0 takes a free one.

    Raises:
        HomeError: it does not come up; the text holds what it said.
    """

    def __init__(self, home: Home, port: int) -> None:
        self._home = home
        self._port = port
        self._child: subprocess.Popen[bytes] | None = None
        self._restarts = 0
        self.url = ""
        self._start()

    @property
    def pid(self) -> int | None:
        """Its process id while it runs."""
        return self._child.pid if self._child else None

    def watch(self) -> None:
        """Starts it again when it has died.

        Raises:
            HomeError: it died too often.
        """
        if self._child is not None and self._child.poll() is not None:
            self._restarts += 1
            if self._restarts > _MAX_RESTARTS:
                raise HomeError(f"the API has died {self._restarts} times: see {self._log}")
            tell("接口进程已退出，正在重启。The API has died and is started again.")
            self._start()

    def stop(self) -> None:
        """Ends it; idempotent."""
        child, self._child = self._child, None
        self._home.api.unlink(missing_ok=True)
        if child is None:
            return
        if child.poll() is None:
            child.terminate()
            try:
                child.wait(_STOP_PATIENCE)
            except subprocess.TimeoutExpired:
                child.kill()
        child.wait()

    @property
    def _log(self) -> str:
        return str(self._home.root / "run" / "api.log")

    def _last_words(self, begun: int) -> str:
        with open(self._log, "rb") as log:
            log.seek(begun)
            lines = log.read().decode("utf-8", "replace").split("\n")
        last = next((line for line in reversed(lines) if line.strip()), "")
        return last.rpartition("error:")[2].strip()

    def _start(self) -> None:
        ready = self._home.api
        ready.unlink(missing_ok=True)
        command = [sys.executable, "-m", "luya", "serve-api", "--home", str(self._home.root)]
        command += ["--port", str(self._port), "--ready", str(ready)]
        with open(self._log, "ab") as log:
            begun = log.tell()
            self._child = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, process_group=0)
        deadline = time.monotonic() + _START_PATIENCE
        while not ready.exists():
            if self._child.poll() is not None or time.monotonic() > deadline:
                self.stop()
                raise HomeError(f"the API did not come up: {self._last_words(begun) or 'no answer'} (see {self._log})")
            time.sleep(0.03)
        self.url = str(json.loads(ready.read_bytes())["url"])
        self._port = int(self.url.rpartition(":")[2])


@contextmanager
def served(session: Session, port: int) -> Iterator[ApiProcess]:
    """The session projected in the background, and served."""
    projection = Projection(session)
    try:
        session.project()
        api = ApiProcess(session.home, port)
        try:
            yield api
        finally:
            api.stop()
    finally:
        projection.close()
    if session.failure is not None:
        raise session.failure


@contextmanager
def until_stopped() -> Iterator[threading.Event]:
    """An event that SIGINT and SIGTERM set, instead of ending the process where it stands."""
    stop = threading.Event()

    def ask(_signal: int, _frame: FrameType | None) -> None:
        stop.set()

    before = {number: signal.signal(number, ask) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def watch(session: Session, api: ApiProcess, stop: threading.Event) -> None:
    """Until `stop`: what fails is mended, or ends all with the reason.

    Raises:
        NodeError, HomeError, ApiError, DBAPIError: engine, follower, API or read model are beyond mending here.
    """
    while not stop.wait(_LOOK_EVERY):
        session.check()
        api.watch()


def run(home: Home, *, port: int) -> dict[str, Any]:
    """Runs until it is stopped.

    Raises:
        HomeError: it runs already.
    """
    with until_stopped() as stop:
        with progress() as advance, contextlib.ExitStack() as stack:
            session = stack.enter_context(opened(home, advance=advance, linger=False))
            if not session.node.owner:
                raise HomeError(f"a node runs on {home.root} already: see `luya status --home {home.root}`")
            api = stack.enter_context(served(session, port))
            running = stack.pop_all()
        with running:
            tell(f"[bold]绿芽已启动 Luya is up[/bold]  {home.root}")
            tell(f"  接口 API     {api.url}  ({api.url}/docs)")
            tell(f"  链 chain     {session.node.engine.rpc_url}  id {session.node.manifest.chain_id}")
            tell(f"  日志 log     {session.node.archive.size:,} entries, key {session.node.manifest.log_key}")
            tell("按 Ctrl-C 停止。Ctrl-C stops all of it cleanly.")
            watch(session, api, stop)
            tell("正在停止。Stopping.")
            size = session.node.archive.size
    return {"stopped": True, "log_size": size}
