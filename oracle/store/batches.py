"""The journal's batches: what was signed, for which ledger, and what became of it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from chain_node.protocol.attestation import Domain
from chain_node.protocol.rules import Rule
from oracle.attest.batching import Pending
from oracle.store.journal import Journal


@dataclass(frozen=True, slots=True)
class Signed:
    """A signed batch in the journal. digest: EIP-712; domain: the ledger it was signed for."""

    first_sequence: int
    count: int
    key: str
    digest: bytes
    domain: str
    config_digest: bytes
    signatures: bytes
    gas: int

    @property
    def end(self) -> int:
        """The sequence after its last."""
        return self.first_sequence + self.count


def domain_text(domain: Domain) -> str:
    """A domain as the journal writes it."""
    return f"{domain.chain_id}:{domain.ledger.hex()}:{domain.salt.hex()}"


def live(journal: Journal) -> list[Signed]:
    """The signed batches that are not final, by sequence."""
    found = journal.db.execute(
        "SELECT first_sequence, count, key, digest, domain, config_digest, signatures, gas FROM batch "
        "WHERE state = 'signed' ORDER BY first_sequence"
    )
    return [Signed(*row) for row in found]


def attempts(journal: Journal, digest: bytes) -> int:
    """How often this digest has been signed already: a failed transaction needs another idempotency key."""
    return int(journal.db.execute("SELECT COUNT(*) FROM batch WHERE digest = ?", (digest,)).fetchone()[0])


def add(journal: Journal, batch: Signed) -> None:
    """Journal a signed batch, and its records as signed."""
    with journal.transaction():
        journal.db.execute(
            "INSERT INTO batch (first_sequence, count, state, key, digest, domain, config_digest, signatures, gas) "
            "VALUES (?, ?, 'signed', ?, ?, ?, ?, ?, ?)",
            (
                batch.first_sequence,
                batch.count,
                batch.key,
                batch.digest,
                batch.domain,
                batch.config_digest,
                batch.signatures,
                batch.gas,
            ),
        )
        journal.db.execute(
            "UPDATE record SET state = 'signed' WHERE sequence >= ? AND sequence < ?", (batch.first_sequence, batch.end)
        )


def pending(journal: Journal, start: int) -> Iterator[Pending]:
    """The records from this sequence on."""
    query = (
        "SELECT sequence, body, nullifier, gas, s.digest FROM record LEFT JOIN settings s ON s.id = record.settings "
        "WHERE sequence >= ? ORDER BY sequence"
    )
    for sequence, body, nullifier, gas, settings in journal.db.execute(query, (start,)):
        yield Pending(sequence, body, nullifier or b"", gas, settings or b"")


def payload(journal: Journal, batch: Signed) -> tuple[bytes, bytes]:
    """(records, nullifiers) of a batch, as its call carries them."""
    found = journal.db.execute(
        "SELECT body, nullifier FROM record WHERE sequence >= ? AND sequence < ? ORDER BY sequence",
        (batch.first_sequence, batch.end),
    ).fetchall()
    return b"".join(body for body, _ in found), b"".join(nullifier or b"" for _, nullifier in found)


def void(journal: Journal, start: int) -> None:
    """Nothing signed from this sequence on will be recorded: its records wait for new batches."""
    with journal.transaction():
        journal.db.execute(
            "UPDATE batch SET state = 'void' WHERE state = 'signed' AND first_sequence + count > ?", (start,)
        )
        journal.db.execute("UPDATE record SET state = 'accepted' WHERE sequence >= ?", (start,))


def set_aside(journal: Journal, sequence: int, rule: Rule, value: str) -> None:
    """No ledger takes this record: it gives its sequence to the next, and so on; every later batch is void."""
    with journal.transaction():
        db = journal.db
        db.execute(
            "UPDATE record SET state = 'set-aside', rule = ?, value = ?, credits_mg = 0, millipoints = 0, "
            "sequence = NULL WHERE sequence = ?",
            (int(rule), value, sequence),
        )
        # By way of negative numbers: sequences are unique at every step of an update.
        db.execute("UPDATE record SET sequence = -(sequence - 1) WHERE sequence > ?", (sequence,))
        db.execute("UPDATE record SET sequence = -sequence WHERE sequence < 0")
