"""What the node asks of a chain engine."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from chain_node.errors import EngineError, NodeError
from chain_node.rpc.client import JsonRpc

Progress = Callable[[str, int, int], None]
"""Called with (what is being done, done, total); total 0 where it is unknown."""


def no_progress(_what: str, _done: int, _total: int) -> None:
    """The default: tell nobody."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What one transaction may hold here.

    Attributes:
        max_tx_gas: gas limit of a transaction; portable networks cap it at 2²⁴ (EIP-7825).
        max_records: records in a batch.
        max_tx_bytes: encoded size of a transaction.
        max_in_flight: transactions of one sender that the engine's pool holds.
        lone_first: a new account's first transaction must be in a block before the next is taken.
    """

    max_tx_gas: int = 16_000_000
    max_records: int = 200
    max_tx_bytes: int = 128 * 1024
    max_in_flight: int = 1000
    lone_first: bool = False


@dataclass(frozen=True, slots=True)
class Health:
    """What an engine says of itself.

    Attributes:
        ok: it answers.
        head: newest block, -1 when it does not answer.
        final: newest block that is final by the engine's rule.
        detail: why it is not ok, else "".
        head_time: timestamp of the newest block, Unix seconds; it stands still where the chain has halted.
    """

    ok: bool
    head: int
    final: int
    detail: str = ""
    head_time: int = 0


@dataclass(frozen=True, slots=True)
class Finality:
    """When a block is final.

    Attributes:
        tag: 'latest', 'finalized' or 'confirmations'.
        confirmations: blocks on top of it, for 'confirmations'.
    """

    tag: str
    confirmations: int = 0

    @staticmethod
    def parse(text: str) -> Finality:
        """'latest' | 'finalized' | 'confirmations:N'.

        Raises:
            EngineError: it is none of these.
        """
        if text in ("latest", "finalized"):
            return Finality(text)
        name, _, number = text.partition(":")
        if name == "confirmations" and number.isdecimal() and 0 < int(number) < 10_000:
            return Finality("confirmations", int(number))
        raise EngineError(f"unknown finality rule {text!r}: expected latest, finalized or confirmations:N")

    def height(self, rpc: JsonRpc) -> int:
        """Number of the newest final block; 0 when none but genesis is."""
        if self.tag == "finalized":
            block = rpc.call("eth_getBlockByNumber", "finalized", False)
            return int(block["number"], 16) if block else 0
        return max(0, int(rpc.call("eth_blockNumber"), 16) - self.confirmations)

    def __str__(self) -> str:
        return f"confirmations:{self.confirmations}" if self.tag == "confirmations" else self.tag


class Watched(Protocol):
    """What a supervisor needs of an engine.

    Attributes:
        name: 'anvil', 'rpc' …
        finality: when a block is final here.
        fresh: after `start`: the chain is empty, or what it holds cannot be trusted (it was not stopped cleanly).
        rpc_url: where it answers; known after `start`.
        rpc_urls: all addresses of the same chain, `rpc_url` being the one in use.
        pid: of its process while it runs; None where it is only reached.
        mended: what its last start found broken and mended; "" when nothing was.
    """

    @property
    def name(self) -> str: ...
    @property
    def finality(self) -> Finality: ...
    @property
    def fresh(self) -> bool: ...
    @property
    def rpc_url(self) -> str: ...
    @property
    def rpc_urls(self) -> tuple[str, ...]: ...
    @property
    def pid(self) -> int | None: ...
    @property
    def mended(self) -> str: ...

    def start(self) -> None:
        """Start it, or make sure that it is there; returns when it answers.

        Raises:
            EngineError: it cannot be started or reached; the text says why and what to do.
        """

    def stop(self) -> None:
        """Stop it cleanly, its state kept; idempotent. What was only reached is left running."""


class Engine(Watched, Protocol):
    """A chain engine: started, watched and stopped by the node, or only reached.

    Attributes:
        limits: what one transaction may hold.
    """

    @property
    def limits(self) -> Limits: ...

    def ready(self) -> bool:
        """It answers, with the expected chain id."""

    def health(self) -> Health:
        """Height and finality; never raises."""

    def backup(self, folder: Path) -> None:
        """Copy its state into `folder`.

        Raises:
            EngineError: not possible now, or not by this engine.
        """


@dataclass(frozen=True, slots=True)
class NodeIdentity:
    """A validator's public keys.

    Attributes:
        node_id: CometBFT node id, 40 hex digits.
        validator_key: Ed25519 key, 64 hex digits.
    """

    node_id: str
    validator_key: str


PlanMaker = Callable[[NodeIdentity], dict[str, Any]]
"""Makes the genesis plan of a new chain of one validator."""


@dataclass(frozen=True, slots=True)
class EngineOrder:
    """What a home asks of the engine that it runs on; each kind takes what concerns it.

    Attributes:
        folder: where the home's chain lies.
        chain_id: EIP-155 chain id.
        plan: the genesis plan, for a chain that begins with one.
        block_time: seconds between blocks.
        port: the first that it listens on; 0 takes free ones.
        keep_blocks: blocks whose transactions stay in memory (0 = all).
        rpc_urls: where it is reached, for one that somebody else runs.
        finality: its rule there, as `Finality.parse` takes it.
        wipe: begin a new chain, whatever is there.
        progress: told of what takes time.
    """

    folder: Path
    chain_id: int
    plan: PlanMaker
    block_time: float = 1.0
    port: int = 0
    keep_blocks: int = 0
    rpc_urls: tuple[str, ...] = ()
    finality: str = "finalized"
    wipe: bool = False
    progress: Progress = no_progress


@dataclass(frozen=True, slots=True)
class StorageOrder:
    """Whose storage is to be listed, and where it may be asked for.

    Attributes:
        rpc: the chain's endpoint.
        folder: where the home's chain lies.
        chain_id: EIP-155 chain id.
        contract: its address, 20 bytes.
        about: how many words are expected.
        comet_url: CometBFT's RPC of a luyad node of this chain, where somebody named one.
    """

    rpc: JsonRpc
    folder: Path
    chain_id: int
    contract: bytes
    about: int
    comet_url: str | None = None


@dataclass(frozen=True, slots=True)
class Capabilities:
    """One kind of engine: what may be relied on with it, and how it is made. Its module states it once.

    Attributes:
        name: as settings, manifests and `--engine` have it.
        owned: a home starts and stops it; else somebody else runs it, decides its pace and finality, and watches it.
        keeps_chain: everything that was in its chain stays there over any stop, so a lost archive is read again.
        instant_finality: its newest block is final.
        mends_itself: it may be restarted in place on the chain it has, and stopped before its disk is full.
        consortium: several organisations can found one network of it, a validator each.
        limits: what one transaction may hold, as far as the kind alone tells.
        available: it can begin here without any preparation; of those that can, a new home takes one that keeps its
            chain.
        make: an engine of this kind, not started.
        list_storage: every word of a contract's storage that is not zero: position (32 bytes) → value; None where it
            cannot be had.
    """

    name: str
    owned: bool
    keeps_chain: bool
    instant_finality: bool
    mends_itself: bool
    consortium: bool
    limits: Limits
    available: Callable[[], bool]
    make: Callable[[EngineOrder], Engine]
    list_storage: Callable[[StorageOrder], dict[bytes, int] | None]


def probe(rpc: JsonRpc, finality: Finality) -> Health:
    """Health of whatever answers at `rpc`."""
    try:
        block = rpc.call("eth_getBlockByNumber", "latest", False)
        if block is None:  # it answers, and has no block yet: it waits for enough of the others
            return Health(ok=True, head=0, final=0)
        head, at = int(block["number"], 16), int(block["timestamp"], 16)
        final = min(head, finality.height(rpc))  # a block may have come in between
        return Health(ok=True, head=head, final=final, head_time=at)
    except NodeError as error:
        return Health(ok=False, head=-1, final=-1, detail=str(error))
