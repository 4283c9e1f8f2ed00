"""What the checks of the conformance suite share: the bench that they work on, and how they tell what they found."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from chain_node.conformance import probe
from chain_node.engine.base import Finality, Limits
from chain_node.keys.keystore import ChainKey
from chain_node.rpc.client import JsonRpc, to_bytes, to_hex
from chain_node.sending.sender import Receipt, Sender, Tx

NEEDED: Final = "needed"
WANTED: Final = "wanted"

Measured = dict[str, Any]
Restart = Callable[[], Sequence[str]]
"""Stops the engine and starts it again; returns where it answers now."""


class NotMet(Exception):
    """The engine does something else; the text says what was expected and what was found."""


class NotApplicable(Exception):
    """This check has nothing to look at here; the text says why."""


@dataclass(slots=True)
class Bench:
    """What the checks share.

    Attributes:
        rpc: the endpoint.
        sender: of the key that deploys and sends.
        key: that key.
        chain_id: the chain's.
        finality: when a block is final there.
        limits: what one transaction may hold there.
        restart: None where the engine cannot be restarted from here.
        probe: the deployed contract's address; b"" until it is.
        seen: final blocks met by now, number → hash: none may ever change.
        receipts: of what was sent, by idempotency key.
    """

    rpc: JsonRpc
    sender: Sender
    key: ChainKey
    chain_id: int
    finality: Finality
    limits: Limits
    restart: Restart | None = None
    probe: bytes = b""
    seen: dict[int, str] = field(default_factory=dict)
    receipts: dict[str, Receipt] = field(default_factory=dict)

    def call(self, function: str, *arguments: Any, block: str = "latest") -> Any:
        """A view of the probe."""
        made = probe.abi().function(function)
        request = {"from": to_hex(self.key.address), "to": to_hex(self.probe), "data": to_hex(made.data(*arguments))}
        return made.result(to_bytes(self.rpc.call("eth_call", request, block)))

    def tx(self, key: str, function: str, *arguments: Any, gas: int = 200_000) -> Tx:
        """A call of the probe, to be sent."""
        return Tx(self.probe, probe.abi().function(function).data(*arguments), gas, key)

    def send(self, *transactions: Tx, timeout: float = 120.0) -> list[Receipt]:
        """Send and wait until all are final; refused ones have `ok` False."""
        self.sender.send_many(transactions)
        receipts = self.sender.wait([tx.key for tx in transactions], timeout)
        self.receipts |= {receipt.key: receipt for receipt in receipts}
        return receipts

    def note_final(self) -> int:
        """Remember the newest final blocks; returns the height."""
        final = self.finality.height(self.rpc)
        numbers = [number for number in range(max(0, final - 20), final + 1) if number not in self.seen]
        blocks = self.rpc.batch([("eth_getBlockByNumber", [hex(number), False]) for number in numbers])
        for number, block in zip(numbers, blocks, strict=True):
            expect(isinstance(block, dict), f"final block {number} can be read", block)
            self.seen[number] = block["hash"]
        return final


@dataclass(frozen=True, slots=True)
class Check:
    """One question to the engine.

    Attributes:
        name: short, for `--only`.
        level: NEEDED or WANTED.
        title: what it asks.
        run: asks it.
    """

    name: str
    level: str
    title: str
    run: Callable[[Bench], Measured]


def expect(true: object, expected: str, found: object = None) -> None:
    """Raises:
    NotMet: it is not true.
    """
    if not true:
        raise NotMet(f"expected: {expected}" + ("" if found is None else f"; found: {_short(found)}"))


def _short(value: object) -> str:
    text = str(value)
    return text if len(text) <= 300 else f"{text[:300]}…"
