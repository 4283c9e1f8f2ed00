"""What an oracle needs of the ledger, on top of an open node: `oracle.ports` implemented by `chain_node`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from chain_node.contracts.handles import LuyaLaw, LuyaLedger, LuyaViews
from chain_node.errors import RevertReason
from chain_node.node.node import Node
from chain_node.protocol.attestation import Domain
from chain_node.protocol.entries import Feed, GroupCaps, Method, decode
from chain_node.protocol.rules import Rule
from chain_node.protocol.times import day_of
from chain_node.sending.sender import Receipt, Sender, Tx
from luya.session.feeds import unregistered
from oracle.ports import BatchLimits, Failure, FailureKind, FeedLaw, SignedBatch

_IMPOSSIBLE: Final = "LuyaLedgerImpossibleRecord"
_KINDS: Final[Mapping[str, FailureKind]] = {
    "LuyaLedgerWrongSequence": FailureKind.SEQUENCE,
    "LuyaLedgerBadSignature": FailureKind.DOMAIN,
    "LuyaLedgerPaused": FailureKind.BLOCKED,
    "LuyaLedgerFeedNotActive": FailureKind.BLOCKED,
    "LuyaLedgerNotSealed": FailureKind.BLOCKED,
    "LuyaLedgerQuorumMissing": FailureKind.REFUSED,
}


class NodeLedger:
    """`oracle.ports.Ledger` over a node, sending with a key of its own.

    Args:
        node: the open node; its archive grows while its follower (or that of `luya up`) runs.
        sender: the sender of the feed's submitting key.
    """

    def __init__(self, node: Node, sender: Sender) -> None:
        self._node = node
        self._sender = sender
        self._ledger = LuyaLedger(node.rpc, node.manifest.ledger_address)
        self._law = LuyaLaw(node.rpc, node.manifest.law_address)
        self._views = LuyaViews(node.rpc, node.manifest.views_address)
        self._failed: list[Failure] = []

    @property
    def limits(self) -> BatchLimits:
        """What one batch may be on this engine."""
        limits = self._node.engine.limits
        return BatchLimits(limits.max_records, limits.max_tx_gas, limits.max_tx_bytes - 2_048)

    def domain(self) -> Domain:
        """The ledger's EIP-712 domain."""
        return self._node.manifest.domain

    def law(self, feed: int) -> FeedLaw:
        """The feed's entry, its methods and their groups' caps, read from the contract."""
        entry, _active = self._law.read("feedTerms", feed)
        if not entry:
            raise unregistered(feed)
        settings = decode(bytes(entry))
        assert isinstance(settings, Feed)
        methods: dict[int, Method] = {}
        caps: dict[int, GroupCaps] = {}
        terms = self._law.read_many([("methodTerms", (method,)) for method in settings.methods])
        for raw, credits_mg, millipoints in terms:
            method = decode(bytes(raw))
            assert isinstance(method, Method)
            methods[method.id] = method
            caps[method.group] = GroupCaps(settings.time, method.group, credits_mg, millipoints)
        head = self._node.rpc.call("eth_getBlockByNumber", "latest", False)
        return FeedLaw(settings, methods, caps, day_of(int(head["timestamp"], 16)))

    def next_sequence(self, feed: int) -> int:
        """The sequence that the feed's next batch must start with."""
        return self._ledger.next_sequence(feed)

    def words(self, keys: Sequence[int]) -> Sequence[int]:
        """The slot words of these keys."""
        return self._views.words(keys)

    def submit(self, batches: Sequence[SignedBatch]) -> None:
        """Durable in the sender's outbox when it returns."""
        known = [batch.key for batch in batches if self._sender.knows(batch.key)]
        self._sender.send_many([self._transaction(batch) for batch in batches])
        # A batch that had failed before a crash is not sent again: its failure is told again instead.
        self._failed += _failures(receipt for key in known if (receipt := self._sender.receipt(key)) is not None)

    def advance(self, timeout: float) -> Sequence[Failure]:
        """Waits until the archive has grown or a batch was refused."""
        if timeout:
            self._node.check()  # the archive cannot grow once following has failed: say why
        failures, self._failed = self._failed, []
        return failures + _failures(self._sender.advance(0 if failures else timeout))

    def _transaction(self, batch: SignedBatch) -> Tx:
        data = self._ledger.record_data(
            batch.feed,
            batch.first_sequence,
            batch.records,
            batch.nullifiers,
            batch.config_digest,
            batch.signatures,
        )
        return Tx(self._ledger.address, data, batch.gas, batch.key)


def _failures(receipts: Iterable[Receipt]) -> list[Failure]:
    return [_failure(receipt.key, receipt.reason) for receipt in receipts if receipt.reason is not None]


def _failure(key: str, reason: RevertReason) -> Failure:
    if reason.name == _IMPOSSIBLE:
        position, rule = int(reason.arguments["position"]), Rule.of(int(reason.arguments["rule"]))
        return Failure(key, FailureKind.RECORD, str(reason), position, rule)
    return Failure(key, _KINDS.get(reason.name, FailureKind.UNKNOWN), str(reason))
