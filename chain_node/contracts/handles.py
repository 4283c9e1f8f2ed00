"""The compiled contracts that ship with the package, and typed handles on deployed ones."""

from __future__ import annotations

import functools
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from importlib import resources
from typing import Any, Final

from eth_abi.abi import encode as abi_encode

from chain_node.contracts.abi import Abi
from chain_node.errors import ContractError, RevertReason, RpcError
from chain_node.rpc.client import JsonRpc, to_bytes, to_hex

NAMES: Final = ("AccessManager", "LuyaLedger", "LuyaLaw", "LuyaViews", "Administration")
LAW: Final = "LuyaLaw"
LAW_TYPES: Final = ((0x41, 0x44),)
"""The law is a module too; without it no ledger records anything, so a manifest names it by itself."""
MODULES: Final[Mapping[str, tuple[tuple[int, int], ...]]] = {
    "LuyaControllers": ((0x48, 0x4A), (0x4D, 0x4D), (0x4F, 0x4F)),
    "LuyaAgents": ((0x4B, 0x4C), (0x4E, 0x4E)),
    "LuyaProjects": ((0x18, 0x1D),),
    "LuyaRewards": ((0x10, 0x13),),
    "LuyaRetirement": ((0x28, 0x28),),
}
"""Module → the entry types that it owns, as (first, last). Each is made with (authority, ledger); they are deployed in
this order and wired before anything is imported."""
GOVERNANCE: Final = ("Council", "Validators", "Permissions")
"""What stands in the genesis of a luyad network, beside an AccessManager of its own."""
VIEW_CHUNK: Final = 400
"""Keys in one call of a bulk view: keeps a call below 10 M gas (each key costs up to three cold reads)."""


@dataclass(frozen=True, slots=True)
class Artefact:
    """A compiled contract.

    Attributes:
        name: its name.
        abi: its interface.
        bytecode: creation code, without constructor arguments.
        code_hash: keccak-256, 0x hex, of the deployed code with its immutables zero.
        immutables: (start, length) of each immutable's place in the deployed code.
    """

    name: str
    abi: Abi
    bytecode: bytes
    code_hash: str
    immutables: tuple[tuple[int, int], ...]

    def creation(self, *arguments: Any) -> bytes:
        """Creation code with constructor arguments."""
        return self.bytecode + abi_encode(self.abi.constructor, arguments)


@functools.cache
def artefact(name: str) -> Artefact:
    """A shipped artefact.

    Raises:
        ContractError: the package lacks it.
    """
    source = resources.files("chain_node") / "artefacts" / f"{name}.json"
    try:
        value = json.loads(source.read_text("utf-8"))
    except FileNotFoundError:
        raise ContractError(f"the package lacks the artefact {name}: compile the contracts, or reinstall") from None
    places = tuple((int(place["start"]), int(place["length"])) for place in value["immutableReferences"])
    return Artefact(name, Abi(value["abi"]), to_bytes(value["bytecode"]), value["codeHash"], places)


@functools.cache
def all_errors() -> Abi:
    """Custom errors of all shipped contracts: a call of one may surface another's."""
    return Abi([]).merged(*(artefact(name).abi for name in (*NAMES, *MODULES, *GOVERNANCE)))


class Contract:
    """A deployed contract.

    Args:
        rpc: the endpoint.
        address: 20 bytes.
        abi: its interface.
    """

    def __init__(self, rpc: JsonRpc, address: bytes, abi: Abi) -> None:
        self.rpc = rpc
        self.address = address
        self.abi = abi

    def data(self, name: str, *arguments: Any) -> bytes:
        """Call data, for a transaction."""
        return self.abi.function(name).data(*arguments)

    def read(self, name: str, *arguments: Any, block: str = "latest") -> Any:
        """Call a view.

        Raises:
            ContractError: it reverted; `reason` says why.
        """
        function = self.abi.function(name)
        request = {"to": to_hex(self.address), "data": to_hex(function.data(*arguments))}
        try:
            return function.result(to_bytes(self.rpc.call("eth_call", request, block)))
        except RpcError as error:
            raise _refused(name, error) from error

    def read_many(self, calls: Sequence[tuple[str, Sequence[Any]]], block: str = "latest") -> list[Any]:
        """Call many views in one JSON-RPC batch."""
        functions = [self.abi.function(name) for name, _ in calls]
        requests = [
            ("eth_call", [{"to": to_hex(self.address), "data": to_hex(function.data(*arguments))}, block])
            for function, (_, arguments) in zip(functions, calls, strict=True)
        ]
        results = []
        for function, answer in zip(functions, self.rpc.batch(requests), strict=True):
            if isinstance(answer, RpcError):
                raise _refused(function.name, answer) from answer
            results.append(function.result(to_bytes(answer)))
        return results


def revert_reason(error: RpcError) -> RevertReason:
    """Why a call was refused, from an engine's answer."""
    return all_errors().decode_error(error.data) if error.data else RevertReason(note=error.message)


def _refused(function: str, error: RpcError) -> ContractError:
    reason = revert_reason(error)
    return ContractError(f"{function}: {reason}", reason)


class LuyaLedger(Contract):
    """`LuyaLedger`."""

    def __init__(self, rpc: JsonRpc, address: bytes) -> None:
        super().__init__(rpc, address, artefact("LuyaLedger").abi)

    def log_size(self) -> int:
        """Entries in the log."""
        return int(self.read("logSize"))

    def root(self) -> bytes:
        """The log's root."""
        return bytes(self.read("root"))

    def root_at(self, size: int) -> bytes | None:
        """The root at a size at which a call ended, else None."""
        root = bytes(self.read("rootAt", size))
        return root if any(root) else None

    def next_sequence(self, feed: int) -> int:
        """The sequence that the feed's next record takes."""
        return int(self.read("nextSequence", feed))

    def is_sealed(self) -> bool:
        """The import phase is over."""
        return bool(self.read("isSealed"))

    def domain_salt(self) -> bytes:
        """Salt of the EIP-712 domain."""
        return bytes(self.read("domainSalt"))

    def record_data(
        self,
        feed: int,
        first_sequence: int,
        records: bytes,
        nullifiers: bytes,
        config_digest: bytes,
        signatures: bytes,
    ) -> bytes:
        """Call data of `record`; see `ILuyaLedger`."""
        return self.data("record", feed, first_sequence, records, nullifiers, config_digest, signatures)


class LuyaLaw(Contract):
    """`LuyaLaw`."""

    def __init__(self, rpc: JsonRpc, address: bytes) -> None:
        super().__init__(rpc, address, artefact("LuyaLaw").abi)


class LuyaViews(Contract):
    """`LuyaViews`: bulk reads, cut into calls that any engine answers."""

    def __init__(self, rpc: JsonRpc, address: bytes) -> None:
        super().__init__(rpc, address, artefact("LuyaViews").abi)

    def accounts(self, addresses: Iterable[bytes]) -> list[tuple[int, int, int, int, int, int, int]]:
        """(state, epoch, vintage, credits, millipoints, credits debt, millipoints debt) of each."""
        return self._many("accounts", [to_hex(address) for address in addresses])

    def balances(self, pairs: Sequence[tuple[bytes, int]]) -> list[tuple[int, int]]:
        """(credits, millipoints) of each (account, year)."""
        chunks = [pairs[at : at + VIEW_CHUNK] for at in range(0, len(pairs), VIEW_CHUNK)]
        calls = [
            ("balances", ([to_hex(account) for account, _ in chunk], [year for _, year in chunk])) for chunk in chunks
        ]
        return [row for rows in self.read_many(calls) for row in rows]

    def words(self, keys: Iterable[int]) -> list[int]:
        """Slot words by key."""
        return self._many("words", list(keys))

    def totals(self, years: Iterable[int]) -> list[tuple[int, int, int, int]]:
        """(credits minted, millipoints minted, credits revoked, millipoints revoked) of each vintage."""
        return self._many("totals", list(years))

    def nullifiers(self, keys: Iterable[bytes]) -> list[int]:
        """Entry index + 1 of each, 0 where unused."""
        return self._many("nullifiers", list(keys))

    def revoked(self, indexes: Iterable[int]) -> list[bool]:
        """Whether each entry was revoked."""
        return self._many("revoked", list(indexes))

    def identities(self, keys: Iterable[bytes]) -> list[bytes]:
        """The account of each identity nullifier, zero where there is none."""
        return [to_bytes(address) for address in self._many("identities", list(keys))]

    def feed_states(self, feeds: Iterable[int]) -> list[tuple[int, int, int, int]]:
        """(next sequence, cap day, credits used, millipoints used) of each feed."""
        return self.read_many([("feedState", (feed,)) for feed in feeds])

    def _many(self, name: str, keys: list[Any]) -> list[Any]:
        chunks = [keys[at : at + VIEW_CHUNK] for at in range(0, len(keys), VIEW_CHUNK)]
        return [row for rows in self.read_many([(name, (chunk,)) for chunk in chunks]) for row in rows]


class AccessManager(Contract):
    """OpenZeppelin's `AccessManager`."""

    def __init__(self, rpc: JsonRpc, address: bytes) -> None:
        super().__init__(rpc, address, artefact("AccessManager").abi)

    def has_role(self, role: int, account: bytes) -> tuple[bool, int]:
        """(is a member, execution delay in seconds)."""
        member, delay = self.read("hasRole", role, to_hex(account))
        return bool(member), int(delay)
