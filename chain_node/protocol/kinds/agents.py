"""Who acts for organisations, organisations' own accounts, and districts."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import Final

from chain_node.protocol.kinds.act import Act, act_kind
from chain_node.protocol.kinds.kind import NO_ADDRESS, require
from chain_node.protocol.kinds.organisations import Standing

AGENT: Final = 0x4B
ORGANISATION_ACCOUNT: Final = 0x4C
DISTRICT: Final = 0x4E

COUNTY_CODES: Final = range(100_000, 1_000_000)
TOWN_CODES: Final = range(100_000_000, 1_000_000_000)


class AgentRole(IntEnum):
    """What an agent does for its organisation."""

    MERCHANT = 1
    ACCEPTOR = 2
    AUDITOR = 3
    ORGANISER = 4


class OpenState(IntEnum):
    """State of an organisation's account, or of a district."""

    ACTIVE = 1
    CLOSED = 2


@dataclass(frozen=True, slots=True)
class Agent(Act):
    """0x4B: a key acts for one organisation in one role, for ever, or at the moment does not."""

    key: bytes
    organisation: int
    role: AgentRole
    state: Standing


@dataclass(frozen=True, slots=True)
class OrganisationAccount(Act):
    """0x4C: an organisation's account. parent: the organisation above it, 0 none. scheme: hash of how the
    organisation was identified."""

    account: bytes
    organisation: int
    parent: int
    scheme: bytes
    state: OpenState


@dataclass(frozen=True, slots=True)
class District(Act):
    """0x4E: a district's national code (6 digits a county, 9 a town) and the SHA-256 of its name."""

    district: int
    code: int
    name: bytes
    state: OpenState


def _check_agent(e: Agent) -> None:
    require(e.key != NO_ADDRESS and e.organisation > 0, e, "an agent has a key and an organisation")


def _check_organisation_account(e: OrganisationAccount) -> None:
    require(e.account != NO_ADDRESS and e.organisation > 0, e, "an organisation's account has an address and an owner")
    require(e.parent != e.organisation, e, "an organisation is not its own parent")


def _check_district(e: District) -> None:
    require(e.district > 0, e, "districts begin at 1")
    require(e.code in COUNTY_CODES or e.code in TOWN_CODES, e, "a national code has 6 or 9 digits")


AGENTS: Final = act_kind(
    "agent", AGENT, Agent, "key:20s organisation:H role:B state:B", check=_check_agent, public=True
)
ORGANISATION_ACCOUNTS: Final = act_kind(
    "organisation account",
    ORGANISATION_ACCOUNT,
    OrganisationAccount,
    "account:20s organisation:H parent:H scheme:32s state:B",
    check=_check_organisation_account,
    public=True,
)
DISTRICTS: Final = act_kind(
    "district", DISTRICT, District, "district:H code:I name:32s state:B", check=_check_district, public=True
)
