"""The contracts' functions whose answers show no resident's data: what anybody may `eth_call`.

By the protocol's 'who may read what': checkpoints, hash tiles, proofs by leaf hash, totals, methods, feeds and
organisations are public; entries and account reads are not. A function that is not listed is not public; a test names
those and compares with the contracts' ABIs, so that a new view has to be decided on.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from eth_hash.auto import keccak

from chain_node.errors import GatewaySettingsError

LEDGER: Final = (
    "authority()",
    "domainSalt()",
    "eip712Domain()",
    "genesisNonce()",
    "isConsumingScheduledOp()",
    "isSealed()",
    "logKey()",
    "logOrigin()",
    "logSize()",
    "module(uint8)",
    "nextSequence(uint16)",
    "pausedUntil()",
    "root()",
    "rootAt(uint64)",
    "supportsInterface(bytes4)",
    "uri(uint256)",
)
LAW: Final = (
    "authority()",
    "entryHash(uint8,uint16)",
    "feed(uint16)",
    "feedTerms(uint16)",
    "groupCaps(uint8)",
    "isConsumingScheduledOp()",
    "isGenesisClosed()",
    "ledger()",
    "method(uint16)",
    "methodTerms(uint16)",
    "organisation(uint16)",
)
VIEWS: Final = ("feedState(uint16)", "law()", "ledger()", "totals(uint16[])")
AUTHORITY: Final = (
    "ADMIN_ROLE()",
    "PUBLIC_ROLE()",
    "canCall(address,address,bytes4)",
    "expiration()",
    "getAccess(uint64,address)",
    "getNonce(bytes32)",
    "getRoleAdmin(uint64)",
    "getRoleGrantDelay(uint64)",
    "getRoleGuardian(uint64)",
    "getSchedule(bytes32)",
    "getTargetAdminDelay(address)",
    "getTargetFunctionRole(address,bytes4)",
    "hasRole(uint64,address)",
    "hashOperation(address,address,bytes)",
    "isTargetClosed(address)",
    "minSetback()",
)
AGENTS: Final = (
    "agentOf(address)",
    "authority()",
    "district(uint16)",
    "isConsumingScheduledOp()",
    "ledger()",
    "organisationAccount(address)",
)
CONTROLLERS: Final = ("authority()", "custodian()", "isConsumingScheduledOp()", "ledger()")
PROJECTS: Final = (
    "authority()",
    "deliveryAt(uint64)",
    "isConsumingScheduledOp()",
    "isTaken(uint32,uint32)",
    "isUsed(bytes32)",
    "ledger()",
    "pledgedIn(uint32)",
    "progress(uint32)",
)
RETIREMENT: Final = ("authority()", "isConsumingScheduledOp()", "lastSerial(uint16)", "ledger()")
REWARDS: Final = ("announcedOf(uint32)", "authority()", "isConsumingScheduledOp()", "itemOf(uint32)", "ledger()")
ADMINISTRATION: Final = ("authority()", "isConsumingScheduledOp()", "manager()")
VALIDATORS: Final = (
    "authority()",
    "changedAt()",
    "council()",
    "isConsumingScheduledOp()",
    "nodes()",
    "organisationOfNode(bytes20)",
    "totalPower()",
    "validator(bytes32)",
    "validators()",
)
COUNCIL: Final = (
    "accountOf(uint32)",
    "idOf((address,bytes)[],bytes32)",
    "members()",
    "openProposals()",
    "organisationOf(address)",
    "proposal(bytes32)",
    "threshold()",
    "times()",
)
PERMISSIONS: Final = (
    "accountCount()",
    "authority()",
    "deployers()",
    "isConsumingScheduledOp()",
    "isSendingOpen()",
    "mayDeploy(address)",
)

PRECHECK: Final = ("accounts(address[])", "identities(bytes32[])", "nullifiers(bytes32[])", "words(uint256[])")
"""What an oracle asks of `LuyaViews` before it attests, to refuse early; granted to a caller by name (`precheck`)."""

GENESIS: Final = {
    "network_authority": "0x0000000000000000000000000000004c75796100",
    "validators": "0x0000000000000000000000000000004c75796101",
    "council": "0x0000000000000000000000000000004c75796102",
    "permissions": "0x0000000000000000000000000000004c75796103",
}
"""Contracts at fixed addresses on a luyad network; elsewhere there is nothing at these."""


def selector(signature: str) -> bytes:
    """First four bytes of the signature's Keccak-256."""
    return keccak(signature.encode())[:4]


_OPEN: Final = {
    "ledger": LEDGER,
    "law": LAW,
    "views": VIEWS,
    "authority": AUTHORITY,
    "administration": ADMINISTRATION,
    "LuyaAgents": AGENTS,
    "LuyaControllers": CONTROLLERS,
    "LuyaProjects": PROJECTS,
    "LuyaRetirement": RETIREMENT,
    "LuyaRewards": REWARDS,
    "network_authority": AUTHORITY,
    "validators": VALIDATORS,
    "council": COUNCIL,
    "permissions": PERMISSIONS,
}
BALANCE_OF: Final = selector("balanceOf(address,uint256)")
BALANCE_OF_BATCH: Final = selector("balanceOfBatch(address[],uint256[])")
VIEW_ACCOUNTS: Final = selector("accounts(address[])")
VIEW_BALANCES: Final = selector("balances(address[],uint16[])")


@dataclass(frozen=True, slots=True)
class OpenViews:
    """Which calls are open, by address and selector.

    Attributes:
        ledger: the ledger's address, None where the door knows of no ledger.
        views: the bulk views' address.
        open: address → selectors that anybody may call.
        precheck: selectors of `views` that an oracle with that grant may call.
    """

    ledger: bytes | None
    views: bytes | None
    open: dict[bytes, frozenset[bytes]] = field(repr=False)
    precheck: frozenset[bytes] = field(repr=False)

    @staticmethod
    def of(addresses: dict[str, bytes]) -> OpenViews:
        """The open calls of the contracts at these addresses; the genesis contracts are known by themselves.

        Raises:
            GatewaySettingsError: a name that is no contract of ours.
        """
        known = {name: bytes.fromhex(text[2:]) for name, text in GENESIS.items()} | addresses
        open_calls: dict[bytes, frozenset[bytes]] = {}
        for name, address in known.items():
            if name not in _OPEN:
                raise GatewaySettingsError(f"contracts.{name}: there is no such contract; known: {', '.join(_OPEN)}")
            found = frozenset(selector(signature) for signature in _OPEN[name])
            open_calls[address] = open_calls.get(address, frozenset()) | found
        precheck = frozenset(selector(signature) for signature in PRECHECK)
        return OpenViews(known.get("ledger"), known.get("views"), open_calls, precheck)

    def allows(self, to: bytes, data: bytes) -> bool:
        """Anybody may make this call."""
        return data[:4] in self.open.get(to, frozenset()) and len(data) >= 4
