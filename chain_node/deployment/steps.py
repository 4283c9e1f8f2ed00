"""The deployment's transactions: what is called, in which order, under which idempotency key."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from eth_hash.auto import keccak

from chain_node.contracts.handles import LAW, LAW_TYPES, MODULES, artefact
from chain_node.deployment.plan import ADMIN, Addresses, DeploymentPlan, RoleGrant, Seal, role_numbers, role_table
from chain_node.protocol.entries import Feed, Method
from chain_node.rpc.client import to_hex
from chain_node.sending.sender import Tx

_CREATE_GAS: Final = 8_000_000
_CALL_GAS: Final = 600_000
_FEED_GAS: Final = 2_000_000
NEW: Final = bytes(32)
"""What an act of the law replaces where there is nothing yet; see `ILuyaLaw.entryHash`."""


class Steps:
    """Builds the deployment's transactions, in order."""

    def __init__(self, addresses: Addresses) -> None:
        self._to = {
            "AccessManager": addresses.authority,
            "LuyaLedger": addresses.ledger,
            "LuyaLaw": addresses.law,
            "LuyaViews": addresses.views,
            "Administration": addresses.administration,
            **addresses.modules,
        }
        self._steps: list[Tx] = []

    def take(self) -> list[Tx]:
        """What was built since the last time."""
        taken, self._steps = self._steps, []
        return taken

    def call(self, label: str, contract: str, function: str, *arguments: object, gas: int = _CALL_GAS) -> None:
        """Add a call."""
        data = artefact(contract).abi.function(function).data(*arguments)
        self._steps.append(Tx(self._to[contract], data, gas, f"deploy/{label}"))

    def create(self, plan: DeploymentPlan, genesis_nonce: bytes, deployer: bytes) -> None:
        """The contracts, in the order that `Addresses` expects."""
        authority, ledger, law = (to_hex(self._to[name]) for name in ("AccessManager", "LuyaLedger", "LuyaLaw"))
        creations = {
            "AccessManager": (to_hex(deployer),),
            "LuyaLedger": (authority, plan.origin, genesis_nonce, plan.uri),
            "LuyaLaw": (authority, ledger),
            "LuyaViews": (ledger, law),
            "Administration": (authority,),
            **dict.fromkeys(MODULES, (authority, ledger)),
        }
        for name, arguments in creations.items():
            data = artefact(name).creation(*arguments)
            self._steps.append(Tx(None, data, _CREATE_GAS, f"deploy/create/{name}"))

    def permissions(self, deployer: bytes) -> None:
        """Which role may call what; the deployer's own roles, for now; the law and the modules as the ledger's."""
        for contract, functions in role_table()["functions"].items():
            for role in sorted(set(functions.values())):
                selectors = [keccak(signature.encode())[:4] for signature, r in functions.items() if r == role]
                self.call(
                    f"permit/{contract}/{role}",
                    "AccessManager",
                    "setTargetFunctionRole",
                    to_hex(self._to[contract]),
                    selectors,
                    role,
                )
        for name, number in role_numbers().items():
            if name != ADMIN:
                self.call(f"label/{name}", "AccessManager", "labelRole", number, name)
        for name in _DEPLOYING:
            self.call(f"own/{name}", "AccessManager", "grantRole", role_numbers()[name], to_hex(deployer), 0)
        for name, ranges in {LAW: LAW_TYPES, **MODULES}.items():
            for first, last in ranges:
                self.call(f"module/{first:02x}", "LuyaLedger", "setModule", first, last, to_hex(self._to[name]))

    def seal(self, seal: Seal) -> None:
        """End the import phase."""
        self.call("seal", "LuyaLedger", "seal", seal.size, seal.root)

    def law(self, plan: DeploymentPlan) -> None:
        """The first entries of a new log."""
        for caps in plan.caps:
            amounts = (caps.credits_mg, caps.millipoints)
            self.call(f"caps/{caps.group}", "LuyaLaw", "setGroupCaps", caps.group, *amounts, NEW)
        for method in plan.methods:
            self.call(f"method/{method.id}", "LuyaLaw", "announceMethod", method_settings(method))
        for one in plan.organisations:
            label = f"organisation/{one.id}"
            self.call(label, "LuyaLaw", "setOrganisation", one.id, one.description, int(one.state), NEW)
        for feed in plan.feeds:
            self.call(f"feed/{feed.feed}", "LuyaLaw", "setFeed", feed_settings(feed), NEW, gas=_FEED_GAS)

    def hand_over(self, roles: Sequence[RoleGrant], deployer: bytes) -> None:
        """Roles to their holders, ADMIN to Administration, guardians and delays as in the role table, and nothing left
        to the deployer; ADMIN last."""
        numbers, table = role_numbers(), role_table()
        for name, guardian in table["guardians"].items():
            self.call(f"guardian/{name}", "AccessManager", "setRoleGuardian", numbers[name], numbers[guardian])
        for grant in roles:
            holder = to_hex(grant.address)
            label = f"grant/{grant.role}/{holder}"
            self.call(label, "AccessManager", "grantRole", numbers[grant.role], holder, grant.delay)
        administration = to_hex(self._to["Administration"])
        self.call(f"grant/{ADMIN}/{administration}", "AccessManager", "grantRole", numbers[ADMIN], administration, 0)
        # After the grants: OpenZeppelin lets a raised delay begin five days later, a resumed deployment may be slower.
        for name, delay in table["grant_delays"].items():
            self.call(f"grant-delay/{name}", "AccessManager", "setGrantDelay", numbers[name], delay)
        for name, delay in table["target_admin_delays"].items():
            target = to_hex(self._to[name])
            self.call(f"target-delay/{name}", "AccessManager", "setTargetAdminDelay", target, delay)
        for name in (*_DEPLOYING, ADMIN):
            self.call(f"renounce/{name}", "AccessManager", "renounceRole", numbers[name], to_hex(deployer))


_DEPLOYING: Final = ("GOVERNANCE", "FEED_ADMIN", "IMPORTER")
"""Roles that the deployer gives itself for the time of the deployment, beside ADMIN."""


def method_settings(method: Method) -> tuple[object, ...]:
    """`ILuyaLaw.MethodSettings` of a method."""
    if method.windows is None:
        window = b"\xff"
    else:
        window = bytes([len(method.windows)]) + b"".join(bytes(pair) for pair in method.windows)
    return (
        method.id,
        method.behaviour,
        method.group,
        method.credit_num,
        method.credit_den,
        method.point_num,
        method.point_den,
        method.max_activity,
        method.max_per_slot,
        window,
        method.valid_from,
        method.valid_to,
        method.flags,
        method.text,
    )


def feed_settings(feed: Feed) -> tuple[object, ...]:
    """`ILuyaLaw.FeedSettings` of a feed."""
    return (
        feed.feed,
        feed.organisation,
        feed.threshold,
        [to_hex(signer) for signer in feed.signers],
        feed.late_days,
        feed.credits_cap,
        feed.millipoints_cap,
        list(feed.methods),
    )
