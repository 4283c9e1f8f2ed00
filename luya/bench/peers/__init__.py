"""What `luya bench contracts` compares the ledger with, as it is deployed.

`NullifiedCredits.json` is what the contracts' compiler makes of `NullifiedCredits.sol` with the contracts' settings and
the pinned OpenZeppelin (scripts/bench_peer.mjs). EAS is its publisher's own creation code, from the npm package that
the lock beside this file names, installed into the cache when it is first asked for.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any, Final

from eth_abi.abi import encode as abi_encode

from chain_node.contracts.abi import Abi
from chain_node.engine.base import Progress
from chain_node.engine.npm import ensure
from chain_node.rpc.client import to_bytes

_EAS: Final = Path("node_modules", "@ethereum-attestation-service", "eas-contracts")


@dataclass(frozen=True, slots=True)
class Compiled:
    """A peer's contract. bytecode: creation code without arguments; version: of the package that it comes from."""

    abi: Abi
    bytecode: bytes
    version: str

    def creation(self, *arguments: Any) -> bytes:
        """Creation code with constructor arguments."""
        return self.bytecode + abi_encode(self.abi.constructor, arguments)


def nullified_credits() -> Compiled:
    """OpenZeppelin's ERC-1155 behind a nullifier mapping."""
    value = json.loads((resources.files(__name__) / "NullifiedCredits.json").read_text("utf-8"))
    return Compiled(Abi(value["abi"]), to_bytes(value["bytecode"]), value["openzeppelin"])


def eas(progress: Progress) -> tuple[Compiled, Compiled]:
    """EAS's schema registry, and EAS.

    Raises:
        RuntimeMissing: npm is missing, or the registry cannot be reached.
    """
    source = resources.files(__name__)
    package, lock = (source / "package.json").read_bytes(), (source / "package-lock.json").read_bytes()
    folder = ensure("bench-peers", package, lock, "EAS's contracts from npm (about 2.5 MB, once)", progress) / _EAS
    version = json.loads((folder / "package.json").read_text("utf-8"))["version"]
    registry, attestations = (_artefact(folder, name, version) for name in ("SchemaRegistry", "EAS"))
    return registry, attestations


def _artefact(folder: Path, name: str, version: str) -> Compiled:
    value = json.loads((folder / "artifacts" / "contracts" / f"{name}.sol" / f"{name}.json").read_text("utf-8"))
    return Compiled(Abi(value["abi"]), to_bytes(value["bytecode"]), version)
