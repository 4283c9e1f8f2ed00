"""The registrar: partner's user id → account; enrolled durably first, then registered on the chain in bulk."""

from __future__ import annotations

import secrets
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from chain_node.contracts.handles import LuyaLedger, LuyaViews
from chain_node.engine.base import Progress, no_progress
from chain_node.errors import RegistryError, RevertReason
from chain_node.registry.derive import (
    Subkeys,
    account_key,
    account_of,
    member_key,
    nullifier_of,
    trial_nullifier,
)
from chain_node.registry.store import PENDING, REGISTERED, RegisteredAccount, RegistryStore
from chain_node.sending.sender import Sender, Tx

PER_CALL: Final = 180
"""Accounts in one transaction: about 74,000 gas each on fresh storage, so below 16 million."""
_GAS_BASE: Final = 200_000
_GAS_EACH: Final = 82_000


@dataclass(frozen=True, slots=True)
class Identity:
    """Who somebody is, by a document.

    Attributes:
        scheme: kind of document and country, such as 'cn-resident-id'.
        number: its number, as normalised by the scheme.
        district: number of the district, 0 where unknown.
        epoch: 0 for life, else the one year the account may earn in.
    """

    scheme: str
    number: str
    district: int = 0
    epoch: int = 0


@dataclass(frozen=True, slots=True)
class RegistrarContracts:
    """What the registrar needs of a chain to register there."""

    ledger: LuyaLedger
    views: LuyaViews
    sender: Sender


class Registrar:
    """The registrar of one home.

    Args:
        path: the store's file.
        master: 32-byte master secret, from the keystore.
        desk: gives the chain's side when something is to be registered; called lazily.
        progress: told of registrations.
    """

    def __init__(
        self,
        path: Path,
        master: bytes,
        desk: Callable[[], RegistrarContracts] | None = None,
        *,
        progress: Progress = no_progress,
    ) -> None:
        self._keys = Subkeys(master)
        self._store = RegistryStore(path, self._keys.store)
        self._desk = desk
        self._progress = progress
        self._guard = threading.RLock()

    def lookup_many(self, organisation: int, users: Iterable[str]) -> dict[str, bytes]:
        """User id → account, of those who are enrolled."""
        by_key = {member_key(self._keys, organisation, user): user for user in users}
        with self._guard:
            found = self._store.lookup(list(by_key))
        return {by_key[key]: account for key, account in found.items()}

    def enrol_many(
        self,
        organisation: int,
        users: Iterable[str],
        identities: Mapping[str, Identity] | None = None,
    ) -> dict[str, bytes]:
        """User id → account, for all: those not enrolled yet are, durably, then registered on the chain.

        Args:
            organisation: the organisation's id.
            users: its user ids.
            identities: by user id; whoever has none gets a nullifier of their own (trials).

        Raises:
            RegistryError: registering failed, see `register_pending`.
        """
        wanted = list(dict.fromkeys(users))
        with self._guard:
            known = self.lookup_many(organisation, wanted)
            new = [user for user in wanted if user not in known]
            if new:
                known |= self._enrol(organisation, new, identities or {})
            if self._desk is not None:
                self.register_pending()
        return {user: known[user] for user in wanted}

    def register_pending(self) -> int:
        """Register everybody who is not on the chain yet; returns how many were.

        Raises:
            RegistryError: the chain refuses an account, and it is not one that it has already.
        """
        total = 0
        with self._guard:
            if not self._store.pending(1):
                return 0
            # this may wait for another process that registers: what is pending is read after it
            desk = self._need_desk()
            while pending := self._store.pending(64 * PER_CALL):
                total += self._register(desk, pending)
        return total

    def ensure_registered(self, ledger: bytes) -> int:
        """On a ledger that was not seen before: whoever it does not have is registered again; returns how many were.

        Args:
            ledger: what tells one ledger from another: the genesis nonce. It is kept once all are registered, so that
                a process that ends in between does not leave anybody out.
        """
        with self._guard:
            if self._store.ledger() == ledger:
                return 0
            registered = self._register_lost()
            self._store.set_ledger(ledger)
            return registered

    def _register_lost(self) -> int:
        rows = self._store.all_accounts()
        if rows:
            states = [view[0] for view in self._need_desk().views.accounts(account for account, _ in rows)]
            there = [account for (account, _), state in zip(rows, states, strict=True) if state]
            lost = [account for (account, _), state in zip(rows, states, strict=True) if not state]
            self._store.mark(there, REGISTERED)
            self._store.mark(lost, PENDING)
        return self.register_pending()

    def private_key(self, account: bytes) -> bytes:
        """The custodial key of an account, for acts that its owner has asked for.

        Raises:
            RegistryError: not an account of this registrar.
        """
        with self._guard:
            salt = self._store.salt_of(account)
        if salt is None:
            raise RegistryError(f"0x{account.hex()} is not an account of this registrar")
        return account_key(self._keys, salt)

    def members_of(self, account: bytes) -> list[tuple[int, str]]:
        """(organisation, user id) that lead to an account."""
        with self._guard:
            return self._store.members_of(account)

    def close(self) -> None:
        """Close the store; idempotent."""
        with self._guard:
            self._store.close()

    def _enrol(self, organisation: int, users: list[str], identities: Mapping[str, Identity]) -> dict[str, bytes]:
        with self._store.db:
            self._store.db.execute("BEGIN IMMEDIATE")
            made = self.lookup_many(organisation, users)  # another process may have been faster
            for user in users:
                if user in made:
                    continue
                identity = identities.get(user)
                if identity is None:
                    nullifier, district, epoch = trial_nullifier(self._keys, organisation, user), 0, 0
                else:
                    nullifier = nullifier_of(self._keys, identity.scheme, identity.number, identity.epoch)
                    district, epoch = identity.district, identity.epoch
                account = self._store.by_nullifier(nullifier)
                if account is None:
                    salt = secrets.token_bytes(32)
                    account = account_of(self._keys, salt)
                    self._store.add_account(RegisteredAccount(account, nullifier, district, epoch), salt)
                self._store.add_member(member_key(self._keys, organisation, user), organisation, account, user)
                made[user] = account
        return made

    def _need_desk(self) -> RegistrarContracts:
        if self._desk is None:
            raise RegistryError("this registrar has no chain to register at")
        return self._desk()

    def _register(self, desk: RegistrarContracts, pending: Sequence[tuple[RegisteredAccount, str | None]]) -> int:
        """Calls are fixed in the store before they are sent, so a crash sends the same ones again."""
        calls: dict[str, list[RegisteredAccount]] = {}
        loose: list[RegisteredAccount] = []
        for row, call in pending:
            if call is None:
                loose.append(row)
            else:
                calls.setdefault(call, []).append(row)
        for at in range(0, len(loose), PER_CALL):
            part = loose[at : at + PER_CALL]
            name = f"register/{part[0].account.hex()}/{secrets.token_hex(8)}"
            self._store.assign(name, [row.account for row in part])
            calls[name] = part
        transactions = [
            Tx(
                desk.ledger.address,
                desk.ledger.data("registerAccounts", b"".join(row.packed() for row in rows)),
                _GAS_BASE + _GAS_EACH * len(rows),
                name,
            )
            for name, rows in calls.items()
        ]
        what, total = "registering accounts", sum(len(rows) for rows in calls.values())
        self._progress(what, 0, total)
        desk.sender.send_many(transactions)
        done = 0
        for receipt in desk.sender.wait(list(calls)):
            rows = calls[receipt.key]
            if receipt.reason is None:
                self._store.mark([row.account for row in rows], REGISTERED)
            else:
                self._resolve(desk, rows, receipt.reason)
            done += len(rows)
        self._progress(what, done, total)
        return done

    def _resolve(self, desk: RegistrarContracts, rows: list[RegisteredAccount], reason: RevertReason) -> None:
        """A call was refused: those whom the chain has are registered, the others go into a new call."""
        states = [view[0] for view in desk.views.accounts(row.account for row in rows)]
        there = [row.account for row, state in zip(rows, states, strict=True) if state]
        if not there:
            self._store.mark([row.account for row in rows], PENDING)
            raise RegistryError(f"{len(rows)} accounts could not be registered: {reason}")
        self._store.mark(there, REGISTERED)
        self._store.mark([row.account for row in rows if row.account not in set(there)], PENDING)
