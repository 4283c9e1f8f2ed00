"""The sender: the one owner of a key's nonces. What it signs is on disk before it is sent, and is never signed twice.

An idempotency key maps to one transaction for ever. After a crash the outbox knows every signed transaction: those that
the chain has are looked up, the others are sent again, the same bytes in the same order, so no nonce is ever skipped.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Final

from chain_node.engine.base import Finality, Limits
from chain_node.errors import ChainHalted, NodeError, Reverted, RevertReason, RpcUnavailable, SenderError
from chain_node.keys.keystore import ChainKey
from chain_node.rpc.client import JsonRpc
from chain_node.sending import nonces, outbox
from chain_node.sending.confirmations import Confirmations
from chain_node.sending.delivery import Delivery
from chain_node.sending.inclusion import Inclusion, Mined, why
from chain_node.sending.outbox import DONE, REVERTED, open_outbox
from chain_node.sending.signing import LegacySigner
from chain_node.sending.transactions import Receipt, SenderState, Tx, check_limits
from chain_node.storage import disk_space as room
from chain_node.storage.durable import FileLock, make_dir

__all__ = ["HALTED_AFTER", "Receipt", "Sender", "SenderState", "Tx"]

HALTED_AFTER: Final = 20.0
"""Seconds without a new final block after which a chain counts as halted."""
_LOST_PATIENCE: Final = 30.0
_AWAY_PATIENCE: Final = 20.0
_REFRESH: Final = 5.0
_ASK: Final = 1.0
"""Seconds without a confirmation of ours after which `advance` asks for receipts: what was refused is in no archive."""


class Sender:
    """The sender of one key on one chain; one process at a time.

    Args:
        folder: holds the outbox, a SQLite file per address.
        rpc: the endpoint.
        key: the signing key.
        chain_id: EIP-155 chain id.
        genesis: identity of the ledger; with another one the old outbox is void.
        finality: when a transaction counts as done.
        limits: what one transaction may hold.

    Raises:
        LockError: another process sends with this key.
        SenderError: the signing library is the slow one, or the chain knows nonces the outbox does not.
    """

    def __init__(
        self,
        folder: Path,
        rpc: JsonRpc,
        key: ChainKey,
        *,
        chain_id: int,
        genesis: str,
        finality: Finality,
        limits: Limits | None = None,
    ) -> None:
        self._rpc = rpc
        self._address = "0x" + key.address.hex()
        self._signer = LegacySigner(key.private_key, chain_id)
        self._finality = finality
        self._limits = limits or Limits()
        self._guard = threading.RLock()
        self._final = 0
        self._final_at = self._looked_at = time.monotonic()
        self._used: tuple[int, int, float] | None = None
        self._ask_at = 0.0
        self._turn = 0
        make_dir(folder)
        self._folder = folder
        self._lock = FileLock(folder / f"{self._address}.lock", f"the outbox of {key.name}")
        try:
            self._db = open_outbox(folder / f"{self._address}.sqlite")
            try:
                nonces.adopt(self._db, rpc, self._address, genesis)
                self._look()
                self._delivery = Delivery(self._db, rpc, self._limits)
                self._inclusion = Inclusion(rpc, self._address, self._first_block())
                self._confirmations = Confirmations(outbox.pending_hashes(self._db))
            except BaseException:
                self._db.close()
                raise
        except BaseException:
            self._lock.release()
            raise

    @property
    def address(self) -> bytes:
        """The sender's address."""
        return bytes.fromhex(self._address[2:])

    @property
    def first_nonce(self) -> int:
        """Nonce of the first transaction of this outbox."""
        return nonces.first_nonce(self._db)

    def send_many(self, transactions: Sequence[Tx]) -> list[str]:
        """Sign and store what is new, send it; returns the hashes, also of what had been sent before.

        Durable before anything leaves. What goes beyond the window in flight is sent by `wait`.

        Raises:
            DiskFull: too little room is left to accept anything new; nothing of this call was signed.
            SenderError: a transaction is beyond the engine's limits (nothing of this call was signed then), or refused
                by the endpoint.
            RpcUnavailable: the endpoint does not answer; everything is on disk, `wait` or a restart sends it.
        """
        for tx in transactions:
            check_limits(tx, self._limits)
        room.require(self._folder)
        with self._guard:
            self._take_confirmed()
            hashes = self._store(transactions)
            self._delivery.pump()
            return hashes

    def wait(self, keys: Iterable[str], timeout: float = 300.0) -> list[Receipt]:
        """Receipts of these keys, in their order, once all are final; refused ones have `ok` False.

        An endpoint that is away for a moment is waited for, and what its pool has lost is sent again. Whom the follower
        confirms (see `archived`) is not asked for.

        Raises:
            SenderError: an unknown key, not final in time, closed meanwhile, or the chain and the outbox disagree.
            ChainHalted: not final in time, because the chain makes no blocks.
            RpcUnavailable: the endpoint stays away.
        """
        wanted = list(keys)
        begun = time.monotonic()
        away: float | None = None
        pause = 0.02
        while True:
            turn = self._confirmations.turn
            with self._guard:
                self._take_confirmed()
                receipts = outbox.receipts(self._db, wanted)
                if receipts is None:
                    try:
                        receipts = self._step(wanted)
                        away = None
                    except RpcUnavailable:
                        away = away or time.monotonic()
                        if time.monotonic() - away > min(_AWAY_PATIENCE, timeout):
                            raise
                        pause = 0.25
            if receipts is not None:
                return receipts
            if time.monotonic() - begun > timeout:
                raise self._late(time.monotonic() - begun)
            self._confirmations.wait(turn, pause)
            pause = min(pause * 1.5, 0.25)

    def run(self, transactions: Sequence[Tx], timeout: float = 300.0) -> list[Receipt]:
        """Send, wait, and insist.

        Raises:
            Reverted: a contract refused one.
        """
        self.send_many(transactions)
        receipts = self.wait([tx.key for tx in transactions], timeout)
        for receipt in receipts:
            if receipt.reason is not None:
                raise Reverted(receipt.key, receipt.tx_hash, receipt.reason)
        return receipts

    def receipt(self, key: str) -> Receipt | None:
        """The receipt of a key, without waiting; None while it is not final, or unknown."""
        with self._guard:
            self._take_confirmed()
            self._collect()
            found = outbox.receipts(self._db, [key]) if self.knows(key) else None
            return found[0] if found else None

    def poll(self) -> list[Receipt]:
        """What has become final since the last look, and sends what the window now lets through; does not wait."""
        with self._guard:
            self._take_confirmed()
            before = outbox.oldest_pending(self._db)
            moved = self._collect()
            self._delivery.pump()
            if not moved or before is None:
                return []
            rows = self._db.execute(
                "SELECT key FROM outbox WHERE state != 0 AND nonce >= ? ORDER BY nonce", (before,)
            ).fetchall()
            return outbox.receipts(self._db, [row[0] for row in rows]) or []

    def advance(self, timeout: float) -> list[Receipt]:
        """What was refused; waits until the archive has grown or something was, `timeout` seconds at most (0: look).

        Sends what the window lets through meanwhile. Needs a follower that tells (see `archived`).

        Raises:
            SenderError: closed meanwhile, or as `wait`.
            RpcUnavailable: the endpoint does not answer.
        """
        deadline = time.monotonic() + timeout
        while True:
            turn = self._confirmations.turn
            with self._guard:
                grown, self._turn = turn != self._turn, turn
                if self._take_confirmed():
                    # while ours arrive in their order, none before them was refused
                    self._ask_at = time.monotonic() + _ASK
                    self._delivery.pump()
                refused = []
                if time.monotonic() >= self._ask_at:
                    refused = [receipt for receipt in self.poll() if not receipt.ok]
                    self._ask_at = time.monotonic() + _ASK
            left = deadline - time.monotonic()
            if refused or grown or left <= 0:
                return refused
            self._confirmations.wait(turn, min(left, _ASK))

    def archived(self, blocks: Mapping[str, int]) -> None:
        """The follower's word, from its own thread: the archive has grown by what these (hash → block) did.

        Ours among them are done. It saves their receipts, which repeat every event and cost more than all else that a
        sender does. Returns at once, whatever the sender waits for.
        """
        self._confirmations.tell(blocks)

    def _take_confirmed(self) -> bool:
        """Note what the follower has confirmed; True where anything of ours was.

        Raises:
            SenderError: this sender was closed.
        """
        if not self._lock.held:
            raise SenderError(f"the sender of {self._address} was closed; what is pending waits in its outbox")
        blocks = self._confirmations.take()
        if blocks:
            outbox.confirm(self._db, blocks)
        return bool(blocks)

    def pending(self) -> int:
        """Transactions signed and not yet final."""
        with self._guard:
            self._take_confirmed()
            return outbox.pending_count(self._db)

    def move_to(self, rpc: JsonRpc) -> None:
        """Talk to this endpoint of the same chain from now on; what is pending is sent there again."""
        with self._guard:
            self._rpc = rpc
            self._delivery = Delivery(self._db, rpc, self._limits)
            self._inclusion = Inclusion(rpc, self._address, self._first_block())

    def state(self) -> SenderState:
        """How sending goes, as of the last look; asks the endpoint nothing."""
        with self._guard:
            age = time.monotonic() - self._final_at
            halted = self._looked_at - self._final_at > HALTED_AFTER
            pending = self.pending()
            refusal = self._delivery.refusal if pending else ""
            return SenderState(pending, self._final, age, halted, refusal, self._rpc.url)

    def knows(self, key: str) -> bool:
        """This key has been signed for."""
        with self._guard:
            return self._db.execute("SELECT 1 FROM outbox WHERE key = ?", (key,)).fetchone() is not None

    def close(self) -> None:
        """Let go of outbox and key; idempotent."""
        self._confirmations.close()
        with self._guard:
            if self._lock.held:
                self._db.close()
                self._lock.release()

    def __enter__(self) -> Sender:
        return self

    def __exit__(self, *_exc: object) -> None:
        self.close()

    def _look(self) -> int:
        """The newest final block; remembers when it moved."""
        final = self._finality.height(self._rpc)
        self._looked_at = time.monotonic()
        if final > self._final:
            self._final, self._final_at = final, self._looked_at
        return final

    def _first_block(self) -> int:
        """No pending transaction is in a block before this one."""
        since = outbox.pending_since(self._db)
        return self._final + 1 if since is None else since + 1

    def _store(self, transactions: Sequence[Tx]) -> list[str]:
        if time.monotonic() - self._looked_at > _REFRESH:
            with contextlib.suppress(NodeError):  # only a hint of where to look later: signing needs no endpoint
                self._look()
        hashes, fresh = [], []
        nonce = nonces.next_nonce(self._db)
        with self._db:
            self._db.execute("BEGIN IMMEDIATE")
            for tx in transactions:
                known = self._db.execute("SELECT hash FROM outbox WHERE key = ?", (tx.key,)).fetchone()
                if known is not None:
                    hashes.append(known[0])
                    continue
                raw, tx_hash = self._signer.sign(tx.to, tx.data, tx.gas, nonce)
                self._db.execute(
                    "INSERT INTO outbox (nonce, key, hash, raw, since) VALUES (?, ?, ?, ?, ?)",
                    (nonce, tx.key, tx_hash, raw, self._final),
                )
                hashes.append(tx_hash)
                fresh.append(tx_hash)
                nonce += 1
        self._confirmations.expect(fresh)
        return hashes

    def _step(self, wanted: list[str]) -> list[Receipt] | None:
        try:
            receipts = outbox.receipts(self._db, wanted) if self._collect() else None
            if receipts is None:
                self._delivery.pump()
        except RpcUnavailable:
            self._delivery.forget()  # whoever answers next may not have them
            raise
        return receipts

    def _collect(self) -> bool:
        """Look up what has become final since; True when something has."""
        final = self._look()
        count = nonces.count(self._rpc, self._address)
        rows = self._db.execute(
            "SELECT hash, nonce FROM outbox WHERE state = 0 AND nonce < ? ORDER BY nonce", (count,)
        ).fetchall()
        if not rows:
            self._inclusion.nothing_until(final)
            return False
        ours: dict[str, int] = dict(rows)
        found = self._inclusion.look(ours, rows[0][1], final)
        done = [self._outcome(mined, ours[mined.tx_hash]) for mined in found]
        with self._db:
            self._db.execute("BEGIN IMMEDIATE")
            self._db.executemany(
                "UPDATE outbox SET state = ?, block = ?, gas_used = ?, address = ?, revert = ?, reason = ?, "
                "raw = NULL "
                "WHERE nonce = ? AND hash = ?",
                done,
            )
        self._confirmations.settle(mined.tx_hash for mined in found)
        if not any(nonce == rows[0][1] for *_, nonce, _hash in done):
            self._check_lost(rows[0][1], rows[0][0])
        return bool(done)

    def _outcome(self, mined: Mined, nonce: int) -> tuple[int, int, int, str | None, bytes | None, str, int, str]:
        ok, gas = int(mined.receipt["status"], 16) == 1, int(mined.receipt["gasUsed"], 16)
        reason = RevertReason() if ok else why(self._rpc, mined.tx_hash, gas)
        address = mined.receipt.get("contractAddress")
        state, data = (DONE if ok else REVERTED), reason.data or None
        return state, mined.block, gas, address, data, reason.note, nonce, mined.tx_hash

    def _check_lost(self, nonce: int, tx_hash: str) -> None:
        """The chain has used this nonce; its block must turn up once it is final and indexed.

        Raises:
            SenderError: it does not.
        """
        now = time.monotonic()
        if self._used is None or self._used[0] != nonce:
            self._used = (nonce, int(self._rpc.call("eth_blockNumber"), 16), now)
        elif self._final >= self._used[1] and now - self._used[2] > _LOST_PATIENCE:
            raise SenderError(
                f"the chain has used the nonce of {tx_hash} and does not know it: another process sends with "
                f"{self._address}, or the endpoint's index is broken (looked at up to block "
                f"{self._inclusion.next_block - 1} of {self._final})"
            )

    def _late(self, waited: float) -> SenderError:
        """Why it is not final after so long."""
        state = self.state()
        if state.halted:
            return ChainHalted(
                f"the chain at {state.endpoint} has made no final block for {state.final_age:.0f} s (the last is "
                f"{state.final}): it has halted; {state.pending} signed transactions wait in the outbox and are sent "
                "again when it goes on. See that enough validators run (more than two thirds of the power)"
            )
        said = f"; the engine says: {state.refusal}" if state.refusal else ""
        return SenderError(
            f"not final after {waited:.0f} s, at block {state.final}: is the chain making blocks? "
            f"They stay in the outbox{said}"
        )
