"""A ledger with all that can happen on it, for the auditor to follow."""

from __future__ import annotations

import random
from collections.abc import Iterator

import pytest
from node_support import CYCLING, PLATE, Batches, settings

from chain_node.node.node import Node
from chain_node.protocol.entries import Reduction, decode
from chain_node.protocol.records import Record
from chain_node.sending.sender import Tx


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
