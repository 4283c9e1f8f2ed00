"""Several endpoints of one chain as one: the next answers where one does not, and transactions go to all of them.

An endpoint is left when it does not answer, or when `reconsider` finds another that is further: a node that has halted,
or lags, still answers. Blocks are final on every node of such a network, so any of them may be asked.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Sequence
from typing import Any, Final

from chain_node.errors import NodeError, RpcUnavailable
from chain_node.rpc.client import JsonRpc

_ASIDE: Final = 5.0
"""Seconds for which an endpoint that did not answer is asked last."""
_PROBE_TIMEOUT: Final = 2.0
_AHEAD: Final = 3
"""Blocks that another endpoint must be ahead for a change."""


class FailoverRpc(JsonRpc):
    """A client for several endpoints of the same chain; used like a `JsonRpc`.

    Args:
        urls: in the order of preference.
        chain_id: of the chain; an endpoint of another one is never asked.
        timeout: seconds without an answer after which the next is asked.
        silence: see `JsonRpc`; of all endpoints together.

    Raises:
        NodeError: no address, or one that is none.
    """

    def __init__(
        self, urls: Sequence[str], *, chain_id: int | None = None, timeout: float = 20.0, silence: float | None = None
    ) -> None:
        if not urls:
            raise NodeError("no JSON-RPC address was given: name one with --rpc, or LUYA_RPC")
        super().__init__(urls[0], timeout=timeout)
        each = None if silence is None else silence / len(urls)
        self._endpoints = [JsonRpc(url, timeout=timeout, silence=each) for url in urls]
        self._chain_id = chain_id
        self._checked: set[int] = set()
        self._aside: dict[int, float] = {}
        self._at = 0
        self._generation = 0
        self._change = threading.Lock()

    @property
    def generation(self) -> int:
        """See `JsonRpc`."""
        return self._generation

    def broadcast(self, calls: Sequence[tuple[str, Sequence[Any]]]) -> list[Any]:
        """To every endpoint that answers; the outcomes are those of the one in use.

        What only one node holds is lost with that node's memory; what all hold is lost when all of them are.
        """
        outcomes = self.batch(calls)
        for at, endpoint in enumerate(self._endpoints):
            if at != self._at and not self._is_aside(at):
                try:
                    self._check(at)
                    endpoint.batch(calls)
                except NodeError:
                    self._put_aside(at)
        return outcomes

    def reconsider(self) -> bool:
        """See `JsonRpc`: whoever is ahead by some blocks takes over."""
        if len(self._endpoints) == 1:
            return False
        heads = [self._head(endpoint) for endpoint in self._endpoints]
        best = max(range(len(heads)), key=lambda at: (heads[at], -at))
        here = self._at
        if heads[best] < heads[here] + (_AHEAD if heads[here] >= 0 else 1):
            return False
        self._move(here, best)
        return True

    def close(self) -> None:
        """Close all connections; idempotent."""
        super().close()
        for endpoint in self._endpoints:
            endpoint.close()

    def _post(self, payload: Any) -> Any:
        failures = []
        begun = self._at
        order = sorted(
            range(len(self._endpoints)), key=lambda at: (self._is_aside(at), (at - begun) % len(self._endpoints))
        )
        for at in order:
            try:
                self._check(at)
                answer = self._endpoints[at]._post(payload)
            except RpcUnavailable as error:
                self._put_aside(at)
                failures.append(str(error))
                continue
            if at != begun:
                self._move(begun, at)
            return answer
        raise RpcUnavailable("; ".join(failures))

    def _check(self, at: int) -> None:
        """Before an endpoint is used for the first time: it is of this chain."""
        if self._chain_id is None or at in self._checked:
            return
        found = int(self._endpoints[at].call("eth_chainId"), 16)
        if found != self._chain_id:
            raise RpcUnavailable(f"{self._endpoints[at].url} is of chain {found}, not {self._chain_id}")
        self._checked.add(at)

    def _is_aside(self, at: int) -> bool:
        return self._aside.get(at, 0.0) > time.monotonic()

    def _put_aside(self, at: int) -> None:
        self._aside[at] = time.monotonic() + _ASIDE

    def _move(self, here: int, there: int) -> None:
        with self._change:
            if self._at == here:
                self._at = there
                self.url = self._endpoints[there].url
                self._generation += 1

    def _head(self, endpoint: JsonRpc) -> int:
        with contextlib.suppress(NodeError), JsonRpc(endpoint.url, timeout=_PROBE_TIMEOUT) as probe:
            return int(probe.call("eth_blockNumber"), 16)
        return -1


def connect(
    urls: Sequence[str], *, chain_id: int | None = None, timeout: float | None = None, silence: float | None = None
) -> JsonRpc:
    """A client for one endpoint, or for several of the same chain.

    Args:
        urls: in the order of preference.
        chain_id: see `FailoverRpc`.
        timeout: in seconds, None for the usual one.
        silence: see `JsonRpc`.
    """
    given = {} if timeout is None else {"timeout": timeout}
    if len(urls) == 1:
        return JsonRpc(urls[0], silence=silence, **given)
    return FailoverRpc(urls, chain_id=chain_id, silence=silence, **given)
