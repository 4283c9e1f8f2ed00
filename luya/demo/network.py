"""`luya demo --engine luyad --validators N`: the same story on a network of N organisations, one of them killed in it.

Each organisation has its folder, its keys and its validator, all on this machine's loopback. The home reaches them as
any operator's home reaches a consortium: by several endpoints, of which the one in use is the one that is killed.
"""

from __future__ import annotations

import contextlib
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from chain_node.contracts.handles import LuyaLedger
from chain_node.engine.build import build, find_luyad
from chain_node.engine.capabilities import ENGINES, capabilities, reached
from chain_node.engine.luyad import LuyadEngine
from chain_node.engine.process import free_port_range
from chain_node.errors import LockError, NodeError
from chain_node.keys.keystore import Keystore
from chain_node.network.folders import PORT_STEP, OrganisationFolder, organisations_in
from chain_node.network.founding import init_network
from chain_node.network.parts import FoundingTerms
from chain_node.network.running import OrganisationNode, node_state
from chain_node.network.tool import Luyad
from chain_node.node.home import EngineChoice
from chain_node.rpc.client import JsonRpc, to_hex
from luya.console import progress, tell
from luya.demo import solo as demo
from luya.engine.choice import EngineOptions
from luya.errors import HomeError, UsageError
from luya.home import LuyaHome
from luya.session.session import Session

MOST: Final = 16
"""Validators that one machine is asked to run."""
_BLOCK_TIME: Final = 0.5
"""Below the ports that systems hand out to clients, so that nobody takes a stopped validator's meanwhile."""
_PATIENCE: Final = 120.0
_LOOK: Final = 0.1
_GOES_ON: Final = 4
"""Blocks that the others make before the killed one is started again."""
_FAULTY: Final = 4
"""So many validators go on without one of them."""


def run(
    given: Path | None, asked: EngineOptions, validators: int, *, once: bool, quiet: bool, records: int
) -> dict[str, Any]:
    """Tells the story; with `once` it ends when verified, else it serves until it is stopped.

    Raises:
        UsageError: another engine than luyad was asked for.
        HomeError: the home's ledger is elsewhere, on another number of validators, or in use.
        BuildError: luyad is not built and cannot be built here.
        NetworkError, PortInUse: a validator does not start.
    """
    if asked.engine is not None and not capabilities(asked.engine).consortium:
        able = ", ".join(one.name for one in ENGINES.values() if one.consortium)
        raise UsageError(f"--validators is for the engine {able}, not for {asked.engine}")
    home = LuyaHome.of(given)
    say: Callable[[str], None] = _silent if quiet else tell
    _check(home)
    luyad = _luyad(say)
    home.make()
    with DemoNetwork(home, validators, luyad, say) as network:
        reach = EngineOptions(reached().name, network.urls, "latest")
        value = demo.run(home.root, once=once, quiet=quiet, records=records, asked=reach, scene=network)
    say(f"再次运行 To run it again: luya network start {network.folder} ; luya up --home {home.root}")
    return value


class DemoNetwork:
    """The validators of a demo, and the trouble that one of them has; used as a context.

    Args:
        home: whose; the organisations' folders are in its `chain/network`.
        validators: how many; a network that is there already has to have as many.
        luyad: the program.
        say: tells the story.
    """

    def __init__(self, home: LuyaHome, validators: int, luyad: Luyad, say: Callable[[str], None]) -> None:
        self.folder = home.engine / "network"
        self._home = home
        self._say = say
        self._luyad = luyad
        self._validators = validators
        self._killed_at = -1
        self._failure: Exception | None = None
        self._stop = threading.Event()
        self._keeper: threading.Thread | None = None
        self.nodes: list[OrganisationNode] = []

    @property
    def urls(self) -> tuple[str, ...]:
        """The validators' JSON-RPC."""
        return tuple(node.rpc_url for node in self.nodes)

    def __enter__(self) -> DemoNetwork:
        folders = organisations_in(self.folder) if self.folder.exists() else self._found()
        if len(folders) != self._validators:
            raise HomeError(
                f"{self.folder} is a network of {len(folders)} validators, not {self._validators}: ask for as many, or "
                "give the demo a home of its own with --home"
            )
        self.nodes = [OrganisationNode(folder, self._luyad) for folder in folders]
        try:
            with progress() as advance:
                for at, node in enumerate(self.nodes):
                    advance("starting validators", at, len(self.nodes))
                    node.start()
                advance("starting validators", len(self.nodes), len(self.nodes))
                self._until(lambda: all(height >= 1 for height in self._heights()), "the first block")
        except LockError as error:
            self._end()
            raise HomeError(f"the validators of {self.folder} run already: {error}") from error
        except BaseException:
            self._end()
            raise
        self._say(
            f"{len(self.nodes)} 个机构各有密钥，各运行一个验证节点。"
            f"{len(self.nodes)} organisations, each with keys of its own, run a validator each: chain "
            f"{self.nodes[0].folder.network.charter().chain_id}, {', '.join(self.urls)}."
        )
        return self

    def __exit__(self, *_exc: object) -> None:
        self._end()

    # --- what `luya.demo.solo` calls

    @contextmanager
    def ingesting(self, session: Session) -> Iterator[None]:
        """While the ingest goes on, the validator in use is killed, started again, and catches up."""
        if len(self.nodes) < _FAULTY:
            session.node.rpc.patience = _PATIENCE  # nobody else answers, or decides, while one is away
        over = threading.Event()
        thread = threading.Thread(target=self._trouble, args=(session, session.node.archive.size, over), daemon=True)
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join()
        if self._failure is not None:
            raise self._failure
        self._keeper = threading.Thread(target=self._keep, name="luya-validators", daemon=True)
        self._keeper.start()

    def told(self, session: Session, value: dict[str, Any]) -> dict[str, Any]:
        """What the demo's answer says of the network."""
        height = max(self._heights())
        roots = self._roots(session, height)
        same = len(roots) == len(self.nodes) and set(roots) == {bytes.fromhex(value["log_root"])}
        self._say(
            f"在区块 {height}，{len(roots)} 个节点的合约给出{'同一个' if same else '[red]不同的[/red]'}日志根。"
            f"At block {height} the contract has {'the same root' if same else '[red]NOT the same root[/red]'} on all "
            f"{len(roots)} validators: {roots[0].hex()}."
        )
        return {
            "engine": LuyadEngine.name,
            "validators": len(self.nodes),
            "killed_at_height": self._killed_at,
            "final_height": height,
            "same_root_on_all": same,
        }

    # --- founding and ending

    def _found(self) -> list[OrganisationFolder]:
        # the home's deployer may create contracts; everybody may send, for nobody but this machine reaches them
        deployer = to_hex(Keystore(self._home.root).chain_key("deployer").address)
        names = [f"organisation-{number}" for number in range(1, self._validators + 1)]
        terms = FoundingTerms(deployers=(deployer,), open_sending=True)
        port = free_port_range(PORT_STEP * self._validators)
        made = self.folder.with_name("network.new")
        remove_leftover(made)
        init_network(made, names, terms, self._luyad, port=port, block_time=_BLOCK_TIME)
        os.replace(made, self.folder)
        return organisations_in(self.folder)

    def _end(self) -> None:
        self._stop.set()
        if self._keeper is not None:
            self._keeper.join()
        for node in self.nodes:
            node.stop()

    def _keep(self) -> None:
        """A validator that somebody kills later is started again, as `luya network start` does."""
        while not self._stop.wait(1.0):
            for node in self.nodes:
                if node.pid is None and not self._stop.is_set():
                    with contextlib.suppress(NodeError):  # it is tried again
                        node.start()

    # --- the trouble

    def _trouble(self, session: Session, before: int, over: threading.Event) -> None:
        try:
            while session.node.archive.size == before and not over.wait(_LOOK):
                pass  # the first records of this run are final now: more are on their way
            self._kill_and_restart(session)
        except Exception as error:  # `ingesting` raises it: nobody sees a thread end
            self._failure = error

    def _kill_and_restart(self, session: Session) -> None:
        victim = next(node for node in self.nodes if node.rpc_url == session.node.rpc.url)
        pid, self._killed_at = victim.pid, self._heights()[self.nodes.index(victim)]
        assert pid is not None
        os.kill(pid, signal.SIGKILL)
        name = victim.folder.root.name
        self._say(
            f"[bold red]✗[/bold red] 区块 {self._killed_at}：强行结束 {name} 的验证节点（kill -9 {pid}）。"
            f"Block {self._killed_at}: the validator of {name} is killed (kill -9 {pid}); records go on arriving."
        )
        self._until(lambda: victim.pid is None, f"{name} ends")
        alone = len(self.nodes) < _FAULTY
        if alone:
            self._stop.wait(2.0)
        else:
            self._until(lambda: max(self._heights()) >= self._killed_at + _GOES_ON, "the others go on")
        begun = time.monotonic()
        victim.start()
        at = self.nodes.index(victim)
        self._until(lambda: self._caught_up(victim, at), f"{name} catches up")
        went = "它停时链也停 the chain waited for it" if alone else "其余照常出块 the others went on"
        self._say(
            f"[bold green]✓[/bold green] {name} 已重启并追上区块 {self._heights()[at]}（{went}）。"
            f"It was started again and has caught up in {time.monotonic() - begun:.1f} s."
        )

    def _caught_up(self, node: OrganisationNode, at: int) -> bool:
        heights = self._heights()
        return heights[at] > self._killed_at and heights[at] >= max(heights) - 1 and not _behind(node)

    # --- looking

    def _heights(self) -> list[int]:
        """Of each validator; -1 where it does not answer."""
        return [_height(url) for url in self.urls]

    def _roots(self, session: Session, height: int) -> list[bytes]:
        """The contract's root in this block's state, as each validator has it."""
        self._until(lambda: min(self._heights()) >= height, f"block {height} on all")
        address = session.node.manifest.ledger_address
        roots = []
        for url in self.urls:
            with JsonRpc(url) as rpc:
                roots.append(bytes(LuyaLedger(rpc, address).read("root", block=hex(height))))
        return roots

    def _until(self, condition: Callable[[], bool], what: str) -> None:
        deadline = time.monotonic() + _PATIENCE
        while not condition():
            if time.monotonic() > deadline:
                logs = ", ".join(str(node.folder.log) for node in self.nodes)
                raise HomeError(f"not within {_PATIENCE:.0f} s: {what}; see the validators' logs: {logs}")
            time.sleep(_LOOK)


def remove_leftover(folder: Path) -> None:
    """A founding that was interrupted: nothing was started, so nothing was signed with its keys."""
    import shutil

    shutil.rmtree(folder, ignore_errors=True)


def _check(home: LuyaHome) -> None:
    kept = EngineChoice.read(home)
    network = home.engine / "network"
    if home.manifest.exists() and (kept is None or capabilities(kept.engine).owned or not network.exists()):
        raise HomeError(
            f"the ledger of {home.root} is on {kept.engine if kept else 'another engine'}: give this demo a home of "
            "its own with --home"
        )


def _luyad(say: Callable[[str], None]) -> Luyad:
    """The binary; built now where it is not there."""
    found = find_luyad()
    if found is not None:
        return Luyad(found)
    say(
        "引擎 luyad 尚未构建，现在构建（只需一次）。luyad is not built yet; it is built now, once "
        "(about 6 minutes; `luya engine build` does the same, `luya engine build --check` says what it needs)."
    )
    with progress() as advance:
        return Luyad(build(advance))


def _height(url: str) -> int:
    with contextlib.suppress(NodeError), JsonRpc(url, timeout=3.0) as rpc:
        return int(rpc.call("eth_blockNumber"), 16)
    return -1


def _behind(node: OrganisationNode) -> bool:
    return node_state(node.folder).catching_up


def _silent(_text: str) -> None:
    """`--json` tells no story."""
