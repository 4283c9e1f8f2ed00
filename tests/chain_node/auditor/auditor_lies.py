"""Lies of an endpoint, made from what it truthfully says, and what the auditor says to them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from auditor_support import Lie, auditor, proxied
from eth_abi.abi import decode as abi_decode
from eth_abi.abi import encode as abi_encode

from chain_node.auditor.events import topics
from chain_node.errors import Discrepancy
from chain_node.node.node import Node

BATCH = ("uint64", "bytes32", "bytes", "bytes", "bytes32", "bytes")


def on_logs(change: Any) -> Lie:
    """A lie in `eth_getLogs` alone."""

    def lie(method: str, _params: list[Any], result: Any) -> Any:
        return change(result) if method == "eth_getLogs" else result

    return lie


def named(log: dict[str, Any]) -> str:
    return next(name for name, topic in topics().items() if topic == log["topics"][0])


def first_index(log: dict[str, Any]) -> int:
    return int(log["topics"][3], 16)


def batches_of(node: Node) -> list[tuple[int, int]]:
    """(first index, count) of the recorded batches."""
    return [(row.first_index, row.count) for row in node.archive.call_rows() if row.kind == 1]


def edited(log: dict[str, Any], place: int, change: Any) -> dict[str, Any]:
    fields = list(abi_decode(BATCH, bytes.fromhex(log["data"][2:])))
    fields[place] = change(fields[place])
    return log | {"data": "0x" + abi_encode(BATCH, fields).hex()}


def in_batch(number: int, node: Node, place: int, change: Any) -> Lie:
    wanted = batches_of(node)[number][0]

    def changed(logs: list[dict[str, Any]]) -> list[dict[str, Any]]:
        return [
            edited(log, place, change) if named(log) == "BatchRecorded" and first_index(log) == wanted else log
            for log in logs
        ]

    return on_logs(changed)


def alarm(node: Node, tmp_path: Path, lie: Lie, **changes: Any) -> Discrepancy:
    """What the auditor raises when it is lied to."""
    with proxied(node.engine.rpc_url) as proxy:
        proxy.lie = lie
        with auditor(node.manifest, proxy.url, tmp_path, **changes) as one, pytest.raises(Discrepancy) as caught:
            one.once()
    return caught.value


def flip(data: bytes, at: int) -> bytes:
    return data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]
