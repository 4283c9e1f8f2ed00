"""The registrar's store: SQLite, personal data sealed with AES-256-GCM, keys that are found by keyed hashes.

`accounts`: one row per person (identity nullifier). `members`: one row per (organisation, user id); across
organisations only the same identity nullifier leads to the same account.
"""

from __future__ import annotations

import json
import secrets
import sqlite3
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from chain_node.errors import RegistryError
from chain_node.storage.durable import make_dir

PENDING: Final = 0
REGISTERED: Final = 1

_SCHEMA = """
CREATE TABLE IF NOT EXISTS meta (name TEXT PRIMARY KEY, value BLOB NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS accounts (
  id INTEGER PRIMARY KEY,
  account BLOB NOT NULL UNIQUE,
  nullifier BLOB NOT NULL UNIQUE,
  district INTEGER NOT NULL,
  epoch INTEGER NOT NULL,
  state INTEGER NOT NULL DEFAULT 0,
  call TEXT,
  sealed BLOB NOT NULL
) STRICT;
CREATE INDEX IF NOT EXISTS accounts_pending ON accounts (id) WHERE state = 0;
CREATE TABLE IF NOT EXISTS members (
  lookup BLOB PRIMARY KEY,
  organisation INTEGER NOT NULL,
  account BLOB NOT NULL REFERENCES accounts (account),
  sealed BLOB NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS members_account ON members (account);
"""


@dataclass(frozen=True, slots=True)
class RegisteredAccount:
    """An account as it is registered on the chain.

    Attributes:
        account: 20 bytes.
        nullifier: identity nullifier, 32 bytes.
        district: number of the district, 0 where unknown.
        epoch: 0 for life, else the one year it may earn in.
    """

    account: bytes
    nullifier: bytes
    district: int
    epoch: int

    def packed(self) -> bytes:
        """56 bytes, as `registerAccounts` takes them."""
        return self.account + self.nullifier + self.district.to_bytes(2, "big") + self.epoch.to_bytes(2, "big")


class RegistryStore:
    """The database.

    Args:
        path: its file.
        key: 32 bytes that seal what is personal.

    Raises:
        RegistryError: the store was sealed with another key.
    """

    def __init__(self, path: Path, key: bytes) -> None:
        make_dir(path.parent, 0o700)
        self._cipher = AESGCM(key)
        self.db = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        try:
            self.db.execute("PRAGMA journal_mode = WAL")
            self.db.execute("PRAGMA synchronous = FULL")
            self.db.execute("PRAGMA secure_delete = ON")  # what is erased leaves no trace in free pages
            self.db.executescript(_SCHEMA)
            path.chmod(0o600)
            self._check_key()
        except BaseException:
            self.db.close()
            raise

    def close(self) -> None:
        """Close; idempotent."""
        self.db.close()

    def lookup(self, keys: Sequence[bytes]) -> dict[bytes, bytes]:
        """Member key → account, of those that are known."""
        found: dict[bytes, bytes] = {}
        for at in range(0, len(keys), 500):
            part = keys[at : at + 500]
            marks = ",".join("?" * len(part))
            found |= dict(self.db.execute(f"SELECT lookup, account FROM members WHERE lookup IN ({marks})", part))  # noqa: S608
        return found

    def by_nullifier(self, nullifier: bytes) -> bytes | None:
        """The account with this identity nullifier."""
        row = self.db.execute("SELECT account FROM accounts WHERE nullifier = ?", (nullifier,)).fetchone()
        return row[0] if row else None

    def add_account(self, row: RegisteredAccount, salt: bytes) -> None:
        """A new person; inside the caller's transaction."""
        sealed = self.seal({"salt": salt.hex()}, row.account)
        values = (row.account, row.nullifier, row.district, row.epoch, sealed)
        self.db.execute(
            "INSERT INTO accounts (account, nullifier, district, epoch, sealed) VALUES (?, ?, ?, ?, ?)", values
        )

    def add_member(self, lookup: bytes, organisation: int, account: bytes, user: str) -> None:
        """An organisation's user id for an account; inside the caller's transaction."""
        sealed = self.seal({"user": user}, lookup)
        self.db.execute("INSERT INTO members VALUES (?, ?, ?, ?)", (lookup, organisation, account, sealed))

    def salt_of(self, account: bytes) -> bytes | None:
        """The random salt that the account's key hangs on."""
        row = self.db.execute("SELECT sealed FROM accounts WHERE account = ?", (account,)).fetchone()
        return bytes.fromhex(self.unseal(row[0], account)["salt"]) if row else None

    def members_of(self, account: bytes) -> list[tuple[int, str]]:
        """(organisation, user id) of an account."""
        rows = self.db.execute("SELECT lookup, organisation, sealed FROM members WHERE account = ?", (account,))
        return [(organisation, self.unseal(sealed, lookup)["user"]) for lookup, organisation, sealed in rows.fetchall()]

    def pending(self, limit: int) -> list[tuple[RegisteredAccount, str | None]]:
        """Accounts not yet known to be on the chain, oldest first, with the call they were put into."""
        rows = self.db.execute(
            "SELECT account, nullifier, district, epoch, call FROM accounts WHERE state = 0 ORDER BY id LIMIT ?",
            (limit,),
        )
        return [(RegisteredAccount(*row[:4]), row[4]) for row in rows.fetchall()]

    def assign(self, call: str, accounts: Iterable[bytes]) -> None:
        """Put accounts into a call, before it is sent."""
        self._update("UPDATE accounts SET call = ? WHERE account = ?", [(call, account) for account in accounts])

    def mark(self, accounts: Iterable[bytes], state: int) -> None:
        """Set whether accounts are on the chain; a pending one leaves its call."""
        rows = [(state, account) for account in accounts]
        self._update("UPDATE accounts SET state = ?, call = NULL WHERE account = ?", rows)

    def all_accounts(self) -> list[tuple[bytes, int]]:
        """(account, state) of everybody."""
        return list(self.db.execute("SELECT account, state FROM accounts ORDER BY id").fetchall())

    def ledger(self) -> bytes | None:
        """The ledger on which all accounts are registered or pending, see `set_ledger`."""
        row = self.db.execute("SELECT value FROM meta WHERE name = 'ledger'").fetchone()
        return row[0] if row else None

    def set_ledger(self, ledger: bytes) -> None:
        """From now on the states of accounts are those on this ledger."""
        self._update("INSERT OR REPLACE INTO meta VALUES ('ledger', ?)", [(ledger,)])

    def seal(self, value: dict[str, Any], context: bytes) -> bytes:
        """Encrypt, bound to its row."""
        nonce = secrets.token_bytes(12)
        return nonce + self._cipher.encrypt(nonce, json.dumps(value).encode(), context)

    def unseal(self, sealed: bytes, context: bytes) -> dict[str, Any]:
        """Decrypt.

        Raises:
            RegistryError: wrong key, or the row was tampered with.
        """
        try:
            value: dict[str, Any] = json.loads(self._cipher.decrypt(sealed[:12], sealed[12:], context))
        except InvalidTag:
            raise RegistryError("a row of the registry cannot be decrypted: wrong key, or it was changed") from None
        return value

    def _check_key(self) -> None:
        row = self.db.execute("SELECT value FROM meta WHERE name = 'check'").fetchone()
        if row is None:
            self.db.execute("INSERT OR IGNORE INTO meta VALUES ('check', ?)", (self.seal({}, b"check"),))
            return
        try:
            self.unseal(row[0], b"check")
        except RegistryError:
            raise RegistryError(
                "the registry was made with another master secret: restore keys/registry.json and its passphrase"
            ) from None

    def _update(self, statement: str, rows: list[tuple[Any, ...]]) -> None:
        with self.db:
            self.db.execute("BEGIN IMMEDIATE")
            self.db.executemany(statement, rows)
