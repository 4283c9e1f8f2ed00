"""An endpoint that refuses, or falls silent: a difference that was found stays found, and all else is waited for."""

from __future__ import annotations

import dataclasses
import itertools
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from auditor_lies import batches_of, first_index, flip, in_batch, named
from auditor_support import Away, Lie, Refuses, auditor, proxied

from chain_node.auditor.follow import Auditor
from chain_node.contracts.handles import artefact
from chain_node.errors import Discrepancy
from chain_node.node.node import Node
from chain_node.rpc.client import to_hex

SILENCES = {
    "unavailable": Away(),
    "rate limited": Refuses(-32005, "too many requests"),
    "an error": Refuses(-32000, "internal"),
}


def calls(name: str, method: str, params: list[Any]) -> bool:
    """Whether this is a call of that view of the ledger."""
    selector = to_hex(artefact("LuyaLedger").abi.function(name).selector)
    return method == "eth_call" and params[0]["data"].startswith(selector)


def run(one: Auditor, *, until: Callable[[], bool] = lambda: False, seconds: float = 60.0) -> None:
    """Follow until then, or until it should have ended long ago."""
    stop = threading.Event()
    timer = threading.Timer(seconds, stop.set)
    timer.start()
    try:
        one.run(stop, poll=0.05, told=lambda _: stop.set() if until() else None)
    finally:
        timer.cancel()


@pytest.mark.parametrize("silence", SILENCES.values(), ids=SILENCES)
def test_silence_takes_no_lie_back(node: Node, tmp_path: Path, silence: Exception) -> None:
    lie = in_batch(3, node, 2, lambda records: flip(records, 64 * 17 + 31))
    lied: list[int] = []

    def once(method: str, params: list[Any], result: Any) -> Any:
        changed = lie(method, params, result)
        if changed != result:
            lied.append(1)
        if len(lied) > 1:
            raise silence
        return changed

    with proxied(node.engine.rpc_url) as proxy:
        proxy.lie = once
        with auditor(node.manifest, proxy.url, tmp_path) as one, pytest.raises(Discrepancy) as caught:
            run(one, seconds=20)
    assert (caught.value.index, caught.value.rule) == (batches_of(node)[3][0], "quorum")


def test_a_state_that_is_not_shown_again_clears_nothing(node: Node, tmp_path: Path) -> None:
    lied: list[int] = []

    def once(method: str, params: list[Any], result: Any) -> Any:
        if not calls("extsload", method, params):
            return result
        if lied:
            raise Refuses(-32000, "missing trie node")
        lied.append(1)
        return result[:-1] + ("0" if result[-1] != "0" else "1")

    with proxied(node.engine.rpc_url) as proxy:
        proxy.lie = once
        # so few words that one call asks for them all: it is shown, and nothing after it
        with auditor(node.manifest, proxy.url, tmp_path, sample=2) as one:
            with pytest.raises(Discrepancy, match="state/"):
                one.once()
            assert one.counts.contradictions == 0


def test_a_second_look_is_at_the_same_words(node: Node, tmp_path: Path) -> None:
    """A sample of other words would hardly ever hold the bad one again."""
    asked: list[list[str]] = []

    def lie(method: str, params: list[Any], result: Any) -> Any:
        if not calls("extsload", method, params):
            return result
        asked.append(params[0]["data"])
        return result[: 2 + 128] + "f" * 64 + result[2 + 192 :]  # the first word, the head

    with proxied(node.engine.rpc_url) as proxy:
        proxy.lie = lie
        with auditor(node.manifest, proxy.url, tmp_path, sample=2) as one, pytest.raises(Discrepancy, match="head"):
            one.once()
    assert len(asked) == 2
    assert asked[0] == asked[1]


def test_a_log_that_went_on_does_not_clear_a_wrong_law(node: Node, tmp_path: Path) -> None:
    """The law contract shows the law of now, which a longer log may have changed."""
    with auditor(node.manifest, node.engine.rpc_url, tmp_path) as one:
        one.catch_up()
        state = one._replica.state
        group, caps = next(iter(state.caps.items()))
        state.caps[group] = dataclasses.replace(caps, credits_mg=caps.credits_mg + 1)
        sizes = itertools.chain([one.size] * 2, itertools.repeat(one.size + 1))
        one._chain.ledger.log_size = lambda: next(sizes)  # type: ignore[method-assign]
        with pytest.raises(Discrepancy, match="caps of group"):
            one._settle(lambda: one._comparisons._law_problem(one._chain, state, 1))
        assert one.counts.contradictions == 0


def test_a_tip_that_is_not_shown_again_clears_nothing(node: Node, tmp_path: Path) -> None:
    last, _ = batches_of(node)[-1]
    asked: list[int] = []

    def lie(method: str, params: list[Any], result: Any) -> Any:
        if method == "eth_getLogs":
            return [log for log in result if not (named(log) == "BatchRecorded" and first_index(log) == last)]
        if calls("logSize", method, params):
            asked.append(1)
            if len(asked) > 2:
                raise Refuses(-32000, "missing trie node")
        return result

    with proxied(node.engine.rpc_url) as proxy:
        proxy.lie = lie
        with auditor(node.manifest, proxy.url, tmp_path) as one, pytest.raises(Discrepancy) as caught:
            run(one, seconds=20)
    assert (caught.value.index, caught.value.rule) == (last, "missing-entry")


def test_a_contract_that_keeps_no_root(node: Node, tmp_path: Path) -> None:
    first, count = batches_of(node)[2]

    def lie(method: str, params: list[Any], result: Any) -> Any:
        if calls("rootAt", method, params) and params[0]["data"].endswith(f"{first + count:064x}"):
            raise Refuses(3, "execution reverted")
        return result

    with proxied(node.engine.rpc_url) as proxy:
        proxy.lie = lie
        with auditor(node.manifest, proxy.url, tmp_path) as one, pytest.raises(Discrepancy) as caught:
            run(one)
    assert caught.value.rule == "root/contract"
    assert caught.value.index <= first
    assert "execution reverted" in caught.value.found


@contextmanager
def lied_to_later(node: Node, folder: Path, lie: Lie) -> Iterator[Auditor]:
    """An auditor that was opened on the truth."""
    with proxied(node.engine.rpc_url) as proxy, auditor(node.manifest, proxy.url, folder) as one:
        proxy.lie = lie
        yield one


@pytest.mark.parametrize("method", ["rootAt", "eth_blockNumber", "eth_getLogs", "logSize"])
def test_errors_are_waited_for(node: Node, tmp_path: Path, method: str) -> None:
    left = [1] * 2

    def busy(asked: str, params: list[Any], result: Any) -> Any:
        if left and (asked == method or (method in ("rootAt", "logSize") and calls(method, asked, params))):
            left.pop()
            raise Refuses(-32005, "too many requests")
        return result

    with lied_to_later(node, tmp_path, busy) as one:
        if method == "eth_getLogs":
            one._chain._range = 1
        run(one, until=lambda: one.counts.comparisons > 0, seconds=60)
        assert one.size == node.archive.size
        assert one.counts.contradictions == 0
        assert not left
        assert any("too many requests" in note for note in one.counts.notes) or method in ("logSize", "eth_getLogs")
