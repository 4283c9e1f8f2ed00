"""Makes docs/protocol-vectors.json: run `python tests/chain_node/protocol/protocol_vectors.py` after a decided change.

All numbers that may exceed 2^53 are decimal texts, all bytes lower-case hex, so that any language reads them.
"""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from enum import Enum
from pathlib import Path
from typing import Any

from loop_rewards import fulfilment, item, order, refund
from protocol_world import (
    CONFIG_DIGEST,
    DOMAIN,
    LOG_KEY,
    NONCE,
    ORIGIN,
    SIGNER_KEYS,
    SIGNERS,
    START,
    TODAY,
    VKEY,
    World,
    account,
    attest,
    feed,
    nullifier,
    person,
    reduction,
    secret,
    sign_all,
)

from chain_node import catalogue
from chain_node.protocol import acts, attestation, bundle, checkpoint, merkle, records, slotword, times
from chain_node.protocol import entries as e
from chain_node.protocol.books import Books
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
from chain_node.protocol.kinds.reductions import given as given_by
from chain_node.protocol.kinds.retirement import BeneficiaryKind, Retirement, padded
from chain_node.protocol.kinds.rewards import RefundCause
from chain_node.protocol.postings import Bucket, Given, mint, revoke
from chain_node.protocol.records import Record
from chain_node.protocol.rules import Rule
from chain_node.protocol.slotword import SlotWord

PATH = Path(__file__).parents[3] / "docs" / "protocol-vectors.json"
SALT = secret("opening")
RAW = {"bikeid": "24575", "starttime": "1/1/17 0:21", "end station name": "城市广场 €"}


def plain(value: Any) -> Any:
    """A value as JSON: bytes as hex, whole numbers as decimal text, sequences as lists."""
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, bool) or value is None or isinstance(value, str):
        return value
    if isinstance(value, Enum | int):
        return str(int(value))  # type: ignore[arg-type]
    if isinstance(value, dict):
        return {key: plain(part) for key, part in value.items()}
    return [plain(part) for part in value]


def times_part() -> dict[str, Any]:
    opening = times.day_start(TODAY)
    spans = [(0, 480), (0, 240), (240, 720), (300, 660), (180, 780), (36_000, 36_000), (86_280, 93_600), (0, 86_400)]
    slots = []
    for since, until in spans:
        found = times.slots_of(opening + since, opening + until)
        slots.append({"start": opening + since, "end": opening + until, "first": found.first, "count": found.count})
    instants = [0, 57_599, 57_600, START, times.day_start(13_879)]
    days = [{"unix": unix, "day": times.day_of(unix), "year": times.year_of(times.day_of(unix))} for unix in instants]
    closing = [{"year": year, "day": times.closing_day(year)} for year in (2008, 2023, 2024, 2026)]
    return {"days": days, "slots": slots, "closing": closing}


def words_part() -> dict[str, Any]:
    word = SlotWord(TODAY, 48_000, 4_800, slotword.mask(10, 2))
    key = slotword.key(person(0), 1, TODAY)
    return {
        "fields": asdict(word),
        "word": f"{word.pack():064x}",
        "key": f"{key:064x}",
        "account": person(0),
        "group": 1,
    }


def loop_entries() -> dict[str, e.Entry]:
    """Who acts for whom. The signatures are bytes of the right form: of acts, `acts` has true ones."""
    mark, key, until = bytes([9]) * 65, person(5), START + 3_600
    tail = ResidentTail(person(6), 4, until, mark)
    device = (ControllerKind.DEVICE, START + 700_000)
    return {
        "controller": Controller(START, person(0), key, *device, SetBy.CONTROLLER, 4, until, mark),
        "controller, by the registrar": Controller(START, person(0), key, *device, SetBy.REGISTRAR, 0, 0, bytes(65)),
        "controller cancelled": ControllerCancelled(START, person(0), tail),
        "session key": SessionKey(START, person(0), key, 20_000, until, 3, tail),
        "agent": Agent(START, key, 2, AgentRole.ACCEPTOR, e.Standing.ACTIVE),
        "organisation account": OrganisationAccount(START, person(7), 2, 1, secret("scheme"), OpenState.ACTIVE),
        "consent": Consent(START, person(0), 1, 2, secret("consent"), True, tail),
        "district": District(START, 7, 510_502, secret("district"), OpenState.ACTIVE),
        "custodian": Custodian(START, person(6), CustodianState.ACTIVE),
    }


def retirements() -> dict[str, e.Entry]:
    """For an organisation, of two years; for a person, of one."""
    reason = "公司年会碳中和".encode()
    why, tail = (len(reason), padded(reason)), ResidentTail(person(6), 4, START + 3_600, bytes([9]) * 65)
    parts = (SerialPart(2025, 0, 1, 99_000_000_000), SerialPart(2026, 0, 5_001, 1_000_000_000))
    whom = (BeneficiaryKind.ORGANISATION, (2).to_bytes(32, "big"))
    somebody = (BeneficiaryKind.PERSON, secret("salt and name"))
    return {
        "retirement": Retirement(START, person(0), *whom, *why, parts, tail),
        "retirement, for a person": Retirement(START, person(0), *somebody, *why, parts[:1], tail),
    }


def all_entries() -> dict[str, e.Entry]:
    photo = reduction(3, method=104, slot=0, slots=90, activity=1, once=nullifier("photo"))
    return {
        "reduction": reduction(2),
        "reduction with nullifier": photo,
        "refusal": e.Refusal(START, 1, 4, Rule.OVERLAP),
        "revocation": e.Revocation(START, 12, 3, secret("reason"), True, 48_000, 4_800, 0, 0),
        "account": account(0, epoch=2026),
        "organisation": e.Organisation(START, 1, secret("organisation"), e.Standing.ACTIVE),
        "feed": feed(methods=(101, 102, 104)),
        "method, free": replace(catalogue.by_id(101).method, time=START),
        "method, windows": replace(catalogue.by_id(3).method, time=START),
        "method, no slots": replace(catalogue.by_id(6).method, time=START),
        "caps": e.GroupCaps(START, 1, 10_000_000, 1_000_000),
        "pause": e.Pause(START, START + 3_600),
        "log key": e.LogKey(START, LOG_KEY.public_key().public_bytes_raw()),
        "item": item(),
        "order": order(5, parts=((2025, 4_800), (2026, 1_200))),
        "fulfilment": fulfilment(12),
        "refund": refund(12, RefundCause.RESIDENT, parts=((2025, 4_800), (2026, 1_200))),
        "refund of what was not fulfilled": refund(12, RefundCause.UNFULFILLED, parts=((2026, 1_200),)),
        **loop_entries(),
        **retirements(),
        "module change": ModuleChange(START, 0x10, 0x13, person(9), secret("code")),
        **project_entries(),
    }


def project_entries() -> dict[str, e.Entry]:
    """A project from its opening to a pledge returned: of six units two are delivered, of which one lives."""
    until = START + 90 * times.DAY_SECONDS
    terms = (1, 2, ProjectKind.SEEDLINGS, 1_000, 2_000, 100, START, until, True, secret("trees"))
    signature = bytes(range(65))
    resident = ResidentTail(person(7), 3, START + 3_600, signature)
    merchant, acceptor = AgentTail(person(8), signature), AgentTail(person(9), signature)
    place = (118_870_000, 285_440_000)
    shown, later = (secret("evidence"), nullifier("trees")), (secret("they live"), nullifier("trees, a year later"))
    parts = (Part(2025, 4_800), Part(2026, 1_200))
    decision = (secret("seen"), (Part(2025, 800), Part(2026, 1_200)), acceptor)
    return {
        "project": Project(START, *terms, ProjectState.OPEN),
        "pledge": Pledge(START, person(0), 1, 0, 6, 1_000, 6_500, parts, resident),
        "delivery": ProjectDelivery(START, 1, 4, 2, TODAY, *place, *shown, merchant),
        "acceptance": Acceptance(START, 20, 1, True, *decision),
        "acceptance, refused": Acceptance(START, 20, 1, False, secret("not there"), (), acceptor),
        "survival report": Survival(START, 20, 1, 12, 1, TODAY, *later, acceptor),
        "pledge returned": PledgeReturn(START, 19, 1, person(0), 4, (Part(2025, 4_000),)),
    }


def entries_part() -> list[dict[str, Any]]:
    parts = []
    for name, entry in all_entries().items():
        data = e.encode(entry)
        parts.append({"name": name, "fields": asdict(entry), "bytes": data, "leaf": merkle.leaf_hash(data)})
    return parts


def holding(*held: tuple[int, int, int], owed: tuple[int, int] = (0, 0)) -> Books:
    """Books in which person 0 holds (vintage, credits mg, millipoints), and owes."""
    books, who = Books(), person(0)
    for vintage, *amounts in held:
        books.post(mint(books, who, vintage, *amounts))
    books.post(revoke(books, Given(who, 2026, *owed)) if any(owed) else [])
    return books


def posting_cases() -> list[tuple[str, e.Entry, Books]]:
    """(name, entry, books before it)."""
    plain_one = reduction(2)
    given = given_by(plain_one)
    worth = (given.credits_mg, given.millipoints)
    spent = holding((2026, 20_000, 3_000), (2025, 9_000, 100), (2024, 8_000, 5_000), (2027, 7_000, 500))
    taken = holding((2026, *worth), (2025, 1, 1))
    for books in (spent, taken):
        books.remember(12, given)

    def revocation(*amounts: int) -> e.Revocation:
        return e.Revocation(START, 12, 3, secret("reason"), False, *amounts)

    cases: list[tuple[str, e.Entry, Books]] = [
        ("reduction", plain_one, Books()),
        ("reduction with a bonus", replace(plain_one, bonus_millipoints=700), holding((2026, 5, 5))),
        ("reduction that meets a part of the debt", plain_one, holding(owed=(worth[0] + 50, worth[1] + 5))),
        ("reduction that meets all of the debt", plain_one, holding(owed=(worth[0] - 50, 1))),
        ("reduction with nullifier", all_entries()["reduction with nullifier"], Books()),
        ("revocation, its own vintage has it", revocation(*worth, 0, 0), taken),
        ("revocation, other vintages and a debt", revocation(44_000, worth[1], worth[0] - 44_000, 0), spent),
    ]
    back = all_entries()["pledge returned"]
    cases.append(("pledge returned, meets a part of the debt", back, holding(owed=(0, 4_500))))
    cases.append(("pledge returned, meets all of the debt", back, holding(owed=(0, 1_500))))
    back = all_entries()["refund"]
    cases.append(("refund, meets a part of the debt", back, holding(owed=(0, 6_500))))
    cases.append(("refund, meets all of the debt", back, holding(owed=(0, 5_000))))
    movers = (e.REDUCTION, e.REDUCTION_NULLIFIER, e.REVOCATION)
    others = [(name, entry, Books()) for name, entry in all_entries().items() if e.encode(entry)[0] not in movers]
    return cases + others


def postings_part() -> list[dict[str, Any]]:
    parts = []
    for name, entry, books in posting_cases():
        before = {
            bucket.name.lower(): [
                {"unit": unit.name.lower(), "vintage": vintage, "owner": owner, "amount": amount}
                for (unit, vintage, of, owner), amount in books.amounts.items()
                if of is bucket and amount
            ]
            for bucket in (Bucket.HELD, Bucket.OWED)
        }
        target = books.given(entry.index) if isinstance(entry, e.Revocation) else None
        moves = [
            {
                "unit": post.unit.name.lower(),
                "vintage": post.vintage,
                "from": post.origin.name.lower(),
                "to": post.target.name.lower(),
                "amount": post.amount,
                "giver": post.owner,
                "taker": post.to,
            }
            for post in e.postings(entry, books)
        ]
        given = None if target is None else target._asdict()
        parts.append({"name": name, "bytes": e.encode(entry), "before": before, "given": given, "postings": moves})
    return parts


def log_part() -> dict[str, Any]:
    leaves = [merkle.leaf_hash(e.encode(entry)) for entry in all_entries().values()]
    world = World(leaves=leaves)
    size = len(leaves)
    return {
        "leaves": leaves,
        "roots": [merkle.root_from_leaves(leaves[:count]) for count in range(size + 1)],
        "inclusion": [
            {"index": index, "size": size, "proof": merkle.inclusion_proof(index, size, world.get_node)}
            for index in (0, 6, 11, 12)
        ],
        "consistency": [
            {"old": old, "new": size, "proof": merkle.consistency_proof(old, size, world.get_node)}
            for old in (1, 4, 6, 12, 13)
        ],
    }


def batch() -> list[bytes]:
    entries = [reduction(sequence, who=sequence % 3, slot=10 + 5 * sequence) for sequence in range(5)]
    entries[3] = reduction(3, method=104, slot=0, slots=90, activity=1, once=nullifier("photo"))
    entries[2] = replace(entries[2], record=replace(entries[2].record, evidence=records.evidence(SALT, RAW)))
    return [entry.record.encode() + (entry.nullifier or b"") for entry in entries]


def attestation_part() -> dict[str, Any]:
    payloads = batch()
    attested = attest(payloads, 0)
    return {
        "origin": ORIGIN,
        "genesis_nonce": NONCE,
        "salt": DOMAIN.salt,
        "chain_id": DOMAIN.chain_id,
        "ledger": DOMAIN.ledger,
        "domain_separator": DOMAIN.separator(),
        "payloads": payloads,
        "records_root": attested.records_root,
        "paths": [records.records_path(payloads, position) for position in range(len(payloads))],
        "config_json": '{"feed":"test","max_kmh":35}',
        "config_digest": CONFIG_DIGEST,
        "attestation": asdict(attested),
        "digest": attestation.digest(DOMAIN, attested),
        "keys": [SIGNER_KEYS[address] for address in SIGNERS],
        "signers": SIGNERS,
        "signatures": sign_all(attested, 3),
    }


def acts_part() -> list[dict[str, Any]]:
    """Every message that residents and agents sign, its digest, and a signature of the first signer's key."""
    key = SIGNER_KEYS[SIGNERS[0]]
    parts = []
    for name, text in acts.SIGNED_ACTS.items():
        values: dict[str, int | bytes] = {}
        for place, (kind, field) in enumerate((one.split(" ") for one in text.split(",")), 1):
            if kind in ("address", "bytes32"):
                values[field] = secret(f"{name} {field}")[: 20 if kind == "address" else 32]
            else:
                values[field] = kind == "bool" or 100 + place
        digest = acts.digest(DOMAIN, name, values)
        signature = acts.sign(key, DOMAIN, name, values)
        parts.append({"type": f"{name}({text})", "values": values, "digest": digest, "signature": signature})
    return parts


def bundle_world() -> tuple[World, bytes]:
    payloads = batch()
    attested = attest(payloads, 0)
    world = World()
    world.append(
        e.Organisation(START, 1, secret("organisation"), e.Standing.ACTIVE),
        replace(catalogue.by_id(101).method, time=START),
        replace(catalogue.by_id(104).method, time=START),
        e.GroupCaps(START, 1, 10_000_000, 1_000_000),
        e.GroupCaps(START, 5, 2_000_000, 200_000),
        feed(methods=(101, 104)),
        *[account(number) for number in range(3)],
    )
    for sequence, payload in enumerate(payloads):
        record, once = Record.decode(payload[:64]), payload[64:] or None
        entry = reduction(sequence, method=record.method, activity=record.activity, once=once)
        world.append(replace(entry, record=record))
    size = len(world.entries)
    index = size - 3
    data = bundle.build(
        index=index,
        entry=world.entries[index],
        note=world.note(size),
        proof=merkle.inclusion_proof(index, size, world.get_node),
        method=world.law_entry(1, size),
        feed=world.law_entry(5, size),
        attested=attested,
        signatures=sign_all(attested),
        payloads=payloads,
        domain=DOMAIN,
        origin=ORIGIN,
        genesis_nonce=NONCE,
        evidence=bundle.Opening(SALT, RAW),
        hints={"block": 17, "transaction": "0x" + "ab" * 32},
    )
    world.append(*[account(number) for number in range(3, 9)])
    return world, data


def bundle_part() -> dict[str, Any]:
    world, data = bundle_world()
    size = bundle.verify(data, VKEY).checkpoint.size
    today = len(world.entries)
    return {
        "vkey": VKEY,
        "bundle": data.decode(),
        "checkpoint": world.note(),
        "consistency": world.consistency(size, today),
    }


def make() -> dict[str, Any]:
    """The vectors, as they stand in the file."""
    note = checkpoint.sign(checkpoint.Checkpoint(ORIGIN, 42, bytes(range(32))), ORIGIN, LOG_KEY)
    record = reduction(2).record
    return plain(
        {
            "times": times_part(),
            "rules": {rule.label: rule.number for rule in Rule},
            "record": {"fields": asdict(record), "bytes": record.encode()},
            "evidence": {"salt": SALT, "raw": RAW, "json": records.canonical(RAW), "hash": records.evidence(SALT, RAW)},
            "text": {"fields": ["pca/cycling", "骑行"], "hash": records.text_hash("pca/cycling", "骑行")},
            "word": words_part(),
            "entries": entries_part(),
            "postings": postings_part(),
            "log": log_part(),
            "note": {
                "seed": LOG_KEY.private_bytes_raw(),
                "vkey": VKEY,
                "note": note,
                "tlog_proof": checkpoint.build_tlog_proof(7, [bytes([1]) * 32, bytes([2]) * 32], note),
            },
            "attestation": attestation_part(),
            "acts": acts_part(),
            "bundle": bundle_part(),
        }
    )  # type: ignore[no-any-return]


def text() -> str:
    return json.dumps(make(), ensure_ascii=False, indent=1) + "\n"


if __name__ == "__main__":
    PATH.write_text(text(), encoding="utf-8")
