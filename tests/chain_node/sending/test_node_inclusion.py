"""Receipts by following blocks: nothing pending is asked for, and a block that is not indexed yet is come back to."""

from __future__ import annotations

from typing import Any

from chain_node.errors import RpcError
from chain_node.rpc.client import JsonRpc
from chain_node.sending.inclusion import Inclusion

ADDRESS = "0x" + "11" * 20


class Chain(JsonRpc):
    """Blocks as a test lists them: number → transaction hashes; counts what it is asked."""

    def __init__(self, blocks: dict[int, list[str]], head: int) -> None:
        super().__init__("http://127.0.0.1:1")
        self.blocks = blocks
        self.head = head
        self.asked: dict[str, int] = {}
        self.unindexed: set[int] = set()
        self.by_block = True
        self.states = True

    def batch(self, calls: Any) -> list[Any]:
        return [self._one(method, *params) for method, params in calls]

    def _one(self, method: str, first: Any, second: Any = None) -> Any:
        self.asked[method] = self.asked.get(method, 0) + 1
        if method == "eth_getBlockByNumber":
            number = int(first, 16)
            return {"transactions": self.blocks.get(number, [])} if number <= self.head else None
        if method == "eth_getBlockReceipts":
            if not self.by_block:
                return RpcError(method, -32601, "the method does not exist")
            number = int(first, 16)
            hashes = self.blocks[number]
            return [receipt(one, number) for one in (hashes[:-1] if number in self.unindexed else hashes)]
        if method == "eth_getTransactionReceipt":
            number = next(number for number, hashes in self.blocks.items() if first in hashes)
            return None if number in self.unindexed else receipt(first, number)
        assert method == "eth_getTransactionCount"
        assert first == ADDRESS
        if not self.states:
            return RpcError(method, -32000, "missing trie node")
        return hex(sum(len(hashes) for number, hashes in self.blocks.items() if number <= int(second, 16)))


def receipt(tx_hash: str, number: int) -> dict[str, Any]:
    return {"transactionHash": tx_hash, "blockNumber": hex(number), "status": "0x1", "gasUsed": "0x1"}


def test_found_in_their_blocks_each_looked_at_once() -> None:
    chain = Chain({3: ["a", "b"], 5: ["x", "c"]}, head=9)
    inclusion = Inclusion(chain, ADDRESS, 1)
    assert [(m.tx_hash, m.block) for m in inclusion.look({"a", "b"}, 0, 4)] == [("a", 3), ("b", 3)]
    assert inclusion.look({"c"}, 2, 4) == []
    assert [(m.tx_hash, m.block) for m in inclusion.look({"c"}, 2, 9)] == [("c", 5)]
    assert chain.asked["eth_getBlockByNumber"] <= 4 + 5
    assert chain.asked["eth_getBlockReceipts"] == 2
    assert "eth_getTransactionReceipt" not in chain.asked


def test_a_block_that_is_not_indexed_is_come_back_to() -> None:
    chain = Chain({3: ["a", "b"], 4: ["c"]}, head=9)
    chain.unindexed = {3}
    inclusion = Inclusion(chain, ADDRESS, 1)
    assert inclusion.look({"a", "b", "c"}, 0, 9) == [], "nothing after it either: its turn comes first"
    assert inclusion.next_block == 3
    chain.unindexed = set()
    assert [m.tx_hash for m in inclusion.look({"a", "b", "c"}, 0, 9)] == ["a", "b", "c"]


def test_a_node_that_is_behind_is_waited_for() -> None:
    chain = Chain({5: ["a"]}, head=4)
    inclusion = Inclusion(chain, ADDRESS, 1)
    assert inclusion.look({"a"}, 0, 6) == []
    assert inclusion.next_block == 5
    chain.head = 6
    assert [m.block for m in inclusion.look({"a"}, 0, 6)] == [5]


def test_few_of_many_are_asked_one_by_one() -> None:
    chain = Chain({2: [f"x{at}" for at in range(50)] + ["a"]}, head=2)
    assert [m.tx_hash for m in Inclusion(chain, ADDRESS, 1).look({"a"}, 0, 2)] == ["a"]
    assert chain.asked["eth_getTransactionReceipt"] == 1
    assert "eth_getBlockReceipts" not in chain.asked


def test_an_engine_without_block_receipts() -> None:
    chain = Chain({2: ["a"], 3: ["b"]}, head=3)
    chain.by_block = False
    inclusion = Inclusion(chain, ADDRESS, 1)
    assert [m.tx_hash for m in inclusion.look({"a", "b"}, 0, 3)] == ["a", "b"]
    assert chain.asked["eth_getBlockReceipts"] == 1


def test_what_the_nonce_rules_out_is_not_looked_at() -> None:
    chain = Chain({900: ["a"]}, head=1_000)
    inclusion = Inclusion(chain, ADDRESS, 1)
    inclusion.nothing_until(890)
    assert inclusion.look({"a"}, 0, 1_000)
    assert chain.asked["eth_getBlockByNumber"] <= 110


def test_after_a_long_absence_past_states_show_where() -> None:
    chain = Chain({70_000: ["a"], 70_100: ["b"]}, head=86_400)
    inclusion = Inclusion(chain, ADDRESS, 1)
    assert [m.block for m in inclusion.look({"a", "b"}, 0, 86_400)] == [70_000, 70_100]
    assert chain.asked["eth_getTransactionCount"] < 20
    assert chain.asked["eth_getBlockByNumber"] <= 300


def test_after_a_long_absence_without_past_states() -> None:
    chain = Chain({2_500: ["a"]}, head=3_000)
    chain.states = False
    assert [m.block for m in Inclusion(chain, ADDRESS, 1).look({"a"}, 0, 3_000)] == [2_500]
