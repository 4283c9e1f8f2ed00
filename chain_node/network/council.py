"""The council of a running network: reading it, and acting in it with a member's key."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from chain_node.contracts.handles import Contract, artefact, revert_reason
from chain_node.errors import NetworkError, RpcError
from chain_node.keys.keystore import ChainKey
from chain_node.network.genesis import COUNCIL, PERMISSIONS, VALIDATORS
from chain_node.network.votes import Governance, Member, Validator, VoteCall
from chain_node.rpc.client import JsonRpc, to_bytes, to_hex
from chain_node.sending.signing import LegacySigner

STATES: Final = ("unknown", "open", "executed", "cancelled")
_RECEIPT_PATIENCE: Final = 90.0
_LAG_PATIENCE: Final = 3.0
_POOL_PATIENCE: Final = 60.0
_POOL_LAGS: Final = "in-flight transaction limit"
_COUNTED_SALTS: Final = 16


@dataclass(frozen=True, slots=True)
class Proposal:
    """A proposal as it stands.

    Attributes:
        id: 32 bytes.
        state: 'unknown', 'open', 'executed', 'cancelled' or 'expired'.
        proposer: 20 bytes.
        proposed_at: Unix seconds.
        ready_at: Unix seconds, 0 while approvals are missing.
        expires_at: Unix seconds.
        approvals: 20-byte addresses.
        calls: what it does.
    """

    id: bytes
    state: str
    proposer: bytes
    proposed_at: int
    ready_at: int
    expires_at: int
    approvals: tuple[bytes, ...]
    calls: tuple[VoteCall, ...]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a vote has come to.

    Attributes:
        id: of the proposal, 32 bytes.
        did: what this member has done now: 'proposed', 'approved', 'executed', in this order, none or several.
        proposal: as it stands then.
        threshold: approvals that it needs.
    """

    id: bytes
    did: tuple[str, ...]
    proposal: Proposal
    threshold: int


class CouncilReader:
    """Reads the governance contracts.

    Args:
        rpc: a node of the network.
    """

    def __init__(self, rpc: JsonRpc) -> None:
        self.rpc = rpc
        self._council = Contract(rpc, COUNCIL, artefact("Council").abi)
        self._validators = Contract(rpc, VALIDATORS, artefact("Validators").abi)
        self._permissions = Contract(rpc, PERMISSIONS, artefact("Permissions").abi)

    def governance(self) -> Governance:
        """What the contracts hold now.

        Raises:
            ContractError: they are not there.
        """
        members, threshold, times = self._council.read_many([("members", ()), ("threshold", ()), ("times", ())])
        validators, nodes = self._validators.read_many([("validators", ()), ("nodes", ())])
        deployers, is_open = self._permissions.read_many([("deployers", ()), ("isSendingOpen", ())])
        return Governance(
            members=tuple(
                Member(to_bytes(address), organisation, _text(name)) for address, organisation, name in members
            ),
            threshold=int(threshold),
            delay=int(times[0]),
            lifetime=int(times[1]),
            validators=tuple(Validator(bytes(key), power, organisation) for key, power, organisation in validators),
            nodes=tuple((bytes(node), organisation) for node, organisation in nodes),
            deployers=tuple(to_bytes(address) for address in deployers),
            open_sending=bool(is_open),
        )

    def flags(self, address: bytes) -> int:
        """What an account may do."""
        return int(self._permissions.read("flagsOf", to_hex(address)))

    def open_proposals(self) -> list[Proposal]:
        """Those that are open, expired ones that nobody has cleared away included; the oldest first."""
        ids = [bytes(one) for one in self._council.read("openProposals")]
        now = self._now()
        raw = self._council.read_many([("proposal", (one,)) for one in ids])
        found = [_proposal(one, values, now) for one, values in zip(ids, raw, strict=True)]
        return sorted(found, key=lambda proposal: (proposal.proposed_at, proposal.id))

    def proposal(self, proposal: bytes) -> Proposal:
        """One proposal."""
        return _proposal(proposal, self._council.read("proposal", proposal), self._now())

    def id_of(self, calls: Sequence[VoteCall], salt: bytes) -> bytes:
        """The id that a proposal has or would have."""
        return bytes(self._council.read("idOf", _tuples(calls), salt))

    def threshold(self) -> int:
        """Approvals needed."""
        return int(self._council.read("threshold"))

    def _now(self) -> int:
        return int(self.rpc.call("eth_getBlockByNumber", "latest", False)["timestamp"], 16)


class CouncilMember(CouncilReader):
    """Acts in the council.

    Args:
        rpc: a node of the network.
        key: a member's.
        chain_id: the network's EVM chain id.
    """

    def __init__(self, rpc: JsonRpc, key: ChainKey, chain_id: int) -> None:
        super().__init__(rpc)
        found = int(rpc.call("eth_chainId"), 16)
        if found != chain_id:
            raise NetworkError(f"{rpc.url} is a node of the chain {found}, not of {chain_id}")
        self._address = key.address
        self._signer = LegacySigner(key.private_key, chain_id)

    def vote(self, calls: Sequence[VoteCall], *, wait: float = 0.0) -> Outcome:
        """Want these calls: propose them where nobody has, else approve; execute where they are ready.

        Every member gives the same command: the first proposes, the next approve, and whoever completes the votes
        (or comes after the delay) executes.

        Args:
            calls: what is wanted.
            wait: seconds to wait for the delay to pass.

        Raises:
            NetworkError: the council or a call refused.
        """
        proposal, salt = self._find(calls)
        did: tuple[str, ...] = ()
        if proposal.state == "unknown" and self._first("propose", proposal.id, _tuples(calls), salt):
            did = ("proposed",)
        return self._advance(proposal.id, did, wait)

    def approve(self, proposal: bytes, *, wait: float = 0.0) -> Outcome:
        """Approve a proposal, and execute it where it is ready."""
        return self._advance(proposal, (), wait)

    def revoke(self, proposal: bytes) -> Outcome:
        """Take the approval back."""
        self._send("revokeApproval", proposal)
        return Outcome(proposal, ("revoked",), self.proposal(proposal), self.threshold())

    def cancel(self, proposal: bytes) -> Outcome:
        """End an own proposal that too few approve yet, or an expired one."""
        found = self.proposal(proposal)
        others = set(found.approvals) - {self._address}
        if found.state == "open" and self._address in found.approvals and len(others) < self.threshold():
            self._send("revokeApproval", proposal)  # while it is enough with one's own, nobody may end it
        self._send("cancel", proposal)
        return Outcome(proposal, ("cancelled",), self.proposal(proposal), self.threshold())

    def list_own_node(self, node: bytes, *, listed: bool) -> None:
        """Let a node of the own organisation in, or in no more; needs no vote."""
        self._transact(VALIDATORS, self._validators.data("listOwnNode" if listed else "unlistOwnNode", node))

    def _find(self, calls: Sequence[VoteCall]) -> tuple[Proposal, bytes]:
        """The oldest open proposal of these calls, else a new id for them.

        Equal calls are told apart by counting, so that members who propose at the same moment propose the same; and
        by chance once the first numbers are used up, so that nobody keeps the others from it by using them up.
        """
        for found in self.open_proposals():
            if found.state == "open" and found.calls == tuple(calls):
                return found, b""  # its salt is not needed any more
        for number in range(_COUNTED_SALTS):
            salt = number.to_bytes(32, "big")
            found = self.proposal(self.id_of(calls, salt))
            if found.state == "unknown":
                return found, salt
        salt = secrets.token_bytes(32)
        return self.proposal(self.id_of(calls, salt)), salt

    def _advance(self, proposal: bytes, did: tuple[str, ...], wait: float) -> Outcome:
        found, threshold = self.proposal(proposal), self.threshold()
        if found.state != "open":
            raise NetworkError(f"proposal {to_hex(proposal)} is {found.state}: only an open one can be approved")
        if self._address not in found.approvals:
            self._send("approve", proposal)
            found, did = self.proposal(proposal), (*did, "approved")
        if found.ready_at and self._await(found.ready_at, wait):
            if self._first("execute", proposal, proposal):
                did = (*did, "executed")
            found = self.proposal(proposal)
        return Outcome(proposal, did, found, threshold)

    def _first(self, function: str, proposal: bytes, *arguments: Any) -> bool:
        """Do what only one member can do. False where another has been faster, which this node may learn late.

        Raises:
            NetworkError: it was refused, and nobody else has done it.
        """
        before = "unknown" if function == "propose" else "open"  # as the caller saw it: it may be otherwise by now
        try:
            self._send(function, *arguments)
        except NetworkError:
            if _until(lambda: self.proposal(proposal).state != before or None, _LAG_PATIENCE) is None:
                raise
            return False
        return True

    def _await(self, ready_at: int, wait: float) -> bool:
        """The chain's clock has come so far; it only ticks with blocks."""
        deadline = time.monotonic() + wait
        while self._now() < ready_at:
            if time.monotonic() >= deadline:
                return False
            time.sleep(0.2)
        return True

    def _send(self, function: str, *arguments: Any) -> None:
        self._transact(COUNCIL, self._council.data(function, *arguments))

    def _transact(self, to: bytes, data: bytes) -> None:
        """One transaction to its receipt; a refusal is told before anything is sent.

        Raises:
            NetworkError: refused, or no receipt in time.
        """
        request = {"from": to_hex(self._address), "to": to_hex(to), "data": to_hex(data)}
        try:
            used = int(self.rpc.call("eth_estimateGas", request), 16)
            nonce = int(self.rpc.call("eth_getTransactionCount", to_hex(self._address), "latest"), 16)
            raw, tx_hash = self._signer.sign(to, data, used + used // 2 + 50_000, nonce)
            self._submit(raw)
        except RpcError as error:
            raise NetworkError(f"refused: {revert_reason(error)}") from error
        receipt = _until(lambda: self._receipt(tx_hash), _RECEIPT_PATIENCE)
        if receipt is None:
            raise NetworkError(
                f"transaction {tx_hash} is in no block after {_RECEIPT_PATIENCE:.0f} s: is the chain making blocks? "
                "It may still come; run the command again to go on from where it is"
            )
        if int(receipt["status"], 16) != 1:
            raise NetworkError(f"transaction {tx_hash} failed in block {int(receipt['blockNumber'], 16)}")

    def _submit(self, raw: bytes) -> None:
        """Into the pool, which may still see a new account as it was before its last transaction: then it takes no
        second one beside it.

        Raises:
            NetworkError: it goes on seeing it so.
        """
        deadline = time.monotonic() + _POOL_PATIENCE
        while True:
            try:
                self.rpc.call("eth_sendRawTransaction", to_hex(raw))
                return
            except RpcError as error:
                if _POOL_LAGS not in error.message:
                    raise
                if time.monotonic() > deadline:
                    raise NetworkError(
                        f"the node's pool still holds the last transaction of {to_hex(self._address)} after "
                        f"{_POOL_PATIENCE:.0f} s, though it is in a block: is the node behind or too busy? "
                        "Run the command again to go on from where it is"
                    ) from error
            time.sleep(0.2)

    def _receipt(self, tx_hash: str) -> Any:
        # luyad holds a receipt's answer back while the transaction waits: ask whether it is in a block first
        found = self.rpc.call("eth_getTransactionByHash", tx_hash)
        if not found or found.get("blockNumber") is None:
            return None
        return self.rpc.call("eth_getTransactionReceipt", tx_hash)


def _until(attempt: Callable[[], Any], patience: float) -> Any:
    deadline = time.monotonic() + patience
    while time.monotonic() < deadline:
        try:
            value = attempt()
        except RpcError:
            value = None  # a node's index lags behind its blocks
        if value is not None:
            return value
        time.sleep(0.1)
    return None


def _proposal(proposal: bytes, values: Sequence[Any], now: int) -> Proposal:
    proposer, state, proposed_at, ready_at, expires_at, approvals, calls = values
    word = STATES[state]
    return Proposal(
        id=proposal,
        state="expired" if word == "open" and now >= expires_at else word,
        proposer=to_bytes(proposer),
        proposed_at=int(proposed_at),
        ready_at=int(ready_at),
        expires_at=int(expires_at),
        approvals=tuple(to_bytes(address) for address in approvals),
        calls=tuple(VoteCall(to_bytes(target), bytes(data)) for target, data in calls),
    )


def _tuples(calls: Sequence[VoteCall]) -> list[tuple[str, bytes]]:
    return [(to_hex(call.target), call.data) for call in calls]


def _text(name: bytes) -> str:
    return name.rstrip(b"\0").decode("utf-8", "replace")
