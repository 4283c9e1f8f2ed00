"""What the auditor reads of an endpoint: final blocks, logs, headers, roots, raw storage. Nothing is believed here."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from eth_abi.abi import decode as abi_decode

from chain_node.auditor.events import hash_form, quantity, topics
from chain_node.contracts.handles import VIEW_CHUNK, LuyaLedger, artefact
from chain_node.engine.base import Finality
from chain_node.errors import AuditorError, ContractError, NodeError, RpcError, RpcUnavailable
from chain_node.protocol.attestation import Domain, domain_salt
from chain_node.rpc.client import JsonRpc, to_bytes, to_hex

MAX_RANGE: Final = 2_000
"""Blocks in one `eth_getLogs` (engines allow 10,000 blocks and 10,000 logs)."""
_FIRST_RANGE: Final = 32
_BUSY: Final = (-32002, -32005)
"""Error codes by which an endpoint says that it cannot answer now (EIP-1474: unavailable, limit exceeded)."""
NO_ANSWER: Final = (NodeError, LookupError, TypeError, ValueError, AttributeError)
"""What asking an endpoint may raise: it did not answer, or what it answered cannot be read."""
LAW_MODULE: Final = 0x42
"""The entry type whose module is the law."""


@dataclass(frozen=True, slots=True)
class Header:
    """A block. hashes: `0x` and hex digits; time: unix seconds; transactions: their hashes, in order."""

    number: int
    hash: str
    parent: str
    time: int
    transactions: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Facts:
    """What a ledger says of itself; what can be checked of it was (`facts`).

    Attributes:
        chain_id: of the endpoint.
        ledger, law: addresses, 20 bytes.
        origin: the log's name.
        genesis_nonce: 32 bytes.
        created: the first block that may hold the ledger's events, 1 or later.
    """

    chain_id: int
    ledger: bytes
    law: bytes
    origin: str
    genesis_nonce: bytes
    created: int

    @property
    def domain(self) -> Domain:
        """The EIP-712 domain that batches are signed in, computed here."""
        return Domain(self.chain_id, self.ledger, domain_salt(self.origin, self.genesis_nonce))


class ChainView:
    """One endpoint, one ledger.

    Args:
        rpc: the endpoint.
        ledger: address, 20 bytes.
        finality: when a block is final there.
    """

    def __init__(self, rpc: JsonRpc, ledger: bytes, finality: Finality) -> None:
        self.rpc = rpc
        self.ledger = LuyaLedger(rpc, ledger)
        self._finality = finality
        self._topics = list(topics().values())
        self._seal_topic = topics()["LedgerSealed"]
        self._range = _FIRST_RANGE

    def facts(self, origin: str, created: int | None = None) -> Facts:
        """Who the ledger is.

        Args:
            origin: the log key's name, which must be the ledger's.
            created: where it is known; else it is looked for.

        Raises:
            AuditorError: no ledger is there, or it is another log's.
        """
        try:
            found = str(self.ledger.read("logOrigin"))
            nonce = bytes(self.ledger.read("genesisNonce"))
            salt = self.ledger.domain_salt()
            law = to_bytes(str(self.ledger.read("module", LAW_MODULE)))
        except ContractError as error:
            raise AuditorError(
                f"there is no ledger at {to_hex(self.ledger.address)} on {self.rpc.url}: {error}"
            ) from error
        if found != origin:
            raise AuditorError(
                f"the ledger keeps the log {found!r}, the key is of {origin!r}: one of them is another's"
            )
        if salt != domain_salt(origin, nonce):
            raise AuditorError(f"the ledger's domain salt 0x{salt.hex()} is not made of its origin and genesis nonce")
        chain_id = int(self.rpc.call("eth_chainId"), 16)
        first = max(1, self._created() if created is None else created)  # genesis holds no call, so no event
        return Facts(chain_id, self.ledger.address, law, origin, nonce, first)

    def final(self) -> int:
        """Number of the newest final block."""
        return self._finality.height(self.rpc)

    def logs(self, first: int, final: int, wanted: list[str] | None = None) -> tuple[int, list[dict[str, Any]]]:
        """(last block read, the ledger's logs in the endpoint's order), in a range that the endpoint answers.

        Args:
            first, final: blocks; `final` is where reading ends at the latest.
            wanted: first topics; None takes all that the auditor reads.
        """
        while True:
            last = min(final, first + self._range - 1)
            try:
                logs = self._get_logs(first, last, wanted or self._topics)
            except RpcError:
                if self._range == 1:
                    raise
                self._range = max(1, self._range // 4)  # engines refuse what is too much in words of their own
                continue
            if len(logs) < 2_000:
                self._range = min(MAX_RANGE, self._range * 2)
            elif len(logs) > 5_000:
                self._range = max(1, self._range // 2)
            return last, logs

    def logs_of(self, first: int, last: int) -> list[dict[str, Any]]:
        """The ledger's logs of these blocks."""
        return self._get_logs(first, last, self._topics)

    def sealed_by(self, block: int, created: int) -> bool:
        """Whether the import phase had ended in `block` or before."""
        last = created - 1
        while last < block:
            last, logs = self.logs(last + 1, block, [self._seal_topic])
            if logs:
                return True
        return False

    def headers(self, numbers: Iterable[int]) -> dict[int, Header]:
        """Headers by number.

        Raises:
            RpcUnavailable: the endpoint does not have one (yet).
        """
        wanted = sorted(set(numbers))
        answers = self.rpc.batch([("eth_getBlockByNumber", [hex(number), False]) for number in wanted])
        return {number: self._header(number, answer) for number, answer in zip(wanted, answers, strict=True)}

    def header(self, number: int) -> Header | None:
        """One header; None where the endpoint keeps it no longer."""
        answer = self.rpc.call("eth_getBlockByNumber", hex(number), False)
        return None if answer is None else self._header(number, answer)

    def receipt_logs(self, transaction: str) -> list[dict[str, Any]] | None:
        """The ledger's logs in a transaction's receipt: a second way to what `eth_getLogs` said."""
        try:
            receipt = self.rpc.call("eth_getTransactionReceipt", transaction)
        except RpcError:
            return None
        if not isinstance(receipt, dict):
            return None
        address = to_hex(self.ledger.address)
        logs = [log for log in receipt.get("logs", []) if str(log.get("address", "")).lower() == address]
        return [log for log in logs if log["topics"] and log["topics"][0] in self._topics]

    def mints(self, transaction: str, first_index: int) -> list[tuple[bytes, tuple[int, ...], tuple[int, ...]]] | None:
        """(account, ids, amounts) of what a batch minted, by the ERC-1155 events in its transaction's receipt.

        Args:
            transaction: its hash.
            first_index: log index of the batch's first entry; a transaction may hold several batches.
        """
        receipt = self.rpc.call("eth_getTransactionReceipt", transaction)
        if not isinstance(receipt, dict):
            return None
        events = artefact("LuyaLedger").abi.events
        transfer, batch = (to_hex(events[name].topic) for name in ("TransferBatch", "BatchRecorded"))
        address, found = to_hex(self.ledger.address), []
        for log in receipt["logs"]:
            if str(log["address"]).lower() != address:
                continue
            if log["topics"][0] == transfer and int(log["topics"][2], 16) == 0:
                ids, amounts = abi_decode(["uint256[]", "uint256[]"], to_bytes(log["data"]))
                found.append((to_bytes(log["topics"][3])[12:], tuple(ids), tuple(amounts)))
            elif log["topics"][0] == batch:
                if int(log["topics"][3], 16) == first_index:
                    return found
                found = []
        return None

    def roots_at(self, sizes: Sequence[int]) -> list[bytes]:
        """What the contract keeps as roots at these sizes.

        Raises:
            ContractError: the contract gives none.
            RpcUnavailable: the endpoint does not answer, or says that it cannot now.
        """
        try:
            return [bytes(root) for root in self.ledger.read_many([("rootAt", (size,)) for size in sizes])]
        except ContractError as error:
            if isinstance(error.__cause__, RpcError) and error.__cause__.code in _BUSY:
                raise RpcUnavailable(f"{self.rpc.url}: {error}") from error
            raise

    def size_in(self, block: int) -> int | None:
        """The log's size after a block; None where the endpoint no longer has that state."""
        try:
            return int(self.ledger.read("logSize", block=hex(block)))
        except ContractError:
            return None

    def storage(self, slots: Sequence[bytes], block: str) -> list[int]:
        """Raw storage words of the ledger.

        Raises:
            ContractError: the endpoint does not have the state of that block.
        """
        chunks = [slots[at : at + VIEW_CHUNK] for at in range(0, len(slots), VIEW_CHUNK)]
        answers = self.ledger.read_many([("extsload", (chunk,)) for chunk in chunks], block)
        return [int.from_bytes(word, "big") for words in answers for word in words]

    def _get_logs(self, first: int, last: int, wanted: list[str]) -> list[dict[str, Any]]:
        first = max(1, first)  # luyad takes height 0 for the newest block, whose logs are not those of genesis
        if last < first:
            return []
        query = {
            "address": to_hex(self.ledger.address),
            "topics": [wanted],
            "fromBlock": hex(first),
            "toBlock": hex(last),
        }
        logs = self.rpc.call("eth_getLogs", query)
        if not isinstance(logs, list):
            raise RpcUnavailable(f"{self.rpc.url}: eth_getLogs did not answer with a list")
        return logs

    def _header(self, number: int, answer: Any) -> Header:
        if isinstance(answer, RpcError):
            raise RpcUnavailable(f"{self.rpc.url}: block {number}: {answer}")
        try:
            return Header(
                quantity(answer["number"]),
                hash_form(answer["hash"]),
                hash_form(answer["parentHash"]),
                quantity(answer["timestamp"]),
                tuple(str(one).lower() for one in answer["transactions"]),
            )
        except (KeyError, TypeError, ValueError) as error:
            raise RpcUnavailable(f"{self.rpc.url} has no block {number} yet ({error!r})") from error

    def _created(self) -> int:
        """The first block with code at the ledger's address, by bisection; 0 where old states are gone."""
        low, high = 0, self.final()
        while low < high:
            middle = (low + high) // 2
            try:
                code = self.rpc.call("eth_getCode", to_hex(self.ledger.address), hex(middle))
            except RpcError:
                return 0
            low, high = (low, middle) if code not in ("0x", None) else (middle + 1, high)
        return low
