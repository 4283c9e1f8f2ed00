"""Requests on the wire: JSON-RPC 2.0's rules, and hostile input."""

from __future__ import annotations

import json
import re
import sys
from types import FrameType
from typing import Any

import pytest
from gateway_support import Door
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from chain_node.errors import CallRefused
from chain_node.gateway import wire

OK = {"jsonrpc": "2.0", "id": 1, "method": "eth_chainId", "params": []}
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(st.text(max_size=8), inner, max_size=5),
    max_leaves=30,
)


def codes(answer: Any) -> list[int]:
    return [one["error"]["code"] for one in (answer if isinstance(answer, list) else [answer])]


@pytest.mark.parametrize(
    ("body", "code", "status"),
    [
        (b"", -32700, 400),
        (b"{", -32700, 400),
        (b"\xff\xfe{}", -32700, 400),
        ('{"jsonrpc":"2.0","id":1,"method":"eth_chainId"}'.encode("utf-16"), -32700, 400),
        (b"NaN", -32700, 400),
        (b'{"jsonrpc":"2.0","id":NaN,"method":"eth_chainId"}', -32700, 400),
        (b'{"jsonrpc":"2.0","id":1e999,"method":"eth_chainId"}', -32700, 400),
        (b'{"jsonrpc":"2.0","id":' + b"9" * 5000 + b',"method":"eth_chainId"}', -32700, 400),
        (b"[" * 100_000, -32700, 400),
        (b'{"a":' * 50_000 + b"1" + b"}" * 50_000, -32700, 400),
        (b"[]", -32600, 200),
        (b"1", -32600, 200),
        (b"null", -32600, 200),
        (b'"eth_chainId"', -32600, 200),
        (b"{}", -32600, 200),
        (json.dumps([OK] * 101).encode(), -32600, 200),
        (json.dumps(OK | {"jsonrpc": "1.0"}).encode(), -32600, 200),
        (json.dumps(OK | {"id": {}}).encode(), -32600, 200),
        (json.dumps(OK | {"id": []}).encode(), -32600, 200),
        (json.dumps(OK | {"id": True}).encode(), -32600, 200),
        (json.dumps(OK | {"id": 1.5}).encode(), -32600, 200),
        (json.dumps(OK | {"id": "x" * 257}).encode(), -32600, 200),
        (json.dumps(OK | {"method": 5}).encode(), -32600, 200),
        (json.dumps(OK | {"method": ""}).encode(), -32600, 200),
        (json.dumps(OK | {"method": "x" * 129}).encode(), -32600, 200),
        (json.dumps(OK | {"params": {"a": 1}}).encode(), -32602, 200),
        (json.dumps(OK | {"params": "x"}).encode(), -32602, 200),
        (json.dumps(OK | {"method": "\ud800"}).encode(), -32601, 200),
    ],
)
def test_what_is_no_call_is_answered_so(door: Door, body: bytes, code: int, status: int) -> None:
    found, answer, _ = door.gateway.post(body, door.auditor)
    assert (found, codes(answer)) == (status, [code])


def test_ids_come_back_as_they_were(door: Door) -> None:
    for identifier in (0, -1, 2**63, "abc", "", "\ud800é\n", None):
        answer = door.gateway.post(OK | {"id": identifier})[1]
        assert answer == {"jsonrpc": "2.0", "id": identifier, "result": door.gateway.call("eth_chainId")}


def test_a_batch_is_answered_in_order_bad_elements_too(door: Door) -> None:
    batch = [OK, 1, [OK], OK | {"id": 1}, {"jsonrpc": "2.0", "method": "eth_chainId"}, OK | {"method": "no"}, {}]
    status, answers, _ = door.gateway.post(batch)
    assert status == 200
    assert [answer["id"] for answer in answers] == [1, None, None, 1, 1, None]
    assert ["error" in answer for answer in answers] == [False, True, True, False, True, True]


def test_notifications_are_not_answered(door: Door) -> None:
    silent = {"jsonrpc": "2.0", "method": "eth_chainId", "params": []}
    for body in (silent, [silent, silent], silent | {"method": "eth_nothing"}):
        assert door.gateway.post(body)[:2] == (204, None)


def test_http_is_strict(door: Door) -> None:
    gateway = door.gateway
    body = json.dumps(OK).encode()
    assert gateway.post(body, **{"Content-Type": "text/plain"})[0] == 415
    assert gateway.post(body, **{"Content-Encoding": "gzip"})[0] == 415
    assert gateway.post(b" " * (2 * 1024 * 1024 + 1))[0] == 413
    assert gateway.post(body, path="/elsewhere")[0] == 404
    assert gateway.get("/")[0] == 405
    assert gateway.get("/healthz")[0] == 200


def work(body: bytes) -> tuple[int, set[str]]:
    """How many lines of Python it takes to refuse a body, and the patterns that are matched meanwhile."""
    lines, patterns = 0, set()

    def line(_frame: FrameType, event: str, _argument: object) -> Any:
        nonlocal lines
        lines += event == "line"
        return line

    def called(_frame: FrameType, event: str, argument: Any) -> None:
        if event == "c_call" and isinstance(getattr(argument, "__self__", None), re.Pattern):
            patterns.add(argument.__self__.pattern)

    before = sys.gettrace(), sys.getprofile()
    sys.settrace(line)
    sys.setprofile(called)
    try:
        wire.parse(body, 10)
    except CallRefused:
        return lines, patterns
    finally:
        sys.setprofile(before[1])
        sys.settrace(before[0])
    raise AssertionError("it was taken")


def test_deep_text_costs_no_backtracking() -> None:
    """Neither Python's steps grow with what is refused, nor does a pattern look for its brackets and strings."""
    limit = sys.getrecursionlimit()
    sys.setrecursionlimit(100_000)  # some library raises it so: the C parser must not be what stops a nest
    try:
        for body in (
            b'"' + b'\\"' * 500_000 + b"\\",
            b'["' * 300_000,
            b"[" * 40 + b'"' * 500_001,
            (b'{"a":"' + b"\\\\" * 200_000) * 2 + b"[" * 50,
            b"[" + b"[]," * 699_000 + b"[]]",
            (b"[" * 31 + b"]" * 31 + b",") * 30_000,
        ):
            lines, patterns = work(body)
            assert lines < 300
            assert patterns <= {json.decoder.WHITESPACE.pattern}  # type: ignore[attr-defined]  # the library's own
    finally:
        sys.setrecursionlimit(limit)


@given(st.integers(1, 60), st.text(alphabet='[]{}"\\a', max_size=60))
def test_depth_is_counted_as_json_nests(depth: int, text: str) -> None:
    filler = json.dumps([text] * 5 + [[]] * 40).encode()  # so many brackets that depth is looked at
    body = b"[" * (depth - 1) + b'{"a":' + filler + b"}" + b"]" * (depth - 1)
    assert wire._deep(body) == (depth + 2 > wire.MAX_DEPTH)


def test_lists_and_objects_are_bounded() -> None:
    many = [{}] * 12_000
    assert wire.parse(json.dumps(OK | {"params": many}).encode(), 100).calls
    with pytest.raises(CallRefused, match="more than 12000 lists and objects"):
        wire.parse(json.dumps(OK | {"params": many}).encode(), 10)


def test_brackets_in_strings_are_not_depth() -> None:
    call = OK | {"params": ["[" * 1000, '\\"{' * 100]}
    found = wire.parse(json.dumps(call).encode(), 1).calls[0]
    assert isinstance(found, wire.RpcCall)
    assert found.params == call["params"]


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=300) | JSON.map(lambda value: json.dumps(value).encode()))
@example(b'[{"jsonrpc":"2.0","id":1,"method":"eth_chainId"},')
def test_any_body_is_parsed_or_refused(body: bytes) -> None:
    try:
        found = wire.parse(body, 50)
    except CallRefused as error:
        json.loads(wire.failure(b"null", error))
        return
    for call in found.calls:
        identifier = call.id
        json.loads(wire.failure(identifier or b"null", CallRefused(1, "\ud800")))


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    method=st.sampled_from(
        ["eth_call", "eth_getLogs", "eth_getBlockByNumber", "eth_getBalance", "eth_getCode", "eth_feeHistory",
         "eth_getTransactionReceipt", "eth_sendRawTransaction", "eth_subscribe", "eth_getFilterChanges",
         "eth_estimateGas", "web3_sha3", "eth_getStorageAt", "debug_traceTransaction", "debug_traceCall",
         "eth_newFilter", "eth_uninstallFilter", "eth_unsubscribe", "eth_getBlockByHash"]
    ),
    params=st.lists(JSON | st.sampled_from(["latest", "0x0", {}, {"to": "0x"}, {"topics": [[None]]}]), max_size=4),
    role=st.sampled_from(["", "oracle", "auditor", "operator"]),
)  # fmt: skip
def test_any_parameters_get_an_answer(door: Door, method: str, params: list[Any], role: str) -> None:
    """Never a crash of ours (-32603 of the door), whatever the parameters; the nodes' own errors pass."""
    token = getattr(door, role) if role else None
    body = json.dumps(OK | {"method": method, "params": params}, allow_nan=True).encode()
    status, answer, _ = door.gateway.post(body, token)
    assert status in (200, 400)
    assert ("result" in answer) != ("error" in answer)
    if "error" in answer:
        assert "the door failed" not in answer["error"]["message"]
