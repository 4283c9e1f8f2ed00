"""The genesis plan of a network, from public parts alone. Pure: the same charter gives the same plan.

Four contracts stand at fixed addresses from the first block on. The council is the only admin of the network's
authority; no key has a right of its own, beyond sending (and, for the listed deployers, creating contracts).
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, Final

from chain_node.contracts.handles import artefact
from chain_node.network.parts import Charter, FoundingTerms, PublicPart
from chain_node.rpc.client import to_hex

AUTHORITY: Final = bytes(15) + bytes.fromhex("4c75796100")
VALIDATORS: Final = bytes(15) + bytes.fromhex("4c75796101")
COUNCIL: Final = bytes(15) + bytes.fromhex("4c75796102")
PERMISSIONS: Final = bytes(15) + bytes.fromhex("4c75796103")

SEND: Final = 1
DEPLOY: Final = 2


def genesis_plan(charter: Charter) -> dict[str, Any]:
    """What `luyad genesis` takes."""
    parts = charter.parts
    return {
        "chain_id": f"luya-{charter.chain_id}",
        "evm_chain_id": charter.chain_id,
        "genesis_time": charter.genesis_time,
        "max_gas": charter.terms.max_gas,
        "max_bytes": charter.terms.max_bytes,
        "contracts": [{"address": to_hex(address), "init_code": to_hex(code)} for address, code in _creations(charter)],
        # The constructors wire everything: the authority's only admin is the council, from the start.
        "calls": [],
        "validators": [
            {"name": part.name, "key": part.validator_key, "power": part.power, "organisation": part.organisation}
            for part in parts
        ],
        "nodes": [{"id": part.node_id, "organisation": part.organisation} for part in parts],
    }


def solo_plan(
    chain_id: int,
    *,
    node_id: str,
    validator_key: str,
    member: bytes,
    deployers: Sequence[bytes],
    senders: Sequence[bytes] = (),
    open_sending: bool = False,
    name: str = "luya",
) -> dict[str, Any]:
    """The plan of a chain with one validator on one machine, which may grow into a consortium by votes.

    Args:
        chain_id: EVM chain id.
        node_id: of `luyad init`.
        validator_key: of `luyad init`.
        member: 20-byte address of the key that votes; no deployer's.
        deployers: 20-byte addresses that may create contracts (and send).
        senders: 20-byte addresses that may send.
        open_sending: everybody may send, which is right where nobody else reaches the node.
        name: the organisation's.
    """
    part = PublicPart(1, name, to_hex(member), node_id, validator_key, "127.0.0.1:26656")
    terms = FoundingTerms(
        deployers=tuple(map(to_hex, deployers)), senders=tuple(map(to_hex, senders)), open_sending=open_sending
    )
    return genesis_plan(Charter.of([part], terms, now=datetime.now(UTC), chain_id=chain_id))


def _creations(charter: Charter) -> list[tuple[bytes, bytes]]:
    """(address, creation code with its arguments), in the order in which they are made."""
    terms, parts = charter.terms, charter.parts
    members = [(part.member, part.organisation, part.name_bytes) for part in parts]
    validators = [(bytes.fromhex(part.validator_key), part.power, part.organisation) for part in parts]
    nodes = [(bytes.fromhex(part.node_id), part.organisation) for part in parts]
    council, authority = to_hex(COUNCIL), to_hex(AUTHORITY)
    return [
        (COUNCIL, artefact("Council").creation(members, charter.threshold, terms.delay, terms.lifetime)),
        (AUTHORITY, artefact("AccessManager").creation(council)),
        (VALIDATORS, artefact("Validators").creation(authority, council, validators, nodes)),
        (PERMISSIONS, artefact("Permissions").creation(authority, _permissions(charter), terms.open_sending)),
    ]


def _permissions(charter: Charter) -> list[tuple[str, int]]:
    """(address, flags) of each account, the stronger right where one is named twice."""
    flags = dict.fromkeys(charter.terms.senders, SEND)
    flags |= dict.fromkeys((part.member for part in charter.parts), SEND)
    flags |= dict.fromkeys(charter.terms.deployers, SEND | DEPLOY)
    return sorted(flags.items())
