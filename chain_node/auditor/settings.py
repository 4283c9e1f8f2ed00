"""What an auditor is told, and what it counts."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from chain_node.engine.base import Finality


@dataclass(frozen=True, slots=True)
class AuditSettings:
    """What to audit, and how.

    Attributes:
        store: the auditor's folder.
        rpc_urls: endpoints; the first that answers is followed, the others are held against it.
        ledger: address, 20 bytes.
        log_key: verifier key text of the log's checkpoints.
        finality: when a block is final.
        created: first block that may hold the ledger's events; None looks for it.
        checkpoints: addresses, files or archive folders with the operator's checkpoints.
        witnesses: verifier key texts of witnesses; quorum: how many must have cosigned a checkpoint.
        sample: words of each kind that are compared with the chain; None takes all.
        compare_seconds, checkpoint_seconds: between two comparisons.
        retries: how often a difference is looked at again; retry_seconds: pause before that.
        successor: the ledger was rebuilt, and takes the place of the one that the store audited.
    """

    store: Path
    rpc_urls: tuple[str, ...]
    ledger: bytes
    log_key: str
    finality: Finality
    created: int | None = None
    checkpoints: tuple[str, ...] = ()
    witnesses: tuple[str, ...] = ()
    quorum: int = 0
    sample: int | None = 500
    compare_seconds: float = 600.0
    checkpoint_seconds: float = 60.0
    retries: int = 3
    retry_seconds: float = 5.0
    successor: bool = False


@dataclass(slots=True)
class Counts:
    """What an auditor has done, for its metrics."""

    size: int = 0
    block: int = 0
    final: int = 0
    batches: int = 0
    words: int = 0
    comparisons: int = 0
    checkpoints: int = 0
    contradictions: int = 0
    sealed: bool = False
    """The ledger's import phase is over: before that no signature and no state can be checked."""
    notes: list[str] = field(default_factory=list)

    def note(self, text: str) -> None:
        """Something to tell that is no alarm; the newest hundred are kept."""
        self.notes.append(printable(text))
        del self.notes[:-100]


def printable(text: str) -> str:
    """An endpoint's text for people, files and commands: no half characters, nothing that moves a cursor."""
    return "".join(one if one.isprintable() else "?" for one in text)


def without_credentials(url: str) -> str:
    """An endpoint's address for people and logs: credentials, path and query may be secrets."""
    scheme, _, rest = url.partition("://")
    return f"{scheme}://{rest.partition('/')[0].rpartition('@')[2]}"
