"""The client: what an index lacks is asked for again, what is too much is cut, another endpoint takes over."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from chain_node.errors import NodeError, RpcError, RpcUnavailable
from chain_node.rpc.client import JsonRpc
from chain_node.rpc.failover import FailoverRpc, connect

Answer = Callable[[str, list[Any]], Any]


class Endpoint:
    """A JSON-RPC endpoint whose answers a test decides; it counts what it is asked."""

    def __init__(self, answer: Answer) -> None:
        self.answer = answer
        self.asked: list[str] = []
        self.most = 1_000_000
        self.stopped = False
        endpoint = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                if endpoint.stopped:
                    self.close_connection = True
                    return
                status, value = endpoint.respond(body)
                text = json.dumps(value).encode()
                self.send_response(status)
                self.send_header("Content-Length", str(len(text)))
                self.end_headers()
                self.wfile.write(text)

            def log_message(self, *_: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, args=(0.01,), daemon=True).start()

    def respond(self, body: bytes) -> tuple[int, Any]:
        if len(body) > self.most:
            return 413, "too large"
        request = json.loads(body)
        if isinstance(request, list):
            return 200, [self.one(call) for call in request]
        return 200, self.one(request)

    def one(self, call: dict[str, Any]) -> dict[str, Any]:
        self.asked.append(call["method"])
        value = self.answer(call["method"], call["params"])
        head = {"jsonrpc": "2.0", "id": call["id"]}
        return head | ({"error": value.args[0]} if isinstance(value, Exception) else {"result": value})

    def stop(self) -> None:
        self.stopped = True
        self.server.shutdown()
        self.server.server_close()


@contextmanager
def endpoints(*answers: Answer) -> Iterator[list[Endpoint]]:
    made = [Endpoint(answer) for answer in answers]
    try:
        yield made
    finally:
        for one in made:
            one.stop()


def error(message: str, code: int = -32000) -> Exception:
    return Exception({"code": code, "message": message})


def chain(head: int, chain_id: int = 5) -> Answer:
    def answer(method: str, _params: list[Any]) -> Any:
        return {"eth_chainId": hex(chain_id), "eth_blockNumber": hex(head)}.get(method, f"{method} at {head}")

    return answer


# --- one endpoint


def test_index_lag_is_waited_for() -> None:
    turns = iter(range(100))

    def answer(_method: str, params: list[Any]) -> Any:
        if params == ["late"] and next(turns) < 3:
            return error("failed to get block result from comet block")
        return params[0]

    with endpoints(answer) as [one], JsonRpc(one.url) as rpc:
        assert rpc.batch([("m", ["a"]), ("m", ["late"]), ("m", ["b"])]) == ["a", "late", "b"]
        assert len(one.asked) == 6, "only what lagged is asked for again"


def test_index_lag_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("chain_node.rpc.client.LAG_PATIENCE", 0.2)
    with (
        endpoints(lambda _m, _p: error("header not found")) as [one],
        JsonRpc(one.url) as rpc,
        pytest.raises(RpcUnavailable, match="index does not follow"),
    ):
        rpc.call("m")


def test_other_errors_are_told_at_once() -> None:
    with endpoints(lambda _m, _p: error("no such thing", -32601)) as [one], JsonRpc(one.url) as rpc:
        with pytest.raises(RpcError) as caught:
            rpc.call("m")
        assert caught.value.code == -32601
        assert len(one.asked) == 1


def test_a_question_that_is_too_large_is_halved() -> None:
    with endpoints(lambda _m, params: params[0]) as [one], JsonRpc(one.url) as rpc:
        one.most = 2_000
        values = ["x" * 300 + str(at) for at in range(40)]
        assert rpc.batch([("m", [value]) for value in values]) == values
        assert len(one.asked) == 40
        with pytest.raises(RpcError, match="too large"):
            rpc.call("m", "y" * 3_000)


def test_an_answer_that_is_too_large_is_asked_for_in_parts() -> None:
    """As go-ethereum does: what fits is answered, the rest of the batch is 'response too large'."""
    with endpoints(lambda _m, params: params[0]) as [one], JsonRpc(one.url) as rpc:
        plain = one.respond

        def respond(body: bytes) -> tuple[int, Any]:
            status, value = plain(body)
            if isinstance(value, list):
                for answer in value[3:]:
                    answer.pop("result")
                    answer["error"] = {"code": -32003, "message": "response too large"}
            return status, value

        one.respond = respond  # type: ignore[method-assign]
        assert rpc.batch([("m", [at]) for at in range(20)]) == list(range(20))


# --- several


def test_the_next_takes_over_and_stays() -> None:
    with endpoints(chain(10), chain(11)) as [first, second], connect([first.url, second.url], chain_id=5) as rpc:
        assert rpc.call("x") == "x at 10"
        assert (rpc.url, rpc.generation) == (first.url, 0)
        first.stop()
        assert rpc.call("x") == "x at 11"
        assert (rpc.url, rpc.generation) == (second.url, 1)
        second.stop()
        with pytest.raises(RpcUnavailable, match=r"does not answer.*does not answer"):
            rpc.call("x")


def test_transactions_go_to_all_and_one_that_is_away_is_no_matter() -> None:
    with endpoints(chain(10), chain(10), chain(10)) as [first, second, third]:
        third.stop()
        with FailoverRpc([first.url, second.url, third.url]) as rpc:
            assert rpc.broadcast([("send", [1])]) == ["send at 10"]
            assert first.asked == second.asked == ["send"]
            rpc.call("read")
            assert second.asked == ["send"], "reading asks one"


def test_one_that_lags_is_left() -> None:
    with endpoints(chain(10), chain(11), chain(40)) as [first, second, third]:
        with FailoverRpc([first.url, second.url, third.url]) as rpc:
            assert rpc.reconsider()
            assert rpc.url == third.url
            assert not rpc.reconsider()
        with FailoverRpc([first.url, second.url]) as rpc:
            assert not rpc.reconsider(), "a block is no lag"
            assert rpc.url == first.url


def test_another_chain_is_never_asked() -> None:
    with (
        endpoints(chain(10, 5), chain(10, 6)) as [ours, other],
        FailoverRpc([ours.url, other.url], chain_id=5) as rpc,
    ):
        rpc.broadcast([("send", [1])])
        assert other.asked == ["eth_chainId"]
        ours.stop()
        with pytest.raises(RpcUnavailable, match="is of chain 6, not 5"):
            rpc.call("x")
        assert "x" not in other.asked


def test_no_address() -> None:
    with pytest.raises(NodeError, match="no JSON-RPC address"):
        connect([])
