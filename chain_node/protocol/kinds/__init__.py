"""The kinds of the log's entries: one file a family, and the registry that says which type byte is which kind.

`chain_node.protocol.entries` is the door for everybody else.
"""

from __future__ import annotations

from typing import Any, Final

from chain_node.protocol.kinds.accounts import ACCOUNTS, Account
from chain_node.protocol.kinds.act import Act
from chain_node.protocol.kinds.agents import AGENTS, DISTRICTS, ORGANISATION_ACCOUNTS
from chain_node.protocol.kinds.controllers import (
    CONSENTS,
    CONTROLLERS,
    CONTROLLERS_CANCELLED,
    CUSTODIANS,
    SESSION_KEYS,
)
from chain_node.protocol.kinds.kind import Kind
from chain_node.protocol.kinds.methods import GROUPS_CAPS, METHODS, GroupCaps, Method
from chain_node.protocol.kinds.modules import MODULE_CHANGES
from chain_node.protocol.kinds.operation import LOG_KEYS, PAUSES, LogKey, Pause
from chain_node.protocol.kinds.organisations import FEEDS, ORGANISATIONS, Feed, Organisation
from chain_node.protocol.kinds.projects import ACCEPTANCES, DELIVERIES, PLEDGE_RETURNS, PLEDGES, PROJECTS, SURVIVALS
from chain_node.protocol.kinds.reductions import REDUCTIONS, REFUSALS, Reduction, Refusal
from chain_node.protocol.kinds.retirement import RETIREMENTS
from chain_node.protocol.kinds.revocations import REVOCATIONS, Revocation
from chain_node.protocol.kinds.rewards import FULFILMENTS, ITEMS, ORDERS, REFUNDS

Entry = Reduction | Refusal | Revocation | Account | Organisation | Feed | Method | GroupCaps | Pause | LogKey | Act
"""Consumers match over this union exhaustively (`assert_never`): a kind that one of them forgot does not type-check.
All acts are one arm of it: what a reader needs of an act follows from its fields and its postings."""

KINDS: Final[tuple[Kind[Any], ...]] = (
    REDUCTIONS,
    REFUSALS,
    REVOCATIONS,
    ACCOUNTS,
    ORGANISATIONS,
    FEEDS,
    METHODS,
    GROUPS_CAPS,
    PAUSES,
    LOG_KEYS,
    RETIREMENTS,
    CONTROLLERS,
    CONTROLLERS_CANCELLED,
    SESSION_KEYS,
    AGENTS,
    ORGANISATION_ACCOUNTS,
    CONSENTS,
    DISTRICTS,
    CUSTODIANS,
    MODULE_CHANGES,
    PROJECTS,
    PLEDGES,
    DELIVERIES,
    ACCEPTANCES,
    SURVIVALS,
    PLEDGE_RETURNS,
    ITEMS,
    ORDERS,
    FULFILMENTS,
    REFUNDS,
)
BY_TYPE: Final[dict[int, Kind[Any]]] = {code: kind for kind in KINDS for code in kind.types}
BY_ENTRY: Final[dict[type, Kind[Any]]] = {kind.entry: kind for kind in KINDS}
