"""Where exactly: a batch that does not hold as a whole is narrowed down to the entry in which two sources differ.

An endpoint gives a batch in three places: `eth_getLogs`, the transaction's receipt, the transaction's call data.
Whoever changed one of them has seldom changed the others.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any

from chain_node.auditor.chain import ChainView
from chain_node.auditor.events import Appended, Batch, Decoder, Event, Refused
from chain_node.contracts.handles import artefact
from chain_node.errors import Discrepancy
from chain_node.protocol.entries import Reduction, decode
from chain_node.protocol.records import RECORD_BYTES
from chain_node.protocol.times import year_of
from chain_node.rpc.client import to_bytes

_log = logging.getLogger("luya.auditor")
_EXACT = ("verdict/", "impossible/", "replay")
_WHOLE = ("quorum", "root", "root/contract", "nullifiers", "sequence", "missing-entry", "length")


def refine(
    found: Discrepancy,
    chain: ChainView,
    decoder: Decoder,
    size: int,
    blocks: tuple[int, int],
    suspect: tuple[int, tuple[bytes, ...]] | None,
) -> Discrepancy:
    """The difference with the exact entry and the two sources that disagree, where that can be told; else itself.

    Args:
        found: the difference.
        chain, decoder: of the endpoint that it was found at.
        size: of the own log before it.
        blocks: first and last block that were read.
        suspect: first index and own entries of the batch whose root it is.
    """
    try:
        if found.rule == "missing-entry":
            return _missing(found, chain, decoder, size, *blocks)
        if found.rule in _WHOLE or found.rule.startswith(_EXACT):
            narrow = _narrow(found, chain, decoder, size)
            if narrow is found and found.rule.startswith("root") and suspect and suspect[0] == found.index:
                return _by_mints(found, chain, *suspect)
            return narrow
    except Exception:  # whatever the endpoint answers here must not stop the alarm
        _log.info("the difference could not be narrowed down", exc_info=True)
    return found


def _narrow(found: Discrepancy, chain: ChainView, decoder: Decoder, size: int) -> Discrepancy:
    if not found.transaction:
        return found
    receipt = chain.receipt_logs(found.transaction)
    if receipt is None:
        return found
    shown = [log for log in chain.logs_of(found.block, found.block) if log["transactionHash"] == found.transaction]
    said, receipts = decoder.decode(shown, size), decoder.decode(receipt, size)
    for one, other in zip(said, receipts, strict=False):
        index = _differing(one, other, size)
        if index is not None:
            index = found.index if found.rule.startswith(_EXACT) else index
            return _two(found, index, "the receipt", _at(other, index), "eth_getLogs", _at(one, index))
    if len(said) != len(receipts):
        return _two(found, found.index, "the receipt", f"{len(receipts)} events", "eth_getLogs", f"{len(said)} events")
    return _by_input(found, chain, said)


def _by_input(found: Discrepancy, chain: ChainView, said: Sequence[Event]) -> Discrepancy:
    """Against the call data of a direct call of `record`."""
    answer: Any = chain.rpc.call("eth_getTransactionByHash", found.transaction)
    batches = [event for event in said if isinstance(event, Batch)]
    if not isinstance(answer, dict) or len(batches) != 1:
        return found
    arguments = artefact("LuyaLedger").abi.function("record").arguments(to_bytes(str(answer["input"])))
    if arguments is None:
        return found
    batch = batches[0]
    records = bytes(arguments[2])
    for position in range(batch.count):
        cut = slice(position * RECORD_BYTES, (position + 1) * RECORD_BYTES)
        if records[cut] != batch.records[cut]:
            index = batch.first_index + position
            return _two(
                found, index, "the call", f"0x{records[cut].hex()}", "the event", f"0x{batch.records[cut].hex()}"
            )
    return found


def _by_mints(found: Discrepancy, chain: ChainView, first: int, entries: tuple[bytes, ...]) -> Discrepancy:
    """What the contract minted, in the receipt's ERC-1155 events, against the own entries' amounts, one by one."""
    own = [(index, decode(entry)) for index, entry in enumerate(entries, first)]
    reductions = [(index, entry) for index, entry in own if isinstance(entry, Reduction)]
    mints = chain.mints(found.transaction, first)
    if mints is None:
        return found
    for (index, entry), (account, ids, amounts) in zip(reductions, mints, strict=False):
        year = year_of(entry.record.day)
        right = (entry.record.account, (10_000 + year, 20_000 + year), (entry.credits_mg, entry.millipoints))
        if right != (account, ids, amounts):
            minted = _minted(account, ids, amounts)
            where = {"block": found.block, "transaction": found.transaction}
            return Discrepancy(index, "amount", _minted(*right), minted, **where)  # type: ignore[arg-type]  # as named
    if len(mints) != len(reductions):
        return _two(found, found.index, "own entries", f"{len(reductions)} mints", "the receipt", f"{len(mints)} mints")
    return found


def _minted(account: bytes, ids: tuple[int, ...], amounts: tuple[int, ...]) -> str:
    return f"{amounts[0]} mg and {amounts[1]} millipoints of {ids[0] - 10_000} for 0x{account.hex()}"


def _missing(found: Discrepancy, chain: ChainView, decoder: Decoder, size: int, first: int, last: int) -> Discrepancy:
    """Which block's receipts hold the log that `eth_getLogs` left out."""
    shown = {int(log["blockNumber"], 16) for log in chain.logs_of(first, last)}
    end = found.block if found.block >= 0 else last
    for block in range(max(first, end - 256), end + 1):
        if block in shown:
            continue
        header = chain.header(block)
        for transaction in header.transactions if header else ():
            logs = chain.receipt_logs(transaction)
            if logs:
                events = decoder.decode(logs, size)
                what = f"{type(events[0]).__name__} in the receipt of {transaction}"
                return Discrepancy(
                    found.index, found.rule, f"{found.expected}; {what}", f"{found.found}; no such log in eth_getLogs",
                    block=block, transaction=transaction,
                )  # fmt: skip
    return found


def _differing(one: Event, other: Event, size: int) -> int | None:
    """The log index of the first entry in which two versions of an event differ; None where they are the same."""
    if one == other:
        return None
    match one, other:
        case Batch(), Batch():
            for position in range(max(one.count, other.count)):
                cut = slice(position * RECORD_BYTES, (position + 1) * RECORD_BYTES)
                if one.records[cut] != other.records[cut]:
                    return other.first_index + position
            return other.first_index
        case Refused() | Appended(), Refused() | Appended():
            return other.index
        case _:
            return size


def _at(event: Event, index: int) -> str:
    """What an event says of an entry."""
    match event:
        case Batch():
            position = index - event.first_index
            record = event.records[position * RECORD_BYTES : (position + 1) * RECORD_BYTES]
            signed = ", ".join(signature.hex() for signature in event.signatures)
            rest = f"first sequence {event.first_sequence}, root {event.root.hex()}, signatures {signed}"
            return f"record 0x{record.hex()} ({rest})"
        case Appended():
            return f"0x{event.entry.hex()}"
        case Refused():
            return f"a refusal of sequence {event.sequence} by rule {event.rule}"
        case _:
            return f"{event!r}"


def _two(found: Discrepancy, index: int, left: str, expected: str, right: str, there: str) -> Discrepancy:
    return Discrepancy(
        index,
        found.rule,
        f"{expected} in {left}",
        f"{there} in {right}; so {found.expected} is not met: {found.found}",
        block=found.block,
        transaction=found.transaction,
    )
