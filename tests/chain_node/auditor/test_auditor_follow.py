"""The auditor on a real engine: no alarm on the truth; an exact alarm on each kind of lie."""

from __future__ import annotations

import contextlib
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from auditor_support import Lie, audit_settings, auditor, proxied
from eth_abi.abi import decode as abi_decode
from eth_abi.abi import encode as abi_encode
from node_support import CYCLING, PLATE, Batches, settings

from chain_node.archive.reader import ArchiveReader
from chain_node.auditor.events import topics
from chain_node.auditor.follow import Auditor
from chain_node.durable import Disk
from chain_node.engine.build import find_luyad
from chain_node.errors import Discrepancy
from chain_node.node import Node
from chain_node.protocol.entries import Reduction, Refusal, decode
from chain_node.protocol.records import Record
from chain_node.sender import Tx

BATCH = ("uint64", "bytes32", "bytes", "bytes", "bytes32", "bytes")


def law_and_life(node: Node) -> None:
    """Batches with refusals of several kinds, a freeze, a thaw, a revocation with a debt, a pause, new law."""
    batches = Batches(node)
    chance = random.Random(7)
    riders = list(node.registrar.enrol_many(1, [f"r{n}" for n in range(40)]).values())
    for turn in range(6):
        records = batches.records(riders)
        meals = [Record(rider, PLATE, 18_200 + turn, 38, 37, 0, 1, bytes([turn]) * 32) for rider in riders[:3]]
        nullifiers = [bytes([turn, number // 2]) * 16 for number in range(3)]
        overlapping = Record(riders[5], CYCLING, records[5].day, records[5].slot, 1, 0, 10, b"\x09" * 32)
        stranger = Record(b"\x66" * 20, CYCLING, 18_300, 3, 1, 0, 10, b"\x08" * 32)
        mixed = [*records, overlapping, stranger]
        chance.shuffle(mixed)
        at = mixed.index(records[5])
        mixed.remove(overlapping)
        mixed.insert(at + 1, overlapping)
        batches.send([*meals, *mixed], nullifiers)
        node.registrar.enrol_many(1, [f"later {turn} {n}" for n in range(3)])
    node.catch_up()
    call = node.sender("auditor").run
    ledger = node.ledger
    call([Tx(ledger.address, ledger.data("setAccountState", riders[0], 2), 900_000, "freeze")])
    batches.send(batches.records(riders[:4]))
    node.catch_up()
    size = node.archive.size
    index = next(n for n, data in enumerate(node.archive.entries()) if isinstance(decode(data), Reduction))
    proof = node.archive.inclusion(index, size)
    arguments = (index, size, node.archive.entry(index), proof, 3, b"\x05" * 32, True)
    call([Tx(ledger.address, ledger.data("revoke", *arguments), 900_000, "revoke")])
    call([Tx(ledger.address, ledger.data("setAccountState", riders[0], 1), 900_000, "thaw")])
    head = node.rpc.call("eth_getBlockByNumber", "latest", False)
    until = int(head["timestamp"], 16) + 500_000
    guard = node.sender("guardian")
    guard.run([Tx(ledger.address, ledger.data("pause", until), 900_000, "pause")])
    guard.run([Tx(ledger.address, ledger.data("unpause"), 900_000, "unpause")])
    batches.send(batches.records(riders[:7]))
    node.catch_up()


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Node]:
    with Node.open(tmp_path_factory.mktemp("home"), settings=settings()) as opened:
        law_and_life(opened)
        yield opened


def test_the_truth_raises_no_alarm(node: Node, tmp_path: Path) -> None:
    with auditor(node.manifest, node.engine.rpc_url, tmp_path) as one:
        one.once()
        assert one.counts.notes == []
        assert (one.size, one.store.root) == (node.archive.size, node.archive.checkpoint().root)  # type: ignore[union-attr]
        assert one.counts.comparisons == 1
        assert one.counts.words > 100
        assert one.counts.contradictions == 0
    own = list(ArchiveReader(tmp_path / "archive").entries())
    assert own == list(node.archive.entries())
    assert {type(decode(data)).__name__ for data in own} >= {"Refusal", "Revocation", "Pause", "Account", "Reduction"}


class Killed(OSError):
    pass


class DyingDisk(Disk):
    """The process dies at the n-th durable operation: before it, or after it."""

    def __init__(self, left: int, persisted: bool) -> None:
        self.left = left
        self.persisted = persisted

    def _die(self, operation: Any, *arguments: Any) -> None:
        self.left -= 1
        if self.left > 0:
            operation(self, *arguments)
            return
        if self.left == 0 and self.persisted:
            operation(self, *arguments)
        raise Killed

    def append(self, path: Path, data: bytes) -> None:
        self._die(Disk.append, path, data)

    def write_atomic(self, path: Path, data: bytes) -> None:
        self._die(Disk.write_atomic, path, data)


@pytest.mark.parametrize("persisted", [False, True], ids=["failed", "persisted"])
def test_killed_again_and_again(node: Node, tmp_path: Path, persisted: bool) -> None:
    deaths = 0
    while True:
        try:
            opened = Auditor(
                audit_settings(node.manifest, node.engine.rpc_url, tmp_path), disk=DyingDisk(3 + deaths % 3, persisted)
            )
        except Killed:
            deaths += 1
            continue
        try:
            opened._chain._range = 1
            opened.catch_up()
            break
        except Killed:
            deaths += 1
        finally:
            with contextlib.suppress(Killed):
                opened.close()
        assert deaths < 500
    assert deaths >= 3
    with auditor(node.manifest, node.engine.rpc_url, tmp_path) as one:
        one.once()
        assert one.store.root == node.archive.root_at(one.size)
        assert one.size == node.archive.size
        sizes = [anchor.size for anchor in one.store.anchors()]
        assert sizes == sorted(sizes)


def test_it_resumes_where_it_stood(node: Node, tmp_path: Path) -> None:
    with auditor(node.manifest, node.engine.rpc_url, tmp_path) as one:
        one.catch_up()
        size = one.size
    with auditor(node.manifest, node.engine.rpc_url, tmp_path) as one:
        assert one.size == size
        one.once()
        assert one.size == size


# --------------------------------------------------------------------------------------------------------- planted lies


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


def test_on_the_durable_engine(tmp_path: Path) -> None:
    """luyad: other block hashes, another finality, all states kept."""
    if find_luyad() is None:
        pytest.skip("luyad is not built here")
    with Node.open(tmp_path / "home", settings=settings(engine="luyad", block_time=0.5)) as node:
        batches = Batches(node)
        riders = list(node.registrar.enrol_many(1, [f"r{n}" for n in range(9)]).values())
        for _ in range(2):
            batches.send(batches.records([*riders, b"\x66" * 20]))
        node.catch_up()
        with auditor(node.manifest, node.engine.rpc_url, tmp_path / "store") as one:
            one.once()
            assert one.counts.notes == []
            assert one.counts.comparisons == 1
            assert one.store.root == node.archive.root_at(one.size)
        target = batches_of(node)[1][0] + 4
        lie = in_batch(1, node, 2, lambda records: flip(records, 64 * 4 + 31))
        assert alarm(node, tmp_path / "lied", lie).index == target


def audit_until(one: Auditor) -> None:
    while True:
        one.step()


def test_another_history(tmp_path: Path) -> None:
    """A real engine forgets blocks that were final and makes others."""
    with Node.open(tmp_path / "home", settings=settings(block_time=0.5)) as node:
        batches = Batches(node)
        riders = list(node.registrar.enrol_many(1, [f"r{n}" for n in range(5)]).values())
        for _ in range(3):
            batches.send(batches.records(riders))
        node.catch_up()
        with auditor(node.manifest, node.engine.rpc_url, tmp_path / "store") as one:
            one.catch_up()
            size = one.size
            last, _ = batches_of(node)[-1]
            assert size == last + 5
            depth = int(node.rpc.call("eth_blockNumber"), 16) - node.archive.call_of(last).block + 1  # type: ignore[union-attr]
            node.rpc.call("anvil_reorg", depth, [])
            with pytest.raises(Discrepancy) as caught:
                audit_until(one)
        assert (caught.value.index, caught.value.rule) == (last, "history")
        node.follower = None  # what it archived is no longer on the chain
