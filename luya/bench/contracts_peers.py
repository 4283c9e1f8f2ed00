"""The three that `luya bench contracts` compares: the ledger, OpenZeppelin's ERC-1155 with nullifiers, and EAS.

Each is given the same rides and makes call data of them, a batch at a time; afterwards each is asked whether it holds
them.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol

from eth_abi.packed import encode_packed
from eth_hash.auto import keccak

from chain_node.catalogue import by_id
from chain_node.contracts.handles import Contract, LuyaLedger, LuyaViews
from chain_node.deployment.manifest import Manifest
from chain_node.engine.base import no_progress
from chain_node.protocol.arithmetic import worth
from chain_node.protocol.records import Record
from chain_node.protocol.times import year_of
from chain_node.rpc.client import JsonRpc, to_hex
from chain_node.sending.sender import Sender, Tx
from luya.bench.network_load import FEED, METHOD, attested
from luya.bench.peers import eas, nullified_credits
from luya.errors import HomeError
from oracle.attest.batching import GAS_BATCH, gas_of

FIRST_DAY: Final = 18_000
"""In April 2019: all rides are of one year."""
_SLOTS: Final = (50, 110)
_ZERO: Final = b"\0" * 32
_SCHEMA: Final = "bytes32 ride, bytes32 evidence"
_DEPLOY_GAS: Final = 12_000_000
_READ_BACK: Final = 2_000
_AT_ONCE: Final = 200


@dataclass(frozen=True, slots=True)
class Ride:
    """One record, what the law says that it is worth, and whether its rider rode that day before."""

    record: Record
    credits: int
    points: int
    again: bool

    @property
    def nullifier(self) -> bytes:
        """32 bytes of its own."""
        return self.record.evidence


@dataclass(frozen=True, slots=True)
class Sent:
    """A batch in a block. time: the block's timestamp."""

    rides: Sequence[Ride]
    time: int


def rides(accounts: Sequence[bytes], count: int, run: str) -> list[Ride]:
    """So many: the accounts in turn, two rides a day of each. run: makes their evidence its own."""
    method, made = by_id(METHOD).method, []
    for turn in range(count):
        lap, who = divmod(turn, len(accounts))
        day, again = divmod(lap, len(_SLOTS))
        activity = 1_500 + turn % 3_000
        evidence = hashlib.sha256(f"{run}/{turn}".encode()).digest()
        record = Record(accounts[who], METHOD, FIRST_DAY + day, _SLOTS[again], 2, 0, activity, evidence)
        made.append(Ride(record, *worth(method, activity), bool(again)))
    return made


class Contender(Protocol):
    """One of the three.

    Attributes:
        name: as the figures have it.
        versions: of what was deployed, by package.
    """

    name: str
    versions: dict[str, str]

    def gas(self, batch: Sequence[Ride]) -> int:
        """What a batch costs at most."""

    def tx(self, batch: Sequence[Ride], at: int, key: str) -> Tx:
        """The transaction that records the batch. at: how many rides are sent before it since the last check."""

    def check(self, sent: Sequence[Sent]) -> None:
        """It holds what was sent.

        Raises:
            HomeError: it does not.
        """


class Luya:
    """The ledger: `record` under a quorum of two of three.

    Args:
        rpc: the endpoint.
        manifest: the ledger's.
        keys: the signers who sign, by ascending address.
    """

    name = "luya"

    def __init__(self, rpc: JsonRpc, manifest: Manifest, keys: Sequence[bytes]) -> None:
        self.versions: dict[str, str] = {}  # every bench tells this package's own
        self._ledger = LuyaLedger(rpc, manifest.ledger_address)
        self._views = LuyaViews(rpc, manifest.views_address)
        self._domain = manifest.domain
        self._keys = keys
        self._held = self._ledger.next_sequence(FEED)

    def gas(self, batch: Sequence[Ride]) -> int:
        """See `Contender`."""
        return GAS_BATCH + sum(gas_of(ride.again, b"") for ride in batch)

    def tx(self, batch: Sequence[Ride], at: int, key: str) -> Tx:
        """See `Contender`."""
        data = attested(self._ledger, self._domain, self._keys, self._held + at, [ride.record for ride in batch])
        return Tx(self._ledger.address, data, self.gas(batch), key)

    def check(self, sent: Sequence[Sent]) -> None:
        """See `Contender`. Every record has its sequence, and every account what the law gives: none was refused."""
        held = self._ledger.next_sequence(FEED)
        _expect(self.name, "sequences", held - self._held, sum(len(one.rides) for one in sent))
        self._held = held
        wanted = _balances(sent)
        pairs = [(account, year_of(FIRST_DAY)) for account in wanted]
        found = dict(zip(wanted, self._views.balances(pairs), strict=True))
        _expect(self.name, "balances", found, wanted)


class OpenZeppelin:
    """ERC-1155 with a nullifier mapping, called by its owner.

    Args:
        rpc: the endpoint.
        sender: the owner's.
        points: mint the points too, as the ledger does; else credits alone.
    """

    def __init__(self, rpc: JsonRpc, sender: Sender, *, points: bool = True) -> None:
        compiled = nullified_credits()
        self.name = "openzeppelin" if points else "openzeppelin_credits_alone"
        self.versions = {"@openzeppelin/contracts": compiled.version}
        self._contract = _deploy(rpc, sender, compiled.creation(), compiled.abi, self.name)
        self._ids = (10_000 + year_of(FIRST_DAY), 20_000 + year_of(FIRST_DAY) if points else 0)
        self._first, self._again = (78_000, 45_000) if points else (54_000, 38_000)

    def gas(self, batch: Sequence[Ride]) -> int:
        """See `Contender`."""
        return 60_000 + sum(self._again if ride.again else self._first for ride in batch)

    def tx(self, batch: Sequence[Ride], at: int, key: str) -> Tx:
        """See `Contender`."""
        rows = [(to_hex(ride.record.account), ride.credits, ride.points, ride.nullifier) for ride in batch]
        return Tx(self._contract.address, self._contract.data("record", *self._ids, rows), self.gas(batch), key)

    def check(self, sent: Sequence[Sent]) -> None:
        """See `Contender`. Every account has the sum of what was sent, and the nullifiers are used."""
        wanted = _balances(sent)
        accounts = list(wanted)
        for place, token in enumerate(self._ids):
            if not token:
                continue
            for at in range(0, len(accounts), _AT_ONCE):
                some = accounts[at : at + _AT_ONCE]
                found = self._contract.read(
                    "balanceOfBatch", [to_hex(account) for account in some], [token] * len(some)
                )
                _expect(self.name, "balances", list(found), [wanted[account][place] for account in some])
        used = self._contract.read_many([("used", (ride.nullifier,)) for ride, _ in _sample(sent)])
        _expect(self.name, "nullifiers", all(used), True)


class Eas:
    """EAS with its schema registry: one attestation a record, by `multiAttest`, of a schema without a resolver.

    Args:
        rpc: the endpoint.
        sender: the attester's.
    """

    name = "eas"

    def __init__(self, rpc: JsonRpc, sender: Sender) -> None:
        registry, attestations = eas(no_progress)
        self.versions = {"@ethereum-attestation-service/eas-contracts": attestations.version}
        self._attester = sender.address
        schemas = _deploy(rpc, sender, registry.creation(), registry.abi, "schemas")
        resolver = to_hex(bytes(20))
        sender.run([Tx(schemas.address, schemas.data("register", _SCHEMA, resolver, True), 500_000, "schema")])
        self._schema = keccak(encode_packed(["string", "address", "bool"], [_SCHEMA, resolver, True]))
        creation = attestations.creation(to_hex(schemas.address))
        self._contract = _deploy(rpc, sender, creation, attestations.abi, self.name)

    def gas(self, batch: Sequence[Ride]) -> int:
        """See `Contender`."""
        return 80_000 + 200_000 * len(batch)

    def tx(self, batch: Sequence[Ride], at: int, key: str) -> Tx:
        """See `Contender`."""
        rows = [(to_hex(ride.record.account), 0, True, _ZERO, _attested_data(ride), 0) for ride in batch]
        data = self._contract.data("multiAttest", [(self._schema, rows)])
        return Tx(self._contract.address, data, self.gas(batch), key)

    def check(self, sent: Sequence[Sent]) -> None:
        """See `Contender`. Attestations are read back under the ids that EAS computes of their content."""
        sample = _sample(sent)
        for at in range(0, len(sample), _AT_ONCE):
            some = sample[at : at + _AT_ONCE]
            calls = [("getAttestation", (self._uid(ride, time),)) for ride, time in some]
            found = [(row[6], row[9]) for row in self._contract.read_many(calls)]
            _expect(
                self.name, "attestations", found, [(to_hex(one.record.account), _attested_data(one)) for one, _ in some]
            )

    def _uid(self, ride: Ride, time: int) -> bytes:
        types = ["bytes32", "address", "address", "uint64", "uint64", "bool", "bytes32", "bytes", "uint32"]
        recipient, attester = to_hex(ride.record.account), to_hex(self._attester)
        values = [self._schema, recipient, attester, time, 0, True, _ZERO, _attested_data(ride), 0]
        return keccak(encode_packed(types, values))


def _attested_data(ride: Ride) -> bytes:
    """64 bytes, as the ledger's record has: less than EAS's usual word a field. The account is the recipient."""
    return ride.record.encode()[20:32].rjust(32, b"\0") + ride.record.evidence


def _balances(sent: Sequence[Sent]) -> dict[bytes, tuple[int, int]]:
    """account → (credits, millipoints) of what was sent."""
    sums: dict[bytes, tuple[int, int]] = {}
    for one in sent:
        for ride in one.rides:
            credits, points = sums.get(ride.record.account, (0, 0))
            sums[ride.record.account] = (credits + ride.credits, points + ride.points)
    return sums


def _sample(sent: Sequence[Sent]) -> list[tuple[Ride, int]]:
    """(ride, time of its block): all of a small run, evenly some of a large one."""
    everything = [(ride, one.time) for one in sent for ride in one.rides]
    return everything[:: max(1, len(everything) // _READ_BACK)]


def _deploy(rpc: JsonRpc, sender: Sender, creation: bytes, abi: Any, name: str) -> Contract:
    (receipt,) = sender.run([Tx(None, creation, _DEPLOY_GAS, f"deploy-{name}")])
    assert receipt.contract is not None
    return Contract(rpc, receipt.contract, abi)


def _expect(name: str, what: str, found: object, wanted: object) -> None:
    if found != wanted:
        raise HomeError(
            f"{name} does not hold what it was sent: {what} are {str(found)[:200]}, not {str(wanted)[:200]}"
        )
