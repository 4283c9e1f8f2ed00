"""Logs of the ledger → typed events. Each field is checked for its form here, so that what follows only compares."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from eth_abi.abi import decode as abi_decode
from eth_abi.exceptions import DecodingError

from chain_node.contracts.handles import artefact
from chain_node.errors import Discrepancy
from chain_node.protocol.attestation import SIGNATURE_BYTES
from chain_node.protocol.records import RECORD_BYTES
from chain_node.rpc.client import to_bytes, to_hex

_NAMES: Final = ("BatchRecorded", "RecordRefused", "EntryAppended", "LogExtended", "LedgerSealed")
_HASH: Final = re.compile("0x[0-9a-f]{64}")
_BATCH: Final = ("uint64", "bytes32", "bytes", "bytes", "bytes32", "bytes")


@dataclass(frozen=True, slots=True)
class Place:
    """Where a log stands.

    Attributes:
        block: number.
        block_hash, transaction: hashes, `0x` and hex digits.
        transaction_index, log_index: positions in the block.
    """

    block: int
    block_hash: str
    transaction: str
    transaction_index: int
    log_index: int


@dataclass(frozen=True, slots=True)
class Batch:
    """`BatchRecorded`. signatures: 65 bytes each; records, nullifiers: as they were sent."""

    place: Place
    feed: int
    first_sequence: int
    first_index: int
    time: int
    root: bytes
    records: bytes
    nullifiers: bytes
    config_digest: bytes
    signatures: tuple[bytes, ...]

    @property
    def count(self) -> int:
        """Records in it."""
        return len(self.records) // RECORD_BYTES


@dataclass(frozen=True, slots=True)
class Refused:
    """`RecordRefused`: a record of the batch whose event follows became a refusal."""

    place: Place
    feed: int
    index: int
    sequence: int
    rule: int


@dataclass(frozen=True, slots=True)
class Appended:
    """`EntryAppended`: an entry outside a batch."""

    place: Place
    index: int
    entry: bytes


@dataclass(frozen=True, slots=True)
class Extended:
    """`LogExtended`: the end of a call that appended such entries."""

    place: Place
    size: int
    root: bytes


@dataclass(frozen=True, slots=True)
class Sealed:
    """`LedgerSealed`: the end of the import phase."""

    place: Place
    size: int
    root: bytes


Event = Batch | Refused | Appended | Extended | Sealed


def index_of(event: Event) -> int:
    """The log index of the first entry that an event speaks of."""
    match event:
        case Batch():
            return event.first_index
        case Extended() | Sealed():
            return max(0, event.size - 1)
        case _:
            return event.index


def quantity(text: str) -> int:
    """A number of JSON-RPC.

    Raises:
        ValueError: it is none of 64 bits; a longer one could not even be shown in an alarm.
        TypeError: it is no text.
    """
    value = int(text, 16)
    if not 0 <= value < 1 << 64:
        raise ValueError("a number of more than 64 bits")
    return value


def hash_form(text: Any) -> str:
    """A hash of JSON-RPC, in small letters.

    Raises:
        ValueError: it is none.
    """
    shown = str(text).lower()
    if _HASH.fullmatch(shown) is None:
        raise ValueError(f"no hash: {shown!r:.80}")
    return shown


def topics() -> dict[str, str]:
    """Event name → topic 0, for `eth_getLogs`."""
    events = artefact("LuyaLedger").abi.events
    return {name: to_hex(events[name].topic) for name in _NAMES}


class Decoder:
    """Turns an endpoint's logs of one ledger into events.

    Args:
        ledger: its address, 20 bytes.
    """

    def __init__(self, ledger: bytes) -> None:
        self._ledger = to_hex(ledger)
        self._names = {topic: name for name, topic in topics().items()}

    def decode(self, logs: Sequence[dict[str, Any]], size: int) -> list[Event]:
        """The events, in the endpoint's order, which must be the chain's.

        Args:
            logs: as `eth_getLogs` gives them.
            size: of the own log, the index that a difference is told for where the log itself does not say one.

        Raises:
            Discrepancy: logs out of order, of another contract, or of a form that the contract cannot have emitted.
        """
        events: list[Event] = []
        before = (-1, -1)
        for log in logs:
            place = _place(log, size)
            here = (place.block, place.log_index)
            if here <= before:
                shown = f"({here[0]}, {here[1]}) after ({before[0]}, {before[1]})"
                raise _odd(size, "log-order", "logs in ascending order of (block, log)", shown, place)
            before = here
            if str(log.get("address", "")).lower() != self._ledger or log.get("removed"):
                raise _odd(size, "log-address", f"logs of {self._ledger}", f"one of {log.get('address')}", place)
            try:
                events.append(self._event(log, place))
            except (DecodingError, ValueError, LookupError, TypeError, AttributeError) as error:
                raise _odd(size, "log-form", "an event of the ledger", f"{error}", place) from error
        return events

    def _event(self, log: dict[str, Any], place: Place) -> Event:
        first, *indexed = log["topics"]
        numbers = [quantity(topic) for topic in indexed]
        data = to_bytes(log["data"])
        match self._names[first]:
            case "BatchRecorded":
                feed, sequence, index = numbers
                time, root, records, nullifiers, config, signed = abi_decode(_BATCH, data)
                signatures = tuple(signed[at : at + SIGNATURE_BYTES] for at in range(0, len(signed), SIGNATURE_BYTES))
                return Batch(
                    place, feed, sequence, index, time, root, records, nullifiers, config, signatures
                )  # fmt: skip
            case "RecordRefused":
                feed, index = numbers
                sequence, rule = abi_decode(["uint64", "uint16"], data)
                return Refused(place, feed, index, sequence, rule)
            case "EntryAppended":
                (index,) = numbers
                return Appended(place, index, abi_decode(["bytes"], data)[0])
            case "LogExtended":
                (size,) = numbers
                return Extended(place, size, abi_decode(["bytes32"], data)[0])
            case _:
                (size,) = numbers
                return Sealed(place, size, abi_decode(["bytes32"], data)[0])


def _place(log: dict[str, Any], size: int) -> Place:
    try:
        return Place(
            quantity(log["blockNumber"]),
            hash_form(log["blockHash"]),
            hash_form(log["transactionHash"]),
            quantity(log["transactionIndex"]),
            quantity(log["logIndex"]),
        )
    except (KeyError, ValueError, TypeError) as error:
        raise Discrepancy(size, "log-form", "a log with its place", f"{error!r} in {log!r:.200}") from error


def _odd(size: int, rule: str, expected: str, found: str, place: Place) -> Discrepancy:
    return Discrepancy(size, rule, expected, found, block=place.block, transaction=place.transaction)
