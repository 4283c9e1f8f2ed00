"""Keeps what an outbox holds in the engine's pool: in order, within a window, and again when the pool has lost it.

A pool is memory: a node that restarts has forgotten it, and one that is full refuses. What is sent again is the same
bytes, so it can be sent as often as needed; and since everything is sent from the oldest on, no gap ever stays.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable
from typing import Final

from chain_node.engine.base import Limits
from chain_node.errors import RpcError, RpcUnavailable, SenderError
from chain_node.rpc.client import JsonRpc, is_lag, to_hex
from chain_node.sending.outbox import count_resends, first_unsigned, oldest_pending

RESEND_AFTER: Final = 8.0
"""Seconds without any of ours in a block after which it is all sent again; doubled each time, up to a minute."""
_RESEND_MOST: Final = 60.0
_HOLD: Final = 0.4
"""Seconds to hold back after a refusal that passes by itself."""
_SEND_BYTES: Final = 1_000_000
_KNOWN: Final = (
    "already known",
    "already imported",
    "nonce too low",
    "already exists",
    "known transaction",
    "already in mempool",
    "already in the mempool",
)
_PASSING: Final = (
    "exceeds block gas limit",  # luyad, just restarted: it has no block yet
    "exceeds max block gas",
    "pool is full",
    "mempool is full",
    "txpool is full",
    "account limit exceeded",
    "in-flight transaction limit",
    "nonce too high",
    "nonce gap",
    "gapped",
    "future transaction",
    "invalid sequence",
    "sequence mismatch",
    "not ready",
    "catching up",
    "syncing",
    "timed out",
    "too many requests",
    "rate limit",
    "limit exceeded",
)
"""Refusals that pass by themselves: sent again, and told only when nothing comes of it."""


class Delivery:
    """Sends one outbox's pending transactions.

    Args:
        db: the outbox.
        rpc: the endpoint.
        limits: window, and whether a new account's first transaction goes alone.
        clock: monotonic seconds; tests hand in their own.
    """

    def __init__(
        self, db: sqlite3.Connection, rpc: JsonRpc, limits: Limits, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._db = db
        self._rpc = rpc
        self._limits = limits
        self._clock = clock
        self._sent_below = 0
        self._ever_below = first_unsigned(db)  # whatever an earlier session has signed, it may have sent
        self._generation = rpc.generation
        self._first: int | None = None
        self._moved_at = clock()
        self._patience = RESEND_AFTER
        self._hold_until = 0.0
        self.refusal = ""
        """The engine's last refusal that may pass by itself; "" when it took all."""

    def forget(self) -> None:
        """Whatever was sent may be lost: it is all sent again."""
        self._sent_below = 0
        self._hold_until = 0.0

    def pump(self) -> None:
        """Send what the window lets through and was not sent yet; and all again when the pool seems to have lost it.

        Raises:
            SenderError: one was refused for good.
            RpcUnavailable: the endpoint does not answer.
        """
        first = oldest_pending(self._db)
        self._watch(first)
        if first is None or self._clock() < self._hold_until:
            return
        window = self._limits.max_in_flight
        if first == 0 and self._limits.lone_first:
            window = 1  # until its account exists in the state, such an engine takes one transaction of it
        if first + window <= self._sent_below:
            return
        rows = self._db.execute(
            "SELECT nonce, key, raw FROM outbox WHERE state = 0 AND nonce >= ? AND nonce < ? ORDER BY nonce",
            (self._sent_below, first + window),
        ).fetchall()
        try:
            self._send(rows)
        except RpcUnavailable:
            self.forget()
            raise

    def _watch(self, first: int | None) -> None:
        now = self._clock()
        if self._generation != self._rpc.generation:
            self._generation = self._rpc.generation
            self.forget()
        if first != self._first:
            self._first = first
            self._moved_at, self._patience = now, RESEND_AFTER
            self.refusal = ""
        elif first is not None and now - self._moved_at > self._patience:
            self._moved_at, self._patience = now, min(2 * self._patience, _RESEND_MOST)
            self._rpc.reconsider()
            self._generation = self._rpc.generation
            self.forget()

    def _send(self, rows: list[tuple[int, str, bytes]]) -> None:
        self.refusal = ""
        at = 0
        while at < len(rows) and not self.refusal:
            size, stop = 0, at
            while stop < len(rows) and (stop == at or size + len(rows[stop][2]) <= _SEND_BYTES):
                size += len(rows[stop][2])
                stop += 1
            self._post(rows[at:stop])
            at = stop

    def _post(self, rows: list[tuple[int, str, bytes]]) -> None:
        answers = self._rpc.broadcast([("eth_sendRawTransaction", [to_hex(raw)]) for _, _, raw in rows])
        again = sum(nonce < self._ever_below for nonce, _, _ in rows)
        self._ever_below = max(self._ever_below, rows[-1][0] + 1)
        if again:
            count_resends(self._db, again)
        for (nonce, key, _), answer in zip(rows, answers, strict=True):
            if isinstance(answer, RpcError) and not _one_of(answer, _KNOWN):
                if _one_of(answer, _PASSING) or is_lag(answer):
                    self.refusal = answer.message
                    self._hold_until = self._clock() + _HOLD
                    return
                raise SenderError(
                    f"{key} (nonce {nonce}) was not taken by {self._rpc.url}: {answer.message}; it stays in the outbox "
                    "and is sent again at the next try"
                )
            self._sent_below = nonce + 1


def _one_of(error: RpcError, words: tuple[str, ...]) -> bool:
    text = error.message.lower()
    return any(word in text for word in words)
