"""A short log with every registered kind of entry, as the ledger appends it: in an archive, and as its events."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from api_ledger import CONFIG, GENESIS_NONCE, LEDGER, LOG_KEY, ORIGIN, SIGNERS, SORTED_KEYS
from eth_abi.abi import encode as abi_encode

from chain_node.archive.calls import BatchFields, Call, RefusedRecord
from chain_node.archive.writer import Archive
from chain_node.following.events import topics
from chain_node.protocol import attestation, checkpoint
from chain_node.protocol import entries as e
from chain_node.protocol.kinds.act import AgentTail, Part, ResidentTail, SerialPart
from chain_node.protocol.kinds.agents import Agent, AgentRole, District, OpenState, OrganisationAccount
from chain_node.protocol.kinds.controllers import (
    Consent,
    Controller,
    ControllerCancelled,
    ControllerKind,
    Custodian,
    CustodianState,
    SessionKey,
    SetBy,
)
from chain_node.protocol.kinds.modules import ModuleChange
from chain_node.protocol.kinds.projects import (
    Acceptance,
    Pledge,
    PledgeReturn,
    Project,
    ProjectDelivery,
    ProjectKind,
    ProjectState,
    Survival,
)
from chain_node.protocol.kinds.retirement import BeneficiaryKind, Retirement, padded
from chain_node.protocol.kinds.rewards import Fulfilment, Item, ItemKind, ItemState, Order, Refund, RefundCause
from chain_node.protocol.merkle import Tree, leaf_hash
from chain_node.protocol.records import Record, records_root
from chain_node.protocol.rules import Rule
from chain_node.protocol.times import day_of

TIME: Final = 1_780_000_000
HASH, WHO = bytes([7]) * 32, bytes([8]) * 20
CUSTODIAN, KEY, SIGNATURE = bytes([9]) * 20, bytes([10]) * 20, bytes([11]) * 65
PLAIN = e.Method(TIME, 1, 1, 1, 1, 10, 1, 100, 50_000, 0, (), 14_000, e.OPEN_END, False, e.EvidenceClass.MEASURED, HASH)
PHOTO = replace(PLAIN, id=2, behaviour=2, windows=None, needs_nullifier=True)
REDUCTION = e.Reduction(TIME, 1, 0, Record(WHO, 1, day_of(TIME), 3, 4, 0, 500, HASH), 50, 5)


def _project(first: int) -> tuple[e.Entry, ...]:
    """A project from its opening to what is given back; `first`: the index of the first of these entries."""
    custodian, merchant, acceptor = (bytes([number]) * 20 for number in (21, 22, 23))
    until, signature = TIME + 1, bytes(65)
    terms = Project(TIME, 1, 1, ProjectKind.SEEDLINGS, 1, 2_000, 9, 0, until, True, HASH, ProjectState.OPEN)
    resident = ResidentTail(custodian, 0, until, signature)
    planted, looked = day_of(TIME) - 366, day_of(TIME)
    photos, part = (HASH[:31] + b"\1", HASH[:31] + b"\2"), Part(2026, 1)
    pledge, delivery = first + 5, first + 6
    return (
        Custodian(TIME, custodian, CustodianState.ACTIVE),
        e.Organisation(TIME, 2, HASH, e.Standing.ACTIVE),
        Agent(TIME, merchant, 1, AgentRole.MERCHANT, e.Standing.ACTIVE),
        Agent(TIME, acceptor, 2, AgentRole.ACCEPTOR, e.Standing.ACTIVE),
        terms,
        Pledge(TIME, WHO, 1, 0, 2, 1, 2, (Part(2026, 2),), resident),
        ProjectDelivery(TIME, 1, 0, 1, planted, 1, 2, HASH, photos[0], AgentTail(merchant, signature)),
        Acceptance(TIME, delivery, 1, True, HASH, (part,), AgentTail(acceptor, signature)),
        Survival(TIME, delivery, 1, 12, 1, looked, HASH, photos[1], AgentTail(acceptor, signature)),
        replace(terms, state=ProjectState.ABANDONED),
        PledgeReturn(TIME, pledge, 1, WHO, 1, (part,)),
    )


def _rewards(first: int) -> tuple[e.Entry, ...]:
    """An item, an order that is fulfilled, one that is taken back; `first`: the index of the first of these entries."""
    custodian, merchant, until = bytes([31]) * 20, bytes([32]) * 20, TIME + 9
    code_hash = hashlib.sha256(HASH).digest()
    terms = (1, 1, ItemKind.COUPON, 1, 100, 9, 0, 0, 0, until, 9, 9, TIME, HASH)
    resident = ResidentTail(custodian, 0, until, bytes(65))
    part = (Part(2026, 1),)
    order = Order(TIME, WHO, 1, 1, 1, 100, code_hash, until, until, 1, part, resident)
    by_resident = AgentTail(custodian, bytes(65))
    return (
        Custodian(TIME, custodian, CustodianState.ACTIVE),
        Agent(TIME, merchant, 1, AgentRole.MERCHANT, e.Standing.ACTIVE),
        Item(TIME, *terms, ItemState.ACTIVE),
        order,
        replace(order, tail=replace(resident, nonce=1)),
        Fulfilment(TIME, first + 3, HASH, AgentTail(merchant, bytes(65))),
        Refund(TIME, first + 4, WHO, RefundCause.RESIDENT, part, by_resident),
    )


BEGINNING: Final[tuple[e.Entry, ...]] = (
    e.LogKey(TIME, LOG_KEY.public_key().public_bytes_raw()),
    e.Pause(TIME, 0),
    e.GroupCaps(TIME, 1, 90_000, 90_000),
    PLAIN,
    PHOTO,
    e.Organisation(TIME, 1, HASH, e.Standing.ACTIVE),
    e.Feed(TIME, 1, 1, 1, 2, SIGNERS, 63, 10**9, 10**9, (1, 2), e.Standing.ACTIVE),
    e.Account(TIME, WHO, HASH, 502, 0, e.AccountState.ACTIVE),
    REDUCTION,
    replace(REDUCTION, sequence=1, record=replace(REDUCTION.record, method=2), nullifier=HASH),
    e.Refusal(TIME, 1, 2, Rule.OVERLAP),
    e.Revocation(TIME, 8, 1, HASH, True, 50, 5, 0, 0),
    Custodian(TIME, CUSTODIAN, CustodianState.ACTIVE),
    Controller(TIME, WHO, KEY, ControllerKind.DEVICE, TIME + 700_000, SetBy.REGISTRAR, 0, 0, bytes(65)),
    ControllerCancelled(TIME, WHO, ResidentTail(CUSTODIAN, 0, TIME, SIGNATURE)),
    SessionKey(TIME, WHO, KEY, 1_000, TIME + 60, 4, ResidentTail(CUSTODIAN, 1, TIME, SIGNATURE)),
    Consent(TIME, WHO, 1, 1, HASH, True, ResidentTail(KEY, 0, TIME, SIGNATURE)),
    Agent(TIME, KEY, 1, AgentRole.MERCHANT, e.Standing.ACTIVE),
    OrganisationAccount(TIME, KEY, 1, 0, HASH, OpenState.ACTIVE),
    District(TIME, 7, 510_502, HASH, OpenState.ACTIVE),
    Retirement(
        TIME,
        WHO,
        BeneficiaryKind.ORGANISATION,
        (1).to_bytes(32, "big"),
        4,
        padded(b"trip"),
        (SerialPart(2026, 0, 1, 20),),
        ResidentTail(CUSTODIAN, 2, TIME, SIGNATURE),
    ),
    ModuleChange(TIME, 0x10, 0x13, WHO, HASH),
)
SCRIPT: Final[tuple[e.Entry, ...]] = (*BEGINNING, *_project(len(BEGINNING)), *_rewards(len(BEGINNING) + 11))
BODIES: Final = [e.encode(entry) for entry in SCRIPT]
BATCH: Final = range(8, 11)
"""The entries of the one batch; each of the others came by a call of its own."""
REFUSED: Final = replace(REDUCTION.record, slot=4)
DOMAIN: Final = attestation.Domain(31337, LEDGER, attestation.domain_salt(ORIGIN, GENESIS_NONCE))


def _batch() -> BatchFields:
    payloads = []
    for entry in SCRIPT[BATCH.start : BATCH.stop]:
        reduction = entry if isinstance(entry, e.Reduction) else replace(REDUCTION, record=REFUSED)
        payloads.append(reduction.record.encode() + (reduction.nullifier or b""))
    signed = attestation.Attestation(1, 0, len(BATCH), records_root(payloads), CONFIG)
    digest = attestation.digest(DOMAIN, signed)
    signatures = tuple(attestation.sign(key, digest) for key in SORTED_KEYS[:2])
    return BatchFields(signed, signatures, DOMAIN, (RefusedRecord(2, REFUSED.encode()),))


def calls() -> list[Call]:
    """The calls that brought the entries: one a block."""
    made: list[Call] = []
    index = 0
    while index < len(SCRIPT):
        batch = _batch() if index == BATCH.start else None
        count = len(BATCH) if batch else 1
        made.append(Call(index, count, f"0x{len(made) + 1:064x}", len(made) + 1, batch))
        index += count
    return made


def archive(folder: Path, *more: bytes) -> Archive:
    """The log in a published archive, and after it entries with these bytes."""
    made = Archive(folder)
    found = calls()
    for index in range(len(SCRIPT), len(SCRIPT) + len(more)):
        found.append(Call(index, 1, f"0x{len(found) + 1:064x}", len(found) + 1))
    for call in found:
        end = call.first_index + call.count
        made.append([*BODIES, *more][call.first_index : end], [call])
    made.publish(lambda point: checkpoint.sign(point, ORIGIN, LOG_KEY), ORIGIN)
    return made


@dataclass
class _Events:
    """Emits as the contracts do (contracts/interfaces/ILuyaLedger.sol)."""

    tree: Tree
    logs: list[dict[str, Any]]

    def emit(self, call: Call, name: str, indexed: list[int], kinds: list[str], values: list[Any]) -> None:
        self.logs.append(
            {
                "topics": [topics()[name], *(f"0x{number:064x}" for number in indexed)],
                "data": "0x" + abi_encode(kinds, values).hex(),
                "blockNumber": hex(call.block),
                "transactionHash": call.tx_hash,
            }
        )

    def append(self, body: bytes) -> None:
        self.tree.append(leaf_hash(body))


def logs() -> list[dict[str, Any]]:
    """The events by which the ledger told of the log."""
    events = _Events(Tree(), [])
    for call in calls():
        for index in range(call.first_index, call.first_index + call.count):
            events.append(BODIES[index])
        root = events.tree.root()
        if call.batch is None:
            events.emit(call, "EntryAppended", [call.first_index], ["bytes"], [BODIES[call.first_index]])
            events.emit(call, "LogExtended", [events.tree.size], ["bytes32"], [root])
            continue
        events.emit(call, "RecordRefused", [1, 10], ["uint64", "uint16"], [2, int(Rule.OVERLAP)])
        batch = [REDUCTION.record, replace(REDUCTION.record, method=2), REFUSED]
        records = b"".join(record.encode() for record in batch)
        signed = b"".join(call.batch.signatures)
        kinds = ["uint64", "bytes32", "bytes", "bytes", "bytes32", "bytes"]
        events.emit(call, "BatchRecorded", [1, 0, call.first_index], kinds, [TIME, root, records, HASH, CONFIG, signed])
    return events.logs
