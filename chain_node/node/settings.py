"""How a node runs; what the caller does not say is as an embedded first look needs it."""

from __future__ import annotations

from dataclasses import dataclass

from chain_node.deployment.plan import RoleGrant
from chain_node.protocol.entries import Feed, GroupCaps, Method, Organisation


@dataclass(frozen=True, slots=True)
class NodeSettings:
    """A node's settings. What concerns the law is used only when a new ledger is deployed.

    Attributes:
        engine: 'anvil' (embedded, for evaluation), 'luyad' (durable, one machine) or 'rpc' (any endpoints).
        rpc_urls: the endpoints, for 'rpc': addresses of the same chain, the preferred one first.
        finality: latest, finalized or confirmations:N, for 'rpc'.
        block_time: seconds between blocks, for 'anvil' and 'luyad'.
        port: of the embedded engine, the first of six of 'luyad'; 0 chooses free ones.
        keep_blocks: blocks whose transactions and events the embedded engine keeps (0 = all). They cost it about 15 KB
            of memory a record, because anvil traces every call; a bench of hundreds of thousands wants 60.
        network: first part of a new log's origin.
        chain_id: of the endpoint's chain, for 'rpc'; None asks it.
        organisations, feeds: the first ones of a new ledger.
        caps, methods: None takes all that ship with the package.
        roles: holders; None makes a local key per role.
        uri: ERC-1155 metadata address of a new ledger.
        silence: see `JsonRpc`, for a node that runs already; None is as patient as usual.
        rebuild: begin a new chain from the archive, whatever is there.
    """

    engine: str = "anvil"
    rpc_urls: tuple[str, ...] = ()
    finality: str = "finalized"
    block_time: float = 1.0
    port: int = 0
    keep_blocks: int = 86_400
    network: str = "luya.local"
    chain_id: int | None = None
    organisations: tuple[Organisation, ...] = ()
    feeds: tuple[Feed, ...] = ()
    caps: tuple[GroupCaps, ...] | None = None
    methods: tuple[Method, ...] | None = None
    roles: tuple[RoleGrant, ...] | None = None
    uri: str = ""
    silence: float | None = None
    rebuild: bool = False
