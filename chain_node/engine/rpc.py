"""Any Ethereum-compatible endpoint that somebody else runs: Besu QBFT, geth, a provider, another machine's node."""

from __future__ import annotations

import time
from pathlib import Path

from chain_node.engine.base import Finality, Health, Limits, probe
from chain_node.errors import EngineError, NodeError, RpcUnavailable
from chain_node.jsonrpc import JsonRpc


class RpcEngine:
    """An endpoint that is reached, not run.

    Args:
        url: its JSON-RPC address.
        finality: when a block is final there; only whoever runs the network knows.
        chain_id: refuse another chain; None takes what it says.
        limits: what one transaction may hold there.
        wait: seconds to wait for it at the start.
    """

    name = "rpc"
    fresh = False
    """What an endpoint holds is believed; whether it is the ledger's chain is the manifest's question."""

    def __init__(
        self,
        url: str,
        finality: Finality,
        *,
        chain_id: int | None = None,
        limits: Limits | None = None,
        wait: float = 30.0,
    ) -> None:
        self.finality = finality
        self.limits = limits or Limits()
        self.rpc_url = url
        self._chain_id = chain_id
        self._wait = wait
        self._rpc: JsonRpc | None = None

    def start(self) -> None:
        """See `Engine`."""
        if self._rpc is not None:
            return
        rpc = JsonRpc(self.rpc_url)
        try:
            found = self._first_answer(rpc)
            if self._chain_id is not None and found != self._chain_id:
                raise EngineError(f"{self.rpc_url} is chain {found}, not {self._chain_id}: check the address")
            self.finality.height(rpc)  # an endpoint that does not know the tag must say so now
        except NodeError as error:
            rpc.close()
            if isinstance(error, EngineError):
                raise
            raise EngineError(f"{self.rpc_url} cannot be used with finality '{self.finality}': {error}") from error
        self._chain_id = found
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

    def _first_answer(self, rpc: JsonRpc) -> int:
        deadline = time.monotonic() + self._wait
        while True:
            try:
                return int(rpc.call("eth_chainId"), 16)
            except RpcUnavailable as error:
                if time.monotonic() > deadline:
                    raise EngineError(f"no engine answers: {error}; check that it runs and the address") from error
                time.sleep(0.2)
