"""`luya fsck` beside a node whose engine stops answering: soon, and it says which of chain and archive is meant."""

from __future__ import annotations

import json
import threading
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from luya_process import luya

from chain_node.node.home import Home, RunningNode
from luya.home import LuyaHome
from luya.session.session import opened


class DyingEngine:
    """A socket in front of a real engine, that takes questions and answers no more after the first few."""

    def __init__(self, target: str, answers: int) -> None:
        self.left = answers
        self._guard, self._end = threading.Lock(), threading.Event()
        engine = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                with engine._guard:
                    engine.left -= 1
                    hangs = engine.left < 0
                if hangs:
                    engine._end.wait(120)
                    self.close_connection = True
                    return
                asked = urllib.request.Request(target, body, {"Content-Type": "application/json"})
                with urllib.request.urlopen(asked, timeout=60) as answer:
                    text = answer.read()
                self.send_response(200)
                self.send_header("Content-Length", str(len(text)))
                self.end_headers()
                self.wfile.write(text)

            def log_message(self, *_: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()

    def stop(self) -> None:
        self._end.set()
        self._server.shutdown()
        self._server.server_close()


@contextmanager
def dying(home: Path, answers: int) -> Iterator[None]:
    """A node runs on this home; whoever attaches to it meets an engine that answers so often and then hangs."""
    with opened(LuyaHome.of(home)) as session:
        engine = DyingEngine(session.node.rpc.url, answers)
        file = Home(home).running
        running = RunningNode.read(Home(home))
        assert running is not None
        said = json.loads(file.read_text("utf-8")) | {"rpc_url": engine.url, "rpc_urls": [engine.url]}
        file.write_text(json.dumps(said), "utf-8")
        try:
            yield
        finally:
            engine.stop()


def found(home: Path) -> list[str]:
    """fsck's differences, told before a single question of the usual patience (60 s) would have been given up."""
    began = time.monotonic()
    done = luya("fsck", "--home", home)
    assert time.monotonic() - began < 55, done.said
    print(f"fsck answered after {time.monotonic() - began:.1f} s")
    assert done.code == 1, done.said
    assert done.answer["log_size"] > 0
    return list(done.answer["differences"])


@pytest.mark.deep
@pytest.mark.parametrize("answers", [1, 3, 6])
def test_an_engine_that_hangs_is_the_chain(ingested_home: Path, answers: int) -> None:
    with dying(ingested_home, answers):
        differences = found(ingested_home)
    assert differences
    assert all(one.startswith("chain: ") for one in differences), differences


def test_a_damaged_archive_beside_it_is_named_too(ingested_home: Path) -> None:
    with dying(ingested_home, 6):
        tile = max((ingested_home / "archive" / "tile" / "entries").rglob("*"), key=lambda path: path.is_file())
        content = bytearray(tile.read_bytes())
        content[-1] ^= 1
        tile.write_bytes(content)
        differences = found(ingested_home)
    assert {one.partition(":")[0] for one in differences} == {"chain", "archive"}, differences
