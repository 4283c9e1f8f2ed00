"""Does an engine do what the ledger needs? One suite for all engines, which an operator also runs against his own.

Each check is a function of a `Bench`: a client, a sender with its durable outbox (the real one), a deployed probe
contract. It returns what it measured, or raises `NotMet` with what it expected and what it found. A check that the
ledger cannot do without is *needed*; what only auditors or comfort want is *wanted* and never fails the suite.
"""

from __future__ import annotations

import contextlib
import secrets
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from chain_node.engine import probe
from chain_node.engine.base import Finality, Limits, Progress, no_progress
from chain_node.errors import NodeError
from chain_node.failover import connect
from chain_node.jsonrpc import JsonRpc, to_bytes, to_hex
from chain_node.keystore import ChainKey
from chain_node.protocol.attestation import address_of
from chain_node.sender import Receipt, Sender, Tx

NEEDED: Final = "needed"
WANTED: Final = "wanted"
OK: Final = "ok"
FAILED: Final = "failed"
WARNED: Final = "warned"
SKIPPED: Final = "skipped"

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


@dataclass(frozen=True, slots=True)
class Result:
    """What became of a check.

    Attributes:
        name, level, title: the check's.
        status: OK, FAILED, WARNED (wanted and not met), SKIPPED.
        seconds: how long it took.
        detail: what was expected and found; "" when all is well.
        measured: what it measured.
    """

    name: str
    level: str
    title: str
    status: str
    seconds: float
    detail: str
    measured: Measured


def expect(true: object, expected: str, found: object = None) -> None:
    """Raises:
    NotMet: it is not true.
    """
    if not true:
        raise NotMet(f"expected: {expected}" + ("" if found is None else f"; found: {_short(found)}"))


def run(
    urls: Sequence[str],
    finality: Finality,
    folder: Path,
    *,
    key: bytes | None = None,
    limits: Limits | None = None,
    restart: Restart | None = None,
    only: Iterable[str] = (),
    progress: Progress = no_progress,
) -> list[Result]:
    """Ask an engine everything; what fails does not hinder the rest, unless nothing can be sent at all.

    Args:
        urls: JSON-RPC addresses of the same chain.
        finality: when a block is final there.
        folder: an empty folder for the sender's outbox.
        key: private key, 32 bytes, of an account that may deploy; a fresh one where everybody may.
        limits: what one transaction may hold; portable ones by default.
        restart: restarts the engine, where that can be done.
        only: names of checks; all by default. What they build upon is run, too.
        progress: told of each check.

    Raises:
        RpcUnavailable: nobody answers.
        SenderError: the key is in use by somebody else.
    """
    from chain_node.engine.conformance_checks import CHECKS

    wanted = _chosen(CHECKS, set(only))
    secret = key or secrets.token_bytes(32)
    chain_key = ChainKey("conformance", secret, address_of(secret))
    bounds = limits or Limits(lone_first=True)
    with contextlib.ExitStack() as stack:
        rpc = connect(urls)
        stack.callback(rpc.close)
        chain_id = int(rpc.call("eth_chainId"), 16)
        genesis = secrets.token_hex(8)  # an outbox of its own for this run
        sender = Sender(folder, rpc, chain_key, chain_id=chain_id, genesis=genesis, finality=finality, limits=bounds)
        stack.enter_context(sender)
        bench = Bench(rpc, sender, chain_key, chain_id, finality, bounds, restart)
        stack.callback(lambda: bench.rpc.close())  # another one after a restart
        results = []
        for done, check in enumerate(wanted):
            progress(check.title, done, len(wanted))
            results.append(_ask(check, bench))
        return results


def passed(results: Iterable[Result]) -> bool:
    """Nothing that the ledger needs has failed."""
    return all(result.status != FAILED for result in results)


def _chosen(checks: Sequence[Check], only: set[str]) -> list[Check]:
    unknown = only - {check.name for check in checks}
    if unknown:
        known = ", ".join(check.name for check in checks)
        raise NodeError(f"there is no check {', '.join(sorted(unknown))}: expected some of {known}")
    return [check for check in checks if not only or check.name in only or check.name == "deploy"]


def _ask(check: Check, bench: Bench) -> Result:
    begun = time.monotonic()
    measured: Measured = {}
    try:
        if not bench.probe and check.name not in _WITHOUT_PROBE:
            raise NotApplicable("nothing could be deployed")
        measured = check.run(bench)
        status, detail = OK, ""
    except NotApplicable as reason:
        status, detail = SKIPPED, str(reason)
    except (NotMet, NodeError) as error:
        status, detail = (FAILED if check.level == NEEDED else WARNED), str(error)
    seconds = round(time.monotonic() - begun, 2)
    return Result(check.name, check.level, check.title, status, seconds, detail, measured)


_WITHOUT_PROBE: Final = frozenset({"identity", "blocks", "finality", "deploy"})


def _short(value: object) -> str:
    text = str(value)
    return text if len(text) <= 300 else f"{text[:300]}…"
