"""Callers: whom the operator lets in, by token, client certificate or address, and with which role.

One small SQLite file. A token is `luyagw_<id>_<secret>`, of the kind that `chain_node.tokens` makes and compares. The
door holds the table in memory, and reads it again when it changes.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar, Final

from chain_node.errors import CallerError
from chain_node.gateway.policy import FREE, Role
from chain_node.storage.durable import make_dir
from chain_node.tokens.store import TokenStore
from chain_node.tokens.token import Token, admits, split

PREFIX: Final = "luyagw"
_FINGERPRINT: Final = re.compile(r"[0-9a-f]{64}")
_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS callers (
    id TEXT PRIMARY KEY, role TEXT NOT NULL, label TEXT NOT NULL, token BLOB, certificate TEXT UNIQUE,
    address TEXT UNIQUE, senders TEXT NOT NULL, feeds TEXT NOT NULL, precheck INTEGER NOT NULL,
    calls_per_s REAL, units_per_s REAL, created INTEGER NOT NULL, expires INTEGER, revoked INTEGER
) STRICT
"""
_COLUMNS: Final = (
    "id, role, label, token, certificate, address, senders, feeds, precheck, calls_per_s, units_per_s, "
    "created, expires, revoked"
)


@dataclass(frozen=True, slots=True)
class Caller:
    """Who calls, as the rest of the door sees it.

    Attributes:
        id: of the entry; 'public' or an address where there is none.
        role: what it may do.
        how: anonymous, token, certificate or siwe.
        key: whose budget its calls are charged to.
        address: that signed in, 20 bytes.
        senders: addresses an oracle sends from.
        feeds: an oracle's own.
        precheck: an oracle may ask for account states before it attests.
        calls_per_s, units_per_s: own budget, None for the role's.
        expires: unix seconds, None for never.
    """

    id: str
    role: Role
    how: str
    key: str
    label: str = ""
    address: bytes | None = None
    senders: frozenset[bytes] = frozenset()
    feeds: frozenset[int] = frozenset()
    precheck: bool = False
    calls_per_s: float | None = None
    units_per_s: float | None = None
    expires: int | None = None


@dataclass(frozen=True, slots=True)
class Entry:
    """A row as the operator sees it, without what is kept of the token. Times are unix seconds."""

    id: str
    role: str
    label: str
    token: bool
    certificate: str | None
    address: str | None
    senders: list[str]
    feeds: list[int]
    precheck: bool
    calls_per_s: float | None
    units_per_s: float | None
    created: int
    expires: int | None
    revoked: int | None


@dataclass(frozen=True, slots=True)
class Grant:
    """What the operator asks for in a new entry.

    Attributes:
        role: auditor, oracle or operator (public and owner need no entry).
        label: its purpose, not a person's name.
        lifetime: seconds until it expires, None for never.
        certificate: SHA-256 of a client certificate's DER in hex, or `subject:` and its RFC 4514 name.
        address: that may sign in as this caller (EIP-4361).
        senders, feeds, precheck, calls_per_s, units_per_s: see `Caller`.
    """

    role: str
    label: str = ""
    lifetime: int | None = None
    certificate: str | None = None
    address: str | None = None
    senders: tuple[str, ...] = ()
    feeds: tuple[int, ...] = ()
    precheck: bool = False
    calls_per_s: float | None = None
    units_per_s: float | None = None


class CallerStore(TokenStore[Grant, Entry]):
    """The table; safe between threads and processes. Running doors follow what changes within a second.

    Args:
        path: the SQLite file, created (0600) where missing.

    Raises:
        CallerError: it cannot be opened.
    """

    prefix: ClassVar[str] = PREFIX
    entry: ClassVar[str] = "caller"
    command: ClassVar[str] = "luya gateway token list"

    def __init__(self, path: Path) -> None:
        make_dir(path.parent)
        self._path = path
        self._guard = threading.Lock()
        try:
            os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
            self._connection = sqlite3.connect(path, timeout=10, check_same_thread=False, isolation_level=None)
            self._connection.execute("PRAGMA synchronous=FULL")
            self._connection.execute(_SCHEMA)
        except (OSError, sqlite3.Error) as error:
            raise CallerError(f"the callers' store {path} cannot be used: {error}") from error

    def close(self) -> None:
        """Close the file."""
        self._connection.close()

    def create(self, grant: Grant) -> tuple[Entry, str | None]:
        """Make an entry. Returns it and its token, shown this once; None where it comes by certificate or address.

        Raises:
            CallerError: a role or value that is not possible, or a certificate or address that has an entry already.
            TokenError: the label is too long, or the lifetime is not positive.
        """
        _check(grant)
        return self.issue(grant, grant.label, grant.lifetime, secret=not (grant.certificate or grant.address))

    def _insert(self, token: Token, grant: Grant) -> None:
        row = _row(token, grant)
        with self._transaction() as connection:
            marks = ",".join("?" * len(row))
            try:
                connection.execute(f"INSERT INTO callers ({_COLUMNS}) VALUES ({marks})", row)  # noqa: S608 - constants
            except sqlite3.IntegrityError:
                raise CallerError(
                    "this certificate or address has an entry already: `luya gateway token list` shows it; "
                    "revoke it to free the name"
                ) from None

    def entries(self) -> list[Entry]:
        """All, oldest first; revoked and expired ones too."""
        return [_entry(row) for row in self._rows()]

    def _mark(self, identifier: str, now: int) -> None:
        with self._transaction() as connection:
            # the certificate and the address become free for a new entry
            connection.execute(
                "UPDATE callers SET revoked=?, certificate=NULL, address=NULL WHERE id=? AND revoked IS NULL",
                (now, identifier),
            )

    def version(self) -> int:
        """Changes when another connection has changed the file."""
        with self._guard:
            return int(self._connection.execute("PRAGMA data_version").fetchone()[0])

    def load(self) -> Callers:
        """The table, for the door."""
        return Callers(self._rows())

    def _rows(self) -> list[tuple[Any, ...]]:
        with self._guard:
            query = f"SELECT {_COLUMNS} FROM callers ORDER BY created, rowid"  # noqa: S608 - constants
            return self._connection.execute(query).fetchall()

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        with self._guard:
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield self._connection
            except BaseException:
                self._connection.execute("ROLLBACK")
                raise
            self._connection.execute("COMMIT")


class Callers:
    """Entries in memory, by each way in."""

    def __init__(self, rows: list[tuple[Any, ...]]) -> None:
        self._tokens: dict[str, tuple[Token, Caller]] = {}
        self._certificates: dict[str, Caller] = {}
        self._addresses: dict[bytes, Caller] = {}
        self._live: set[str] = set()
        for row in rows:
            entry = _entry(row)
            if entry.revoked is not None:
                continue
            self._live.add(entry.id)
            caller = _caller(entry)
            if row[3] is not None:
                token = Token(entry.id, bytes(row[3]), entry.label, entry.created, entry.expires, entry.revoked)
                self._tokens[entry.id] = (token, caller)
            if entry.certificate is not None:
                self._certificates[entry.certificate] = replace(caller, how="certificate")
            if entry.address is not None:
                address = bytes.fromhex(entry.address[2:])
                self._addresses[address] = replace(caller, how="siwe", address=address)

    def by_token(self, token: str) -> Caller | None:
        """The caller of a token; None where it is wrong, revoked or expired. The comparison takes constant time."""
        parts = split(PREFIX, token)
        if parts is None:
            return None
        kept, caller = self._tokens.get(parts[0], (None, None))
        return caller if admits(kept, parts[1], time.time()) else None

    def by_certificate(self, der: bytes, subject: str) -> Caller | None:
        """The caller of a client certificate that TLS has verified: by its fingerprint first, then by its subject."""
        found = self._certificates.get(hashlib.sha256(der).hexdigest()) or self._certificates.get("subject:" + subject)
        return found if found is not None and self.alive(found) else None

    def by_address(self, address: bytes) -> Caller | None:
        """The caller that an address signs in as."""
        found = self._addresses.get(address)
        return found if found is not None and self.alive(found) else None

    def alive(self, caller: Caller) -> bool:
        """Its entry is neither revoked nor expired (callers without an entry are always alive)."""
        if caller.expires is not None and caller.expires <= time.time():
            return False
        return caller.id in self._live or caller.role in FREE


def _check(grant: Grant) -> None:
    if grant.role not in (Role.AUDITOR, Role.ORACLE, Role.OPERATOR):
        raise CallerError(f"{grant.role!r} is not a role of an entry: give auditor, oracle or operator")
    if grant.role != Role.ORACLE and (grant.senders or grant.feeds or grant.precheck):
        raise CallerError("senders, feeds and precheck are an oracle's")
    if grant.role == Role.ORACLE and not grant.senders:
        raise CallerError("an oracle needs the addresses it sends from: give --sender for each")
    for rate in (grant.calls_per_s, grant.units_per_s):
        if rate is not None and not 0 < rate <= 1e9:
            raise CallerError(f"a budget of {rate} a second is not possible: give more than 0")
    for feed in grant.feeds:
        if not 0 <= feed <= 0xFFFF:
            raise CallerError(f"{feed} is not a feed's number")


def _row(token: Token, grant: Grant) -> tuple[Any, ...]:
    return (
        token.id,
        str(grant.role),
        token.label,
        token.digest,
        _certificate(grant.certificate),
        None if grant.address is None else _address(grant.address),
        json.dumps(sorted({_address(text) for text in grant.senders})),
        json.dumps(sorted(set(grant.feeds))),
        int(grant.precheck),
        grant.calls_per_s,
        grant.units_per_s,
        token.created,
        token.expires,
        token.revoked,
    )


def _certificate(text: str | None) -> str | None:
    if text is None or (text.startswith("subject:") and len(text) > len("subject:")):
        return text
    plain = text.replace(":", "").lower()
    if not _FINGERPRINT.fullmatch(plain):
        raise CallerError(
            f"{text!r} is not a certificate: give the SHA-256 of its DER in hex "
            "(openssl x509 -noout -fingerprint -sha256), or subject: and its RFC 4514 name"
        )
    return plain


def _address(text: str) -> str:
    if not re.fullmatch(r"0x[0-9a-fA-F]{40}", text):
        raise CallerError(f"{text!r} is not an address: give 0x and 40 hex digits")
    return text.lower()


def _entry(row: tuple[Any, ...]) -> Entry:
    identifier, role, label, token, certificate, address, senders, feeds, precheck, *rest = row
    return Entry(
        identifier, role, label, token is not None, certificate, address, json.loads(senders), json.loads(feeds),
        bool(precheck), *rest,
    )  # fmt: skip


def _caller(entry: Entry) -> Caller:
    return Caller(
        id=entry.id,
        role=Role(entry.role),
        how="token",
        key=entry.id,
        label=entry.label,
        senders=frozenset(bytes.fromhex(text[2:]) for text in entry.senders),
        feeds=frozenset(entry.feeds),
        precheck=entry.precheck,
        calls_per_s=entry.calls_per_s,
        units_per_s=entry.units_per_s,
        expires=entry.expires,
    )
