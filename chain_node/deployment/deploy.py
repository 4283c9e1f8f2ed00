"""Deployment: one routine, idempotent and resumable, from an empty chain to a manifest.

All transactions come from one key in one order, so that addresses are known beforehand and everything is in flight at
once. Each has an idempotency key, so the routine simply runs again after a crash. At its end the roles are where the
plan wants them and the deployer has none; that is read back from the chain, as are the contracts' codes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Final

from eth_hash.auto import keccak

from chain_node.contracts.handles import LAW, LAW_TYPES, MODULES, NAMES, Artefact, LuyaLedger, artefact
from chain_node.deployment.manifest import Manifest
from chain_node.deployment.plan import (
    ADMIN,
    Addresses,
    DeploymentPlan,
    RoleGrant,
    Seal,
    new_identity,
    role_numbers,
    shipped_law,
)
from chain_node.deployment.role_check import differences, standing
from chain_node.deployment.steps import Steps
from chain_node.engine.base import Progress, no_progress
from chain_node.errors import DeploymentError
from chain_node.protocol.checkpoint import verifier_key
from chain_node.rpc.client import JsonRpc, to_bytes, to_hex
from chain_node.sending.sender import Receipt, Sender, Tx

__all__ = [
    "ADMIN",
    "DeploymentPlan",
    "RoleGrant",
    "Seal",
    "code_hash",
    "deploy",
    "new_identity",
    "role_numbers",
    "shipped_law",
    "verify",
]

ImportCalls = Callable[[LuyaLedger], Iterable[Tx]]
"""Gives the transactions of the import phase, lazily: there may be many."""


def deploy(
    sender: Sender,
    rpc: JsonRpc,
    plan: DeploymentPlan,
    *,
    genesis_nonce: bytes,
    engine: str,
    seal: Seal | None = None,
    imports: ImportCalls | None = None,
    imported_log_key: bytes | None = None,
    imported_custodian: bytes | None = None,
    progress: Progress = no_progress,
) -> Manifest:
    """Deploy, or go on where an earlier run stopped.

    Args:
        sender: of the deployer's key; its outbox is this deployment's alone.
        rpc: the endpoint.
        plan: what to deploy. Its law is used for an empty log only; an imported one brings its own.
        genesis_nonce: 32 random bytes, the same when resumed.
        engine: name of the engine, for the manifest.
        seal: size and root of an imported log.
        imports: its import calls.
        imported_log_key: the log key that the imported log names, if any.
        imported_custodian: the custodian that the imported log names last, if any, also one that was disabled: it
            stays as it is.
        progress: told of each transaction.

    Raises:
        DeploymentError: the plan cannot be, or the chain is not as it should be afterwards.
        Reverted: a contract refused a step.
    """
    _check_plan(plan, sender.address)
    seal = seal or Seal()
    addresses = Addresses.of(sender.address, sender.first_nonce)
    ledger = LuyaLedger(rpc, addresses.ledger)
    steps = Steps(addresses)
    steps.create(plan, genesis_nonce, sender.address)
    steps.permissions(sender.address)
    receipts: list[Receipt] = []
    if imports is not None:
        receipts += _run(sender, steps.take(), "deploying the contracts", progress)
        _import(sender, imports(ledger), seal, progress)
        check_clock(rpc, seal)
    steps.seal(seal)
    if seal.size == 0:
        steps.law(plan)
    if imported_log_key != plan.log_key:
        steps.call("log-key", "LuyaLedger", "setLogKey", plan.log_key)
    if plan.custodian is not None and imported_custodian is None:
        steps.call("custodian", "LuyaControllers", "setCustodian", to_hex(plan.custodian))
    steps.call("close-genesis", "LuyaLaw", "closeGenesis")
    steps.hand_over(plan.roles, sender.address)
    receipts += _run(sender, steps.take(), "deploying the ledger", progress)
    manifest = _manifest(plan, addresses, genesis_nonce, engine, receipts, seal.size, sender.address)
    verify(rpc, manifest, seal)
    return manifest


def verify(rpc: JsonRpc, manifest: Manifest, seal: Seal | None = None) -> None:
    """The chain shows what manifest and role table say: codes, the types of each module, seal, every role with its
    holders, delays and guardian, which role may call what, and nobody else with a role; so also a deployer without
    rights.

    Raises:
        DeploymentError: it does not; the text says where.
    """
    for name, address in manifest.contracts.items():
        found = code_hash(rpc, artefact(name), address)
        if found != manifest.code_hashes[name]:
            raise DeploymentError(
                f"{name} at {to_hex(address)} has code {found}, expected {manifest.code_hashes[name]}"
            )
    ledger = LuyaLedger(rpc, manifest.ledger_address)
    verify_modules(ledger, manifest)
    if not ledger.is_sealed():
        raise DeploymentError("the ledger is not sealed: run the deployment again")
    if seal is not None and seal.size and ledger.root_at(seal.size) != seal.root:
        raise DeploymentError(f"the ledger's root at {seal.size} is not the archive's")
    wrong = differences(standing(rpc, manifest), manifest)
    if wrong:
        raise DeploymentError("the roles are not as deployed: " + "; ".join(map(str, wrong)))


def check_clock(rpc: JsonRpc, seal: Seal) -> None:
    """The chain's newest block is not older than the last imported entry. Asked before the seal is sent: the ledger
    refuses it then, and what it refused is not sent again.

    Raises:
        DeploymentError: it is older.
    """
    now = int(rpc.call("eth_getBlockByNumber", "latest", False)["timestamp"], 16)
    if now < seal.time:
        raise DeploymentError(
            f"the chain's newest block is of {now}, the last imported entry of {seal.time}: entries must not run "
            "backwards. Set the clock of the chain's machines, or wait, and run `luya rebuild` again"
        )


def verify_modules(ledger: LuyaLedger, manifest: Manifest) -> None:
    """Every type of the table belongs to the module that the manifest names.

    Raises:
        DeploymentError: one does not.
    """
    named = manifest.contracts
    table = {LAW: LAW_TYPES, **MODULES}
    owned = [
        (entry_type, name)
        for name, ranges in table.items()
        if name in named
        for first, last in ranges
        for entry_type in range(first, last + 1)
    ]
    owners = ledger.read_many([("module", (entry_type,)) for entry_type, _ in owned])
    for (entry_type, name), owner in zip(owned, owners, strict=True):
        if to_bytes(owner) != named[name]:
            expected = f"{name} at {to_hex(named[name])}"
            raise DeploymentError(f"type 0x{entry_type:02x} belongs to {owner}, expected {expected}")


def code_hash(rpc: JsonRpc, contract: Artefact, address: bytes) -> str:
    """keccak-256, hex, of a contract's code with its immutables zeroed: comparable with the artefact's."""
    code = bytearray(to_bytes(rpc.call("eth_getCode", to_hex(address), "latest")))
    for start, length in contract.immutables:
        code[start : start + length] = bytes(min(length, max(0, len(code) - start)))
    return to_hex(keccak(bytes(code)))


def _check_plan(plan: DeploymentPlan, deployer: bytes) -> None:
    numbers = role_numbers()
    for grant in plan.roles:
        if grant.role not in numbers:
            raise DeploymentError(f"there is no role {grant.role!r}: expected one of {', '.join(numbers)}")
        if grant.role == ADMIN:
            raise DeploymentError(
                "the role ADMIN is the contract Administration's alone: name holders of GOVERNANCE, who go through it"
            )
        if grant.address == deployer:
            raise DeploymentError(f"the deployer's key may not hold {grant.role}: it must end without rights")
        if grant.role == "IMPORTER":
            raise DeploymentError("the role IMPORTER is the deployment's own: nobody holds it afterwards")
    if not any(grant.role == "GOVERNANCE" for grant in plan.roles):
        raise DeploymentError("the plan names no holder of GOVERNANCE: nobody could ever change anything")


def _run(sender: Sender, transactions: Sequence[Tx], what: str, progress: Progress) -> list[Receipt]:
    progress(what, 0, len(transactions))
    receipts = sender.run(transactions)
    progress(what, len(transactions), len(transactions))
    return receipts


_IMPORT_WINDOW: Final = 64


def _import(sender: Sender, calls: Iterable[Tx], seal: Seal, progress: Progress) -> None:
    """Send the import phase in windows, so that neither memory nor the engine's pool has to hold it all."""
    window: list[Tx] = []
    done = 0
    what = "rebuilding the ledger from the archive"
    previous: list[Tx] = []
    for tx in calls:
        window.append(tx)
        if len(window) == _IMPORT_WINDOW:
            sender.send_many(window)
            if previous:
                done += len(previous)
                sender.run(previous, timeout=900.0)
            progress(what, min(done, seal.size), seal.size)
            previous, window = window, []
    for rest in (previous, window):
        if rest:
            sender.run(rest, timeout=900.0)
    progress(what, seal.size, seal.size)


def _manifest(
    plan: DeploymentPlan,
    addresses: Addresses,
    genesis_nonce: bytes,
    engine: str,
    receipts: Sequence[Receipt],
    size: int,
    deployer: bytes,
) -> Manifest:
    roles: dict[str, list[str]] = {ADMIN: [to_hex(addresses.administration)]}
    delays: dict[str, dict[str, int]] = {}
    for grant in plan.roles:
        roles.setdefault(grant.role, []).append(to_hex(grant.address))
        if grant.delay:
            delays.setdefault(grant.role, {})[to_hex(grant.address)] = grant.delay
    return Manifest(
        network=plan.network,
        chain_id=plan.chain_id,
        origin=plan.origin,
        genesis_nonce=genesis_nonce.hex(),
        engine=engine,
        ledger=to_hex(addresses.ledger),
        law=to_hex(addresses.law),
        views=to_hex(addresses.views),
        authority=to_hex(addresses.authority),
        code_hashes={name: artefact(name).code_hash for name in (*NAMES, *MODULES)},
        start_block=next(receipt.block for receipt in receipts if receipt.key == "deploy/seal"),
        start_size=size,
        log_key=verifier_key(plan.origin, plan.log_key),
        roles=roles,
        deployer=to_hex(deployer),
        administration=to_hex(addresses.administration),
        delays=delays,
        first_block=min(receipt.block for receipt in receipts),
        modules={name: to_hex(address) for name, address in addresses.modules.items()},
    )
