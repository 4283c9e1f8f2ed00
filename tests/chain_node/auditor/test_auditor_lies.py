"""The auditor on a real engine behind a proxy that lies: an exact alarm on each kind of lie."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from auditor_lies import alarm, batches_of, first_index, flip, in_batch, named, on_logs
from auditor_support import auditor, proxied

from chain_node.auditor.events import topics
from chain_node.node.node import Node
from chain_node.protocol.entries import Reduction, Refusal, decode


def test_an_amount(node: Node, tmp_path: Path) -> None:
    position = 17
    found = alarm(node, tmp_path, in_batch(3, node, 2, lambda records: flip(records, 64 * position + 31)))
    assert found.index == batches_of(node)[3][0] + position
    assert "the receipt" in found.expected
    assert "eth_getLogs" in found.found


def test_a_root_in_the_event(node: Node, tmp_path: Path) -> None:
    found = alarm(node, tmp_path, in_batch(2, node, 1, lambda root: flip(root, 5)))
    assert (found.index, found.rule) == (batches_of(node)[2][0], "root")


def test_a_root_in_the_contract(node: Node, tmp_path: Path) -> None:
    first, count = batches_of(node)[4]
    honest = node.archive.root_at(first + count).hex()

    def lie(method: str, _params: list[Any], result: Any) -> Any:
        return result.replace(honest, "ab" * 32) if method == "eth_call" else result

    found = alarm(node, tmp_path, lie)
    assert (found.index, found.rule) == (first, "root/contract")
    assert honest in found.expected
    assert "ab" * 32 in found.found


def test_a_missing_batch(node: Node, tmp_path: Path) -> None:
    first, count = batches_of(node)[1]

    def without(logs: list[dict[str, Any]]) -> list[dict[str, Any]]:
        indexes = range(first, first + count)
        return [
            log
            for log in logs
            if not (named(log) == "BatchRecorded" and first_index(log) == first)
            and not (named(log) == "RecordRefused" and int(log["topics"][2], 16) in indexes)
        ]

    found = alarm(node, tmp_path, on_logs(without))
    assert (found.index, found.rule) == (first, "missing-entry")
    assert "the receipt" in found.expected


def test_the_newest_log_is_missing(node: Node, tmp_path: Path) -> None:
    first, count = batches_of(node)[-1]
    assert first + count == node.archive.size

    def without(logs: list[dict[str, Any]]) -> list[dict[str, Any]]:
        return [log for log in logs if named(log) != "BatchRecorded" or first_index(log) != first]

    found = alarm(node, tmp_path, on_logs(without))
    assert (found.index, found.rule) == (first, "missing-entry")
    assert (found.expected, found.found) == (f"{first} entries", f"a log of {first + count}")


def test_a_missing_entry_of_a_call(node: Node, tmp_path: Path) -> None:
    target = next(index for index, data in enumerate(node.archive.entries()) if data[0] == 0x40)

    def without(logs: list[dict[str, Any]]) -> list[dict[str, Any]]:
        return [log for log in logs if named(log) != "EntryAppended" or int(log["topics"][1], 16) != target]

    found = alarm(node, tmp_path, on_logs(without))
    assert (found.index, found.rule) == (target, "missing-entry")


@pytest.mark.parametrize("renumbered", [False, True])
def test_reordered_logs(node: Node, tmp_path: Path, renumbered: bool) -> None:
    target = [index for index, data in enumerate(node.archive.entries()) if data[0] == 0x40][7]

    def swapped(logs: list[dict[str, Any]]) -> list[dict[str, Any]]:
        for place, log in enumerate(logs[:-1]):
            if named(log) == "EntryAppended" and int(log["topics"][1], 16) == target:
                here, there = logs[place], logs[place + 1]
                if renumbered:
                    here, there = here | {"logIndex": there["logIndex"]}, there | {"logIndex": here["logIndex"]}
                return [*logs[:place], there, here, *logs[place + 2 :]]
        return logs

    found = alarm(node, tmp_path, on_logs(swapped))
    assert found.rule == ("missing-entry" if renumbered else "log-order")
    if renumbered:
        assert found.index == target


def test_another_block_hash_in_a_log(node: Node, tmp_path: Path) -> None:
    first, _ = batches_of(node)[2]

    def changed(logs: list[dict[str, Any]]) -> list[dict[str, Any]]:
        return [
            log | {"blockHash": "0x" + "cd" * 32}
            if named(log) == "BatchRecorded" and first_index(log) == first
            else log
            for log in logs
        ]

    found = alarm(node, tmp_path, on_logs(changed))
    assert (found.index, found.rule) == (first, "block-hash")


def test_another_block_hash_in_a_header(node: Node, tmp_path: Path) -> None:
    first, _ = batches_of(node)[2]
    block = node.archive.call_of(first).block  # type: ignore[union-attr]

    def lie(method: str, params: list[Any], result: Any) -> Any:
        wrong = method == "eth_getBlockByNumber" and params[0] == hex(block)
        return result | {"hash": "0x" + "cd" * 32} if wrong else result

    found = alarm(node, tmp_path, lie)
    assert found.rule in ("block-hash", "block-link")
    assert found.block in (block, block + 1)


def test_another_time(node: Node, tmp_path: Path) -> None:
    first, _ = batches_of(node)[2]
    block = node.archive.call_of(first).block  # type: ignore[union-attr]

    def lie(method: str, params: list[Any], result: Any) -> Any:
        wrong = method == "eth_getBlockByNumber" and params[0] == hex(block)
        return result | {"timestamp": hex(int(result["timestamp"], 16) + 1)} if wrong else result

    found = alarm(node, tmp_path, lie)
    assert (found.index, found.rule) == (first, "time")


def refusals(node: Node) -> list[tuple[int, Refusal]]:
    decoded = ((index, decode(data)) for index, data in enumerate(node.archive.entries()))
    return [(index, entry) for index, entry in decoded if isinstance(entry, Refusal)]


def test_a_refused_record_shown_as_accepted(node: Node, tmp_path: Path) -> None:
    for number, (target, entry) in enumerate(refusals(node)[:3]):

        def without(logs: list[dict[str, Any]], target: int = target) -> list[dict[str, Any]]:
            return [log for log in logs if named(log) != "RecordRefused" or int(log["topics"][2], 16) != target]

        found = alarm(node, tmp_path / str(number), on_logs(without))
        assert found.index == target
        assert found.rule == f"verdict/{entry.rule.label}"


def test_an_accepted_record_shown_as_refused(node: Node, tmp_path: Path) -> None:
    first, _ = batches_of(node)[1]
    target = first + 11

    def added(logs: list[dict[str, Any]]) -> list[dict[str, Any]]:
        told = []
        for log in logs:
            if named(log) == "BatchRecorded" and first_index(log) == first:
                sequence = int(log["topics"][2], 16) + 11
                refusal = log | {
                    "topics": [topics()["RecordRefused"], log["topics"][1], f"0x{target:064x}"],
                    "data": f"0x{sequence:064x}{14:064x}",
                }
                told += [refusal | {"logIndex": log["logIndex"]}, log | {"logIndex": hex(int(log["logIndex"], 16) + 1)}]
            else:
                told.append(log)
        return told

    found = alarm(node, tmp_path, on_logs(added))
    assert (found.index, found.rule) == (target, "verdict/reduction")
    assert "over-cap" in found.found


def test_a_refusal_by_another_rule(node: Node, tmp_path: Path) -> None:
    target, entry = refusals(node)[2]

    def changed(logs: list[dict[str, Any]]) -> list[dict[str, Any]]:
        return [
            log | {"data": log["data"][:-2] + "0e"}
            if named(log) == "RecordRefused" and int(log["topics"][2], 16) == target
            else log
            for log in logs
        ]

    found = alarm(node, tmp_path, on_logs(changed))
    assert (found.index, found.rule) == (target, f"verdict/{entry.rule.label}")


def test_a_forged_signature(node: Node, tmp_path: Path) -> None:
    found = alarm(node, tmp_path, in_batch(5, node, 5, lambda signed: flip(signed, 70)))
    assert found.index == batches_of(node)[5][0]
    assert "the receipt" in found.expected


def test_another_sequence(node: Node, tmp_path: Path) -> None:
    first, _ = batches_of(node)[3]

    def changed(logs: list[dict[str, Any]]) -> list[dict[str, Any]]:
        return [
            log | {"topics": [*log["topics"][:2], f"0x{1:064x}", log["topics"][3]]}
            if named(log) == "BatchRecorded" and first_index(log) == first
            else log
            for log in logs
        ]

    found = alarm(node, tmp_path, on_logs(changed))
    assert (found.index, found.rule) == (first, "sequence")


def test_a_revocation_of_another_amount(node: Node, tmp_path: Path) -> None:
    target = next(index for index, data in enumerate(node.archive.entries()) if data[0] == 0x04)
    honest = node.archive.entry(target)

    def changed(logs: list[dict[str, Any]]) -> list[dict[str, Any]]:
        return [log | {"data": log["data"].replace(honest.hex(), flip(honest, 59).hex())} for log in logs]

    found = alarm(node, tmp_path, on_logs(changed))
    assert found.index == target
    assert found.rule == "replay"


def test_a_balance_in_storage(node: Node, tmp_path: Path) -> None:
    from chain_node.auditor.compare import position

    entries = [decode(data) for data in node.archive.entries()]
    target = max(index for index, entry in enumerate(entries) if isinstance(entry, Reduction))
    account = entries[target].record.account  # type: ignore[union-attr]
    slot = position(3, int.from_bytes(account, "big")).hex()

    def lie(method: str, params: list[Any], result: Any) -> Any:
        if method != "eth_call" or slot not in params[0]["data"]:
            return result
        place = (params[0]["data"].index(slot) - 10) // 64  # words before it: an offset and a length, as in the answer
        at = 2 + 64 * place + 63
        return result[:at] + ("0" if result[at] != "0" else "1") + result[at + 1 :]

    found = alarm(node, tmp_path, lie)
    assert (found.index, found.rule) == (target, "state/account")
    assert account.hex() in found.found


def test_a_lie_that_is_told_once_is_counted(node: Node, tmp_path: Path) -> None:
    position = 17
    lie = in_batch(3, node, 2, lambda records: flip(records, 64 * position + 31))
    with proxied(node.engine.rpc_url) as proxy:
        told: list[int] = []

        def once(method: str, params: list[Any], result: Any) -> Any:
            if method != "eth_getLogs" or len(told) > 0:
                return result
            changed = lie(method, params, result)
            if changed != result:
                told.append(1)
            return changed

        proxy.lie = once
        with auditor(node.manifest, proxy.url, tmp_path) as one:
            one.once()
            assert one.counts.contradictions == 1
            assert one.size == node.archive.size
