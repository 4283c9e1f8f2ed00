"""Any Ethereum-compatible endpoints that somebody else runs: a consortium of luyad nodes, Besu QBFT, a provider."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from chain_node.engine import comet
from chain_node.engine.base import Capabilities, EngineOrder, Finality, Health, Limits, StorageOrder, probe
from chain_node.errors import EngineError, NodeError, RpcUnavailable
from chain_node.rpc.client import JsonRpc
from chain_node.rpc.failover import connect

PORTABLE: Final = Limits(lone_first=True)
"""What any engine takes: 2²⁴ gas and 200 records a transaction; nothing in flight from an account without state."""


class RpcEngine:
    """Endpoints of one chain that are reached, not run.

    Args:
        urls: JSON-RPC addresses of the same chain, the preferred one first; one that does not answer is passed over.
        finality: when a block is final there; only whoever runs the network knows.
        chain_id: refuse another chain; None takes what the first that answers says.
        limits: what one transaction may hold there.
        wait: seconds to wait at the start until one answers.
        silence: see `JsonRpc`.
    """

    name = "rpc"
    fresh = False
    """What an endpoint holds is believed; whether it is the ledger's chain is the manifest's question."""
    pid: int | None = None
    mended = ""

    def __init__(
        self,
        urls: Sequence[str],
        finality: Finality,
        *,
        chain_id: int | None = None,
        limits: Limits | None = None,
        wait: float = 30.0,
        silence: float | None = None,
    ) -> None:
        self.finality = finality
        self.limits = limits or PORTABLE
        self._urls = tuple(urls)
        if not self._urls or not all(self._urls):
            raise EngineError("the rpc engine needs the address of an endpoint: --rpc http://HOST:PORT, or LUYA_RPC")
        self._chain_id = chain_id
        self._wait = wait
        self._silence = silence
        self._rpc: JsonRpc | None = None

    @property
    def rpc_url(self) -> str:
        """See `Engine`."""
        return self._rpc.url if self._rpc is not None else self._urls[0]

    @property
    def rpc_urls(self) -> tuple[str, ...]:
        """See `Engine`."""
        return self._urls

    def start(self) -> None:
        """See `Engine`."""
        if self._rpc is not None:
            return
        chain_id = self._agreed()
        rpc = connect(self._urls, chain_id=chain_id, silence=self._silence)
        try:
            self.finality.height(rpc)  # an endpoint that does not know the tag must say so now
        except NodeError as error:
            rpc.close()
            raise EngineError(f"{rpc.url} cannot be used with finality '{self.finality}': {error}") from error
        self._chain_id = chain_id
        self._rpc = rpc

    def ready(self) -> bool:
        """See `Engine`."""
        try:
            return self._rpc is not None and int(self._rpc.call("eth_chainId"), 16) == self._chain_id
        except NodeError:
            return False

    def health(self) -> Health:
        """See `Engine`."""
        if self._rpc is None:
            return Health(ok=False, head=-1, final=-1, detail="not connected")
        return probe(self._rpc, self.finality)

    def stop(self) -> None:
        """See `Engine`: the endpoint goes on, only our connection ends."""
        if self._rpc is not None:
            self._rpc.close()
            self._rpc = None

    def backup(self, folder: Path) -> None:
        """See `Engine`."""
        raise EngineError(f"the chain at {self.rpc_url} is run by somebody else: its backup is theirs")

    def _agreed(self) -> int:
        """The chain id that all endpoints that answer agree on; waits until one answers."""
        deadline = time.monotonic() + self._wait
        while True:
            found, silent = self._ask()
            if found:
                break
            if time.monotonic() > deadline:
                raise EngineError(f"no engine answers: {'; '.join(silent)}; check that it runs and the address")
            time.sleep(0.2)
        expected = self._chain_id if self._chain_id is not None else next(iter(found.values()))
        for url, chain_id in found.items():
            if chain_id != expected:
                raise EngineError(f"{url} is chain {chain_id}, not {expected}: check the address")
        return expected

    def _ask(self) -> tuple[dict[str, int], list[str]]:
        """(chain id by address, what those said that do not answer)."""
        found: dict[str, int] = {}
        silent = []
        for url in self._urls:
            with JsonRpc(url, timeout=min(10.0, self._wait)) as rpc:
                try:
                    found[url] = int(rpc.call("eth_chainId"), 16)
                except RpcUnavailable as error:
                    silent.append(str(error))
                except NodeError as error:
                    raise EngineError(f"{url} cannot be used: {error}") from error
        return found, silent


def _make(order: EngineOrder) -> RpcEngine:
    return RpcEngine(order.rpc_urls, Finality.parse(order.finality), chain_id=order.chain_id)


def _list_storage(order: StorageOrder) -> dict[bytes, int] | None:
    """JSON-RPC has no question for it; a luyad node of a network has, at an address of its own."""
    url = order.comet_url
    return comet.storage(url, order.chain_id, order.contract, order.about) if url else None


CAPABILITIES: Final = Capabilities(
    RpcEngine.name,
    owned=False,
    keeps_chain=True,
    instant_finality=False,
    mends_itself=False,
    consortium=False,
    limits=PORTABLE,
    available=lambda: False,  # it needs an address
    make=_make,
    list_storage=_list_storage,
)
