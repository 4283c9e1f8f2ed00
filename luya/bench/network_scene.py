"""The network that `luya bench network` measures: founded, started, given a ledger, joined, weighed."""

from __future__ import annotations

import contextlib
import secrets
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final

from chain_node.contracts.handles import LuyaLedger
from chain_node.engine.capabilities import reached
from chain_node.engine.luyad import LIMITS
from chain_node.engine.process import free_port_range
from chain_node.errors import NodeError
from chain_node.keys.keystore import Keystore
from chain_node.network.council import CouncilMember
from chain_node.network.folders import PORT_STEP, OrganisationFolder, ValidatorSettings
from chain_node.network.founding import init_network, second_node
from chain_node.network.parts import FoundingTerms
from chain_node.network.running import OrganisationNode, node_state
from chain_node.network.tool import Luyad
from chain_node.node.node import Node
from chain_node.node.settings import NodeSettings as LedgerSettings
from chain_node.protocol.attestation import address_of
from chain_node.protocol.entries import Feed, Organisation, Reduction, Standing, decode
from chain_node.rpc.client import JsonRpc, to_hex
from chain_node.sending.sender import Sender
from chain_node.supervisor.measure import cpu_seconds
from luya.bench.network_load import FEED, METHOD
from luya.errors import HomeError

_PATIENCE: Final = 120.0
_LOOK: Final = 0.1
_JOURNAL: Final = "cs.wal"
_NO_CAP: Final = (10**14, 10**13)


@dataclass(frozen=True, slots=True)
class Signers:
    """Three keys of a feed's oracles, by ascending address; two of them sign."""

    keys: tuple[bytes, ...] = field(
        default_factory=lambda: tuple(sorted((secrets.token_bytes(32) for _ in range(3)), key=address_of))
    )

    @property
    def who_sign(self) -> tuple[bytes, ...]:
        """Two of three."""
        return self.keys[:2]

    def law(self) -> LedgerSettings:
        """A ledger with one organisation and one feed of theirs, which no cap limits."""
        addresses = tuple(address_of(key) for key in self.keys)
        organisation = Organisation(0, 1, b"\x01" * 32, Standing.ACTIVE)
        feed = Feed(0, FEED, 1, 0, 2, addresses, 65_535, *_NO_CAP, (METHOD,), Standing.ACTIVE)
        return LedgerSettings(organisations=(organisation,), feeds=(feed,))


class BenchNetwork:
    """Validators on loopback; used as a context, which starts them and ends them.

    Args:
        root: an empty folder of its own.
        validators: how many.
        block_time: seconds that CometBFT waits after a commit.
        luyad: the program.
    """

    def __init__(self, root: Path, validators: int, block_time: float, luyad: Luyad) -> None:
        self.home = root / "home"
        self.steps: list[dict[str, Any]] = []
        """What it took to get here: each step's command and seconds."""
        self._root = root
        self._validators = validators
        self._block_time = block_time
        self._luyad = luyad
        self._port = 0
        self.nodes: list[OrganisationNode] = []

    @property
    def urls(self) -> tuple[str, ...]:
        """The validators' JSON-RPC."""
        return tuple(node.rpc_url for node in self.nodes)

    def __enter__(self) -> BenchNetwork:
        self.home.mkdir(parents=True, mode=0o700)
        deployer = to_hex(Keystore(self.home).chain_key("deployer").address)
        self._port = free_port_range(PORT_STEP * (self._validators + 1))
        with self._step(f"luya network init --organisations {self._validators} --deployer … --open-sending --out DIR"):
            folders = init_network(
                self._root / "net",
                [f"organisation-{number}" for number in range(1, self._validators + 1)],
                FoundingTerms(deployers=(deployer,), open_sending=True),
                self._luyad,
                port=self._port,
                block_time=self._block_time,
            )
        self.nodes = [OrganisationNode(folder, self._luyad) for folder in folders]
        try:
            with self._step("luya network start DIR"):
                for node in self.nodes:
                    node.start()
                until(lambda: all(height(url) >= 1 for url in self.urls), "the first block", self._said)
        except BaseException:
            self._end()
            raise
        return self

    def __exit__(self, *_exc: object) -> None:
        self._end()

    @contextmanager
    def ledger(self, signers: Signers) -> Iterator[Node]:
        """A new ledger on it, reached by all validators' endpoints."""
        settings = replace(signers.law(), engine=reached().name, rpc_urls=self.urls, finality="latest")
        with contextlib.ExitStack() as stack:
            with self._step("luya up --engine rpc --rpc … --finality latest"):
                node = stack.enter_context(Node.open(self.home, settings=settings))
            yield node

    @contextmanager
    def sender(self, node: Node) -> Iterator[Sender]:
        """The real sender, with luyad's own limits: what an operator of a luyad network sends with."""
        sender = Sender(
            self.home / "bench-outbox",
            node.rpc,
            node.keystore.chain_key("bench-relay"),
            chain_id=node.manifest.chain_id,
            genesis=node.manifest.genesis_nonce,
            finality=node.engine.finality,
            limits=LIMITS,
        )
        with sender:
            yield sender

    def join(self, patience: float) -> dict[str, Any]:
        """One more node, from nothing to the newest block: it replays every block from the first, checking each.

        Where it is not there within `patience` seconds, `seconds` is None and the rest says how far it came.
        """
        first = self.nodes[0].folder
        folder = OrganisationFolder(self._root / "net" / "follower")
        settings = ValidatorSettings(self._port + PORT_STEP * self._validators, block_time=self._block_time)
        part = second_node(folder, first, settings, self._luyad)
        with JsonRpc(self.nodes[0].rpc_url) as rpc:
            member = CouncilMember(rpc, first.council_key(), first.network.charter().chain_id)
            member.list_own_node(bytes.fromhex(part.node_id), listed=True)
        node, wanted = OrganisationNode(folder, self._luyad), height(self.nodes[0].rpc_url)
        begun = time.monotonic()
        try:
            node.start()
            state = node_state(folder)
            while (state.height < wanted or state.catching_up) and time.monotonic() < begun + patience:
                time.sleep(_LOOK)
                state = node_state(folder)
            took = time.monotonic() - begun
            there = state.height >= wanted and not state.catching_up
            return {"seconds": round(took, 2) if there else None, "blocks": state.height, "waited_s": round(took, 2)}
        finally:
            node.stop()

    def cpu_seconds(self) -> float:
        """Of all validators together; 0 where the system does not tell."""
        return sum(cpu_seconds(node.pid) for node in self.nodes)

    def disk(self) -> dict[str, int]:
        """Bytes of the first node's files, by what they are."""
        return disk_by_part(self.nodes[0].folder.node / "data")

    def same_root(self, node: Node) -> bool:
        """The contract has the archive's root on all validators, in the same block."""
        at = max(height(url) for url in self.urls)
        until(lambda: min(height(url) for url in self.urls) >= at, f"block {at} on all", self._said)
        roots = {node.archive.root_at(node.archive.size)}
        for url in self.urls:
            with JsonRpc(url) as rpc:
                roots.add(bytes(LuyaLedger(rpc, node.manifest.ledger_address).read("root", block=hex(at))))
        return len(roots) == 1

    def _said(self) -> str:
        return ", ".join(str(node.folder.log) for node in self.nodes)

    def _end(self) -> None:
        for node in self.nodes:
            node.stop()

    @contextmanager
    def _step(self, command: str) -> Iterator[None]:
        begun = time.monotonic()
        yield
        self.steps.append({"command": command, "seconds": round(time.monotonic() - begun, 2)})


def reductions(node: Node) -> int:
    """Recorded reductions in the archive; a refused record is another kind of entry."""
    return sum(isinstance(decode(body), Reduction) for body in node.archive.entries())


def height(url: str) -> int:
    """Newest block; -1 where the node does not answer."""
    with contextlib.suppress(NodeError), JsonRpc(url, timeout=10.0) as rpc:
        return int(rpc.call("eth_blockNumber"), 16)
    return -1


def until(condition: Callable[[], bool], what: str, where: Callable[[], str]) -> None:
    """Waits.

    Raises:
        HomeError: it takes too long.
    """
    deadline = time.monotonic() + _PATIENCE
    while not condition():
        if time.monotonic() > deadline:
            raise HomeError(f"not within {_PATIENCE:.0f} s: {what}; see {where()}")
        time.sleep(_LOOK)


def disk_by_part(folder: Path) -> dict[str, int]:
    """Bytes of each file and folder in it."""
    return {path.name: _disk(path) for path in sorted(folder.iterdir())}


def grown(before: Mapping[str, int], after: Mapping[str, int]) -> dict[str, int]:
    """By how much each part grew."""
    return {name: size - before.get(name, 0) for name, size in after.items() if size != before.get(name, 0)}


def kept(parts: Mapping[str, int]) -> int:
    """Bytes that stay: CometBFT's own journal is cut at 1 GB, so it is no growth."""
    return sum(size for name, size in parts.items() if name != _JOURNAL)


def _disk(path: Path) -> int:
    if path.is_file():
        return _size(path)
    return sum(_size(each) for each in path.rglob("*") if each.is_file())


def _size(path: Path) -> int:
    """Of what is written; what a system has put on the disk so far would depend on the moment."""
    with contextlib.suppress(OSError):  # databases drop files as they like
        return path.stat().st_size
    return 0
