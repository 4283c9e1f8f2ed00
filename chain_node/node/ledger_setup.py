"""Makes sure that the engine's chain holds this home's ledger: found, deployed, or rebuilt from the archive."""

from __future__ import annotations

from chain_node.archive.reader import ArchiveReader
from chain_node.contracts.handles import LuyaLedger
from chain_node.deployment.deploy import deploy
from chain_node.deployment.import_phase import custodian_of, import_calls, log_key_of, seal_of
from chain_node.deployment.manifest import Manifest
from chain_node.deployment.plan import DeploymentPlan, RoleGrant, Seal, shipped_law
from chain_node.engine.base import Engine, Progress
from chain_node.engine.capabilities import capabilities
from chain_node.errors import ContractError, DeploymentError
from chain_node.keys.keystore import Keystore
from chain_node.node.home import Attempt, Home, Network
from chain_node.node.lost_archive import begin_reading, check_size, refuse
from chain_node.node.settings import NodeSettings
from chain_node.protocol.entries import decode
from chain_node.rpc.client import JsonRpc
from chain_node.sending.sender import Sender

LOCAL_ROLES = ("GOVERNANCE", "FEED_ADMIN", "FEED_BRAKE", "REGISTRAR", "CATALOGUE_MANAGER", "AUDITOR", "GUARDIAN")
"""Roles that get a local key each, named like them in lower case with dashes, when the settings name no holders."""

CUSTODIAN_KEY = "custodian"
"""The keystore's name of the key that acts for residents without one of their own, where the roles' keys are local."""


def key_name(role: str) -> str:
    """The keystore's name of a role's local key."""
    return role.lower().replace("_", "-")


def ensure_ledger(
    home: Home,
    network: Network,
    engine: Engine,
    rpc: JsonRpc,
    keystore: Keystore,
    settings: NodeSettings,
    progress: Progress,
) -> tuple[Manifest, bool]:
    """(manifest of a ledger that continues the archive, whether it was deployed just now).

    Raises:
        DeploymentError: an endpoint's chain does not hold the ledger it should, and nobody asked for a rebuild.
        ArchiveError: the archive has less than the log is known to have had.
    """
    reader = ArchiveReader(home.archive)
    manifest = Manifest.load(home.manifest) if home.manifest.exists() else None
    if manifest is not None and not engine.fresh and not settings.rebuild:
        reason = mismatch(rpc, manifest, reader)
        if reason is None:
            return manifest, False
        if not capabilities(engine.name).owned:
            raise DeploymentError(
                f"the chain at {rpc.url} is not this home's: {reason}; check the address, or begin a new ledger there "
                "from the archive with `luya rebuild`"
            )
        progress(f"the chain does not continue the archive ({reason})", 0, 0)
    check_size(home)
    seal = seal_of(reader)
    attempt = (None if engine.fresh else Attempt.resume(home, seal)) or Attempt.begin(home, seal)
    made = _deploy(home, network, engine, rpc, keystore, settings, reader, seal, attempt, progress)
    made.save(home.manifest)
    home.deployment.unlink(missing_ok=True)
    return made, True


def read_again(home: Home, engine: Engine, rpc: JsonRpc, progress: Progress) -> None:
    """Lets a lost archive be read again from a chain that has all of it: the contract's root is what it must lead to.

    Raises:
        ArchiveError: the chain has not; nothing was changed.
    """
    manifest = Manifest.load(home.manifest)
    if engine.fresh:
        raise refuse(home, "so is its chain")
    if manifest.start_size:
        raise refuse(home, f"its first {manifest.start_size} entries are not in the chain's events")
    reason = mismatch(rpc, manifest, ArchiveReader(home.archive))
    if reason is not None:
        raise refuse(home, f"the chain is not this home's ({reason})")
    size = LuyaLedger(rpc, manifest.ledger_address).log_size()
    progress(f"the archive is missing: its {size} entries are read again from the chain", 0, 0)
    begin_reading(home, size)


def mismatch(rpc: JsonRpc, manifest: Manifest, reader: ArchiveReader) -> str | None:
    """Why the chain's ledger does not continue the archive; None when it does."""
    ledger = LuyaLedger(rpc, manifest.ledger_address)
    if rpc.call("eth_getCode", manifest.ledger, "latest") in ("0x", None):
        return f"there is no contract at {manifest.ledger}"
    try:
        if not ledger.is_sealed():
            return "its ledger was never sealed"
        if bytes(ledger.read("genesisNonce")).hex() != manifest.genesis_nonce:
            return "its ledger is of another genesis"
        checkpoint = reader.checkpoint()
        if checkpoint is not None and checkpoint.size and ledger.root_at(checkpoint.size) != checkpoint.root:
            return f"its log has {ledger.log_size()} entries and another root at {checkpoint.size}"
    except ContractError as error:
        return str(error)
    return None


def _deploy(
    home: Home,
    network: Network,
    engine: Engine,
    rpc: JsonRpc,
    keystore: Keystore,
    settings: NodeSettings,
    reader: ArchiveReader,
    seal: Seal,
    attempt: Attempt,
    progress: Progress,
) -> Manifest:
    _check_clock(rpc, reader, seal)
    caps, methods = shipped_law()
    plan = DeploymentPlan(
        network=network.name,
        origin=network.origin,
        chain_id=network.chain_id,
        log_key=keystore.log_key().public_key().public_bytes_raw(),
        roles=settings.roles or _local_roles(keystore),
        organisations=settings.organisations,
        caps=caps if settings.caps is None else settings.caps,
        methods=methods if settings.methods is None else settings.methods,
        feeds=settings.feeds,
        uri=settings.uri,
        custodian=None if settings.roles else keystore.chain_key(CUSTODIAN_KEY).address,
    )
    with Sender(
        home.outbox,
        rpc,
        keystore.chain_key("deployer"),
        chain_id=network.chain_id,
        genesis=attempt.genesis_nonce,
        finality=engine.finality,
        limits=engine.limits,
    ) as sender:
        return deploy(
            sender,
            rpc,
            plan,
            genesis_nonce=bytes.fromhex(attempt.genesis_nonce),
            engine=engine.name,
            seal=seal,
            imports=(lambda ledger: import_calls(reader, ledger, seal, engine.limits)) if seal.size else None,
            imported_log_key=log_key_of(reader) if seal.size else None,
            imported_custodian=custodian_of(reader) if seal.size else None,
            progress=progress,
        )


def _check_clock(rpc: JsonRpc, reader: ArchiveReader, seal: Seal) -> None:
    """Time in the log never decreases (docs/protocol.md): a chain whose clock is behind may not continue it."""
    if not seal.size:
        return
    newest = decode(reader.entry(seal.size - 1)).time
    head = int(rpc.call("eth_getBlockByNumber", "latest", False)["timestamp"], 16)
    if head < newest:
        raise DeploymentError(
            f"the chain's clock says {head}, the archive's newest entry is of {newest}: set the clock right, "
            "then start again"
        )


def _local_roles(keystore: Keystore) -> tuple[RoleGrant, ...]:
    return tuple(RoleGrant(role, keystore.chain_key(key_name(role)).address) for role in LOCAL_ROLES)
