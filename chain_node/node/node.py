"""The node: engine, ledger, archive and follower of one home, opened and closed as one.

The process that opens a home first owns it: it runs engine and follower. Others attach to it: they use the same engine,
read the same archive, and wait for the owner's follower.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType

from chain_node.archive.domains import remember
from chain_node.archive.reader import ArchiveReader
from chain_node.archive.writer import Archive
from chain_node.contracts.handles import AccessManager, LuyaLaw, LuyaLedger, LuyaViews
from chain_node.deployment.manifest import Manifest
from chain_node.engine.base import Finality, Progress, StorageOrder, no_progress
from chain_node.engine.capabilities import capabilities
from chain_node.engine.rpc import RpcEngine
from chain_node.errors import ArchiveError, DiskFailed, EngineError, LockError, NodeError
from chain_node.following.follower import Follower
from chain_node.following.watcher import ArchiveWatcher
from chain_node.keys.keystore import Keystore
from chain_node.node.engines import make_engine
from chain_node.node.home import EngineChoice, Home, Network, RunningNode
from chain_node.node.ledger_setup import ensure_ledger, key_name, read_again
from chain_node.node.lost_archive import check_before_start, end_reading, is_lost
from chain_node.node.settings import NodeSettings
from chain_node.protocol.checkpoint import sign
from chain_node.protocol.errors import ProtocolError
from chain_node.registry.registrar import Registrar, RegistrarContracts
from chain_node.rpc.failover import connect
from chain_node.sending.sender import Sender
from chain_node.storage import disk_space as room
from chain_node.storage.durable import FileLock, lock_holder

_ATTACH_PATIENCE = 120.0
_SENDER_PATIENCE = 900.0


class Node:
    """An open home; make it with `Node.open`.

    Attributes:
        home: its paths.
        owner: this process runs engine and follower (else it is attached to the one that does).
        manifest: the ledger's.
        engine: the engine, started.
        rpc: a client of its endpoint, for all to share.
        ledger, law, views, authority: the contracts.
        keystore: the home's keys.
        archive: a reader of the archive.
        follower: the follower; None when attached.
        registrar: persons → accounts.
        supervised: somebody watches and mends the engine; `check` then leaves it to him.
        deployed: the ledger was deployed or rebuilt by this opening.
    """

    def __init__(self, home: Home, settings: NodeSettings, progress: Progress) -> None:
        self.home = home
        self.owner = False
        self.supervised = False
        self.deployed = False
        self.keystore = Keystore(home.root)
        self.follower: Follower | None = None
        self._settings = settings
        self._progress = progress
        self._stack = contextlib.ExitStack()
        self._senders: dict[str, Sender] = {}
        self._grown = threading.Condition()
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self._failure: NodeError | None = None

    @classmethod
    def open(cls, home: Path, *, settings: NodeSettings | None = None, progress: Progress | None = None) -> Node:
        """Open a home: start or reach the engine; deploy, find or rebuild the ledger; open the archive.

        Raises:
            EngineError: the engine cannot be started or reached.
            DeploymentError, ArchiveError, KeystoreError …: see there.
        """
        node = cls(Home(home), settings or NodeSettings(), progress or no_progress)
        try:
            node._open()
        except BaseException:
            node.close()
            raise
        return node

    @property
    def block_time(self) -> float | None:
        """Seconds between blocks; None where somebody else's engine decides."""
        return self._settings.block_time if capabilities(self.engine.name).owned else None

    def list_storage(self, about: int, *, comet_url: str | None = None) -> dict[bytes, int] | None:
        """Every word of the ledger's storage that is not zero: position → value; None where it cannot be had.

        Args:
            about: how many words are expected.
            comet_url: CometBFT's RPC of a luyad node of this chain; None takes the home's own, where it has one.
        """
        ledger, folder = self.manifest.ledger_address, self.home.engine
        order = StorageOrder(self.rpc, folder, self.manifest.chain_id, ledger, about, comet_url)
        return capabilities(self._kind).list_storage(order)

    def sender(self, name: str, *, patience: float = 0.0) -> Sender:
        """The sender with the home's key `name`; a role's local key is named like the role.

        Args:
            name: of the key.
            patience: seconds to wait for another process that sends with this key.

        Raises:
            LockError: another process sends with this key.
        """
        name = key_name(name)
        deadline = time.monotonic() + patience
        while name not in self._senders:
            try:
                sender = Sender(
                    self.home.outbox,
                    self.rpc,
                    self.keystore.chain_key(name),
                    chain_id=self.manifest.chain_id,
                    genesis=self.manifest.genesis_nonce,
                    finality=self.engine.finality,
                    limits=self.engine.limits,
                )
                with self._grown:
                    self._senders[name] = sender
            except LockError:
                if time.monotonic() >= deadline:
                    raise
                self._progress(f"waiting for another command that sends as {name}", 0, 0)
                time.sleep(0.1)
        return self._senders[name]

    def release_sender(self, name: str) -> None:
        """Let another process send with this key."""
        with self._grown:
            sender = self._senders.pop(key_name(name), None)
        if sender is not None:
            sender.close()

    def follow(self) -> None:
        """Follow in the background until `close`; nothing to do when attached. What fails there, `check` raises."""
        if self.follower is not None and self._thread is None:
            self._start(self.follower.run, "luya-follower")

    def check(self) -> None:
        """Raise what the background follower or watcher, or the engine, met.

        Raises:
            NodeError: following has ended with it.
        """
        if self._failure is not None:
            raise self._failure
        if self.owner and not self.supervised and not self.engine.ready():
            raise EngineError(f"the chain engine has gone: {self.engine.health().detail or 'no answer'}; start again")

    def catch_up(self, timeout: float = 300.0) -> int:
        """Until the archive has all that is final on the chain now; returns the log's size.

        Raises:
            EngineError: it takes longer than `timeout` seconds.
            NodeError: following has failed.
        """
        if self.follower is not None and self._thread is None:
            return self.follower.catch_up()
        deadline = time.monotonic() + timeout
        size = self.ledger.log_size()
        with self._grown:  # who tells takes it too: nothing is told between a look and the wait after it
            while self.archive.size < size:
                if self._failure is not None:
                    raise self._failure
                left = deadline - time.monotonic()
                if left <= 0:
                    raise EngineError(f"the archive has {self.archive.size} of {size} entries after {timeout:.0f} s")
                self._grown.wait(min(left, 1.0))
        return self.archive.size

    def wait_until_alone(self) -> None:
        """Wait until no other process uses the node that this one owns; from then on none attaches, `close` is next.

        Raises:
            NodeError: engine or follower have failed.
        """
        if not self.owner:
            return
        while True:
            try:
                lock = FileLock(self.home.users, "this node")
            except LockError:
                self.check()
                if self._thread is None:
                    self.catch_up()
                self._progress("waiting for other commands that use this node", 0, 0)
                time.sleep(0.1)
                continue
            # whoever comes now waits for the home itself, and owns it then
            self.home.running.unlink(missing_ok=True)
            self._stack.callback(lock.release)
            return

    def close(self) -> None:
        """Stop following, let go of everything, stop what this process started; idempotent."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join()
            self._thread = None
        if self.follower is not None and self._failure is None and room.enough(self.home.archive):
            with contextlib.suppress(NodeError):
                self.follower.catch_up()
        for name in list(self._senders):
            self.release_sender(name)
        self._stack.close()

    def __enter__(self) -> Node:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _open(self) -> None:
        deadline = time.monotonic() + _ATTACH_PATIENCE
        while True:
            try:
                lock = FileLock(self.home.lock, "this home")
            except LockError:
                if self._settings.rebuild:
                    raise  # nobody may be using the chain that a rebuild replaces
                if self._attach():
                    break
                if time.monotonic() > deadline:
                    raise EngineError(
                        "another process has this home and is not up after two minutes: look at its output"
                    ) from None
                # it is still starting, or about to end: then the home is ours
                self._progress("waiting for the node that starts or stops on this home", 0, 0)
                time.sleep(0.3)
            else:
                self._stack.callback(lock.release)
                self._own()
                break
        self.ledger = LuyaLedger(self.rpc, self.manifest.ledger_address)
        self.law = LuyaLaw(self.rpc, self.manifest.law_address)
        self.views = LuyaViews(self.rpc, self.manifest.views_address)
        self.authority = AccessManager(self.rpc, self.manifest.authority_address)
        self.archive = ArchiveReader(self.home.archive)
        master = self.keystore.secret("registry")
        self.registrar = Registrar(self.home.registry, master, self._desk, progress=self._progress)
        self._stack.callback(self.registrar.close)
        if self.owner:
            self.registrar.ensure_registered(bytes.fromhex(self.manifest.genesis_nonce))
            self.release_sender("registrar")
        else:
            self._start(ArchiveWatcher(self.archive, self._archived).run, "luya-watcher")

    def _own(self) -> None:
        self.owner = True
        self.home.running.unlink(missing_ok=True)
        check_before_start(self.home, self._settings)
        endpoint = self._endpoint_chain()
        network = Network.of(self.home, self._settings.network, endpoint)
        if self._settings.rebuild:
            network = network.on_chain(endpoint)
        self.engine = make_engine(self.home, network, self.keystore, self._settings, self._progress)
        self._kind = self.engine.name
        self._stack.callback(self.engine.stop)
        self.engine.start()
        self.rpc = connect(self.engine.rpc_urls, chain_id=network.chain_id)
        self._stack.callback(self.rpc.close)
        if is_lost(self.home):
            read_again(self.home, self.engine, self.rpc, self._progress)
        archive = Archive(self.home.archive)
        self._stack.callback(archive.close)
        key = self.keystore.log_key()
        if archive.size:
            # what is durable was checked before it was archived: a crash came between archive and checkpoint
            archive.publish(lambda checkpoint: sign(checkpoint, network.origin, key), network.origin)
        self.manifest, self.deployed = ensure_ledger(
            self.home, network, self.engine, self.rpc, self.keystore, self._settings, self._progress
        )
        if self._settings.rebuild:
            network.save(self.home)
        # before the first batch of this ledger is archived: its bundles need the nonce behind the domain's salt
        remember(self.home.archive, network.origin, bytes.fromhex(self.manifest.genesis_nonce))
        self.follower = Follower(
            self.rpc,
            self.manifest,
            archive,
            finality=self.engine.finality,
            sign=lambda checkpoint: sign(checkpoint, network.origin, key),
            archived=self._archived,
        )
        end_reading(self.home, self.follower.catch_up())
        engine = self.engine
        EngineChoice(engine.name, self._settings.rpc_urls, self._finality()).keep(self.home)
        RunningNode.announce(self.home, engine.rpc_url, str(engine.finality), engine.name, engine.rpc_urls)
        self._stack.callback(lambda: self.home.running.unlink(missing_ok=True))

    def _attach(self) -> bool:
        """Use the node that runs on this home; False where it is still starting, or already ending."""
        try:
            users = FileLock(self.home.users, "this node", shared=True)
        except LockError:
            return False
        # a file left behind by a killed node names another process than the one that holds the home now
        running = RunningNode.read(self.home)
        if running is None or running.pid != lock_holder(self.home.lock):
            users.release()
            return False
        self._stack.callback(users.release)
        self.manifest = Manifest.load(self.home.manifest)
        finality = Finality.parse(running.finality)
        self._kind = running.engine
        limits = capabilities(self._kind).limits
        silence = self._settings.silence
        patience = {} if silence is None else {"wait": silence}
        self.engine = RpcEngine(
            running.rpc_urls, finality, chain_id=self.manifest.chain_id, limits=limits, silence=silence, **patience
        )
        self._stack.callback(self.engine.stop)
        self.engine.start()
        self.rpc = connect(running.rpc_urls, chain_id=self.manifest.chain_id, silence=silence)
        self._stack.callback(self.rpc.close)
        return True

    def _endpoint_chain(self) -> int | None:
        """An endpoint has its chain id already; an embedded chain gets a random one."""
        if capabilities(self._settings.engine).owned or self._settings.chain_id is not None:
            return self._settings.chain_id
        with connect(self._settings.rpc_urls) as rpc:
            return int(rpc.call("eth_chainId"), 16)

    def _finality(self) -> str:
        return "" if capabilities(self._settings.engine).owned else self._settings.finality

    def _desk(self) -> RegistrarContracts:
        return RegistrarContracts(self.ledger, self.views, self.sender("registrar", patience=_SENDER_PATIENCE))

    def _archived(self, blocks: Mapping[str, int]) -> None:
        """The archive has grown by what these transactions (hash → block) did: tell the senders, wake who waits."""
        with self._grown:
            for sender in self._senders.values():
                sender.archived(blocks)
            self._grown.notify_all()

    def _start(self, run: Callable[[threading.Event], None], name: str) -> None:
        self._thread = threading.Thread(target=self._run, args=(run,), name=name, daemon=True)
        self._thread.start()

    def _run(self, run: Callable[[threading.Event], None]) -> None:
        try:
            run(self._stop)
        except NodeError as error:
            self._failure = error
        except ProtocolError as error:
            self._failure = ArchiveError(f"the archive cannot be read: {error}")
        except OSError as error:
            self._failure = DiskFailed(f"the archive's disk failed: {error}; mend it and start again")
        if self._failure is not None:
            self._archived({})  # who waits learns of it now
