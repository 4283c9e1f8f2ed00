"""A stand-in for a durable engine: a process of its own that answers JSON-RPC and keeps its height on disk.

It does what tests ask of it through files in its folder: `halt` (no more blocks), `silent` (takes calls, never
answers), `torn` (refuses to start until it was rolled back), `broken` (never starts again).
"""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from chain_node.engine.base import Finality, Health, Limits, probe
from chain_node.engine.process import Child, free_ports, tail
from chain_node.errors import EngineError, NodeError
from chain_node.rpc.client import JsonRpc
from chain_node.storage.durable import make_dir

BLOCK_TIME = 0.1


class InsecureEngine:
    """Follows `chain_node.engine.base.Engine`."""

    name = "insecure"
    finality = Finality("latest")
    limits = Limits()

    def __init__(self, folder: Path) -> None:
        make_dir(folder)
        self.folder = folder
        self.fresh = False
        self.mended = ""
        self.starts = 0
        self._port = free_ports(1)[0]
        self._child: Child | None = None

    @property
    def rpc_url(self) -> str:
        if self._child is None:
            raise EngineError("the engine is not running")  # as luyad's
        return f"http://127.0.0.1:{self._port}"

    @property
    def rpc_urls(self) -> tuple[str, ...]:
        return (self.rpc_url,)

    @property
    def pid(self) -> int | None:
        return self._child.pid if self._child else None

    def start(self) -> None:
        self.starts += 1
        self.mended = ""
        if (self.folder / "torn").exists():
            (self.folder / "torn").unlink()
            self.mended = "one block back"
        log = self.folder / "log"
        self._child = Child([sys.executable, __file__, str(self.folder), str(self._port)], log)
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline and self._child.exit_code is None:
            if self.ready():
                return
            time.sleep(0.02)
        said = tail(log)
        self.stop()
        raise EngineError(f"did not start: {said}")

    def ready(self) -> bool:
        try:
            with JsonRpc(self.rpc_url, timeout=1) as rpc:
                return int(rpc.call("eth_chainId"), 16) == 7
        except NodeError:
            return False

    def health(self) -> Health:
        with JsonRpc(self.rpc_url, timeout=1) as rpc:
            return probe(rpc, self.finality)

    def stop(self) -> None:
        if self._child is not None:
            self._child.end(signal.SIGKILL, 5)
            self._child = None

    def backup(self, folder: Path) -> None:
        raise EngineError("never")


def serve(folder: Path, port: int) -> None:
    """The process itself."""
    if (folder / "broken").exists():
        sys.exit("panic: the database is broken")
    height_file = folder / "height"
    height = [int(height_file.read_text()) if height_file.exists() else 0, int(time.time())]

    def make_blocks() -> None:
        while True:
            time.sleep(BLOCK_TIME)
            if not (folder / "halt").exists():
                height[0] += 1
                height[1] = int(time.time()) + int((folder / "skew").read_text() if (folder / "skew").exists() else 0)
                height_file.write_text(str(height[0]))

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            while (folder / "silent").exists():
                time.sleep(0.05)
            results: dict[str, Any] = {
                "eth_chainId": "0x7",
                "eth_blockNumber": hex(height[0]),
                "eth_getBlockByNumber": {"number": hex(height[0]), "timestamp": hex(height[1])},
                "net_peerCount": "0x0",
            }
            body = json.dumps({"jsonrpc": "2.0", "id": asked["id"], "result": results[asked["method"]]}).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_arguments: Any) -> None:
            pass

    threading.Thread(target=make_blocks, daemon=True).start()
    ThreadingHTTPServer(("127.0.0.1", port), Handler).serve_forever()


if __name__ == "__main__":
    os.nice(5)
    serve(Path(sys.argv[1]), int(sys.argv[2]))
