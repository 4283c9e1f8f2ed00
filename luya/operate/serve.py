"""The API's process: uvicorn on loopback, started and watched by `luya up`."""

from __future__ import annotations

import ctypes
import json
import os
import signal
import socket
import sys
from pathlib import Path

from api.server import configure_logs, server
from api.settings import Settings
from chain_node.deployment.manifest import Manifest
from chain_node.storage.durable import write_atomic
from luya.errors import HomeError
from luya.home import LuyaHome


def run(home: LuyaHome, port: int, ready: Path | None) -> None:
    """Serves until SIGTERM or SIGINT.

    Args:
        home: whose archive and read model are served.
        port: 0 takes a free one.
        ready: a file that is written, with the address, once the socket listens.

    Raises:
        HomeError: the port cannot be had.
    """
    _die_with_parent()
    configure_logs()
    manifest = Manifest.load(home.manifest)
    settings = Settings.from_environment(archive=home.archive, database_url=home.read_model, log_key=manifest.log_key)
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((settings.host, port))
        except OSError as error:
            raise HomeError(f"{settings.host}:{port}: {error.strerror}; give another port with --port") from None
        listener.listen(512)
        if ready is not None:
            url = f"http://{settings.host}:{listener.getsockname()[1]}"
            write_atomic(ready, json.dumps({"url": url, "pid": os.getpid()}).encode())
        server(settings).run(sockets=[listener])


def _die_with_parent() -> None:
    """Asks the kernel for SIGTERM when `luya up` is gone, however it went."""
    if sys.platform != "linux":
        return
    parent = os.getppid()
    ctypes.CDLL(None, use_errno=True).prctl(1, signal.SIGTERM, 0, 0, 0)
    if os.getppid() != parent:
        raise SystemExit("the process that started the API is gone")
