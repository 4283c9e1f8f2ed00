"""What a family of acts is to the replay, and what it may ask of the ledger."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Protocol

from chain_node.protocol.entries import Organisation
from chain_node.protocol.kinds.act import Act
from chain_node.protocol.postings import Bucket, Holdings, Unit
from chain_node.protocol.views import AccountView


class LedgerView(Holdings, Protocol):
    """The ledger as the entries before the act left it. The replay's `State` is one."""

    def total(self, unit: Unit, vintage: int, bucket: Bucket) -> int:
        """What lies in a bucket that acts alone move, all owners together."""
        ...

    @property
    def organisations(self) -> Mapping[int, Organisation]:
        """By id."""
        ...

    def account(self, address: bytes) -> AccountView:
        """State 0: it was never registered."""
        ...


class ActFamily(Protocol):
    """The rules of some kinds of acts, and what became of them so far.

    acts: the dataclasses that are its own; no other family has them.
    """

    acts: ClassVar[frozenset[type[Act]]]

    def check(self, index: int, act: Any, ledger: LedgerView) -> None:
        """Nothing is changed here.

        Raises:
            ReplayError: the contracts could not have appended this act as the entry `index`: what the rule is, what
                was found, and what would have been right.
        """
        ...

    def apply(self, index: int, act: Any, ledger: LedgerView) -> None:
        """What the act changes, after `check` has passed; raises nothing. What it moves is not its business."""
        ...
