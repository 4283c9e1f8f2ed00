"""The import phase: an archive becomes the calls that give a new ledger its state."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from chain_node.archive.reader import ArchiveReader
from chain_node.contracts.handles import LAW_TYPES, LuyaLedger
from chain_node.deployment.plan import Seal
from chain_node.engine.base import Limits
from chain_node.errors import ArchiveError
from chain_node.protocol.entries import (
    ACCOUNT,
    LOG_KEY,
    REDUCTION,
    REDUCTION_NULLIFIER,
    REFUSAL,
    REVOCATION,
    LogKey,
    Revocation,
    decode,
    time_of,
    type_of,
)
from chain_node.protocol.kinds.controllers import CUSTODIAN, Custodian
from chain_node.sending.sender import Tx

_GAS: Final = {REDUCTION: 80_000, REDUCTION_NULLIFIER: 105_000, REFUSAL: 20_000, ACCOUNT: 95_000}
"""Upper bounds for applying one archived entry to fresh storage, measured with a margin."""
_LAW_GAS: Final = 400_000
_LAW_GAS_A_BYTE: Final = 1_000
"""Entries of the law are stored verbatim: 22,100 gas for 32 bytes."""
_MODULE_GAS: Final = 500_000
_MODULE_GAS_A_BYTE: Final = 4_000
"""An act's parts are ten bytes each: of every part a balance and a total of its vintage change, some 35,000 gas."""
_OF_LAW: Final = frozenset(code for first, last in LAW_TYPES for code in range(first, last + 1))
_CALL_GAS: Final = 200_000
_REVOCATION_GAS: Final = 1_500_000


def seal_of(reader: ArchiveReader) -> Seal:
    """What a ledger imported from this archive is sealed at.

    Raises:
        ArchiveError: the tiles do not lead to the checkpoint's root.
    """
    checkpoint = reader.checkpoint()
    if checkpoint is None:
        return Seal()
    root = reader.root_at(checkpoint.size)
    if root != checkpoint.root:
        raise ArchiveError(
            f"the archive's {checkpoint.size} entries have root {root.hex()}, the checkpoint says "
            f"{checkpoint.root.hex()}: restore the archive from a copy"
        )
    newest = time_of(reader.entry(checkpoint.size - 1)) if checkpoint.size else 0
    return Seal(checkpoint.size, root, newest)


def log_key_of(reader: ArchiveReader) -> bytes | None:
    """The newest log key that the log names."""
    found = None
    for row in reader.call_rows():
        if row.kind == 0 and row.first_index + row.count <= reader.size:
            for data in reader.entries(row.first_index, row.first_index + row.count):
                if type_of(data) == LOG_KEY:
                    key = decode(data)
                    assert isinstance(key, LogKey)
                    found = key.public_key
    return found


def custodian_of(reader: ArchiveReader) -> bytes | None:
    """The custodian that the log names last, also one that was disabled since; None where it never had one."""
    found = None
    for row in reader.call_rows():
        if row.kind == 0 and row.first_index + row.count <= reader.size:
            for data in reader.entries(row.first_index, row.first_index + row.count):
                if type_of(data) == CUSTODIAN:
                    custodian = decode(data)
                    assert isinstance(custodian, Custodian)
                    found = custodian.key
    return found


def import_calls(reader: ArchiveReader, ledger: LuyaLedger, seal: Seal, limits: Limits) -> Iterator[Tx]:
    """The import phase's transactions, in order: the same for the same archive, so that they can be resumed.

    Args:
        reader: the archive.
        ledger: the new ledger, not yet sealed.
        seal: up to where.
        limits: what one transaction may hold.
    """
    pending: list[bytes] = []
    first, gas, size = 0, _CALL_GAS, 4
    for index, entry in enumerate(reader.entries(0, seal.size)):
        kind = type_of(entry)
        cost = _cost(kind, len(entry))
        full = gas + cost > limits.max_tx_gas or size + len(entry) + 2 > limits.max_tx_bytes - 1024
        if pending and (kind == REVOCATION or full):
            yield _entries(ledger, first, pending, min(gas, limits.max_tx_gas))
            pending, gas, size = [], _CALL_GAS, 4
        if kind == REVOCATION:
            yield _revocation(reader, ledger, index, entry)
            continue
        if not pending:
            first = index
        pending.append(len(entry).to_bytes(2, "big") + entry)
        gas += cost
        size += len(entry) + 2
    if pending:
        yield _entries(ledger, first, pending, min(gas, limits.max_tx_gas))


def _cost(kind: int, length: int) -> int:
    """More than applying an entry takes; of a type not named here by its length."""
    if kind in _GAS:
        return _GAS[kind]
    if kind in _OF_LAW:
        return _LAW_GAS + _LAW_GAS_A_BYTE * length
    return _MODULE_GAS + _MODULE_GAS_A_BYTE * length


def _entries(ledger: LuyaLedger, first: int, pending: list[bytes], gas: int) -> Tx:
    data = ledger.data("importEntries", b"".join(pending))
    return Tx(ledger.address, data, gas, f"import/{first}")


def _revocation(reader: ArchiveReader, ledger: LuyaLedger, index: int, entry: bytes) -> Tx:
    """The target is proven in the tree as it is just before: a call has ended there, so the ledger keeps that root."""
    revocation = decode(entry)
    assert isinstance(revocation, Revocation)
    target = reader.entry(revocation.index)
    proof = reader.inclusion(revocation.index, index)
    data = ledger.data("importRevocation", entry, index, target, proof)
    return Tx(ledger.address, data, _REVOCATION_GAS, f"import/{index}")
