"""Nonces are counted here, not asked for: the chain is asked only whether somebody else has used any."""

from __future__ import annotations

import sqlite3
import time
from typing import Final

from chain_node.errors import SenderError
from chain_node.rpc.client import JsonRpc

_POOL_PATIENCE: Final = 60.0


def adopt(db: sqlite3.Connection, rpc: JsonRpc, address: str, genesis: str) -> None:
    """Void what belongs to another ledger; then the chain's count must not be ahead of the outbox.

    Args:
        db: the outbox.
        rpc: the endpoint.
        address: of the sender, 0x hex.
        genesis: identity of the ledger.

    Raises:
        SenderError: somebody else uses the key.
    """
    stored = db.execute("SELECT value FROM meta WHERE name = 'genesis'").fetchone()
    if stored is None or stored[0] != genesis:
        first = quiet_count(rpc, address)
        with db:
            db.execute("BEGIN IMMEDIATE")
            db.execute("DELETE FROM outbox")
            db.execute("DELETE FROM meta")
            db.executemany("INSERT INTO meta VALUES (?, ?)", [("genesis", genesis), ("first_nonce", str(first))])
    used = max(count(rpc, address), count(rpc, address, "pending"))
    if used > next_nonce(db):
        raise SenderError(
            f"{address} has been used on this chain by somebody else ({used} transactions, {next_nonce(db)} are "
            "ours): one process owns a nonce; give this node a key of its own"
        )


def first_nonce(db: sqlite3.Connection) -> int:
    """Nonce of the first transaction of this outbox."""
    return int(db.execute("SELECT value FROM meta WHERE name = 'first_nonce'").fetchone()[0])


def next_nonce(db: sqlite3.Connection) -> int:
    """Nonce of the next transaction that is signed."""
    highest = db.execute("SELECT max(nonce) FROM outbox").fetchone()[0]
    return first_nonce(db) if highest is None else int(highest) + 1


def count(rpc: JsonRpc, address: str, tag: str = "latest") -> int:
    """The account's transactions, as the chain has them."""
    return int(rpc.call("eth_getTransactionCount", address, tag), 16)


def quiet_count(rpc: JsonRpc, address: str) -> int:
    """The account's count once nothing of it is left in the pool.

    What is in the pool may still be mined, or vanish: beginning behind it would clash with it, beginning after it would
    leave a gap for ever if it vanished.

    Raises:
        SenderError: the pool keeps transactions that get into no block.
    """
    deadline = time.monotonic() + _POOL_PATIENCE
    while (waiting := count(rpc, address, "pending")) > (mined := count(rpc, address)):
        if time.monotonic() > deadline:
            raise SenderError(
                f"{address} has {waiting - mined} transactions in the pool of {rpc.url} that are not of this outbox "
                "and do not get into a block: stop whoever else sends with this key, or wait until the pool has "
                "dropped them, then start again"
            )
        time.sleep(0.25)
    return mined
