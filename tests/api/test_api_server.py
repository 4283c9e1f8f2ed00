"""The API as a process of its own, over real HTTP."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
import time

import httpx2
from api_world import World


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def test_it_serves_stops_and_says_what_is_missing(world: World) -> None:
    port = _free_port()
    environment = {
        **os.environ,
        "LUYA_API_ARCHIVE": str(world.settings.archive),
        "LUYA_API_PORT": str(port),
        "LUYA_API_LOG_KEY": world.ledger.log_key,
    }
    process = subprocess.Popen([sys.executable, "-m", "api"], env=environment, stderr=subprocess.PIPE)
    try:
        with httpx2.Client(base_url=f"http://127.0.0.1:{port}") as client:
            for _ in range(300):
                try:
                    answer = client.get("/v1/totals")
                    break
                except httpx2.TransportError:
                    assert process.poll() is None
                    time.sleep(0.1)
            assert answer.json()["log_size"] == world.ledger.state.size
            assert "server" not in answer.headers
    finally:
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=20)
    assert b"Traceback" not in errors
    del environment["LUYA_API_ARCHIVE"]
    failed = subprocess.run([sys.executable, "-m", "api"], env=environment, capture_output=True, timeout=30)
    assert failed.returncode == 2
    assert b"LUYA_API_ARCHIVE" in failed.stderr


def test_following_keeps_up(world: World) -> None:
    stop = threading.Event()
    thread = threading.Thread(target=world.projector.follow, args=(stop, 0.01))
    thread.start()
    try:
        for number in range(3):
            world.ledger.register(200 + number)
            world.ledger.publish()
        for _ in range(500):
            if world.projector.size() == world.ledger.state.size:
                break
            time.sleep(0.01)
    finally:
        stop.set()
        thread.join()
    assert world.projector.size() == world.ledger.state.size
