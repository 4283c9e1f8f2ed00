"""A chain engine as a child process: it never outlives who started it, and a Ctrl-C in the terminal does not hit it.

Parent-death signal, own process group, output into a log file; and the few things about ports that every engine needs.
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from chain_node.errors import EngineError, PortInUse

_FIRST_PORT: Final = 20_000
_LAST_PORT: Final = 32_000
_RANGE_STEP: Final = 10
_RANGES_APART: Final = 31

# Runs in a new interpreter that then becomes the engine: asks the kernel to kill it when its parent dies, and makes
# sure that the parent has not died in between. Done so (not by preexec_fn), because forking with threads is not safe.
_LAUNCHER: Final = """
import ctypes, os, sys
libc = ctypes.CDLL(None, use_errno=True)
if libc.prctl(1, 9, 0, 0, 0) != 0: sys.exit('prctl failed')
if os.getppid() != int(sys.argv[1]): sys.exit('parent is gone')
os.execv(sys.argv[2], sys.argv[2:])
"""


class Child:
    """A program as a child of a thread that lives as long as it does.

    The kernel sends the parent-death signal when the *thread* that started the child ends, so that thread must be one
    that waits for the child, not whichever happened to call `start`.

    Args:
        arguments: the program's path and its arguments.
        log: file that takes what it says, begun anew.
        environment: added to this process's own.

    Raises:
        EngineError: it cannot be run.
    """

    def __init__(self, arguments: Sequence[str], log: Path, environment: Mapping[str, str] | None = None) -> None:
        self._name = Path(arguments[0]).name
        self._started = threading.Event()
        self._process: subprocess.Popen[bytes] | None = None
        self._error: OSError | None = None
        self._environment = os.environ | dict(environment or {})
        self._thread = threading.Thread(
            target=self._run, args=(list(arguments), log), name=f"luya-{self._name}", daemon=True
        )
        self._thread.start()
        self._started.wait()
        if self._error is not None:
            raise EngineError(f"{self._name} cannot be run: {self._error}") from self._error

    @property
    def pid(self) -> int:
        """Its process id."""
        assert self._process is not None
        return self._process.pid

    @property
    def exit_code(self) -> int | None:
        """None while it runs; negative where a signal ended it."""
        assert self._process is not None
        return self._process.returncode

    def ends_within(self, seconds: float) -> bool:
        """It has ended, or does so now: a connection breaks a moment before the exit code is known."""
        self._thread.join(seconds)
        return not self._thread.is_alive()

    def end(self, how: signal.Signals, timeout: float) -> int | None:
        """Signal it and wait; killed when it does not end in time. Returns its exit code."""
        assert self._process is not None
        if self._process.returncode is None:
            self._process.send_signal(how)
            self._thread.join(timeout)
            if self._thread.is_alive():
                self._process.kill()
        self._thread.join()
        return self._process.returncode

    def _run(self, arguments: list[str], log: Path) -> None:
        try:
            command = arguments
            if sys.platform == "linux":
                command = [sys.executable, "-I", "-S", "-c", _LAUNCHER, str(os.getpid()), *arguments]
            with log.open("wb") as output:
                self._process = subprocess.Popen(
                    command,
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=output,
                    env=self._environment,
                    process_group=0,
                )
        except OSError as error:
            self._error = error
            return
        finally:
            self._started.set()
        self._process.wait()


def is_free(port: int) -> bool:
    """Nobody listens on this loopback port."""
    with socket.socket() as trial:
        trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as engines do: a closed connection may linger
        try:
            trial.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def free_ports(count: int) -> list[int]:
    """Different loopback ports that are free now; somebody may still take one before the engine binds it."""
    sockets = [socket.socket() for _ in range(count)]
    try:
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [int(one.getsockname()[1]) for one in sockets]
    finally:
        for one in sockets:
            one.close()


def free_port_range(count: int) -> int:
    """First of so many loopback ports in a row, all free now.

    They lie below those the kernel gives to clients, so that nobody is given a stopped node's port; where the search
    begins depends on the process, so that two networks founded at the same moment do not take the same ports.

    Raises:
        PortInUse: there are not so many in a row.
    """
    starts = range(_FIRST_PORT, _LAST_PORT - count, _RANGE_STEP)
    first = os.getpid() * _RANGES_APART
    for turn in range(len(starts)):
        start = starts[(first + turn) % len(starts)]
        if all(is_free(port) for port in range(start, start + count)):
            return start
    raise PortInUse(_FIRST_PORT)


def tail(path: Path, size: int = 600) -> str:
    """The end of a log, as text; "" where there is none."""
    try:
        with path.open("rb") as file:
            file.seek(max(0, path.stat().st_size - size))
            return file.read().decode("utf-8", "replace").strip()
    except OSError:
        return ""
