"""`luya organisation …`, `luya agent …`: who acts for organisations, and for residents without a key of their own."""

from __future__ import annotations

from typing import Any, Final

from chain_node.archive.reader import ArchiveReader
from chain_node.keys.keystore import Keystore
from chain_node.protocol.entries import ORGANISATION, Organisation, Standing, decode
from chain_node.protocol.kinds.agents import AGENT, Agent, AgentRole
from chain_node.protocol.kinds.controllers import CUSTODIAN, Custodian, CustodianState
from chain_node.protocol.records import text_hash
from chain_node.rpc.client import to_hex
from luya.console import progress, tell
from luya.errors import UsageError
from luya.home import LuyaHome
from luya.loop.relay import answered, module, said, send
from luya.session.session import opened

GOVERNANCE_KEY: Final = "governance"
BRAKE_KEY: Final = "feed-brake"


def key_name(organisation: int, role: AgentRole) -> str:
    """What a home calls the key of an organisation's agent, where nobody names it otherwise."""
    return f"agent-{organisation}-{role.name.lower()}"


def set_organisation(home: LuyaHome, number: int, text: str, *, rehearse: bool) -> dict[str, Any]:
    """Registers an organisation by its published description, or describes it anew.

    Raises LoopRefused: the ledger does not take it.
    """
    description = text_hash(text)
    with progress() as advance, opened(home, advance=advance) as session:
        law = session.node.law
        replaces = law.read("entryHash", ORGANISATION, number)
        data = law.data("setOrganisation", number, description, int(Standing.ACTIVE), replaces)
        sent = send(session, law, data, by=GOVERNANCE_KEY, rehearse=rehearse)
    said(sent, f"机构 {number} 已登记。Organisation {number} is registered.")
    return {"organisation": number, "description": description.hex()} | answered(sent)


def add(home: LuyaHome, organisation: int, role: AgentRole, name: str | None, *, rehearse: bool) -> dict[str, Any]:
    """Makes a key of this home, where it has none of that name, the organisation's agent in a role.

    Raises LoopRefused: the ledger does not take it.
    """
    label = name or key_name(organisation, role)
    key = Keystore(home.root).chain_key(label)
    with progress() as advance, opened(home, advance=advance) as session:
        contract = module(session, "LuyaAgents")
        arguments: tuple[object, ...] = (to_hex(key.address), organisation, int(role), int(Standing.ACTIVE))
        sent = send(session, contract, contract.data("setAgent", *arguments), by=GOVERNANCE_KEY, rehearse=rehearse)
    zh = {AgentRole.MERCHANT: "商户代表", AgentRole.ACCEPTOR: "验收员"}.get(role, "代表")
    said(sent, f"机构 {organisation} 的{zh}已登记：{label}。{label} is an agent of organisation {organisation}.")
    return {"key": label, "address": to_hex(key.address), "organisation": organisation} | answered(sent)


def disable(home: LuyaHome, name: str, *, rehearse: bool) -> dict[str, Any]:
    """Takes an agent's right away at once.

    Raises LoopRefused: it is no agent's, or is disabled already.
    """
    key = Keystore(home.root, new=False).chain_key(name)
    with progress() as advance, opened(home, advance=advance) as session:
        contract = module(session, "LuyaAgents")
        data = contract.data("disableAgent", to_hex(key.address))
        sent = send(session, contract, data, by=BRAKE_KEY, rehearse=rehearse)
    said(sent, f"{name} 已停用。{name} is no agent any more.")
    return {"key": name, "address": to_hex(key.address)} | answered(sent)


def set_custodian(home: LuyaHome, name: str, *, rehearse: bool) -> dict[str, Any]:
    """Makes a key of this home, where it has none of that name, the custodian: it signs for every resident who has no
    controller.

    Raises LoopRefused: the ledger does not take it.
    """
    key = Keystore(home.root).chain_key(name)
    with progress() as advance, opened(home, advance=advance) as session:
        contract = module(session, "LuyaControllers")
        data = contract.data("setCustodian", to_hex(key.address))
        sent = send(session, contract, data, by=GOVERNANCE_KEY, rehearse=rehearse)
    said(sent, f"{name} 是托管人，为没有自己密钥的居民签名。{name} signs for residents without a key of their own.")
    return {"key": name, "address": to_hex(key.address)} | answered(sent)


def list_all(home: LuyaHome) -> dict[str, Any]:
    """Organisations, agents and the custodian, as the log has them now."""
    organisations: dict[int, Organisation] = {}
    agents: dict[bytes, Agent] = {}
    custodian: Custodian | None = None
    for data in ArchiveReader(home.archive).entries():
        if data[0] not in (ORGANISATION, AGENT, CUSTODIAN):
            continue
        match decode(data):
            case Organisation() as entry:
                organisations[entry.id] = entry
            case Agent() as agent:
                agents[agent.key] = agent
            case Custodian() as found:
                custodian = found
    for address, agent in agents.items():
        tell(f"  {to_hex(address)}  {agent.organisation}  {agent.role.name.lower()}  {agent.state.name.lower()}")
    held = custodian is not None and custodian.state is CustodianState.ACTIVE
    return {
        "organisations": [
            {"organisation": one.id, "state": one.state.name.lower(), "description": one.description.hex()}
            for _, one in sorted(organisations.items())
        ],
        "agents": [
            {
                "address": to_hex(address),
                "organisation": agent.organisation,
                "role": agent.role.name.lower(),
                "state": agent.state.name.lower(),
            }
            for address, agent in agents.items()
        ],
        "custodian": to_hex(custodian.key) if custodian is not None and held else None,
    }


def role_of(text: str) -> AgentRole:
    """The role of that name. Raises UsageError."""
    try:
        return AgentRole[text.upper()]
    except KeyError:
        names = ", ".join(one.name.lower() for one in AgentRole)
        raise UsageError(f"an agent's role is one of {names}, not {text!r}", "代表的角色有误") from None
