"""The nodes together: which is asked, which takes over, and what they agree on.

One node is asked as long as it is well, so that a caller's reads never go back in time; the next in order takes over
when it does not answer, lags, halts, is of another chain, or shows final blocks that most others do not.
"""

from __future__ import annotations

import asyncio
import logging
import re
import time
from collections import Counter
from collections.abc import Callable, Collection, Sequence
from typing import Any, Final

from chain_node.engine.base import Finality
from chain_node.errors import CallRefused, RpcUnavailable
from chain_node.gateway import wire
from chain_node.gateway.nodes import UpstreamNode
from chain_node.gateway.upstream import AnswerTooLarge

_CHECK_EVERY: Final = 10.0
_INDEX_PATIENCE: Final = 3.0
_ELSEWHERE: Final = re.compile(
    r"missing trie node|header not found|from comet block|version does not exist|state .*not available|"
    r"node is (?:syncing|catching up)|exceeds block gas limit",
    re.IGNORECASE,
)
"""Errors of a node that another one, or the same a moment later, may not have (index lag, just restarted, pruned)."""

log = logging.getLogger("luya.gateway")


class Pool:
    """The nodes.

    Args:
        nodes: in order of preference.
        chain_id: that each must have.
        finality: this network's rule.
        max_lag, halt_seconds, send_nodes, followers: see `GatewaySettings`.
        on_new_chain: called when the chain turns out to be another than before (a rebuilt one).
        on_request: called with (node, outcome) for each request: ok, error or failed.

    Attributes:
        looked: set after each look; whoever waits for it clears it.
        genesis: hash of the chain's block 0; "" where no node that was asked has it.
    """

    def __init__(
        self,
        nodes: Sequence[UpstreamNode],
        chain_id: int,
        finality: Finality,
        *,
        max_lag: int = 5,
        halt_seconds: float = 60.0,
        send_nodes: int = 3,
        followers: Collection[str] = (),
        on_new_chain: Callable[[], None] = lambda: None,
        on_request: Callable[[str, str], None] = lambda _node, _outcome: None,
    ) -> None:
        self.nodes = tuple(nodes)
        self._chain_id = chain_id
        self.finality = finality
        self._max_lag = max_lag
        self._halt = halt_seconds
        self._send_nodes = send_nodes
        self._followers = frozenset(followers)
        self._on_new_chain = on_new_chain
        self._on_request = on_request
        self.genesis = ""
        self._checked = 0.0
        self._candidates: list[UpstreamNode] = []
        self._preferred: UpstreamNode | None = None
        self.looked = asyncio.Event()

    # ------------------------------------------------------------------------------------------------------ health

    @property
    def head(self) -> int:
        """Newest block of the node that is asked; -1 where none is."""
        return self._candidates[0].state.head if self._candidates else -1

    @property
    def final(self) -> int:
        """Newest final block of the node that is asked; -1 where none is."""
        return self._candidates[0].state.final if self._candidates else -1

    def standing(self, node: UpstreamNode) -> str:
        """ok, lagging, halted, diverged or down."""
        state = node.state
        if not state.up:
            return "down"
        if state.diverged:
            return "diverged"
        if state.head < self._best() - self._max_lag:
            return "lagging"
        return "halted" if time.monotonic() - state.moved > self._halt else "ok"

    def candidates(self) -> list[UpstreamNode]:
        """Who may be asked, best first: the well ones; where the whole chain has halted, those at its end.

        Found out at each look and at each failure, not at each call.
        """
        return self._candidates

    def _choose(self) -> list[UpstreamNode]:
        now = time.monotonic()
        by_standing: dict[str, list[UpstreamNode]] = {"ok": [], "halted": []}
        paused: list[UpstreamNode] = []
        for node in self.nodes:
            standing = self.standing(node)
            if standing not in by_standing:
                continue
            (paused if node.state.pause_until > now else by_standing[standing]).append(node)
        chosen = by_standing["ok"] or by_standing["halted"]
        return chosen or paused

    async def look(self) -> None:
        """Look at all nodes once."""
        await asyncio.gather(*(node.look(self._chain_id, self.finality) for node in self.nodes))
        if time.monotonic() - self._checked > _CHECK_EVERY:
            self._checked = time.monotonic()
            await self._compare()
        self._candidates = self._choose()
        first = self.candidates()[:1]
        if first:
            self._notice(first[0])
        self.looked.set()

    async def run(self, every: float) -> None:
        """Look again and again, until cancelled."""
        while True:
            await self.look()
            await asyncio.sleep(every)

    def _best(self) -> int:
        """The height that others are measured by: of three or more nodes the second highest, so that no single one
        can make all others look late."""
        heads = sorted((node.state.head for node in self.nodes if node.state.up), reverse=True)
        if not heads:
            return -1
        return heads[1] if len(heads) >= 3 else heads[0]

    async def _compare(self) -> None:
        """Do the nodes show the same final block? Those that differ from most are not asked."""
        up = [node for node in self.nodes if node.state.up]
        if len(up) < 2:
            for node in up:
                node.state.diverged = False
            return
        height = min(node.state.final for node in up)
        hashes = await asyncio.gather(*(node.hash_at(height) for node in up))
        count = Counter(found for found in hashes if found)
        if not count:
            return
        most = max(count.values())
        # of equally many the first in order counts
        true = next(found for found in hashes if found and count[found] == most)
        for node, found in zip(up, hashes, strict=True):
            diverged = found is not None and found != true
            if diverged and not node.state.diverged:
                log.error("node_diverged", extra={"node": node.name, "block": height, "hash": found, "others": true})
            node.state.diverged = diverged

    def _notice(self, node: UpstreamNode) -> None:
        if node is not self._preferred:
            if self._preferred is not None:
                log.warning("node_changed", extra={"before": self._preferred.name, "now": node.name})
            self._preferred = node
        genesis = node.state.genesis
        if not genesis:  # it does not know
            return
        if self.genesis and genesis != self.genesis:
            log.warning("chain_replaced", extra={"before": self.genesis, "now": genesis})
            self._on_new_chain()
        self.genesis = genesis

    # --------------------------------------------------------------------------------------------------------- ask

    async def ask(
        self, method: str, params: list[Any], timeout: float = 30.0, *, aside: int | None = None
    ) -> wire.Reply:
        """One call to the first node that answers it.

        Args:
            aside: a heavy call: followers that have this block are asked before all others; None: in the usual order.

        Raises:
            CallRefused: none does.
        """
        deadline = time.monotonic() + timeout
        lag_until = time.monotonic() + min(timeout, _INDEX_PATIENCE)
        while True:
            reply: wire.Reply | None = None
            for node in self._ordered(aside):
                left = deadline - time.monotonic()
                if left <= 0:
                    break
                try:
                    reply = await node.ask(method, params, left)
                except AnswerTooLarge as error:
                    self._on_request(node.name, "error")
                    raise CallRefused(wire.LIMIT, f"{error}: ask for less at once") from None
                except RpcUnavailable as error:
                    self._on_request(node.name, "failed")
                    log.warning("node_failed", extra={"node": node.name, "method": method, "error": str(error)})
                    self._failed(node)
                    continue
                self._on_request(node.name, "ok" if reply.error is None else "error")
                if reply.error is None or not _ELSEWHERE.search(str(reply.error.get("message"))):
                    return reply
            if reply is None:
                raise unavailable()
            if time.monotonic() >= lag_until or "from comet block" not in str((reply.error or {}).get("message")):
                return reply
            await asyncio.sleep(0.1)

    def _ordered(self, aside: int | None) -> list[UpstreamNode]:
        if aside is None or not self._followers:
            return self.candidates()
        return sorted(
            self.candidates(), key=lambda node: node.name not in self._followers or node.state.head < aside
        )  # stable: in order among themselves

    async def value(self, method: str, *params: Any) -> Any:
        """One call of our own: its result, parsed.

        Raises:
            CallRefused: no node answers, or it answers with an error.
        """
        reply = await self.ask(method, list(params))
        return parsed(reply)

    async def send(self, raw: str) -> wire.Reply:
        """A signed transaction to several nodes at once: accepted when one accepts it.

        Raises:
            CallRefused: none answers; the transaction may or may not be with one.
        """
        nodes = self.candidates()[: self._send_nodes]
        replies = await asyncio.gather(*(self._send_to(node, raw) for node in nodes))
        answered = [reply for reply in replies if reply is not None]
        for reply in answered:
            if reply.error is None:
                return reply
        if not answered:
            raise unavailable("it is not known whether a node has taken the transaction: send the same bytes again")
        return answered[0]

    def _failed(self, node: UpstreamNode) -> None:
        node.failed()
        self._candidates = self._choose()

    async def _send_to(self, node: UpstreamNode, raw: str) -> wire.Reply | None:
        try:
            reply = await node.ask("eth_sendRawTransaction", [raw], 20.0)
        except RpcUnavailable as error:
            self._on_request(node.name, "failed")
            log.warning(
                "node_failed", extra={"node": node.name, "method": "eth_sendRawTransaction", "error": str(error)}
            )
            self._failed(node)
            return None
        self._on_request(node.name, "ok" if reply.error is None else "error")
        return reply


def unavailable(what: str = "try again in a moment") -> CallRefused:
    """No node answers."""
    return CallRefused(wire.UNAVAILABLE, f"no node of this network answers now: {what}", status=503)


def parsed(reply: wire.Reply) -> Any:
    """A reply's result.

    Raises:
        CallRefused: it is an error: passed on as it is.
    """
    if reply.error is not None:
        raise refusal(reply.error)
    try:
        return wire.loads(reply.result or b"")
    except ValueError:
        raise CallRefused(wire.INTERNAL, "a node's answer is not JSON") from None


def refusal(error: dict[str, Any]) -> CallRefused:
    """A node's error as ours, unchanged in code, message and data."""
    code = error.get("code")
    number = code if isinstance(code, int) and not isinstance(code, bool) else wire.INTERNAL
    return CallRefused(number, str(error.get("message", "")), error.get("data"))
