"""The sender: the one owner of a key's nonces. What it signs is on disk before it is sent, and is never signed twice.

An idempotency key maps to one transaction for ever. After a crash the outbox knows every signed transaction: those that
the chain has are looked up, the others are sent again, the same bytes in the same order, so no nonce is ever skipped.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from chain_node.contracts import all_errors
from chain_node.durable import FileLock, make_dir
from chain_node.engine.base import Finality, Limits
from chain_node.errors import Reverted, RpcError, SenderError
from chain_node.jsonrpc import JsonRpc, to_bytes, to_hex
from chain_node.keystore import ChainKey
from chain_node.outbox import DONE, PENDING, REVERTED, open_outbox
from chain_node.signing import LegacySigner

WINDOW: Final = 1000
"""Transactions in flight: engines bound what one sender may have in their pool."""
_SEND_BYTES: Final = 1_000_000
_LOOKUP_PATIENCE: Final = 30.0
_KNOWN: Final = ("already known", "already imported", "nonce too low", "already exists", "known transaction")


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


@dataclass(frozen=True, slots=True)
class Receipt:
    """A final transaction.

    Attributes:
        key: its idempotency key.
        tx_hash: 0x and 64 hex digits.
        block: number of its block.
        gas_used: gas; 0 where the log was the proof (see `confirm`).
        ok: False where the contract refused.
        reason: why it refused, in words; "" when ok.
        contract: the created contract's address, for a creation.
    """

    key: str
    tx_hash: str
    block: int
    gas_used: int
    ok: bool
    reason: str = ""
    contract: bytes | None = None


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
        self._sent_below = 0
        make_dir(folder)
        self._lock = FileLock(folder / f"{self._address}.lock", f"the outbox of {key.name}")
        try:
            self._db = open_outbox(folder / f"{self._address}.sqlite")
            try:
                self._adopt(genesis)
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
        return int(self._db.execute("SELECT value FROM meta WHERE name = 'first_nonce'").fetchone()[0])

    def send_many(self, transactions: Sequence[Tx]) -> list[str]:
        """Sign and store what is new, send it; returns the hashes, also of what had been sent before.

        Durable before anything leaves. What goes beyond the window in flight is sent by `wait`.

        Raises:
            SenderError: a transaction is beyond the engine's limits (nothing of this call was signed then), or refused
                by the endpoint.
            RpcUnavailable: the endpoint does not answer; everything is on disk, `wait` or a restart sends it.
        """
        for tx in transactions:
            self._check(tx)
        with self._guard:
            hashes = self._store(transactions)
            self._pump()
            return hashes

    def wait(self, keys: Iterable[str], timeout: float = 300.0) -> list[Receipt]:
        """Receipts of these keys, in their order, once all are final; refused ones have `ok` False.

        Raises:
            SenderError: an unknown key, not final in time, or the chain and the outbox disagree.
        """
        wanted = list(keys)
        deadline = time.monotonic() + timeout
        pause = 0.02
        while True:
            with self._guard:
                receipts = self._stored(wanted)
                if receipts is None and self._collect():
                    receipts = self._stored(wanted)
                if receipts is None:
                    self._pump()
            if receipts is not None:
                return receipts
            if time.monotonic() > deadline:
                raise SenderError(
                    f"not final after {timeout:.0f} s: is the chain making blocks? They stay in the outbox"
                )
            time.sleep(pause)
            pause = min(pause * 1.5, 0.25)

    def run(self, transactions: Sequence[Tx], timeout: float = 300.0) -> list[Receipt]:
        """Send, wait, and insist.

        Raises:
            Reverted: a contract refused one.
        """
        self.send_many(transactions)
        receipts = self.wait([tx.key for tx in transactions], timeout)
        for receipt in receipts:
            if not receipt.ok:
                raise Reverted(receipt.key, receipt.tx_hash, receipt.reason)
        return receipts

    def receipt(self, key: str) -> Receipt | None:
        """The receipt of a key, without waiting; None while it is not final, or unknown."""
        with self._guard:
            self._collect()
            found = self._stored([key], strict=False)
            return found[0] if found else None

    def poll(self) -> list[Receipt]:
        """What has become final since the last look, and sends what the window now lets through; does not wait."""
        with self._guard:
            before = self._oldest_pending()
            moved = self._collect()
            self._pump()
            if not moved or before is None:
                return []
            rows = self._db.execute(
                "SELECT key FROM outbox WHERE state != 0 AND nonce >= ? ORDER BY nonce", (before,)
            ).fetchall()
            return self._stored([row[0] for row in rows]) or []

    def confirm(self, blocks: Mapping[str, int]) -> None:
        """Take these transactions (hash → block) as done, because the log holds what they did.

        It saves their receipts, which repeat every event and cost more than all else that a sender does.
        """
        with self._guard, self._db:
            self._db.execute("BEGIN IMMEDIATE")
            self._db.executemany(
                "UPDATE outbox SET state = ?, block = ?, raw = NULL WHERE hash = ? AND state = 0",
                [(DONE, block, tx_hash) for tx_hash, block in blocks.items()],
            )

    def _oldest_pending(self) -> int | None:
        found: int | None = self._db.execute("SELECT min(nonce) FROM outbox WHERE state = 0").fetchone()[0]
        return found

    def pending(self) -> int:
        """Transactions signed and not yet final."""
        with self._guard:
            return int(self._db.execute("SELECT count(*) FROM outbox WHERE state = 0").fetchone()[0])

    def knows(self, key: str) -> bool:
        """This key has been signed for."""
        with self._guard:
            return self._db.execute("SELECT 1 FROM outbox WHERE key = ?", (key,)).fetchone() is not None

    def close(self) -> None:
        """Let go of outbox and key; idempotent."""
        with self._guard:
            if self._lock.held:
                self._db.close()
                self._lock.release()

    def __enter__(self) -> Sender:
        return self

    def __exit__(self, *_exc: object) -> None:
        self.close()

    def _adopt(self, genesis: str) -> None:
        """Void what belongs to another ledger; then the chain's count must not be ahead of the outbox."""
        stored = self._db.execute("SELECT value FROM meta WHERE name = 'genesis'").fetchone()
        with self._db:
            self._db.execute("BEGIN IMMEDIATE")
            if stored is None or stored[0] != genesis:
                self._db.execute("DELETE FROM outbox")
                self._db.execute("DELETE FROM meta")
                values = [("genesis", genesis), ("first_nonce", str(self._count()))]
                self._db.executemany("INSERT INTO meta VALUES (?, ?)", values)
        if self._count() > self._next_nonce():
            raise SenderError(
                f"{self._address} has been used on this chain by somebody else ({self._count()} transactions, "
                f"{self._next_nonce()} are ours): one process owns a nonce; give this node a key of its own"
            )
        self._sent_below = 0  # what is pending is sent again, the same bytes

    def _count(self) -> int:
        return int(self._rpc.call("eth_getTransactionCount", self._address, "latest"), 16)

    def _next_nonce(self) -> int:
        highest = self._db.execute("SELECT max(nonce) FROM outbox").fetchone()[0]
        if highest is not None:
            return int(highest) + 1
        return self.first_nonce

    def _check(self, tx: Tx) -> None:
        if tx.gas > self._limits.max_tx_gas:
            raise SenderError(
                f"{tx.key}: gas {tx.gas:,} is above this engine's {self._limits.max_tx_gas:,} a transaction"
            )
        if len(tx.data) + 256 > self._limits.max_tx_bytes:
            raise SenderError(f"{tx.key}: {len(tx.data):,} bytes are above this engine's {self._limits.max_tx_bytes:,}")

    def _store(self, transactions: Sequence[Tx]) -> list[str]:
        hashes = []
        nonce = self._next_nonce()
        with self._db:
            self._db.execute("BEGIN IMMEDIATE")
            for tx in transactions:
                known = self._db.execute("SELECT hash FROM outbox WHERE key = ?", (tx.key,)).fetchone()
                if known is not None:
                    hashes.append(known[0])
                    continue
                raw, tx_hash = self._signer.sign(tx.to, tx.data, tx.gas, nonce)
                self._db.execute(
                    "INSERT INTO outbox (nonce, key, hash, raw) VALUES (?, ?, ?, ?)", (nonce, tx.key, tx_hash, raw)
                )
                hashes.append(tx_hash)
                nonce += 1
        return hashes

    def _pump(self) -> None:
        """Send what is pending and was not sent in this session, within the window, in order."""
        first = self._db.execute("SELECT min(nonce) FROM outbox WHERE state = 0").fetchone()[0]
        if first is None or first + WINDOW <= self._sent_below:
            return
        rows = self._db.execute(
            "SELECT nonce, key, raw FROM outbox WHERE state = 0 AND nonce >= ? AND nonce < ? ORDER BY nonce",
            (self._sent_below, first + WINDOW),
        ).fetchall()
        at = 0
        while at < len(rows):
            size, stop = 0, at
            while stop < len(rows) and (stop == at or size + len(rows[stop][2]) <= _SEND_BYTES):
                size += len(rows[stop][2])
                stop += 1
            self._post(rows[at:stop])
            at = stop

    def _post(self, rows: list[tuple[int, str, bytes]]) -> None:
        answers = self._rpc.batch([("eth_sendRawTransaction", [to_hex(raw)]) for _, _, raw in rows])
        for (nonce, key, _), answer in zip(rows, answers, strict=True):
            if isinstance(answer, RpcError) and not any(known in answer.message.lower() for known in _KNOWN):
                raise SenderError(
                    f"{key} (nonce {nonce}) was not taken by {self._rpc.url}: {answer.message}; it stays in the outbox "
                    "and is sent again at the next try"
                )
            self._sent_below = nonce + 1

    def _collect(self) -> bool:
        """Look up what the chain has mined since; True when something became final."""
        rows = self._db.execute(
            "SELECT nonce, hash FROM outbox WHERE state = 0 AND nonce < ? ORDER BY nonce LIMIT 500",
            (self._count(),),
        ).fetchall()
        if not rows:
            return False
        final = self._finality.height(self._rpc)
        done = []
        for (nonce, tx_hash), receipt in zip(rows, self._lookup([row[1] for row in rows]), strict=True):
            block = int(receipt["blockNumber"], 16)
            if block > final:
                continue
            ok = int(receipt["status"], 16) == 1
            reason = "" if ok else self._why(tx_hash, int(receipt["gasUsed"], 16))
            state, gas = (DONE if ok else REVERTED), int(receipt["gasUsed"], 16)
            done.append((state, block, gas, receipt.get("contractAddress"), reason, nonce, tx_hash))
        with self._db:
            self._db.execute("BEGIN IMMEDIATE")
            self._db.executemany(
                "UPDATE outbox SET state = ?, block = ?, gas_used = ?, address = ?, reason = ?, raw = NULL "
                "WHERE nonce = ? AND hash = ?",
                done,
            )
        return bool(done)

    def _lookup(self, hashes: list[str]) -> list[dict[str, Any]]:
        """Receipts of transactions whose nonces the chain has used."""
        deadline = time.monotonic() + _LOOKUP_PATIENCE
        while True:
            answers = self._rpc.batch([("eth_getTransactionReceipt", [tx_hash]) for tx_hash in hashes])
            missing = [h for h, answer in zip(hashes, answers, strict=True) if not isinstance(answer, dict)]
            if not missing:
                return answers
            if time.monotonic() > deadline:  # some engines index receipts a little after the block
                raise SenderError(
                    f"the chain has used the nonce of {missing[0]} and does not know it: another process sends with "
                    f"{self._address}, or the endpoint's index is broken"
                )
            time.sleep(0.2)

    def _why(self, tx_hash: str, gas_used: int) -> str:
        """Asks the endpoint what the refused transaction meets now; states change, so it is a hint."""
        tx = self._rpc.call("eth_getTransactionByHash", tx_hash) or {}
        if gas_used >= int(tx.get("gas", "0x0"), 16) > 0:
            return f"out of gas: all of {gas_used:,} was used"
        request = {name: tx[name] for name in ("from", "to", "gas", "input") if tx.get(name)}
        try:
            self._rpc.call("eth_call", request, "latest")
        except RpcError as error:
            return all_errors().explain(error.data) if error.data else error.message
        return "refused then, would pass now"

    def _stored(self, keys: list[str], *, strict: bool = True) -> list[Receipt] | None:
        receipts = []
        for key in keys:
            row = self._db.execute(
                "SELECT hash, state, block, gas_used, address, reason FROM outbox WHERE key = ?", (key,)
            ).fetchone()
            if row is None:
                if strict:
                    raise SenderError(f"nothing was ever sent with key {key!r}")
                return None
            tx_hash, state, block, gas_used, address, reason = row
            if state == PENDING:
                return None
            contract = to_bytes(address) if address else None
            receipts.append(Receipt(key, tx_hash, block, gas_used or 0, state == DONE, reason or "", contract))
        return receipts
