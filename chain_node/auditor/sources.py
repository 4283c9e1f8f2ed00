"""Contracts rebuilt from source, compared with what is deployed: code, immutables, what the constructors stored.

Immutables are zero in the compiler's output and filled in by the constructor, so code is compared with these bytes
masked, and the values themselves are compared with what they must be. On a difference the compiler's trailing metadata
is read, which tells a wrong compiler or setting from a wrong source.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

from chain_node.auditor.chain import Facts
from chain_node.auditor.metadata import setting_of
from chain_node.contracts.handles import LAW, LAW_TYPES, MODULES, Contract, artefact
from chain_node.errors import ContractError, ContractSourceError
from chain_node.rpc.client import JsonRpc, to_bytes, to_hex

GENESIS: Final = {
    "AccessManager": 0x4C75796100,
    "Validators": 0x4C75796101,
    "Council": 0x4C75796102,
    "Permissions": 0x4C75796103,
}
"""Contracts at fixed addresses in a luyad network's genesis."""


@dataclass(frozen=True, slots=True)
class Deployed:
    """A contract to check.

    Attributes:
        name: in the sources.
        address: 20 bytes.
        values: immutable's name → what it must be, as the bytes of its word's end.
        reads: view's name → what it must answer.
    """

    name: str
    address: bytes
    values: Mapping[str, bytes]
    reads: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Finding:
    """A difference. offset: of the first differing byte of the code, -1 where it is not the code."""

    contract: str
    what: str
    offset: int
    expected: str
    found: str


@dataclass(frozen=True, slots=True)
class SourceVerdict:
    """One contract's comparison; right where `findings` is empty. size: bytes of code; immutables: as deployed."""

    name: str
    address: str
    size: int
    immutables: dict[str, str]
    findings: tuple[Finding, ...]


@dataclass(frozen=True, slots=True)
class Built:
    """A contract as compiled here. immutables: name → (start, length) of each place in the code."""

    name: str
    code: bytes
    immutables: dict[str, tuple[tuple[int, int], ...]]


def standard_input(sources: Path | None = None) -> dict[str, Any]:
    """The compiler's input that ships with the package, with the texts of `sources` in place of its own, if given.

    Args:
        sources: a checkout: `contracts/…` in it, packages under `node_modules`.

    Raises:
        ContractSourceError: a source is missing there.
    """
    path = resources.files("chain_node") / "artefacts" / "standard-input.json"
    value: dict[str, Any] = json.loads(path.read_text("utf-8"))
    if sources is not None:
        for name in value["sources"]:
            value["sources"][name] = {"content": _source(sources, name)}
    return value


def differing_sources(value: Mapping[str, Any]) -> list[str]:
    """Names of sources whose text is not the shipped one."""
    shipped = standard_input()["sources"]
    return [name for name, source in value["sources"].items() if source != shipped[name]]


def compiler_version() -> str:
    """The version that the shipped artefacts were compiled with, such as 0.8.28."""
    path = resources.files("chain_node") / "artefacts" / "LuyaLedger.json"
    return str(json.loads(path.read_text("utf-8"))["compiler"]).partition("+")[0]


def build(output: Mapping[str, Any], names: Sequence[str]) -> dict[str, Built]:
    """Contracts of the compiler's output by name; it must have been asked for `ast` too (`with_ast`).

    Raises:
        ContractSourceError: one is not in it.
    """
    labels = {
        str(node["id"]): str(node["name"])
        for source in output["sources"].values()
        for contract in source.get("ast", {"nodes": ()})["nodes"]
        for node in contract.get("nodes", ())
        if node["nodeType"] == "VariableDeclaration"
    }
    found: dict[str, Built] = {}
    for contracts in output["contracts"].values():
        for name, contract in contracts.items():
            code = contract["evm"]["deployedBytecode"]
            if name in names and code["object"]:
                places = {
                    labels.get(key, key): tuple((one["start"], one["length"]) for one in references)
                    for key, references in code["immutableReferences"].items()
                }
                found[name] = Built(name, bytes.fromhex(code["object"]), places)
    if missing := set(names) - set(found):
        raise ContractSourceError(f"the sources have no contract {', '.join(sorted(missing))}")
    return found


def with_ast(value: Mapping[str, Any], names: Collection[str]) -> dict[str, Any]:
    """The same input, asking only for these contracts, and for the syntax trees that name immutables.

    What is asked for does not change the code, but a syntax tree costs the compiler seconds.
    """
    selection: dict[str, dict[str, list[str]]] = {}
    for source, text in value["sources"].items():
        wanted = {Path(source).stem: ["evm.deployedBytecode"]} if Path(source).stem in names else {}
        trees = {"": ["ast"]} if " immutable " in text["content"] else {}
        if wanted or trees:
            selection[source] = wanted | trees
    return {**value, "settings": {**value["settings"], "outputSelection": selection}}


def check(rpc: JsonRpc, built: Mapping[str, Built], contracts: Sequence[Deployed]) -> list[SourceVerdict]:
    """Compare each contract's code, immutables and stored values with the chain's."""
    answers = rpc.batch([("eth_getCode", [to_hex(one.address), "latest"]) for one in contracts])
    return [
        _verdict(rpc, built[one.name], one, to_bytes(answer) if isinstance(answer, str) else b"")
        for one, answer in zip(contracts, answers, strict=True)
    ]


def is_there(rpc: JsonRpc, address: bytes) -> bool:
    """Whether a contract is deployed at the address."""
    return rpc.call("eth_getCode", to_hex(address), "latest") not in ("0x", None)


def _verdict(rpc: JsonRpc, built: Built, wanted: Deployed, code: bytes) -> SourceVerdict:
    findings = _code(built, code)
    values: dict[str, str] = {}
    if len(code) == len(built.code):
        for name, places in built.immutables.items():
            words = {code[start : start + length] for start, length in places}
            values[name] = "/".join(sorted(to_hex(word) for word in words))
            right = wanted.values.get(name)
            if right is not None and words != {right.rjust(places[0][1], b"\0")}:
                first = next(at for at, n in places if code[at : at + n] != right.rjust(n, b"\0"))
                findings.append(Finding(built.name, f"immutable {name}", first, to_hex(right), values[name]))
    findings += _stored(rpc, wanted) if code else []
    return SourceVerdict(built.name, to_hex(wanted.address), len(code), values, tuple(findings))


def _code(built: Built, code: bytes) -> list[Finding]:
    own, there = bytearray(built.code), bytearray(code)
    for places in built.immutables.values():
        for start, length in places:
            own[start : start + length] = bytes(length)
            if start + length <= len(there):
                there[start : start + length] = bytes(length)
    if own == there:
        return []
    if not code:
        return [Finding(built.name, "code", 0, f"{len(own)} bytes of code", "no contract")]
    offset = next((at for at, (a, b) in enumerate(zip(own, there, strict=False)) if a != b), min(len(own), len(there)))
    cut = slice(offset, offset + 16)
    findings = [Finding(built.name, "code", offset, to_hex(bytes(own[cut])), to_hex(bytes(there[cut])))]
    findings += [Finding(built.name, what, -1, right, found) for what, right, found in setting_of(built.code, code)]
    if len(own) != len(there):
        findings.append(Finding(built.name, "length", -1, f"{len(own)} bytes", f"{len(there)} bytes"))
    return findings


def _stored(rpc: JsonRpc, wanted: Deployed) -> list[Finding]:
    """What the constructor stored, by the contract's own views; its code was compared, so they say what they must."""
    contract = Contract(rpc, wanted.address, artefact(wanted.name).abi)
    findings = []
    for view, right in wanted.reads.items():
        name, _, argument = view.partition(":")
        try:
            found = contract.read(name, *([int(argument)] if argument else []))
        except ContractError as error:
            found = str(error)
        if found != right:
            findings.append(Finding(wanted.name, f"{name}({argument})", -1, _text(right), _text(found)))
    return findings


def _text(value: Any) -> str:
    return to_hex(value) if isinstance(value, bytes) else str(value)


def _source(folder: Path, name: str) -> str:
    for path in (folder / name, folder / "node_modules" / name):
        if path.is_file():
            return path.read_text("utf-8")
    raise ContractSourceError(f"{folder} has no source {name}: give a checkout with its packages installed (npm ci)")


def of_ledger(
    facts: Facts,
    authority: bytes,
    views: bytes | None,
    administration: bytes | None = None,
    modules: Mapping[str, bytes] = MappingProxyType({}),
) -> list[Deployed]:
    """The ledger's contracts, and what their constructors must have set; modules: by name, as they were deployed."""
    ledger, law = facts.ledger, facts.law
    owners: dict[str, Any] = {}
    for name, address in {LAW: law, **modules}.items():
        for first, last in {LAW: LAW_TYPES, **MODULES}.get(name, ()):
            owners |= {f"module:{entry_type}": to_hex(address) for entry_type in range(first, last + 1)}
    reads = {"logOrigin": facts.origin, "authority": to_hex(authority), "isSealed": True} | owners
    nonce = {"_genesisNonce": facts.genesis_nonce, "_domainSalt": facts.domain.salt}
    contracts = [
        Deployed("LuyaLedger", ledger, nonce, reads),
        Deployed("LuyaLaw", law, {"_ledger": ledger}, {"authority": to_hex(authority), "ledger": to_hex(ledger)}),
        Deployed("AccessManager", authority, {}, {}),
    ]
    if views is not None:
        values = {"_ledger": ledger, "_law": law}
        contracts.append(Deployed("LuyaViews", views, values, {"ledger": to_hex(ledger), "law": to_hex(law)}))
    if administration is not None:
        reads = {"manager": to_hex(authority), "authority": to_hex(authority)}
        contracts.append(Deployed("Administration", administration, {"_manager": authority}, reads))
    own = {"authority": to_hex(authority), "ledger": to_hex(ledger)}
    contracts += [Deployed(name, address, {"_ledger": ledger}, own) for name, address in modules.items()]
    return contracts


def of_genesis(rpc: JsonRpc, known: Mapping[str, Any]) -> list[Deployed]:
    """A luyad network's own contracts, those that the sources know and the chain has.

    Args:
        rpc: the endpoint.
        known: what the sources contain, by name.
    """
    found = []
    for name, number in GENESIS.items():
        address = number.to_bytes(20, "big")
        if name in known and is_there(rpc, address):
            values = {"_council": GENESIS["Council"].to_bytes(20, "big")}
            found.append(Deployed(name, address, values, {}))
    return found


def contract_names(value: Mapping[str, Any]) -> set[str]:
    """Names of files of the compiler's input: here each holds the contract of its name."""
    return {Path(name).stem for name in value["sources"]}
