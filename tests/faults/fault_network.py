"""A network of real validators on loopback with a ledger on it, and ways to hurt it. Ends only what it has started."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

from node_support import settings

from chain_node.contracts.handles import LuyaLedger
from chain_node.engine.process import free_port_range
from chain_node.errors import NodeError
from chain_node.keys.keystore import Keystore
from chain_node.network.folders import PORT_STEP, NetworkFolder, OrganisationFolder, ValidatorSettings, organisations_in
from chain_node.network.founding import OrganisationRequest, adopt, assemble, prepare
from chain_node.network.parts import FoundingTerms
from chain_node.network.running import NodeState, OrganisationNode, node_state
from chain_node.network.tool import Luyad
from chain_node.node.node import Node
from chain_node.operations.guard import Guard, Watching
from chain_node.rpc.client import JsonRpc, to_hex
from chain_node.supervisor.report import Reporter
from luya.home import LuyaHome
from luya.network import running as network_command
from luya.operate import status as status_command

BLOCK_TIME = 0.3
PATIENCE = 120.0


def wait_for(condition: Callable[[], bool], what: str, seconds: float = PATIENCE) -> None:
    """Look every 0.2 s; fail with `what` when it takes too long."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"not within {seconds:.0f} s: {what}"
        time.sleep(0.2)


class FaultNode(OrganisationNode):
    """A validator that can be hurt. `local`: on this machine's loopback, where `luya network status` looks."""

    local = True

    @property
    def name(self) -> str:
        """Its folder's."""
        return self.folder.root.name

    @property
    def height(self) -> int:
        """Its newest block, -1 where it does not answer."""
        with contextlib.suppress(NodeError), JsonRpc(self.rpc_url, timeout=3.0) as rpc:
            return int(rpc.call("eth_blockNumber"), 16)
        return -1

    def state(self) -> NodeState:
        """What it says of itself."""
        return node_state(self.folder)

    def kill(self) -> None:
        """`kill -9`; returns when it is gone."""
        assert self.pid is not None
        self.stop(signal.SIGKILL)

    def pause(self) -> None:
        """SIGSTOP: it keeps its connections and says nothing."""
        assert self.pid is not None
        os.kill(self.pid, signal.SIGSTOP)

    def resume(self) -> None:
        """SIGCONT."""
        assert self.pid is not None
        os.kill(self.pid, signal.SIGCONT)


class FaultNetwork:
    """Validators and the home whose ledger is on them; used as a context.

    Args:
        root: holds `net/` (organisations) and `home/`.
        luyad: the program.
        kind: how nodes are run.
    """

    def __init__(
        self, root: Path, luyad: Luyad, kind: Callable[[OrganisationFolder, Luyad], FaultNode] = FaultNode
    ) -> None:
        self.root = root
        self.luyad = luyad
        self._kind = kind
        self.nodes = [kind(folder, luyad) for folder in organisations_in(root / "net")]

    @property
    def public(self) -> NetworkFolder:
        """What the organisations share."""
        return NetworkFolder(self.root / "net" / "network")

    @property
    def home(self) -> LuyaHome:
        """The ledger's."""
        return LuyaHome(self.root / "home")

    @property
    def urls(self) -> tuple[str, ...]:
        """All nodes' JSON-RPC."""
        return tuple(node.rpc_url for node in self.nodes)

    @property
    def spare_port(self) -> int:
        """First of the ports after those of the founders, as many as `found` was asked to keep."""
        return self.nodes[0].folder.settings().port + PORT_STEP * len(self.nodes)

    @property
    def height(self) -> int:
        """The newest block of any node."""
        return max(node.height for node in self.nodes)

    def __enter__(self) -> FaultNetwork:
        return self

    def __exit__(self, *_exc: object) -> None:
        for node in self.nodes:
            with contextlib.suppress(ProcessLookupError):
                if node.pid is not None:
                    node.resume()  # one that is stopped cannot end
            node.stop()

    def start(self) -> None:
        """All nodes, until blocks are made."""
        with ThreadPoolExecutor(len(self.nodes)) as pool:
            list(pool.map(FaultNode.start, self.nodes))
        before = self.height
        wait_for(lambda: min(node.height for node in self.nodes) > max(before, 0), "the first blocks")

    def add(self, folder: OrganisationFolder) -> FaultNode:
        """One more organisation's node, not started."""
        node = self._kind(folder, self.luyad)
        self.nodes.append(node)
        return node

    def deploy(self) -> None:
        """The ledger, once."""
        with self.open():
            pass

    def open(self, urls: Sequence[str] = ()) -> Node:
        """The ledger's node on these endpoints (all)."""
        reach = tuple(urls or self.urls)
        return Node.open(self.home.root, settings=settings(engine="rpc", rpc_urls=reach, finality="latest"))

    @contextmanager
    def opened(self) -> Iterator[Node]:
        """The ledger's node, followed and watched as `luya up` does."""
        with self.open() as node:
            node.follow()
            with Guard(self.home, node, Watching(), Reporter(self.home.root / "run")):
                yield node

    def goes_on(self, blocks: int = 3, seconds: float = PATIENCE) -> int:
        """Waits for so many further blocks; returns the height."""
        wanted = self.height + blocks
        wait_for(lambda: self.height >= wanted, f"{blocks} more blocks", seconds)
        return self.height

    def stands_still(self, seconds: float) -> int:
        """No block is made for so long; returns the height."""
        time.sleep(2.0)  # what was decided already is still committed
        before = self.height
        time.sleep(seconds)
        assert self.height == before, f"blocks were made: {before} → {self.height}"
        return before

    def all_caught_up(self, seconds: float = PATIENCE) -> None:
        """Every node has the newest block."""
        wanted = self.height

        def level() -> bool:
            states = [node.state() for node in self.nodes]
            return all(state.height >= wanted and not state.catching_up for state in states)

        wait_for(level, f"all nodes have block {wanted}: {[node.height for node in self.nodes]}", seconds)

    def check_same(self, node: Node) -> int:
        """The same block, and the contract's same root in it, on all validators; returns the height."""
        height = self.height
        wait_for(lambda: min(each.height for each in self.nodes) >= height, f"block {height} on all")
        found = set()
        for url in self.urls:
            with JsonRpc(url) as rpc:
                block = rpc.call("eth_getBlockByNumber", hex(height), False)["hash"]
                found.add((block, bytes(LuyaLedger(rpc, node.manifest.ledger_address).read("root", block=hex(height)))))
        assert len(found) == 1, f"at {height}: {found}"
        return height

    # --- what the operator is told

    def ledger_problems(self) -> dict[str, str]:
        """`luya status`: code → what it says."""
        value = status_command.run(self.home, quiet=True)
        said: dict[str, str] = {}
        for one in value["problems"]:
            said[one["code"]] = f"{said.get(one['code'], '')}\n{one['what']['en']}"
        return said

    def node_problems(self) -> dict[str, str]:
        """`luya network status`: organisation's folder → what is wrong with its node."""
        if not all(node.local for node in self.nodes):
            return {node.name: state.detail for node in self.nodes if not (state := node.state()).ok}
        value = network_command.status(self.root / "net", quiet=True)
        names = {node.folder.part().organisation: node.name for node in self.nodes}
        return {names[one["organisation"]]: one["detail"] for one in value["nodes"] if not one["ok"]}

    def tells(self, code: str, seconds: float = 90.0) -> str:
        """Waits until `luya status` names this problem; returns its words."""
        wait_for(lambda: code in self.ledger_problems(), f"`luya status` says {code}", seconds)
        return self.ledger_problems()[code]

    def is_well(self, seconds: float = 60.0) -> None:
        """Waits until neither command has anything to complain of."""

        def well() -> bool:
            return not self.node_problems() and not set(self.ledger_problems()) - {"clock-skew"}

        wait_for(well, f"all is well: {self.node_problems()}, {self.ledger_problems()}", seconds)


def found(
    root: Path,
    luyad: Luyad,
    count: int,
    *,
    most: int = 0,
    bind: Callable[[int], str] = lambda _: "127.0.0.1",
    kind: Callable[[OrganisationFolder, Luyad], FaultNode] = FaultNode,
) -> FaultNetwork:
    """Organisations with short blocks, not started; the home's deployer may create contracts, everybody may send.

    Args:
        root: gets `net/` and `home/`.
        luyad: the program.
        count: organisations.
        most: as many as it will grow to: their ports are kept free.
        bind: address of the p2p of organisation n (from 1).
        kind: how nodes are run.
    """
    home = root / "home"
    home.mkdir(parents=True, mode=0o700)
    deployer = to_hex(Keystore(home).chain_key("deployer").address)
    port = free_port_range(PORT_STEP * max(count, most))
    folders, parts = [], []
    for number in range(1, count + 1):
        folder = OrganisationFolder(root / "net" / f"organisation-{number}")
        wish = OrganisationRequest(number, f"organisation-{number}", settings_of(port, number, bind(number)))
        parts.append(prepare(folder, wish, luyad))
        folders.append(folder)
    public = NetworkFolder(root / "net" / "network")
    assemble(public, parts, FoundingTerms(deployers=(deployer,), open_sending=True), luyad)
    for folder in folders:
        adopt(folder, public, luyad)
    return FaultNetwork(root, luyad, kind)


def settings_of(first_port: int, number: int, bind: str = "127.0.0.1") -> ValidatorSettings:
    """Of organisation `number` of a network whose ports begin there."""
    return ValidatorSettings(first_port + PORT_STEP * (number - 1), bind, BLOCK_TIME)
