"""Credits retired, replayed: who may, for whom, and serials that never meet."""

from __future__ import annotations

from typing import ClassVar

from chain_node.protocol.errors import ReplayError
from chain_node.protocol.kinds.act import Act
from chain_node.protocol.kinds.agents import AgentRole, OpenState
from chain_node.protocol.kinds.organisations import Standing
from chain_node.protocol.kinds.retirement import RETIREMENT, Retirement
from chain_node.protocol.loop.agents import Agents
from chain_node.protocol.loop.controllers import Controllers, Use
from chain_node.protocol.loop.family import LedgerView

_CONTROLLER_ALONE = 0


class Retirements:
    """last_serial: vintage → the last one given. nonces: (organisation's account, signer) → the next one."""

    acts: ClassVar[frozenset[type[Act]]] = frozenset({Retirement})

    def __init__(self, controllers: Controllers, agents: Agents) -> None:
        self.last_serial: dict[int, int] = {}
        self.nonces: dict[tuple[bytes, bytes], int] = {}
        self._controllers = controllers
        self._agents = agents

    def check(self, _index: int, act: Retirement, ledger: LedgerView) -> None:
        number = act.organisation()
        if number is not None:
            found = ledger.organisations.get(number)
            if found is None or found.state is not Standing.ACTIVE:
                raise ReplayError(f"organisation {number}, for which credits are retired, is unknown or disabled")
        if act.time > act.tail.deadline:
            raise ReplayError(f"the deadline {act.tail.deadline} of the retirement had passed at {act.time}")
        for part in act.parts:
            due = self.last_serial.get(part.vintage, 0) + 1
            if part.first != due:
                raise ReplayError(f"serials of {part.vintage} go on with {due}, not {part.first}")
        if act.account in self._agents.accounts:
            self._check_organiser(act, ledger)
        else:
            self._controllers.check_use(_use(act), ledger)

    def apply(self, _index: int, act: Retirement, _ledger: LedgerView) -> None:
        for part in act.parts:
            self.last_serial[part.vintage] = part.first + part.amount - 1
        if act.account in self._agents.accounts:
            self.nonces[act.account, act.tail.signer] = act.tail.nonce + 1
        else:
            self._controllers.use(_use(act))

    def _check_organiser(self, act: Retirement, ledger: LedgerView) -> None:
        account, signer = f"account 0x{act.account.hex()}", f"0x{act.tail.signer.hex()}"
        owner = self._agents.accounts[act.account]
        if owner.state is not OpenState.ACTIVE:
            raise ReplayError(f"organisation {owner.organisation}'s {account} is closed")
        agent = self._agents.agent_of(act.tail.signer, ledger)
        if agent is None or agent.role is not AgentRole.ORGANISER or agent.organisation != owner.organisation:
            raise ReplayError(f"{account}: {signer} is no organiser of organisation {owner.organisation}")
        due = self.nonces.get((act.account, act.tail.signer), 0)
        if act.tail.nonce != due:
            raise ReplayError(f"{account}: nonce {act.tail.nonce} of {signer}, expected {due}")


def _use(act: Retirement) -> Use:
    return Use(RETIREMENT, act.account, act.tail.signer, act.tail.nonce, _CONTROLLER_ALONE, 0, act.time)
