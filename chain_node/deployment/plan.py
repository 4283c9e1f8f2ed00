"""What a deployment is asked for: network, roles and the first law."""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib import resources
from typing import Any, Final

from chain_node.contracts.handles import MODULES, NAMES
from chain_node.protocol.entries import Feed, GroupCaps, Method, Organisation
from chain_node.protocol.merkle import EMPTY_ROOT
from chain_node.sending.signing import contract_address

ADMIN: Final = "ADMIN"
"""Name, in manifests, of AccessManager's role 0, which grants all others: the contract Administration's alone."""


@dataclass(frozen=True, slots=True)
class RoleGrant:
    """Who holds a role.

    Attributes:
        role: its name as in the contracts' role table.
        address: 20 bytes.
        delay: seconds between scheduling and executing what the role may do.
    """

    role: str
    address: bytes
    delay: int = 0


@dataclass(frozen=True, slots=True)
class DeploymentPlan:
    """What to deploy.

    Attributes:
        network: the network's name, first part of the origin.
        origin: the log's origin line; never reused for another log.
        chain_id: EIP-155 chain id.
        log_key: raw Ed25519 public key that signs checkpoints, 32 bytes.
        roles: holders; GOVERNANCE is needed, the deployer must not be among them, and ADMIN is nobody's to have.
        organisations, caps, methods, feeds: the law at the start (their times and versions are ignored).
        uri: ERC-1155 metadata address, `{id}` in it.
        custodian: the address that acts for accounts without a key of their own; None leaves it as it is, which in a
            new log is nobody.
    """

    network: str
    origin: str
    chain_id: int
    log_key: bytes
    roles: tuple[RoleGrant, ...]
    organisations: tuple[Organisation, ...] = ()
    caps: tuple[GroupCaps, ...] = ()
    methods: tuple[Method, ...] = ()
    feeds: tuple[Feed, ...] = ()
    uri: str = ""
    custodian: bytes | None = None


@dataclass(frozen=True, slots=True)
class Addresses:
    """Where the contracts are, 20 bytes each; modules by name."""

    authority: bytes
    ledger: bytes
    law: bytes
    views: bytes
    administration: bytes
    modules: Mapping[str, bytes] = field(default_factory=dict)

    @classmethod
    def of(cls, deployer: bytes, nonce: int) -> Addresses:
        """Where they will be: one transaction each from this nonce on, in the order of `NAMES` and `MODULES`."""
        places = [contract_address(deployer, nonce + step) for step in range(len(NAMES) + len(MODULES))]
        authority, ledger, law, views, administration, *modules = places
        return cls(authority, ledger, law, views, administration, dict(zip(MODULES, modules, strict=True)))


@dataclass(frozen=True, slots=True)
class Seal:
    """What the import phase must end at; that of an empty log for a new network. time: of its last entry."""

    size: int = 0
    root: bytes = EMPTY_ROOT
    time: int = 0


def new_identity(network: str) -> tuple[str, int]:
    """(origin, chain id) for a new network: random, so that neither is ever reused."""
    return f"{network}/{secrets.token_hex(4)}", 7_000_000_000 + secrets.randbelow(1_000_000_000)


def shipped_law() -> tuple[tuple[GroupCaps, ...], tuple[Method, ...]]:
    """Group caps and methods (adopted and reference) that ship with the package."""
    from chain_node.catalogue import announced, load_groups

    return tuple(group.caps for group in load_groups()), tuple(method.method for method in announced())


@cache
def role_numbers() -> dict[str, int]:
    """Role name → AccessManager role id, ADMIN included."""
    return {ADMIN: 0} | {str(name): int(number) for name, number in role_table()["roles"].items()}


@cache
def role_table() -> dict[str, Any]:
    """The contracts' role table, `artefacts/roles.json`.

    roles: name → id. guardians: role → the role that may cancel what it has scheduled (else ADMIN). grant_delays,
    target_admin_delays: seconds, by role and by contract (else 0). functions: contract → signature → role id.
    open: contract → signature → why it needs no role.
    """
    source = resources.files("chain_node") / "artefacts" / "roles.json"
    table: dict[str, Any] = json.loads(source.read_text("utf-8"))
    return table
