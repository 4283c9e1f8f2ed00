"""What lies in an organisation's folder, and in a network's public one.

ORGANISATION/
- public.json: its public part; may be given to anybody
- settings.json: how its node runs on its machine
- keys/, secrets/: the key that votes, encrypted, and its passphrase (mode 0600); they never leave the folder
- node/: luyad's home with node key, validator key (mode 0600), configuration, chain
- network/: a copy of the network's public folder

NETWORK/
- charter.json: what the founders agreed on
- plan.json, genesis.json: what follows from it, byte by byte
- organisations/N.json: public parts of the founders, and of those who joined
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Final

from chain_node.engine.luyad import PORT_NAMES
from chain_node.errors import NetworkError
from chain_node.keys.keystore import ChainKey, Keystore
from chain_node.network.parts import Charter, PublicPart, load_charter, load_part, save
from chain_node.storage.durable import write_atomic

COUNCIL_KEY: Final = "council"
"""Name of the voting key in the keystore."""
PORT_STEP: Final = 10
"""Ports that a node is given: the first six are used."""


@dataclass(frozen=True, slots=True)
class ValidatorSettings:
    """How an organisation's node runs on its machine.

    Attributes:
        port: first of its ports, in the order of `PORT_NAMES`.
        p2p_bind: address at which its peers reach it; all else listens on 127.0.0.1.
        block_time: seconds between blocks.
        snapshot_interval: blocks between snapshots for newcomers, 0 for none.
    """

    port: int
    p2p_bind: str = "127.0.0.1"
    block_time: float = 1.0
    snapshot_interval: int = 0

    def __post_init__(self) -> None:
        if not 0 < self.port <= 65536 - PORT_STEP:
            raise NetworkError(f"first port {self.port}: must be within 1 and {65536 - PORT_STEP}")

    def address(self, name: str) -> str:
        """host:port of a service of `PORT_NAMES`."""
        host = self.p2p_bind if name == "p2p" else "127.0.0.1"
        return f"{host}:{self.port + PORT_NAMES.index(name)}"

    @property
    def rpc_url(self) -> str:
        """The node's JSON-RPC."""
        return f"http://{self.address('json-rpc')}"

    @property
    def comet_url(self) -> str:
        """CometBFT's own RPC."""
        return f"http://{self.address('rpc')}"


@dataclass(frozen=True, slots=True)
class NetworkFolder:
    """A network's public folder.

    Attributes:
        root: the folder.
    """

    root: Path

    @property
    def charter_file(self) -> Path:
        return self.root / "charter.json"

    @property
    def plan_file(self) -> Path:
        return self.root / "plan.json"

    @property
    def genesis(self) -> Path:
        return self.root / "genesis.json"

    def charter(self) -> Charter:
        """What the founders agreed on.

        Raises:
            NetworkError: there is none, or it is damaged.
        """
        return load_charter(self.charter_file)

    def part_file(self, organisation: int) -> Path:
        """The public part of one organisation."""
        return self.root / "organisations" / f"{organisation}.json"

    def parts(self) -> list[PublicPart]:
        """Founders and those who joined, ascending by number."""
        found = [load_part(path) for path in (self.root / "organisations").glob("*.json")]
        return sorted(found, key=lambda part: part.organisation)

    def add_part(self, part: PublicPart) -> None:
        """Keep an organisation's public part, so that later nodes connect to it, too."""
        save(self.part_file(part.organisation), asdict(part))


@dataclass(frozen=True, slots=True)
class OrganisationFolder:
    """An organisation's folder.

    Attributes:
        root: the folder.
    """

    root: Path

    @property
    def public_file(self) -> Path:
        return self.root / "public.json"

    @property
    def settings_file(self) -> Path:
        return self.root / "settings.json"

    @property
    def node(self) -> Path:
        """luyad's home."""
        return self.root / "node"

    @property
    def log(self) -> Path:
        return self.root / "luyad.log"

    @property
    def network(self) -> NetworkFolder:
        return NetworkFolder(self.root / "network")

    @property
    def is_one(self) -> bool:
        """There is an organisation's folder here."""
        return self.public_file.exists()

    def part(self) -> PublicPart:
        """Its public part.

        Raises:
            NetworkError: this is no organisation's folder.
        """
        if not self.is_one:
            raise NetworkError(f"{self.root} is no organisation's folder: `luya network init` or `prepare` makes one")
        return load_part(self.public_file)

    def settings(self) -> ValidatorSettings:
        """How its node runs.

        Raises:
            NetworkError: the file is missing or damaged.
        """
        try:
            value = json.loads(self.settings_file.read_text("utf-8"))
            return ValidatorSettings(
                **{one.name: value[one.name] for one in fields(ValidatorSettings) if one.name in value}
            )
        except (OSError, ValueError, TypeError, AttributeError) as error:
            raise NetworkError(f"{self.settings_file} cannot be read: {error}") from error

    def write_settings(self, settings: ValidatorSettings) -> None:
        """Keep how its node runs."""
        write_atomic(self.settings_file, json.dumps(asdict(settings), indent=2).encode() + b"\n")

    def council_key(self) -> ChainKey:
        """The key that votes, made at its first use.

        Raises:
            KeystoreError: the passphrase does not open it.
        """
        return Keystore(self.root).chain_key(COUNCIL_KEY)


def organisations_in(folder: Path) -> list[OrganisationFolder]:
    """The organisation's folder that this is, else those directly in it, by number.

    Raises:
        NetworkError: there is none.
    """
    one = OrganisationFolder(folder)
    found = [one] if one.is_one else list(_below(folder))
    if not found:
        raise NetworkError(f"there is no organisation's folder in {folder}: `luya network init` makes them")
    return sorted(found, key=lambda each: each.part().organisation)


def _below(folder: Path) -> Iterator[OrganisationFolder]:
    if folder.is_dir():
        yield from (each for path in folder.iterdir() if (each := OrganisationFolder(path)).is_one)
