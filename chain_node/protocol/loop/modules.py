"""Which contract an entry type belongs to, as far as the log says it."""

from __future__ import annotations

from typing import ClassVar, Final

from chain_node.protocol.errors import ReplayError
from chain_node.protocol.kinds.act import Act
from chain_node.protocol.kinds.modules import MODULE_CHANGE, ModuleChange
from chain_node.protocol.loop.family import LedgerView
from chain_node.protocol.moves import BY_TYPE, WAYS
from chain_node.protocol.postings import Side

OPEN: Final = frozenset({*range(0x05, 0x40), 0x45, *range(0x48, 0x60)} - {MODULE_CHANGE})
"""Types that a module may have; the others are the ledger's own or the law's."""
FIXED: Final = frozenset(
    code for code, kinds in BY_TYPE.items() if any(WAYS[kind][0].side is Side.SOURCE for kind in kinds)
)
"""Types that bring something into being: their module is set once."""


class Modules:
    """modules: type → its contract's address, where an entry changed it."""

    acts: ClassVar[frozenset[type[Act]]] = frozenset({ModuleChange})

    def __init__(self) -> None:
        self.modules: dict[int, bytes] = {}

    def check(self, _index: int, act: ModuleChange, _ledger: LedgerView) -> None:
        for code in range(act.first, act.last + 1):
            if code not in OPEN:
                raise ReplayError(f"entry type 0x{code:02x} can't be a module's")
            if code in FIXED and code in self.modules:
                raise ReplayError(
                    f"entry type 0x{code:02x} brings something into being: its module is 0x{self.modules[code].hex()} "
                    "for good"
                )

    def apply(self, _index: int, act: ModuleChange, _ledger: LedgerView) -> None:
        for code in range(act.first, act.last + 1):
            self.modules[code] = act.module
