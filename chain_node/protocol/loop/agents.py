"""Who acts for organisations, organisations' own accounts, and districts: what the contract allows of them."""

from __future__ import annotations

from typing import ClassVar, assert_never

from chain_node.protocol.errors import ReplayError
from chain_node.protocol.kinds.act import Act
from chain_node.protocol.kinds.agents import Agent, District, OpenState, OrganisationAccount
from chain_node.protocol.kinds.organisations import Standing
from chain_node.protocol.loop.family import LedgerView


class Agents:
    """agents, accounts and districts: the newest entry of each key, address and number."""

    acts: ClassVar[frozenset[type[Act]]] = frozenset({Agent, OrganisationAccount, District})

    def __init__(self) -> None:
        self.agents: dict[bytes, Agent] = {}
        self.accounts: dict[bytes, OrganisationAccount] = {}
        self.districts: dict[int, District] = {}
        self._by_code: dict[int, int] = {}

    def agent_of(self, key: bytes, ledger: LedgerView) -> Agent | None:
        """Whom the key acts for now: None where nobody, or where the agent or its organisation is disabled."""
        agent = self.agents.get(key)
        if agent is None or agent.state is not Standing.ACTIVE or not _is_active(agent.organisation, ledger):
            return None
        return agent

    def check(self, _index: int, act: Agent | OrganisationAccount | District, ledger: LedgerView) -> None:
        match act:
            case Agent():
                self._check_agent(act, ledger)
            case OrganisationAccount():
                self._check_account(act, ledger)
            case District():
                owner = self._by_code.get(act.code, act.district)
                if owner != act.district:
                    raise ReplayError(f"the national code {act.code} is that of district {owner}, not {act.district}")
            case _:
                assert_never(act)

    def apply(self, _index: int, act: Agent | OrganisationAccount | District, _ledger: LedgerView) -> None:
        match act:
            case Agent():
                self.agents[act.key] = act
            case OrganisationAccount():
                self.accounts[act.account] = act
            case District():
                before = self.districts.get(act.district)
                if before is not None:
                    self._by_code.pop(before.code, None)
                self._by_code[act.code] = act.district
                self.districts[act.district] = act
            case _:
                assert_never(act)

    def _check_agent(self, act: Agent, ledger: LedgerView) -> None:
        before = self.agents.get(act.key)
        if before is not None and (before.organisation, before.role) != (act.organisation, act.role):
            raise ReplayError(
                f"the key 0x{act.key.hex()} acts for organisation {before.organisation} as {before.role.name} for "
                f"ever, not for {act.organisation} as {act.role.name}"
            )
        # Stopping an agent is never refused, whatever has become of its organisation.
        if (before is None or act.state is Standing.ACTIVE) and not _is_active(act.organisation, ledger):
            raise ReplayError(f"organisation {act.organisation} of an agent is unknown or disabled")

    def _check_account(self, act: OrganisationAccount, ledger: LedgerView) -> None:
        address = f"0x{act.account.hex()}"
        before = self.accounts.get(act.account)
        if before is None and act.state is OpenState.CLOSED:
            raise ReplayError(f"the organisation's account {address} was never opened")
        if before is not None and before.state is OpenState.CLOSED:
            raise ReplayError(f"the organisation's account {address} is closed for ever")
        if before is not None and before.organisation != act.organisation:
            raise ReplayError(
                f"the account {address} is organisation {before.organisation}'s, not {act.organisation}'s"
            )
        if act.state is OpenState.ACTIVE and not _is_active(act.organisation, ledger):
            raise ReplayError(f"organisation {act.organisation} of the account {address} is unknown or disabled")
        if act.parent and not _is_active(act.parent, ledger):
            raise ReplayError(f"organisation {act.parent} above {act.organisation} is unknown or disabled")
        if ledger.account(act.account).state:
            raise ReplayError(f"the account {address} is a resident's, or once was: no organisation may have it")


def _is_active(organisation: int, ledger: LedgerView) -> bool:
    found = ledger.organisations.get(organisation)
    return found is not None and found.state is Standing.ACTIVE
