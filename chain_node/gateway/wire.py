"""JSON-RPC 2.0 on the wire: requests parsed within limits, answers and errors written.

Results stay bytes from node to caller, so that a large answer is neither parsed nor written again.
"""

from __future__ import annotations

import json
import math
import re
from dataclasses import dataclass
from typing import Any, Final, NoReturn

from chain_node.errors import CallRefused

PARSE_ERROR: Final = -32700
INVALID_REQUEST: Final = -32600
METHOD_NOT_FOUND: Final = -32601
INVALID_PARAMS: Final = -32602
INTERNAL: Final = -32603
UNAVAILABLE: Final = -32002
REJECTED: Final = -32003
LIMIT: Final = -32005
UNAUTHORISED: Final = 4100
"""EIP-1193's: the requested method or account has not been authorised. Clients do not retry it."""

MAX_DEPTH: Final = 32
_MAX_ID_CHARS: Final = 256
_MAX_METHOD_CHARS: Final = 128
_BRACKETS: Final = 10_000
_BRACKETS_A_CALL: Final = 200
"""Lists and objects cost most to read: so many are taken in a request, and so many more for each call of a batch."""
_ONE_KIND: Final = bytes.maketrans(b"{}", b"[]")
_NO_BRACKETS: Final = bytes(set(range(256)) - set(b"[]{}"))
_HEAD: Final = re.compile(rb'\s*\{\s*"jsonrpc"\s*:\s*"2\.0"\s*,\s*"id"\s*:\s*[0-9]+\s*,\s*"result"\s*:\s*', re.DOTALL)


@dataclass(frozen=True, slots=True)
class RpcCall:
    """One call. id: as JSON, None for a notification; params: positional."""

    id: bytes | None
    method: str
    params: list[Any]


@dataclass(frozen=True, slots=True)
class Malformed:
    """An element of a request that is no call: the error that answers it, with its id where it could be read."""

    id: bytes
    refusal: CallRefused


@dataclass(frozen=True, slots=True)
class Request:
    """What a body holds. batch: it was a list, so the answer is one."""

    calls: tuple[RpcCall | Malformed, ...]
    batch: bool


@dataclass(frozen=True, slots=True)
class Reply:
    """What a node answered: result as JSON bytes, or error as its object."""

    result: bytes | None
    error: dict[str, Any] | None = None


def parse(body: bytes, max_batch: int) -> Request:
    """The calls in a body.

    Args:
        body: within the size limit already.
        max_batch: most calls in a batch.

    Raises:
        CallRefused: it is not JSON, is nested too deeply, holds too many lists and objects, is an empty or too long
            batch: one error answers all.
    """
    value = _decode(body, _BRACKETS + _BRACKETS_A_CALL * max_batch)
    if not isinstance(value, list):
        return Request((_call(value),), batch=False)
    if not value:
        raise CallRefused(INVALID_REQUEST, "the batch is empty")
    if len(value) > max_batch:
        raise CallRefused(INVALID_REQUEST, f"the batch has {len(value)} calls, at most {max_batch} are taken at once")
    return Request(tuple(_call(item) for item in value), batch=True)


def _decode(body: bytes, most: int) -> Any:
    brackets = body.count(b"[") + body.count(b"{")
    if brackets > most:
        raise CallRefused(PARSE_ERROR, f"more than {most} lists and objects", status=400)
    if brackets > MAX_DEPTH and _deep(body):
        raise CallRefused(PARSE_ERROR, f"nested more than {MAX_DEPTH} levels deep, or not closed", status=400)
    try:
        return _DECODER.decode(body.decode("utf-8"))
    except (ValueError, RecursionError) as error:
        raise CallRefused(PARSE_ERROR, f"not JSON: {_short(str(error))}", status=400) from None


def _deep(body: bytes) -> bool:
    """Brackets outside strings are nested too deeply, or do not pair. No step here is Python's for each bracket."""
    # without escapes every quote begins or ends a string; one that stays open swallows the rest
    outside = b"".join(body.replace(b"\\\\", b"").replace(b'\\"', b"").split(b'"')[::2])
    left = outside.translate(_ONE_KIND, _NO_BRACKETS)
    for _ in range(MAX_DEPTH):  # each time the innermost pairs go
        left = left.replace(b"[]", b"")
    return bool(left)


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


def _finite(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise ValueError(f"the number {text[:20]} is out of range")
    return value


_DECODER: Final = json.JSONDecoder(parse_constant=_refuse_constant, parse_float=_finite)


def _call(item: Any) -> RpcCall | Malformed:
    if not isinstance(item, dict):
        return _malformed(b"null", "a call is a JSON object")
    identifier = _id(item)
    if identifier is None and "id" in item:
        return _malformed(b"null", "an id is a string, an integer or null")
    shown = identifier or b"null"
    if item.get("jsonrpc") != "2.0":
        return _malformed(shown, 'a call has "jsonrpc":"2.0"')
    method = item.get("method")
    if not isinstance(method, str) or not 0 < len(method) <= _MAX_METHOD_CHARS:
        return _malformed(shown, "a call has a method, which is a string")
    params = item.get("params")
    if params is None:
        params = []
    elif not isinstance(params, list):
        return Malformed(shown, CallRefused(INVALID_PARAMS, "params are a list: Ethereum's methods take no named ones"))
    return RpcCall(identifier, method, params)


def _malformed(identifier: bytes, message: str) -> Malformed:
    return Malformed(identifier, CallRefused(INVALID_REQUEST, message))


def _id(item: dict[str, Any]) -> bytes | None:
    """The id as JSON; None where there is none, or where it is none that JSON-RPC allows."""
    if "id" not in item:
        return None
    value = item["id"]
    if value is None:
        return b"null"
    if isinstance(value, str):
        return json.dumps(value).encode() if len(value) <= _MAX_ID_CHARS else None
    if isinstance(value, int) and not isinstance(value, bool) and value.bit_length() <= 256:
        return b"%d" % value
    return None


def result(identifier: bytes, value: bytes) -> bytes:
    """The answer with a result."""
    return b'{"jsonrpc":"2.0","id":%b,"result":%b}' % (identifier, value)


def failure(identifier: bytes, refusal: CallRefused) -> bytes:
    """The answer with an error."""
    error: dict[str, Any] = {"code": refusal.code, "message": refusal.message}
    if refusal.data is not None:
        error["data"] = refusal.data
    return b'{"jsonrpc":"2.0","id":%b,"error":%b}' % (identifier, dumps(error))


def dumps(value: Any) -> bytes:
    """Compact JSON in ASCII, so that a lone surrogate in a string survives."""
    return json.dumps(value, separators=(",", ":")).encode("ascii")


def loads(raw: bytes) -> Any:
    """JSON of a node. Raises ValueError: it is none."""
    try:
        return json.loads(raw)
    except RecursionError as error:
        raise ValueError("nested too deeply") from error


def request(method: str, params: list[Any], identifier: int = 1) -> bytes:
    """A call for a node."""
    return b'{"jsonrpc":"2.0","id":%d,"method":%b,"params":%b}' % (identifier, dumps(method), dumps(params))


def reply(body: bytes) -> Reply:
    """A node's answer.

    The usual order of members is cut out as it stands; every other is parsed.

    Raises:
        ValueError: it is no JSON-RPC answer.
    """
    head = _HEAD.match(body)
    if head is not None:
        end = body.rstrip()
        if end.endswith(b"}") and len(end) > head.end():
            return Reply(end[head.end() : -1])
    value = loads(body)
    if not isinstance(value, dict):
        raise ValueError("not an object")
    error = value.get("error")
    if error is not None:
        if not isinstance(error, dict):
            raise ValueError("its error is no object")
        return Reply(None, error)
    if "result" not in value:
        raise ValueError("neither result nor error")
    return Reply(dumps(value["result"]))


def _short(text: str) -> str:
    return text if len(text) <= 120 else text[:117] + "…"
