"""A lying endpoint: a JSON-RPC proxy between auditor and engine that changes what a test asks for."""

from __future__ import annotations

import json
import threading
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from chain_node.auditor.follow import Auditor
from chain_node.auditor.settings import AuditSettings
from chain_node.deployment.manifest import Manifest
from chain_node.engine.base import Finality

Lie = Callable[[str, list[Any], Any], Any]
"""(method, parameters, honest result) → what the auditor is told."""


class Refuses(Exception):
    """Raised by a lie: the endpoint answers with a JSON-RPC error."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code


class Away(Exception):
    """Raised by a lie: the endpoint does not answer at all."""


class Proxy:
    """The proxy; `lie` may be exchanged while it runs.

    Attributes:
        url: where it answers.
        lie: None tells the truth.
        calls: methods that were asked for.
    """

    def __init__(self, upstream: str) -> None:
        self.lie: Lie | None = None
        self.calls: list[str] = []
        proxy = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                request = urllib.request.Request(upstream, body, {"Content-Type": "application/json"})
                with urllib.request.urlopen(request, timeout=60) as answer:
                    honest = json.loads(answer.read())
                try:
                    status, data = 200, json.dumps(proxy.answer(json.loads(body), honest)).encode()
                except Away:
                    status, data = 503, b"away"
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            def log_message(self, *_args: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05})
        self._thread.start()

    def answer(self, asked: Any, honest: Any) -> Any:
        many = isinstance(asked, list)
        requests = asked if many else [asked]
        answers = {one["id"]: one for one in (honest if many else [honest])}
        for request in requests:
            self.calls.append(request["method"])
            answer = answers[request["id"]]
            if self.lie is not None and "result" in answer:
                try:
                    answer["result"] = self.lie(request["method"], request["params"], answer["result"])
                except Refuses as error:
                    del answer["result"]
                    answer["error"] = {"code": error.code, "message": str(error)}
        return list(answers.values()) if many else honest

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


@contextmanager
def proxied(upstream: str) -> Iterator[Proxy]:
    proxy = Proxy(upstream)
    try:
        yield proxy
    finally:
        proxy.close()


def audit_settings(manifest: Manifest, url: str, store: Path, **changes: Any) -> AuditSettings:
    values: dict[str, Any] = {
        "store": store,
        "rpc_urls": (url,),
        "ledger": manifest.ledger_address,
        "log_key": manifest.log_key,
        "finality": Finality("latest"),
        "sample": None,
        "retries": 1,
        "retry_seconds": 0.05,
    }
    return AuditSettings(**(values | changes))


@contextmanager
def auditor(manifest: Manifest, url: str, store: Path, **changes: Any) -> Iterator[Auditor]:
    opened = Auditor(audit_settings(manifest, url, store, **changes))
    try:
        yield opened
    finally:
        opened.close()
