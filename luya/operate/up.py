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

from rich.markup import escape

from api.errors import ApiError
from chain_node.errors import DiskFailed, EngineError, LockError, NodeError, RpcUnavailable
from chain_node.operations.guard import Guard, Watching
from chain_node.operations.reopening import Reopening
from chain_node.supervisor.report import Reporter, problem_of
from luya import logs
from luya.console import Advance, progress, speak_by_log, tell
from luya.engine.choice import NOTHING_ASKED, EngineOptions, warning
from luya.errors import HomeBusy, HomeError, LuyaError
from luya.home import LuyaHome
from luya.session.session import Projection, Session, opened, silent

_START_PATIENCE: Final = 120.0
_STOP_PATIENCE: Final = 10.0
_LOOK_EVERY: Final = 0.5
_MAX_RESTARTS: Final = 5
_MENDABLE: Final = (EngineError, RpcUnavailable, DiskFailed)
"""What opening the home anew may mend: the engine has gone, or the disk refused and has room again."""


class ApiProcess:
    """The API in a process of its own: a slow reader never holds up following.

    Args:
        home: whose API it is.
        port: 0 takes a free one.

    Raises:
        HomeError: it does not come up; the text holds what it said.
    """

    def __init__(self, home: LuyaHome, port: int) -> None:
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
def served(session: Session, port: int, advance: Advance = silent) -> Iterator[ApiProcess]:
    """The session projected in the background, and served."""
    projection = Projection(session)
    try:
        session.project(advance)
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


def watch(session: Session, api: ApiProcess, stop: threading.Event, guard: Guard | None = None) -> None:
    """Until `stop`: what fails is mended, or ends all with the reason.

    Raises:
        NodeError, HomeError, ApiError, DBAPIError: engine, follower, API or read model are beyond mending here.
    """
    while not stop.wait(_LOOK_EVERY):
        if guard is not None:
            guard.check()
        session.check()
        api.watch()


class _Lost(Exception):
    """What ran is beyond mending in place; opening the home anew may mend it. `__cause__` says what it was."""


def _again(reopening: Reopening, error: Exception, stop: threading.Event) -> bool:
    """After a pause; False when it has failed too often, or somebody asks for the end."""
    pause = reopening.pause()
    if pause is None:
        return False
    tell(f"[yellow]{escape(str(error))}[/yellow]")
    tell(f"{pause:.0f} 秒后重新打开账本。The home is opened anew in {pause:.0f} s.")
    return not stop.wait(pause)


def run(
    home: LuyaHome,
    *,
    port: int,
    asked: EngineOptions = NOTHING_ASKED,
    watching: Watching = Watching(),  # noqa: B008  # frozen
) -> dict[str, Any]:
    """Runs until it is stopped; an engine that is lost is mended in place, or the home is opened anew.

    Raises:
        HomeError: it runs already.
        NodeError …: it cannot be opened, or was lost too often.
    """
    logs.configure(service="up")
    if logs.as_json():
        speak_by_log()
    reporter, reopening = Reporter(home.root / "run"), Reopening()
    with until_stopped() as stop:
        while True:
            try:
                answer = _run_once(home, port, asked, watching, stop, reporter, reopening)
            except _Lost as lost:
                cause = lost.__cause__
                assert isinstance(cause, Exception)
                reporter.say([problem_of(cause, str(home.root))], accepting=False)
                if not _again(reopening, cause, stop):
                    reporter.say([problem_of(cause, str(home.root))], accepting=False, ended=True)
                    raise cause from None
            except (HomeBusy, LockError):
                raise  # the reports of this home are another process's
            except (LuyaError, NodeError, ApiError) as error:
                reporter.say([problem_of(error, str(home.root))], accepting=False, ended=True)
                raise
            else:
                reporter.say([], accepting=False, ended=True)
                return answer


def _run_once(
    home: LuyaHome,
    port: int,
    asked: EngineOptions,
    watching: Watching,
    stop: threading.Event,
    reporter: Reporter,
    reopening: Reopening,
) -> dict[str, Any]:
    """From opening to stopping; `_Lost` where opening anew may mend what ended it."""
    try:
        running = _open(home, port, asked, watching, reporter)
    except _MENDABLE as error:
        if reopening.failures:
            raise _Lost from error
        raise  # it never ran: whoever has started it hears at once
    session, api, guard, stack = running
    reopening.opened()
    with stack:
        _greet(home, session, api, guard, asked)
        try:
            watch(session, api, stop, guard)
        except _MENDABLE as error:
            raise _Lost from error
        tell("正在停止。Stopping.")
        size = session.node.archive.size
    return {"stopped": True, "log_size": size}


def _open(
    home: LuyaHome, port: int, asked: EngineOptions, watching: Watching, reporter: Reporter
) -> tuple[Session, ApiProcess, Guard, contextlib.ExitStack]:
    with progress() as advance, contextlib.ExitStack() as stack:
        session = stack.enter_context(opened(home, advance=advance, linger=False, asked=asked))
        if not session.node.owner:
            raise HomeBusy(f"a node runs on {home.root} already: see `luya status --home {home.root}`")
        api = stack.enter_context(served(session, port, advance))
        guard = stack.enter_context(Guard(home, session.node, watching, reporter))
        return session, api, guard, stack.pop_all()


def _greet(home: LuyaHome, session: Session, api: ApiProcess, guard: Guard, asked: EngineOptions) -> None:
    engine = session.node.engine
    tell(f"[bold]绿芽已启动 Luya is up[/bold]  {home.root}")
    tell(f"  接口 API     {api.url}  ({api.url}/docs)")
    tell(f"  链 chain     {engine.name} {engine.rpc_url}  id {session.node.manifest.chain_id}")
    tell(f"  日志 log     {session.node.archive.size:,} entries, key {session.node.manifest.log_key}")
    tell(f"  指标 metrics {guard.metrics_url}")
    if said := warning(engine.name, asked):
        tell(said)
    tell("按 Ctrl-C 停止。Ctrl-C stops all of it cleanly.")
