"""Residents' accounts."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import Final

from chain_node.protocol.kinds.kind import NO_ADDRESS, Kind, require
from chain_node.protocol.layout import Layout
from chain_node.protocol.records import ADDRESS_BYTES, HASH_BYTES

ACCOUNT: Final = 0x40

_ACCOUNT: Final = Layout("type:B time:Q account:20s nullifier:32s district:H epoch:H state:B successor:20s")


class AccountState(IntEnum):
    """State of an account; 0 in the ledger is an address that was never registered."""

    ACTIVE = 1
    FROZEN = 2
    CLOSED = 3
    REPLACED = 4


@dataclass(frozen=True, slots=True)
class Account:
    """0x40: an account's full value. epoch: 0 = for life, else the only year it may earn in."""

    time: int
    account: bytes
    nullifier: bytes
    district: int
    epoch: int
    state: AccountState
    successor: bytes = NO_ADDRESS


def _encode_account(e: Account) -> bytes:
    return _ACCOUNT.codes.pack(ACCOUNT, e.time, e.account, e.nullifier, e.district, e.epoch, e.state, e.successor)


def _decode_account(data: bytes) -> Account:
    _, time, account, nullifier, district, epoch, state, successor = _ACCOUNT.codes.unpack(data)
    return Account(time, account, nullifier, district, epoch, AccountState(state), successor)


def _check(e: Account) -> None:
    sizes = (len(e.account), len(e.nullifier), len(e.successor))
    require(sizes == (ADDRESS_BYTES, HASH_BYTES, ADDRESS_BYTES), e, "an account's fields have 20, 32, 20")


ACCOUNTS: Final = Kind("account", (ACCOUNT,), Account, _ACCOUNT, _encode_account, _decode_account, _check)
