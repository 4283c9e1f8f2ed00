"""Which contract an entry type belongs to, where that changes after the seal."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from chain_node.protocol.kinds.act import Act, act_kind
from chain_node.protocol.kinds.kind import NO_ADDRESS, NO_HASH, require

MODULE_CHANGE: Final = 0x50


@dataclass(frozen=True, slots=True)
class ModuleChange(Act):
    """0x50: from now on the types first … last are appended by the contract `module`, whose code has this Keccak hash.

    The ledger appends it by itself. An import does not install it: a rebuilt ledger is wired by its deployment.
    """

    first: int
    last: int
    module: bytes
    code_hash: bytes


def _check(e: ModuleChange) -> None:
    require(e.first <= e.last, e, "a module's first type is not after its last")
    require(e.module != NO_ADDRESS and e.code_hash != NO_HASH, e, "a module has an address and code")


MODULE_CHANGES: Final = act_kind(
    "module change", MODULE_CHANGE, ModuleChange, "first:B last:B module:20s code_hash:32s", check=_check, public=True
)
