"""Does an engine do what the ledger needs? One suite for all engines, which an operator also runs against his own.

Each check is a function of a `Bench`: a client, a sender with its durable outbox (the real one), a deployed probe
contract. It returns what it measured, or raises `NotMet` with what it expected and what it found. A check that the
ledger cannot do without is *needed*; what only auditors or comfort want is *wanted* and never fails the suite.
"""

from __future__ import annotations

import contextlib
import secrets
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from chain_node.conformance.bench import NEEDED, Bench, Check, Measured, NotApplicable, NotMet, Restart
from chain_node.conformance.checks import CHECKS
from chain_node.engine.base import Finality, Limits, Progress, no_progress
from chain_node.errors import NodeError
from chain_node.keys.keystore import ChainKey
from chain_node.protocol.attestation import address_of
from chain_node.rpc.failover import connect
from chain_node.sending.sender import Sender

OK: Final = "ok"
FAILED: Final = "failed"
WARNED: Final = "warned"
SKIPPED: Final = "skipped"


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
