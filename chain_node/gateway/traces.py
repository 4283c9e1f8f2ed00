"""What a trace may cost a node: which tracer, how long, how much.

Without a tracer's name a node keeps every step with its stack: of a batch of 661 records some gigabytes.
"""

from __future__ import annotations

import re
from typing import Any, Final

from chain_node.errors import CallRefused
from chain_node.gateway import wire
from chain_node.gateway.params import bad
from chain_node.gateway.policy import TRACERS

MAX_BYTES: Final = 32 * 1024 * 1024
"""Of a trace by steps; luyad has the same bound for whoever asks it."""
MAX_SECONDS: Final = 20.0
_OPTIONS_AT: Final = {
    "debug_traceTransaction": 1,
    "debug_traceCall": 2,
    "debug_traceBlockByHash": 1,
    "debug_traceBlockByNumber": 1,
}
_UNITS: Final = {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0}
_DURATION: Final = re.compile(r"(?:[0-9]{1,9}(?:\.[0-9]{1,9})?(?:ns|us|µs|ms|s|m|h)){1,6}")
_PART: Final = re.compile(r"([0-9.]+)(ns|us|µs|ms|s|m|h)")


def bounded(method: str, params: list[Any]) -> list[Any]:
    """The parameters with a tracer that the node has built in, a capped timeout, and a limit where steps are kept.

    Raises:
        CallRefused: a script as tracer, an option given twice, a timeout that is none.
    """
    at = _OPTIONS_AT[method]
    for options in params[1:]:
        if isinstance(options, dict):
            _built_in(options)
    if len(params) < at:
        raise bad(f"{method} wants {at} parameters, and may have a trace's options after them")
    options = params[at] if len(params) > at and params[at] is not None else {}
    if not isinstance(options, dict):
        raise bad("a trace's options are an object")
    timeout = next((value for name, value in options.items() if name.lower() == "timeout"), None)
    limit = next((value for name, value in options.items() if name.lower() == "limit"), None)
    kept = {name: value for name, value in options.items() if name.lower() not in ("timeout", "limit")}
    kept["timeout"] = _capped(timeout)
    if by_steps(options):
        if limit is not None and (not isinstance(limit, int) or isinstance(limit, bool) or limit < 0):
            raise bad("a trace's limit is a number of bytes")
        kept["limit"] = min(limit or MAX_BYTES, MAX_BYTES)
    return [*params[:at], kept, *params[at + 1 :]]


def by_steps(options: Any) -> bool:
    """No tracer is named: the answer holds each step."""
    members = options.items() if isinstance(options, dict) else ()
    return not any(name.lower() == "tracer" and value for name, value in members)


def refuse_cut(method: str, params: list[Any], answer: bytes) -> None:
    """A trace that reached its limit was cut off by the node without a word: it is refused.

    Args:
        params: as `bounded` gave them.

    Raises:
        CallRefused: it is too large.
    """
    at = _OPTIONS_AT.get(method)
    if at is not None and len(answer) > MAX_BYTES and by_steps(params[at]):
        raise CallRefused(
            wire.LIMIT,
            f"the trace has more than {MAX_BYTES} bytes: name a tracer, such as callTracer or prestateTracer",
        )


def _capped(timeout: Any) -> str:
    if timeout is None:
        return f"{MAX_SECONDS:.0f}s"
    if not isinstance(timeout, str) or not _DURATION.fullmatch(timeout):
        raise bad("a trace's timeout is a duration such as 5s or 1m30s")
    seconds = sum(float(number) * _UNITS[unit] for number, unit in _PART.findall(timeout))
    return timeout if seconds <= MAX_SECONDS else f"{MAX_SECONDS:.0f}s"


def _built_in(options: dict[str, Any]) -> None:
    """Only tracers that the node has built in. Names are compared as Go's JSON does: without regard to case."""
    members = {name.lower(): value for name, value in options.items()}
    if len(members) != len(options):
        raise bad("a trace's options name one thing twice")
    names: list[Any] = [members["tracer"]] if members.get("tracer") is not None else []
    if names == ["muxTracer"]:
        inner = members.get("tracerconfig")
        names = list(inner) if isinstance(inner, dict) and "muxTracer" not in inner else [None]
    for name in names:
        if not isinstance(name, str) or name not in TRACERS:
            known = ", ".join(sorted(TRACERS))
            raise CallRefused(wire.UNAUTHORISED, f"the tracer is none of {known}: scripts are not run")
