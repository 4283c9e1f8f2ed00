"""Which role may call which method, and what a call costs. What is not in the table does not exist at this door.

Being in a role's list is the first gate; `guards` then looks at the parameters: an `eth_call` that is open to the
public is one to a function that shows no resident's data.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final


class Role(StrEnum):
    """Who calls.

    public: anybody. owner: who signed in with an address of their own. oracle: a partner that submits batches.
    auditor: reads everything. operator: reads everything and sends.
    """

    PUBLIC = "public"
    OWNER = "owner"
    ORACLE = "oracle"
    AUDITOR = "auditor"
    OPERATOR = "operator"


@dataclass(frozen=True, slots=True)
class DoorMethod:
    """A method at this door.

    Attributes:
        name: as Ethereum calls it.
        roles: whose calls are looked at at all.
        cost: units of the caller's budget; an `eth_getLogs` costs as much again for every further range.
        privileged: its use is written to the audit log (also for a role that may use only part of it).
        heavy: few of these run at once, and they may take long (traces).
        timeout: seconds that a node gets.
    """

    name: str
    roles: frozenset[Role]
    cost: int
    privileged: bool = False
    heavy: bool = False
    timeout: float = 30.0


EVERYBODY: Final = frozenset(Role)
FREE: Final = frozenset({Role.PUBLIC, Role.OWNER})
"""Roles without an entry of the operator's: whoever has an address has one."""
READERS: Final = frozenset({Role.AUDITOR, Role.OPERATOR})
PARTNERS: Final = READERS | {Role.ORACLE}
SENDERS: Final = frozenset({Role.ORACLE, Role.OPERATOR})

_OPEN: Final = {
    "web3_clientVersion": 1,
    "web3_sha3": 1,
    "net_version": 1,
    "net_listening": 1,
    "eth_chainId": 1,
    "eth_syncing": 1,
    "eth_blockNumber": 1,
    "eth_gasPrice": 1,
    "eth_maxPriorityFeePerGas": 1,
    "eth_blobBaseFee": 1,
    "eth_accounts": 1,
    "eth_feeHistory": 5,
    "eth_getBlockByHash": 3,
    "eth_getBlockByNumber": 3,
    "eth_getBlockTransactionCountByHash": 2,
    "eth_getBlockTransactionCountByNumber": 2,
    "eth_getUncleCountByBlockHash": 1,
    "eth_getUncleCountByBlockNumber": 1,
    "eth_getCode": 3,
    "eth_call": 5,
    "eth_subscribe": 10,
    "eth_unsubscribe": 1,
    "eth_newBlockFilter": 5,
    "eth_getFilterChanges": 5,
    "eth_uninstallFilter": 1,
}
# of one's own account; what is another's is for readers (`guards`)
_ACCOUNT_READS: Final = {"eth_getBalance": 2, "eth_getTransactionCount": 2}
_PARTNER_READS: Final = {
    "eth_estimateGas": 10,
    "eth_getTransactionByHash": 3,
    "eth_getTransactionReceipt": 3,
    "eth_getLogs": 20,
}
_READS: Final = {
    "net_peerCount": 1,
    "eth_protocolVersion": 1,
    "eth_config": 2,
    "eth_getStorageAt": 3,
    "eth_getHeaderByHash": 2,
    "eth_getHeaderByNumber": 2,
    "eth_getBlockReceipts": 10,
    "eth_getTransactionByBlockHashAndIndex": 3,
    "eth_getTransactionByBlockNumberAndIndex": 3,
    "eth_getRawTransactionByHash": 3,
    "eth_newFilter": 10,
    "eth_getFilterLogs": 20,
    "txpool_status": 2,
    "txpool_content": 50,
    "txpool_contentFrom": 10,
    "txpool_inspect": 50,
    "debug_getRawBlock": 10,
    "debug_getRawHeader": 2,
    "debug_getRawReceipts": 10,
    "debug_getRawTransaction": 3,
}
_TRACES: Final = {
    "eth_simulateV1": 50,
    "debug_traceTransaction": 50,
    "debug_traceCall": 50,
    "debug_traceBlockByHash": 200,
    "debug_traceBlockByNumber": 200,
    "trace_transaction": 50,
    "trace_block": 200,
    "trace_call": 50,
    "trace_callMany": 200,
    "trace_rawTransaction": 50,
    "trace_replayTransaction": 50,
    "trace_replayBlockTransactions": 200,
    "trace_filter": 200,
    "trace_get": 50,
}


def _table() -> dict[str, DoorMethod]:
    methods = [DoorMethod(name, EVERYBODY, cost) for name, cost in _OPEN.items()]
    methods += [DoorMethod(name, EVERYBODY, cost) for name, cost in _ACCOUNT_READS.items()]
    methods += [DoorMethod(name, PARTNERS, cost, privileged=True) for name, cost in _PARTNER_READS.items()]
    methods += [DoorMethod(name, READERS, cost, privileged=True) for name, cost in _READS.items()]
    methods += [
        DoorMethod(name, READERS, cost, privileged=True, heavy=True, timeout=120.0) for name, cost in _TRACES.items()
    ]
    methods.append(DoorMethod("eth_sendRawTransaction", SENDERS, 10, privileged=True))
    return {method.name: method for method in methods}


METHODS: Final = _table()
"""Every method that this door knows. Not in it, and so refused to all: signing with a node's keys (eth_sign, eth_send-
Transaction, personal_*), control of a node (admin_*, miner_*, engine_*, anvil_*, evm_*, hardhat_*, debug_setHead …),
pending transactions of others as a stream. Nor proofs of an engine's own state tree (eth_getProof: what counts here is
proven by the contract's log, on any engine) and access lists (eth_createAccessList: gas costs nothing here)."""

BLOCK_AT: Final = {
    "eth_getBlockByNumber": 0,
    "eth_getHeaderByNumber": 0,
    "eth_getBlockTransactionCountByNumber": 0,
    "eth_getUncleCountByBlockNumber": 0,
    "eth_getBlockReceipts": 0,
    "eth_getTransactionByBlockNumberAndIndex": 0,
    "debug_traceBlockByNumber": 0,
    "debug_getRawBlock": 0,
    "debug_getRawHeader": 0,
    "debug_getRawReceipts": 0,
    "trace_block": 0,
    "trace_replayBlockTransactions": 0,
    "eth_call": 1,
    "eth_getBalance": 1,
    "eth_getCode": 1,
    "eth_getTransactionCount": 1,
    "eth_estimateGas": 1,
    "eth_simulateV1": 1,
    "debug_traceCall": 1,
    "eth_feeHistory": 1,
    "eth_getStorageAt": 2,
}
"""Where a method takes the block: its tag is resolved by this network's rule of finality."""

BLOCK_OPTIONAL: Final = frozenset(
    {"eth_call", "eth_getBalance", "eth_getCode", "eth_getTransactionCount", "eth_estimateGas",
     "eth_simulateV1", "debug_traceCall", "eth_getStorageAt"}
)  # fmt: skip
"""Methods where leaving the block out means the newest."""

TRACERS: Final = frozenset(
    {"callTracer", "prestateTracer", "4byteTracer", "flatCallTracer", "muxTracer", "noopTracer", "erc7562Tracer"}
)
"""Built-in tracers; another name would be JavaScript that the node runs."""
