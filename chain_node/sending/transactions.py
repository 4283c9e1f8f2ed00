"""What a sender takes and gives: a transaction, its receipt, and how sending goes."""

from __future__ import annotations

from dataclasses import dataclass

from chain_node.engine.base import Limits
from chain_node.errors import RevertReason, SenderError


@dataclass(frozen=True, slots=True)
class Tx:
    """What to send.

    Attributes:
        to: 20 bytes; None creates a contract.
        data: call data or creation code.
        gas: gas limit, close to use (engines fill blocks by it).
        key: idempotency key: the same key never sends twice.
    """

    to: bytes | None
    data: bytes
    gas: int
    key: str


def check_limits(tx: Tx, limits: Limits) -> None:
    """Refuse what no block of this engine can hold.

    Raises:
        SenderError: its gas or its bytes are too many.
    """
    if tx.gas > limits.max_tx_gas:
        raise SenderError(f"{tx.key}: gas {tx.gas:,} is above this engine's {limits.max_tx_gas:,} a transaction")
    if len(tx.data) + 256 > limits.max_tx_bytes:
        raise SenderError(f"{tx.key}: {len(tx.data):,} bytes are above this engine's {limits.max_tx_bytes:,}")


@dataclass(frozen=True, slots=True)
class Receipt:
    """A final transaction.

    Attributes:
        key: its idempotency key.
        tx_hash: 0x and 64 hex digits.
        block: number of its block.
        gas_used: gas; 0 where the log was the proof (see `confirm`).
        reason: why the contract refused; None where it did not.
        contract: the created contract's address, for a creation.
    """

    key: str
    tx_hash: str
    block: int
    gas_used: int
    reason: RevertReason | None = None
    contract: bytes | None = None

    @property
    def ok(self) -> bool:
        """The contract did not refuse."""
        return self.reason is None


@dataclass(frozen=True, slots=True)
class SenderState:
    """How sending goes, for whoever watches.

    Attributes:
        pending: transactions signed and not final.
        final: newest final block seen.
        final_age: seconds since that block was first seen; it grows where the chain has halted, or nobody looks.
        halted: nothing became final for `HALTED_AFTER` seconds of looking.
        refusal: the engine's last word, where it does not take what it is sent now; else "".
        endpoint: whom it talks to.
    """

    pending: int
    final: int
    final_age: float
    halted: bool
    refusal: str
    endpoint: str
