"""Every error of the node, one tree.

NodeError
├── EngineError             the chain engine cannot be started, reached or stopped
│   ├── RuntimeMissing      what the engine needs could not be installed
│   ├── BuildError          luyad could not be built from its sources
│   ├── PortInUse           another process listens where the engine should
│   └── EngineLost          the engine is beyond mending in place
├── RpcError                the endpoint answered with an error (code, data)
├── RpcUnavailable          the endpoint did not answer
├── ContractError           an artefact is missing, or a call was refused by a contract
├── DeploymentError         the deployment cannot go on, or its result is not what was asked for
├── ManifestError           manifest missing, unreadable, or of another chain
├── SenderError             the outbox and the chain disagree
│   ├── Reverted            a transaction was mined and refused by the contract
│   └── ChainHalted         the chain makes no blocks; what was signed waits in the outbox
├── FollowerError           the chain's events do not continue the archive
├── ArchiveError            the archive on disk is not what it should be
│   └── MirrorError         the archive's second copy is not, or does not fit it
├── BackupError             a home cannot be backed up, or a backup cannot become one
├── DiskFailed              a disk did not take what had to be written
│   └── DiskFull            too little room is left to accept anything new
├── KeystoreError           a key or its passphrase is missing or wrong
├── LockError               another process holds the file
├── TokenError              a bearer token cannot be made as asked for, or there is none of that id
├── RegistryError           the registrar's store refuses
├── NetworkError            a network's files, keys or votes are not what they must be
├── GatewayError            the JSON-RPC door cannot do what was asked
│   ├── GatewaySettingsError  a setting of the door is missing, impossible, or contradicts another
│   ├── CallerError         a caller's entry, token, certificate or signed message is not what it should be
│   ├── CallRefused         one call is refused
│   └── AuditError          the door's audit log cannot be written, or is not as it was written
└── AuditorError            an audit cannot go on
    ├── Discrepancy         the chain differs from the law, or from what it said before
    ├── ContractSourceError the contracts cannot be compiled from their sources
    └── QueryError          a question to the replayed entries cannot be answered
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

_PANICS: Final = {
    0x01: "assertion failed",
    0x11: "arithmetic overflow",
    0x12: "division by zero",
    0x32: "index out of bounds",
}


@dataclass(frozen=True, slots=True)
class RevertReason:
    """Why a contract refused a call: programs take name and arguments, people its text (`str`).

    Attributes:
        name: of the custom error; `Error` or `Panic`, Solidity's own; "" where the ABIs know none for the data.
        arguments: by name, as `eth_abi` decodes them.
        data: the revert data as the engine gave it; b"" where it gave none.
        note: what else is known where there is no data (out of gas, the engine's own words); else "".
    """

    name: str = ""
    arguments: Mapping[str, Any] = field(default_factory=dict)
    data: bytes = b""
    note: str = ""

    def __str__(self) -> str:
        if self.name == "Error":
            return str(self.arguments["message"])
        if self.name == "Panic":
            code = int(self.arguments["code"])
            return f"panic 0x{code:02x} ({_PANICS.get(code, 'see the Solidity documentation')})"
        if self.name:
            shown = (f"{label}={_show(value)}" for label, value in self.arguments.items())
            return f"{self.name}({', '.join(shown)})"
        if self.data:
            return f"unknown error 0x{self.data.hex()}"
        return self.note or "reverted without a reason (out of gas, or no contract at the address)"


def _show(value: Any) -> str:
    return f"0x{value.hex()}" if isinstance(value, bytes) else str(value)


class NodeError(Exception):
    """Base of all errors of `chain_node` outside its protocol. Says what, where, and what to do."""


class EngineError(NodeError):
    """The chain engine cannot be started, reached or stopped."""


class RuntimeMissing(EngineError):
    """A part the engine needs (its npm packages, Node) is missing and could not be installed."""


class BuildError(EngineError):
    """luyad could not be built: Go, a C compiler or a module is missing, or the sources do not compile."""


class PortInUse(EngineError):
    """Another process listens where the engine should.

    Attributes:
        port: the port.
        holder: who listens there, as far as the system tells.
    """

    def __init__(self, port: int, holder: str = "") -> None:
        by = f" by {holder}" if holder else ""
        super().__init__(f"port {port} is in use{by}: end that process, or choose another port")
        self.port = port
        self.holder = holder


class EngineLost(EngineError):
    """The engine is beyond mending in place: the home must be opened anew, or a person must look."""


class RpcError(NodeError):
    """The endpoint answered with a JSON-RPC error.

    Attributes:
        code: JSON-RPC error code.
        data: revert data where there is any, else None.
    """

    def __init__(self, method: str, code: int, message: str, data: bytes | None = None) -> None:
        super().__init__(f"{method}: {message} (code {code})")
        self.method = method
        self.code = code
        self.message = message
        self.data = data


class RpcUnavailable(NodeError):
    """The endpoint did not answer (refused, cut, timed out)."""


class ContractError(NodeError):
    """An artefact is missing, or a contract refused a call; the text names the contract's custom error.

    Attributes:
        reason: why it refused; None where the call did not get so far.
    """

    def __init__(self, message: str, reason: RevertReason | None = None) -> None:
        super().__init__(message)
        self.reason = reason


class DeploymentError(NodeError):
    """The deployment cannot go on, or the chain does not show what it should after it."""


class ManifestError(NodeError):
    """The manifest is missing, unreadable, or belongs to another chain."""


class SenderError(NodeError):
    """The outbox and the chain disagree, or a transaction could not be sent."""


class Reverted(SenderError):
    """A transaction was mined and refused.

    Attributes:
        reason: why, by the contract's custom error.
        key: the transaction's idempotency key.
    """

    def __init__(self, key: str, tx_hash: str, reason: RevertReason) -> None:
        super().__init__(f"transaction {tx_hash} ({key}) was refused by the contract: {reason}")
        self.key = key
        self.tx_hash = tx_hash
        self.reason = reason


class ChainHalted(SenderError):
    """The chain makes no blocks. Nothing is lost and no nonce is skipped: it is sent again when it goes on."""


class FollowerError(NodeError):
    """The chain's events do not continue the archive: the chain is another one, or it is not telling the truth."""


class ArchiveError(NodeError):
    """The archive on disk is not what it should be."""


class MirrorError(ArchiveError):
    """The archive's second copy is not what it should be, or does not continue the same log."""


class BackupError(NodeError):
    """A home cannot be backed up, or a backup cannot become one."""


class DiskFailed(NodeError):
    """A disk did not take what had to be written; what was on it before is what counts."""


class DiskFull(DiskFailed):
    """Too little room is left on the disk to accept anything new; what has been accepted is safe."""


class KeystoreError(NodeError):
    """A key or its passphrase is missing or wrong."""


class LockError(NodeError):
    """Another process holds the lock."""


class TokenError(NodeError):
    """A bearer token cannot be made as asked for, or there is none of that id."""


class RegistryError(NodeError):
    """The registrar's store refuses: wrong key, contradicting identity, unknown person."""


class NetworkError(NodeError):
    """A network's files, keys or votes are not what they must be, or its nodes do not answer."""


class AuditorError(NodeError):
    """An audit cannot go on: its store, its arguments or its endpoint are not what they must be."""


class Discrepancy(AuditorError):
    """The chain differs from the law, or from what it said before: what an auditor raises the alarm for.

    Attributes:
        index: log index of the first entry that differs.
        rule: name of what does not hold (`docs/auditors.md` lists them).
        expected: by the auditor's own replay.
        found: on the chain, or in what the endpoint answered.
        block: block number where it was seen, -1 where none is concerned.
        transaction: its hash, "" where none is concerned.
    """

    def __init__(
        self, index: int, rule: str, expected: str, found: str, *, block: int = -1, transaction: str = ""
    ) -> None:
        where = f" (block {block}, transaction {transaction or 'none'})" if block >= 0 else ""
        super().__init__(f"entry {index}: {rule}: expected {expected}, found {found}{where}")
        self.index = index
        self.rule = rule
        self.expected = expected
        self.found = found
        self.block = block
        self.transaction = transaction


class ContractSourceError(AuditorError):
    """The contracts cannot be compiled from their sources: no compiler of their version, or it complains."""


class QueryError(AuditorError):
    """A question to the replayed entries cannot be answered: not one SELECT, or what it names is not there."""


class GatewayError(NodeError):
    """The JSON-RPC door cannot do what was asked."""


class GatewaySettingsError(GatewayError):
    """A setting of the gateway is missing, impossible, or contradicts another."""


class CallerError(GatewayError):
    """A caller's entry, token, certificate or signed message is not what it should be."""


class AuditError(GatewayError):
    """The audit log cannot be written, or is not as it was written."""


class CallRefused(GatewayError):
    """One call is refused.

    Attributes:
        code: JSON-RPC error code (EIP-1474; 4100 of EIP-1193 where a right is missing).
        message: for whoever called.
        data: more of it, for programs; None for none.
        status: HTTP status where this refusal answers the whole request.
    """

    def __init__(self, code: int, message: str, data: object = None, status: int = 200) -> None:
        super().__init__(f"{message} (code {code})")
        self.code = code
        self.message = message
        self.data = data
        self.status = status
