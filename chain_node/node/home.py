"""Where things lie in a home, and the small files that say who the node is and where it runs."""

from __future__ import annotations

import contextlib
import json
import os
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from chain_node.deployment.plan import Seal, new_identity
from chain_node.errors import ManifestError
from chain_node.storage.durable import write_atomic


@dataclass(frozen=True, slots=True)
class Home:
    """The paths of a home.

    Attributes:
        root: the folder itself.
    """

    root: Path

    @property
    def archive(self) -> Path:
        return self.root / "archive"

    @property
    def engine(self) -> Path:
        return self.root / "chain"

    @property
    def outbox(self) -> Path:
        return self.root / "outbox"

    @property
    def registry(self) -> Path:
        return self.root / "registry" / "registry.sqlite"

    @property
    def rereading(self) -> Path:
        """While a lost archive is read again from the chain: how many entries it must have."""
        return self.root / "rereading"

    @property
    def manifest(self) -> Path:
        return self.root / "manifest.json"

    @property
    def mirrors(self) -> Path:
        """Where copies of the archive have been."""
        return self.root / "mirrors.json"

    @property
    def network(self) -> Path:
        return self.root / "network.json"

    @property
    def deployment(self) -> Path:
        return self.root / "deployment.json"

    @property
    def engine_choice(self) -> Path:
        """Which engine holds the ledger."""
        return self.root / "engine.json"

    @property
    def lock(self) -> Path:
        return self.root / "run" / "node.lock"

    @property
    def running(self) -> Path:
        return self.root / "run" / "node.json"

    @property
    def users(self) -> Path:
        """Held, shared, by every process that is attached to the node."""
        return self.root / "run" / "users.lock"


@dataclass(frozen=True, slots=True)
class Network:
    """Who the log is; fixed at a home's first start, kept over every rebuild (the chain id: unless it goes elsewhere).

    Attributes:
        name: first part of the origin.
        origin: the log's origin line.
        chain_id: EIP-155 chain id.
    """

    name: str
    origin: str
    chain_id: int

    def on_chain(self, chain_id: int | None) -> Network:
        """The same log on another chain: a rebuild may go to a network that has its chain id already."""
        return self if chain_id is None else replace(self, chain_id=chain_id)

    def save(self, home: Home) -> None:
        """Durable when it returns."""
        write_atomic(home.network, json.dumps(asdict(self), indent=2).encode() + b"\n")

    @staticmethod
    def of(home: Home, name: str, chain_id: int | None) -> Network:
        """The home's network, made at the first start.

        Args:
            home: the home.
            name: for a new one.
            chain_id: of an endpoint's chain; None for a random one.
        """
        try:
            return Network(**json.loads(home.network.read_text("utf-8")))
        except FileNotFoundError:
            origin, random_id = new_identity(name)
            made = Network(name, origin, random_id if chain_id is None else chain_id)
            made.save(home)
            return made
        except (ValueError, TypeError) as error:
            raise ManifestError(f"{home.network}: {error}; restore it from a copy") from error


@dataclass(frozen=True, slots=True)
class RunningNode:
    """A node that runs on this home, for other processes to attach to.

    Attributes:
        pid: its process.
        rpc_url: its engine, the address in use.
        finality: the engine's rule.
        engine: the engine's name.
        rpc_urls: all addresses of its chain.
    """

    pid: int
    rpc_url: str
    finality: str
    engine: str
    rpc_urls: tuple[str, ...]

    @staticmethod
    def read(home: Home) -> RunningNode | None:
        """The running node's word; None when there is none (yet)."""
        with contextlib.suppress(OSError, ValueError, TypeError, KeyError, AttributeError):
            value = json.loads(home.running.read_text("utf-8"))
            return RunningNode(**value | {"rpc_urls": _listed(value.get("rpc_urls")) or (value["rpc_url"],)})
        return None

    @staticmethod
    def announce(home: Home, rpc_url: str, finality: str, engine: str, rpc_urls: tuple[str, ...]) -> None:
        """Say that this process runs the node."""
        value = asdict(RunningNode(os.getpid(), rpc_url, finality, engine, rpc_urls))
        write_atomic(home.running, json.dumps(value, indent=2).encode() + b"\n")


@dataclass(frozen=True, slots=True)
class EngineChoice:
    """Which engine holds a home's ledger; a later start without a word about it uses the same.

    Attributes:
        engine: 'anvil', 'luyad' or 'rpc'.
        rpc_urls: the endpoints of 'rpc', the preferred one first.
        finality: their rule, for 'rpc'.
    """

    engine: str
    rpc_urls: tuple[str, ...] = ()
    finality: str = ""

    @staticmethod
    def read(home: Home) -> EngineChoice | None:
        """The home's; None before its first start.

        Raises:
            ManifestError: the file is damaged.
        """
        try:
            value = json.loads(home.engine_choice.read_text("utf-8"))
            text = value.pop("rpc_url", None)  # of an older home
            return EngineChoice(**value | {"rpc_urls": _listed(value.get("rpc_urls") or text)})
        except FileNotFoundError:
            return _choice_of_manifest(home)
        except (ValueError, TypeError, AttributeError) as error:
            raise ManifestError(f"{home.engine_choice}: {error}; restore it from a copy") from error

    def keep(self, home: Home) -> None:
        """Remember it."""
        content = json.dumps(asdict(self), indent=2).encode() + b"\n"
        if not home.engine_choice.exists() or home.engine_choice.read_bytes() != content:
            write_atomic(home.engine_choice, content)


def _listed(value: object) -> tuple[str, ...]:
    """Addresses as a file has them: a list, or as older homes have them, one text with commas.

    Raises:
        TypeError: it is neither.
    """
    if isinstance(value, str):
        return tuple(url for part in value.split(",") if (url := part.strip()))
    if value is None:
        return ()
    if not isinstance(value, list) or not all(isinstance(url, str) for url in value):
        raise TypeError(f"endpoints are a list of addresses, not {value!r}")
    return tuple(value)


def _choice_of_manifest(home: Home) -> EngineChoice | None:
    """A home of version 0.1 has its engine's name in its manifest only."""
    try:
        return EngineChoice(str(json.loads(home.manifest.read_text("utf-8"))["engine"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None


@dataclass(frozen=True, slots=True)
class Attempt:
    """A deployment that has begun and not ended.

    Attributes:
        genesis_nonce: hex.
        size, root: what it will be sealed at (root in hex).
    """

    genesis_nonce: str
    size: int
    root: str

    @staticmethod
    def resume(home: Home, seal: Seal) -> Attempt | None:
        """The unfinished deployment, if it goes to the same seal."""
        with contextlib.suppress(OSError, ValueError, TypeError):
            attempt = Attempt(**json.loads(home.deployment.read_text("utf-8")))
            if (attempt.size, attempt.root) == (seal.size, seal.root.hex()):
                return attempt
        return None

    @staticmethod
    def begin(home: Home, seal: Seal) -> Attempt:
        """A new one, on disk before its first transaction."""
        attempt = Attempt(os.urandom(32).hex(), seal.size, seal.root.hex())
        write_atomic(home.deployment, json.dumps(asdict(attempt), indent=2).encode() + b"\n")
        return attempt
