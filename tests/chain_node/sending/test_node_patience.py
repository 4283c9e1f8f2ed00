"""A client that is told to wait for an endpoint which is away for a moment."""

from __future__ import annotations

import json
import threading
import time
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from chain_node.engine.process import free_ports
from chain_node.errors import RpcUnavailable
from chain_node.rpc.client import JsonRpc


class Seven(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        answer = json.dumps({"jsonrpc": "2.0", "id": asked["id"], "result": "0x7"}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *_arguments: object) -> None:
        pass


def test_one_that_comes_back_is_waited_for() -> None:
    (port,) = free_ports(1)
    with JsonRpc(f"http://127.0.0.1:{port}") as rpc:
        with pytest.raises(RpcUnavailable):
            rpc.call("eth_chainId")
        rpc.patience = 30.0

        def come_back() -> None:
            time.sleep(0.5)
            with HTTPServer(("127.0.0.1", port), Seven) as server:
                server.handle_request()

        thread = threading.Thread(target=come_back)
        thread.start()
        assert rpc.call("eth_chainId") == "0x7"
        thread.join()
