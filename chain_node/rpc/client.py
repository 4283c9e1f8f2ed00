"""A JSON-RPC client over plain HTTP: single calls and batches, on connections that stay open.

web3.py stays for those who read the chain from outside; here its batches refuse raw transactions and its decoding costs
too much per record, so the node posts JSON-RPC itself.
"""

from __future__ import annotations

import base64
import contextlib
import http.client
import json
import select
import socket
import ssl
import threading
import time
from collections.abc import Iterator, Sequence
from typing import Any, Final
from urllib.parse import unquote, urlsplit

from chain_node.errors import NodeError, RpcError, RpcUnavailable

MAX_BATCH: Final = 500
"""Calls in one JSON-RPC batch (CometBFT engines take 1,000)."""
LAG_PATIENCE: Final = 15.0
"""Seconds for which an answer is asked for again that the endpoint's index does not have yet."""
_GLANCE: Final = 0.5
"""Seconds between looks at whether an endpoint that is slow to answer lives."""
_LAG: Final = (
    "from comet block",
    "comet block not found",
    "header not found",
    "block result",
    "is not available, lowest",
    "please wait for first block",
)
"""What engines say of a block that they have made and not yet indexed."""
_TOO_LARGE: Final = ("response too large", "batch too large", "request entity too large", "batch size limit")


class JsonRpc:
    """A client for one endpoint; safe to share between threads (each has its own connection).

    Args:
        url: http or https, credentials allowed in it.
        timeout: seconds without an answer after which `RpcUnavailable` is raised.
        silence: seconds without any sign of life after which it is raised, at once from then on; a question that takes
            long is waited for as long as the endpoint answers another one meanwhile. None: only `timeout` counts.

    Attributes:
        patience: seconds for which one that cannot be reached is asked again first; nothing is harmed by asking twice.
    """

    def __init__(self, url: str, *, timeout: float = 60.0, silence: float | None = None) -> None:
        self.patience = 0.0
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise NodeError(f"not a JSON-RPC address: {url!r} (expected http://host:port)")
        self.url = url
        self._secure = parts.scheme == "https"
        self._host = parts.hostname
        self._port = parts.port or (443 if self._secure else 80)
        self._path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        self._headers = {"Content-Type": "application/json"}
        if parts.username is not None:
            pair = f"{unquote(parts.username)}:{unquote(parts.password or '')}".encode()
            self._headers["Authorization"] = "Basic " + base64.b64encode(pair).decode()
        self._timeout = timeout
        self._silence = silence
        self._dead = False
        self._next_id = 1
        self._free: list[http.client.HTTPConnection] = []
        self._guard = threading.Lock()
        self._closed = False

    def call(self, method: str, *params: Any) -> Any:
        """One call.

        Raises:
            RpcError: the endpoint answered with an error.
            RpcUnavailable: it did not answer.
        """
        outcome = self._patiently([(method, params)])[0]
        if isinstance(outcome, RpcError):
            raise outcome
        return outcome

    def batch(self, calls: Sequence[tuple[str, Sequence[Any]]]) -> list[Any]:
        """Many calls; the results in their order, each a value or the `RpcError` it met (not raised).

        Raises:
            RpcUnavailable: the endpoint did not answer.
        """
        results: list[Any] = []
        for start in range(0, len(calls), MAX_BATCH):
            results += self._patiently(calls[start : start + MAX_BATCH])
        return results

    def broadcast(self, calls: Sequence[tuple[str, Sequence[Any]]]) -> list[Any]:
        """As `batch`, for transactions: to every endpoint where there are several, the answers being the first's."""
        return self.batch(calls)

    @property
    def generation(self) -> int:
        """Changes whenever another endpoint has taken over: its pool may not hold what was sent to the last one."""
        return 0

    def reconsider(self) -> bool:
        """Look for an endpoint that is further than this one; True when it has changed."""
        return False

    def _patiently(self, calls: Sequence[tuple[str, Sequence[Any]]]) -> list[Any]:
        """The outcomes, where the endpoint's index lags behind its blocks asked for again."""
        outcomes = self._split(calls)
        deadline = time.monotonic() + LAG_PATIENCE
        pause = 0.05
        while lagging := [at for at, outcome in enumerate(outcomes) if is_lag(outcome)]:
            if time.monotonic() > deadline:
                behind: RpcError = outcomes[lagging[0]]
                raise RpcUnavailable(f"{self.url}: its index does not follow its blocks: {behind}")
            time.sleep(pause)
            pause = min(2 * pause, 1.0)
            again = self._split([calls[at] for at in lagging])
            for at, outcome in zip(lagging, again, strict=True):
                outcomes[at] = outcome
        return outcomes

    def _split(self, calls: Sequence[tuple[str, Sequence[Any]]]) -> list[Any]:
        """The outcomes; in halves where the endpoint finds question or answer too large."""
        outcomes = self._round(calls)
        large = [at for at, outcome in enumerate(outcomes) if _says(outcome, _TOO_LARGE)]
        if not large or len(calls) == 1:
            return outcomes
        half = (len(large) + 1) // 2
        parts = [large] if len(large) < len(calls) else [large[:half], large[half:]]
        for part in parts:
            for at, outcome in zip(part, self._split([calls[at] for at in part]), strict=True):
                outcomes[at] = outcome
        return outcomes

    def _round(self, calls: Sequence[tuple[str, Sequence[Any]]]) -> list[Any]:
        """One exchange."""
        if not calls:
            return []
        with self._guard:
            first = self._next_id
            self._next_id += len(calls)
        request = [
            {"jsonrpc": "2.0", "id": first + position, "method": method, "params": list(params)}
            for position, (method, params) in enumerate(calls)
        ]
        answers = self._reach(request[0] if len(calls) == 1 else request)
        if isinstance(answers, dict):  # of a single call; or the endpoint refused the batch as a whole
            answers = [dict(answers, id=first + position) for position in range(len(calls))]
        if not isinstance(answers, list) or not all(isinstance(answer, dict) for answer in answers):
            raise RpcUnavailable(f"{self.url}: the answer to {calls[0][0]} is not JSON-RPC")
        by_id = {answer.get("id"): answer for answer in answers}
        outcomes = []
        for position, (method, _params) in enumerate(calls):
            answer = by_id.get(first + position)
            if answer is None:
                raise RpcUnavailable(f"{self.url}: no answer to call {position} ({method}) of a batch")
            outcomes.append(_outcome(method, answer))
        return outcomes

    def close(self) -> None:
        """Close all connections; idempotent."""
        with self._guard:
            self._closed = True
            for connection in self._free:
                connection.close()
            self._free.clear()

    def __enter__(self) -> JsonRpc:
        return self

    def __exit__(self, *_exc: object) -> None:
        self.close()

    @contextlib.contextmanager
    def _connection(self) -> Iterator[http.client.HTTPConnection]:
        with self._guard:
            connection = self._free.pop() if self._free else None
        if connection is None:
            pause = self._timeout if self._silence is None else self._silence
            if self._secure:
                context = ssl.create_default_context()
                connection = http.client.HTTPSConnection(self._host, self._port, timeout=pause, context=context)
            else:
                connection = http.client.HTTPConnection(self._host, self._port, timeout=pause)
        try:
            yield connection
        except BaseException:
            connection.close()
            raise
        with self._guard:
            if self._closed:
                connection.close()
            else:
                self._free.append(connection)

    def _reach(self, payload: Any) -> Any:
        deadline = time.monotonic() + self.patience
        while True:
            try:
                return self._post(payload)
            except RpcUnavailable:
                if self._closed or time.monotonic() >= deadline:
                    raise
            time.sleep(0.2)

    def _post(self, payload: Any) -> Any:
        if self._dead:
            raise RpcUnavailable(f"{self.url} has stopped answering")
        body = json.dumps(payload, separators=(",", ":")).encode()
        for attempt in (0, 1):
            try:
                with self._connection() as connection:
                    reused = connection.sock is not None
                    try:
                        status, text = self._exchange(connection, body)
                    except (http.client.RemoteDisconnected, ConnectionResetError, BrokenPipeError):
                        # a kept connection may have been closed by the other side while idle: try a new one, once
                        if reused and attempt == 0:
                            raise _Stale from None
                        raise
            except _Stale:
                self._drop_idle()
                continue
            except (OSError, http.client.HTTPException) as error:
                self._dead = self._silence is not None and isinstance(error, TimeoutError)
                raise RpcUnavailable(f"{self.url} does not answer: {error or type(error).__name__}") from error
            return self._parse(status, text)
        raise RpcUnavailable(f"{self.url} closes every connection")

    def _exchange(self, connection: http.client.HTTPConnection, body: bytes) -> tuple[int, bytes]:
        if connection.sock is None:
            connection.connect()
            # typeshed knows the attribute only before `connect`
            opened: Any = connection.sock
            opened.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection.request("POST", self._path, body, self._headers)
        if self._silence is None:
            response = connection.getresponse()
            return response.status, response.read()
        opened = connection.sock
        self._wait_for(opened, self._silence)
        deadline = time.monotonic() + self._timeout
        response = connection.getresponse()
        pieces = []
        while piece := response.read1(65_536):
            pieces.append(piece)
            if time.monotonic() > deadline:
                raise TimeoutError(f"the answer was not whole after {self._timeout:.0f} s")
        response.close()  # `read1` does not, and the connection could not be used again
        return response.status, b"".join(pieces)

    def _wait_for(self, opened: socket.socket, silence: float) -> None:
        """Until an answer begins.

        Raises:
            TimeoutError: none does, and no other question is answered either.
        """
        ready = select.poll()
        ready.register(opened, select.POLLIN)
        alive = asked = time.monotonic()
        while not ready.poll(_GLANCE * 1000):
            now = time.monotonic()
            if now - asked > self._timeout or now - alive > silence:
                raise TimeoutError(f"no answer, and no sign of life for {now - alive:.0f} s")
            with contextlib.suppress(NodeError), JsonRpc(self.url, timeout=min(1.0, silence)) as another:
                another.call("eth_chainId")
                alive = time.monotonic()

    def _drop_idle(self) -> None:
        with self._guard:
            for connection in self._free:
                connection.close()
            self._free.clear()

    def _parse(self, status: int, text: bytes) -> Any:
        if status == 413:
            return {"error": {"code": -32600, "message": "request entity too large"}}
        try:
            return json.loads(text)
        except (ValueError, RecursionError):
            start = text[:200].decode("utf-8", "replace")
            raise RpcUnavailable(f"{self.url}: HTTP {status}, not JSON: {start!r}") from None


def is_lag(outcome: Any) -> bool:
    """An error by which an endpoint says that it has not indexed a block yet."""
    return _says(outcome, _LAG)


def _says(outcome: Any, words: Sequence[str]) -> bool:
    return isinstance(outcome, RpcError) and any(word in outcome.message.lower() for word in words)


class _Stale(Exception):
    """A kept connection was closed by the other side."""


def _outcome(method: str, answer: dict[str, Any]) -> Any:
    try:
        return _result(method, answer)
    except RpcError as error:
        return error


def _result(method: str, answer: dict[str, Any]) -> Any:
    error = answer.get("error")
    if error is None:
        return answer.get("result")
    raise RpcError(method, int(error.get("code", 0)), str(error.get("message", "")), _revert_data(error.get("data")))


def _revert_data(data: Any) -> bytes | None:
    """Revert data, which engines put in different places."""
    if isinstance(data, dict):
        data = data.get("data") or data.get("result")
    if isinstance(data, str) and data.startswith("0x"):
        with contextlib.suppress(ValueError):
            return bytes.fromhex(data[2:])
    return None


def to_bytes(value: str) -> bytes:
    """JSON-RPC data → bytes."""
    return bytes.fromhex(value[2:] if value.startswith("0x") else value)


def to_hex(value: bytes) -> str:
    """bytes → JSON-RPC data."""
    return "0x" + value.hex()
