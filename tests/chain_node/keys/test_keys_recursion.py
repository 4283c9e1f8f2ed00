"""JSON that nests deeply is refused, never a crash: no library that keys need leaves the recursion limit raised."""

from __future__ import annotations

import ast
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from chain_node.errors import RpcUnavailable
from chain_node.rpc.client import JsonRpc

ROOT = Path(__file__).parents[3]
RAISERS = {"eth_account", "eth_keyfile", "py_ecc", "web3"}
USES = {
    "signing transactions": "from chain_node.sending.signing import LegacySigner as S; S(bytes(31) + b'1', 1)",
    "a feed signer's keystore": (
        "from oracle.attest.signer import LocalSigner\ntry: LocalSigner.open({}, 'x')\nexcept Exception: pass"
    ),
    "the home's keystore": (
        "import tempfile, pathlib\nfrom chain_node.keys.keystore import Keystore\n"
        "Keystore(pathlib.Path(tempfile.mkdtemp())).chain_key('admin')"
    ),
}
DEEP = """
import sys
assert any(name in sys.modules for name in ("eth_account", "eth_keyfile")), "the library is loaded"
from chain_node.protocol import bundle_json
from chain_node.protocol.errors import BundleError
try: bundle_json.parse(b"[" * 500_000)
except BundleError as error: print(error)
"""


@pytest.mark.parametrize("use", USES)
def test_a_deep_document_is_refused_after_a_key_was_used(use: str) -> None:
    code = USES[use] + DEEP
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, f"exit {done.returncode}\n{done.stderr[-2000:]}"
    assert "not a JSON document" in done.stdout


def test_who_raises_the_limit_is_imported_only_where_it_is_held() -> None:
    for package in ("chain_node", "oracle", "api", "luya"):
        for path in (ROOT / package).rglob("*.py"):
            module = ast.parse(path.read_text("utf-8"))
            held = {
                id(node)
                for block in ast.walk(module)
                if isinstance(block, ast.With) and ast.unparse(block.items[0].context_expr) == "recursion.held()"
                for node in ast.walk(block)
            }
            for node in ast.walk(module):
                if isinstance(node, ast.ImportFrom):
                    names = {str(node.module).split(".")[0]}
                elif isinstance(node, ast.Import):
                    names = {one.name.split(".")[0] for one in node.names}
                else:
                    continue
                assert not names & RAISERS or id(node) in held, f"{path}:{node.lineno}"


class Deep(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        body = b'{"result":' + b"[" * 500_000
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def endpoint() -> Iterator[str]:
    server = HTTPServer(("127.0.0.1", 0), Deep)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def test_an_endpoint_that_answers_so_is_told_by_its_address(endpoint: str) -> None:
    rpc = JsonRpc(endpoint)
    with pytest.raises(RpcUnavailable, match=rf"{endpoint}.*not JSON"):
        rpc.call("eth_chainId")
    rpc.close()
