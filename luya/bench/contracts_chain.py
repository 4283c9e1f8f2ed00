"""The chain that `luya bench contracts` measures on: started, given a ledger where it is the ledger's turn, ended."""

from __future__ import annotations

import hashlib
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from chain_node.deployment.manifest import Manifest
from chain_node.deployment.plan import new_identity
from chain_node.engine.base import Finality, no_progress
from chain_node.engine.capabilities import capabilities, reached
from chain_node.errors import NodeError, RpcError, SenderError
from chain_node.keys.keystore import Keystore
from chain_node.node.engines import make_engine
from chain_node.node.home import Home, Network
from chain_node.node.node import Node
from chain_node.node.settings import NodeSettings
from chain_node.rpc.client import JsonRpc
from chain_node.sending.sender import Sender, Tx
from chain_node.sending.transactions import check_limits
from chain_node.supervisor.measure import cpu_seconds
from luya.bench.network_scene import Signers
from luya.errors import HomeError

_KEEP_BLOCKS: Final = 0
"""All: what was used is read from them afterwards, and the chain ends after one measurement."""
_IDLE: Final = 0.002
_PATIENCE: Final = 10.0
_LONGEST: Final = 900.0
"""Seconds for one answer: a block is made within one, and it may hold ten thousand attestations."""
_SENDER: Final = "deployer"
"""Who sends: luyad lets nobody else create contracts."""


@dataclass(frozen=True, slots=True)
class Blocks:
    """What blocks say. count: of those that hold any; gas: of all; times: of each transaction's block, in order."""

    count: int
    gas: int
    times: Sequence[int]


class PeerChain:
    """A new chain, which nobody else uses; a context, which starts and ends it.

    Args:
        folder: does not exist yet.
        engine: its name.
        block_time: seconds between blocks.
        accounts: riders.
        ledger: deploy the ledger, and register the riders there; else they are addresses alone.

    Attributes:
        rpc: the endpoint.
        sender: who sends.
        signers: of the ledger's feed.
        accounts: the riders' addresses.
    """

    rpc: JsonRpc
    sender: Sender
    manifest: Manifest
    accounts: Sequence[bytes]

    def __init__(self, folder: Path, engine: str, block_time: float, accounts: int, *, ledger: bool) -> None:
        self.signers = Signers()
        self.versions: dict[str, str] = {}
        self._folder = folder
        self._settings = NodeSettings(engine=engine, block_time=block_time, keep_blocks=_KEEP_BLOCKS)
        self._limits = capabilities(engine).limits
        self._count = accounts
        self._with_ledger = ledger
        self._stack = ExitStack()

    def __enter__(self) -> PeerChain:
        try:
            self._begin()
        except BaseException:
            self._stack.close()
            raise
        return self

    def __exit__(self, *_exc: object) -> None:
        self._stack.close()

    def take_over(self) -> None:
        """All is deployed: from now on blocks are made as they are needed, where the engine lets us say so."""
        try:
            self.rpc.call("evm_setIntervalMining", 0)
            self._mined_by_hand = True
        except RpcError:
            self._mined_by_hand = False

    def takes(self, tx: Tx) -> bool:
        """It is within the engine's limits."""
        try:
            check_limits(tx, self._limits)
        except SenderError:
            return False
        return True

    def height(self) -> int:
        """The newest block."""
        return int(self.rpc.call("eth_blockNumber"), 16)

    def engine_cpu(self) -> float:
        """CPU seconds of the engine so far."""
        return cpu_seconds(self._engine.pid)

    def blocks(self, first: int, transactions: int) -> Blocks:
        """The blocks that hold this many transactions, all of ours, from `first` on.

        Raises:
            HomeError: there are fewer.
        """
        times: list[int] = []
        count = gas = 0
        number, deadline = first, time.monotonic() + _PATIENCE
        while len(times) < transactions and time.monotonic() < deadline:
            # anvil counts a nonce as used a moment before it shows the block
            some = range(number, min(self.height() + 1, number + 100))
            for block in self.rpc.batch([("eth_getBlockByNumber", [hex(one), False]) for one in some]):
                if isinstance(block, Exception):
                    raise block
                held = len(block["transactions"])
                times += [int(block["timestamp"], 16)] * held
                count += held > 0
                gas += int(block["gasUsed"], 16) if held else 0
            number = some.stop
        if len(times) != transactions:
            raise HomeError(f"{transactions} transactions were sent and the blocks hold {len(times)}")
        return Blocks(count, gas, times)

    def _begin(self) -> None:
        home = Home(self._folder)
        home.root.mkdir(parents=True, mode=0o700)
        keystore = Keystore(home.root)
        network = Network("bench", *new_identity("bench"))
        self._engine = make_engine(Home(self._folder / "engine"), network, keystore, self._settings, no_progress)
        self._engine.start()
        self._stack.callback(self._engine.stop)
        self.rpc = self._stack.enter_context(JsonRpc(self._engine.rpc_url, timeout=_LONGEST))
        if self._with_ledger:
            self._deploy(home.root)
        else:
            self.accounts = [hashlib.sha256(f"rider {n}".encode()).digest()[:20] for n in range(self._count)]
        self.versions[self._settings.engine] = str(self.rpc.call("web3_clientVersion")).splitlines()[0]
        sender = Sender(
            self._folder / "bench-outbox",
            self.rpc,
            keystore.chain_key(_SENDER),
            chain_id=network.chain_id,
            genesis="bench",
            finality=Finality("latest"),
            limits=self._limits,
        )
        self.sender = self._stack.enter_context(sender)
        self._mined_by_hand = False

    @contextmanager
    def mining(self) -> Iterator[None]:
        """Meanwhile a block follows the other at once, where the engine lets us say so; else at its own pace.

        Raises:
            HomeError: no more blocks could be made.
        """
        if not self._mined_by_hand:
            yield
            return
        stop, failures = threading.Event(), list[NodeError]()
        thread = threading.Thread(target=self._mine, args=(stop, failures), name="bench-miner", daemon=True)
        thread.start()
        try:
            yield
        finally:
            stop.set()
            thread.join()
        if failures:
            raise HomeError(f"the engine makes no blocks: {failures[0]}") from failures[0]

    def _mine(self, stop: threading.Event, failures: list[NodeError]) -> None:
        try:
            while not stop.wait(_IDLE):
                while int(self.rpc.call("txpool_status")["pending"], 16):
                    self.rpc.call("evm_mine")
        except NodeError as error:
            failures.append(error)

    def _deploy(self, home: Path) -> None:
        """The ledger by its own deployment; its node is closed again, so that nobody follows what is measured."""
        urls = (self._engine.rpc_url,)
        settings = replace(self.signers.law(), engine=reached().name, rpc_urls=urls, finality="latest")
        with Node.open(home, settings=settings) as node:
            names = [f"rider {number}" for number in range(self._count)]
            self.accounts = list(node.registrar.enrol_many(1, names).values())
            self.manifest = node.manifest
