"""Every error of the node, one tree.

NodeError
├── EngineError             the chain engine cannot be started, reached or stopped
│   └── RuntimeMissing      what the engine needs could not be installed
├── RpcError                the endpoint answered with an error (code, data)
├── RpcUnavailable          the endpoint did not answer
├── ContractError           an artefact is missing, or a call was refused by a contract
├── DeploymentError         the deployment cannot go on, or its result is not what was asked for
├── ManifestError           manifest missing, unreadable, or of another chain
├── SenderError             the outbox and the chain disagree
│   └── Reverted            a transaction was mined and refused by the contract
├── FollowerError           the chain's events do not continue the archive
├── ArchiveError            the archive on disk is not what it should be
├── KeystoreError           a key or its passphrase is missing or wrong
├── LockError               another process holds the file
└── RegistryError           the registrar's store refuses
"""

from __future__ import annotations


class NodeError(Exception):
    """Base of all errors of `chain_node` outside its protocol. Says what, where, and what to do."""


class EngineError(NodeError):
    """The chain engine cannot be started, reached or stopped."""


class RuntimeMissing(EngineError):
    """A part the engine needs (its npm packages, Node) is missing and could not be installed."""


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
    """An artefact is missing, or a contract refused a call; the text names the contract's custom error."""


class DeploymentError(NodeError):
    """The deployment cannot go on, or the chain does not show what it should after it."""


class ManifestError(NodeError):
    """The manifest is missing, unreadable, or belongs to another chain."""


class SenderError(NodeError):
    """The outbox and the chain disagree, or a transaction could not be sent."""


class Reverted(SenderError):
    """A transaction was mined and refused.

    Attributes:
        reason: the contract's custom error, decoded.
        key: the transaction's idempotency key.
    """

    def __init__(self, key: str, tx_hash: str, reason: str) -> None:
        super().__init__(f"transaction {tx_hash} ({key}) was refused by the contract: {reason}")
        self.key = key
        self.tx_hash = tx_hash
        self.reason = reason


class FollowerError(NodeError):
    """The chain's events do not continue the archive: the chain is another one, or it is not telling the truth."""


class ArchiveError(NodeError):
    """The archive on disk is not what it should be."""


class KeystoreError(NodeError):
    """A key or its passphrase is missing or wrong."""


class LockError(NodeError):
    """Another process holds the lock."""


class RegistryError(NodeError):
    """The registrar's store refuses: wrong key, contradicting identity, unknown person."""
