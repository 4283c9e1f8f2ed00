"""The deployment's result, in HOME/manifest.json: what a client needs to know of a ledger."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from chain_node.errors import ManifestError
from chain_node.protocol.attestation import Domain, domain_salt
from chain_node.storage.durable import write_atomic

VERSION = 2
_READABLE = (1, VERSION)
"""Version 1 had no modules: what it names can be read all the same."""


@dataclass(frozen=True, slots=True)
class Manifest:
    """A deployed ledger.

    Attributes:
        network: name of the network, the origin's first part.
        chain_id: EIP-155 chain id; kept over a rebuild.
        origin: the log's origin line; kept over a rebuild.
        genesis_nonce: 32 random bytes of this deployment, hex; a rebuild has new ones.
        engine: which engine it was deployed on.
        ledger, law, views, authority: addresses, 0x and 40 hex digits.
        code_hashes: keccak-256 of each contract's deployed code, hex, by contract name.
        start_block: the block from which the follower reads.
        start_size: the log's size at the seal; entries below came by import.
        log_key: verifier key of the log's checkpoints.
        roles: role name → addresses of its holders.
        deployer: address that deployed, without rights since.
        administration: the authority's only admin; empty for a ledger that was deployed before there was one.
        delays: role name → holder → seconds between announcing and doing; who is missing waits for none.
        first_block: no contract of the deployment is older.
        modules: contract name → address, of the modules that were deployed with it; those of a ledger of before, which
            had none, come with a rebuild.
    """

    network: str
    chain_id: int
    origin: str
    genesis_nonce: str
    engine: str
    ledger: str
    law: str
    views: str
    authority: str
    code_hashes: dict[str, str]
    start_block: int
    start_size: int
    log_key: str
    roles: dict[str, list[str]]
    deployer: str
    administration: str = ""
    delays: dict[str, dict[str, int]] = field(default_factory=dict)
    first_block: int = 0
    modules: dict[str, str] = field(default_factory=dict)
    version: int = VERSION

    @property
    def ledger_address(self) -> bytes:
        """20 bytes."""
        return bytes.fromhex(self.ledger[2:])

    @property
    def law_address(self) -> bytes:
        """20 bytes."""
        return bytes.fromhex(self.law[2:])

    @property
    def views_address(self) -> bytes:
        """20 bytes."""
        return bytes.fromhex(self.views[2:])

    @property
    def authority_address(self) -> bytes:
        """20 bytes."""
        return bytes.fromhex(self.authority[2:])

    @property
    def contracts(self) -> dict[str, bytes]:
        """Contract name → 20 bytes."""
        named = {
            "AccessManager": self.authority,
            "LuyaLedger": self.ledger,
            "LuyaLaw": self.law,
            "LuyaViews": self.views,
            "Administration": self.administration,
        } | self.modules
        return {name: bytes.fromhex(address[2:]) for name, address in named.items() if address}

    def module_address(self, name: str) -> bytes:
        """20 bytes.

        Raises:
            ManifestError: this ledger was deployed without the module.
        """
        if name not in self.modules:
            raise ManifestError(
                f"此账本部署时还没有 {name}：请运行 `luya rebuild`。"
                f"This ledger was deployed without {name}: run `luya rebuild`"
            )
        return self.contracts[name]

    @property
    def domain(self) -> Domain:
        """The EIP-712 domain that attestations are signed in."""
        return Domain(self.chain_id, self.ledger_address, domain_salt(self.origin, bytes.fromhex(self.genesis_nonce)))

    def to_json(self) -> str:
        """Indented JSON, LF at its end."""
        return json.dumps(asdict(self), indent=2, sort_keys=True) + "\n"

    def changed(self, **fields: Any) -> Manifest:
        """A copy with some fields changed."""
        return replace(self, **fields)

    def save(self, path: Path) -> None:
        """Write it, durably."""
        write_atomic(path, self.to_json().encode())

    @staticmethod
    def load(path: Path) -> Manifest:
        """Read it.

        Raises:
            ManifestError: it is missing or not a manifest of this version.
        """
        try:
            value = json.loads(path.read_text("utf-8"))
        except FileNotFoundError:
            raise ManifestError(f"{path} is missing: nothing has been deployed in this home yet") from None
        except ValueError as error:
            raise ManifestError(
                f"{path} is not JSON: {error}; restore it from a copy, or remove it and run `luya rebuild`"
            ) from error
        if not isinstance(value, dict) or value.get("version") not in _READABLE:
            raise ManifestError(f"{path} is not a manifest of version {' or '.join(map(str, _READABLE))}")
        try:
            return Manifest(**value)
        except TypeError as error:
            raise ManifestError(f"{path}: {error}") from error
