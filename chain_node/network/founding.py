"""Founding a network and joining one: each organisation makes its own keys, and only public parts are exchanged.

The honest way is `prepare` (each for itself), `assemble` (anybody, from the public parts), `adopt` (each for itself:
checks that its own part is in it and that the genesis is what follows from the charter, byte by byte). `init_network`
does all of it on one machine; `join` is `prepare` and `adopt` for a newcomer.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Final

from chain_node.engine.luyad import PORT_NAMES
from chain_node.errors import NetworkError
from chain_node.network.folders import PORT_STEP, NetworkFolder, OrganisationFolder, ValidatorSettings
from chain_node.network.genesis import genesis_plan
from chain_node.network.parts import (
    DEFAULT_POWER,
    Charter,
    FoundingTerms,
    PublicPart,
    check_distinct,
    load_part,
    save,
    slug,
)
from chain_node.network.tool import Luyad
from chain_node.rpc.client import to_hex
from chain_node.storage.durable import make_dir, write_atomic

_UNFINISHED: Final = "unfinished.json"
"""In a second node's folder until all of it is there: whose it will be."""


@dataclass(frozen=True, slots=True)
class OrganisationRequest:
    """What an organisation says of itself when it makes its folder.

    Attributes:
        organisation: its number, from 1.
        name: its name.
        settings: how its node runs on its machine.
        endpoint: host:port under which peers reach it; "" for where it listens.
        power: the weight its validator asks for.
    """

    organisation: int
    name: str
    settings: ValidatorSettings
    endpoint: str = ""
    power: int = DEFAULT_POWER


def prepare(folder: OrganisationFolder, request: OrganisationRequest, luyad: Luyad) -> PublicPart:
    """Make an organisation's keys, where they are missing, and its public part.

    Raises:
        NetworkError: the folder is another organisation's.
    """
    adopted = folder.network.charter_file.exists()
    if adopted and folder.part().organisation != request.organisation:
        raise NetworkError(
            f"{folder.root} holds organisation {folder.part().organisation}, not {request.organisation}: "
            "give each its own folder"
        )
    make_dir(folder.root, 0o700)
    identity = luyad.make_keys(folder.node, moniker(request.organisation))
    part = PublicPart(
        organisation=request.organisation,
        name=request.name,
        member=to_hex(folder.council_key().address),
        node_id=identity.node_id,
        validator_key=identity.validator_key,
        endpoint=request.endpoint or request.settings.address("p2p"),
        power=request.power,
    )
    folder.write_settings(request.settings)
    save(folder.public_file, asdict(part))
    return part


def assemble(network: NetworkFolder, parts: Sequence[PublicPart], terms: FoundingTerms, luyad: Luyad) -> Charter:
    """Charter, plan and genesis from the public parts.

    Raises:
        NetworkError: the parts contradict each other, or there is a network in the folder already.
    """
    if network.charter_file.exists():
        raise NetworkError(f"{network.root} holds a network already: a genesis is made once; choose another folder")
    charter = Charter.of(parts, terms)
    make_dir(network.root)
    _write_plan(network.plan_file, charter)
    luyad.make_genesis(network.plan_file, network.genesis)
    for part in charter.parts:
        network.add_part(part)
    save(network.charter_file, charter.to_json())
    return charter


def adopt(folder: OrganisationFolder, network: NetworkFolder, luyad: Luyad) -> Charter:
    """Take a network's genesis over, after checking it, and configure the node.

    Raises:
        NetworkError: the genesis is not what follows from the charter, the charter says something else of this
            organisation than it does itself, or the node is part of another network already.
    """
    charter, own = network.charter(), folder.part()
    founder = charter.part(own.organisation)
    if founder is not None and founder != own:
        raise NetworkError(
            f"{network.charter_file} says of organisation {own.organisation} what {folder.public_file} does not: "
            f"{_difference(founder, own)}; have the genesis assembled again from your public part"
        )
    if founder is None:
        check_distinct([*(part for part in network.parts() if not _same_node(part, own)), own])
    genesis = _checked_genesis(folder, network, charter, luyad)
    place = folder.node / "config" / "genesis.json"
    if place.exists() and place.read_bytes() != genesis:
        raise NetworkError(f"{folder.node} is part of another network: prepare a new folder")
    mine = folder.network
    for part in network.parts():
        mine.add_part(part)
    _write_plan(mine.plan_file, charter)
    write_atomic(mine.genesis, genesis)
    save(mine.charter_file, charter.to_json())
    write_atomic(place, genesis)
    configure(folder, luyad)
    return charter


def configure(folder: OrganisationFolder, luyad: Luyad) -> None:
    """Write the node's configuration from the organisation's settings and the known public parts."""
    own, settings, network = folder.part(), folder.settings(), folder.network
    options: dict[str, str | int] = {name: settings.address(name) for name in PORT_NAMES}
    others = [part.peer for part in network.parts() if part.node_id != own.node_id]
    if others:
        options["peers"] = ",".join(others)
    if own.endpoint != settings.address("p2p"):
        options["external"] = own.endpoint
    if settings.snapshot_interval:
        options["snapshot-interval"] = settings.snapshot_interval
    options["timeout-commit"] = f"{round(settings.block_time * 1000)}ms"
    options["evm-chain-id"] = network.charter().chain_id
    options["moniker"] = moniker(own.organisation)
    luyad.configure(folder.node, options)


def init_network(
    out: Path, names: Sequence[str], terms: FoundingTerms, luyad: Luyad, *, port: int = 27_000, block_time: float = 1.0
) -> list[OrganisationFolder]:
    """All organisations' folders on one machine, made as if each had made its own.

    Args:
        out: gets a folder for each organisation, and `network/` with what is public.
        names: the organisations'; their numbers count from 1.
        terms: what they agree on.
        luyad: the program.
        port: first port of the first node; each takes `PORT_STEP`.
        block_time: seconds between blocks.

    Raises:
        NetworkError: the folder is not empty, or a name cannot be used.
    """
    places = [slug(name) for name in names]
    if len(set(places) | {"network"}) <= len(places):
        raise NetworkError(f"names must differ in their letters and digits, and none may be 'network': {list(names)}")
    if out.exists() and any(out.iterdir()):
        raise NetworkError(f"{out} is not empty: a network is made once; choose another folder")
    folders = [OrganisationFolder(out / place) for place in places]
    parts = []
    for number, (folder, name) in enumerate(zip(folders, names, strict=True), start=1):
        settings = ValidatorSettings(port + PORT_STEP * (number - 1), block_time=block_time)
        parts.append(prepare(folder, OrganisationRequest(number, name, settings), luyad))
    network = NetworkFolder(out / "network")
    assemble(network, parts, terms, luyad)
    for folder in folders:
        adopt(folder, network, luyad)
    return folders


def join(folder: OrganisationFolder, network: NetworkFolder, request: OrganisationRequest, luyad: Luyad) -> PublicPart:
    """A newcomer's keys and folder. Its node is let in, and then weighs, when the members have voted so.

    Raises:
        NetworkError: its number, name, keys or endpoint are taken.
    """
    charter = network.charter()
    if charter.part(request.organisation) is not None:
        raise NetworkError(f"organisation {request.organisation} is in this network already: choose another number")
    part = prepare(folder, request, luyad)
    adopt(folder, network, luyad)
    return part


def second_node(
    folder: OrganisationFolder,
    original: OrganisationFolder,
    settings: ValidatorSettings,
    luyad: Luyad,
    *,
    endpoint: str = "",
) -> PublicPart:
    """Another node of the same organisation, with node keys of its own and the same voice in the council: a follower,
    or the successor of the validator, to which a vote then moves the weight.

    Args:
        folder: the new node's, empty, or as an interrupted call left it.
        original: the organisation's folder.
        settings: how the new node runs.
        luyad: the program.
        endpoint: host:port under which peers reach it; "" for where it listens.

    Raises:
        NetworkError: the folder holds something else, or the original is part of no network.
    """
    own, unfinished = original.part(), folder.root / _UNFINISHED
    genesis = original.network.genesis.read_bytes()
    if folder.root.exists() and any(folder.root.iterdir()) and not _is_begun(unfinished, own):
        raise NetworkError(f"{folder.root} is not empty: give the second node a folder of its own")
    make_dir(folder.root, 0o700)
    save(unfinished, asdict(own))
    for name in ("keys", "secrets", "network"):
        _copy(original.root / name, folder.root / name, private=name != "network")
    identity = luyad.make_keys(folder.node, moniker(own.organisation))
    write_atomic(folder.node / "config" / "genesis.json", genesis)
    part = replace(
        own,
        node_id=identity.node_id,
        validator_key=identity.validator_key,
        endpoint=endpoint or settings.address("p2p"),
    )
    folder.write_settings(settings)
    folder.network.add_part(own)  # it first syncs from the original
    save(folder.public_file, asdict(part))
    configure(folder, luyad)
    unfinished.unlink()
    return part


def moniker(organisation: int) -> str:
    """A node's name among its peers; CometBFT wants plain ASCII, so not the organisation's own."""
    return f"organisation-{organisation}"


def _is_begun(unfinished: Path, own: PublicPart) -> bool:
    """A second node of this organisation was begun here and not finished."""
    try:
        return load_part(unfinished) == own
    except NetworkError:
        return False


def _copy(source: Path, target: Path, *, private: bool) -> None:
    """Copy a folder; what is private is its owner's alone from the first moment, whatever the umask."""
    make_dir(target, 0o700 if private else 0o755)
    for path in source.iterdir():
        if path.is_dir():
            _copy(path, target / path.name, private=private)
        else:
            write_atomic(target / path.name, path.read_bytes(), 0o600 if private else 0o644)


def _write_plan(path: Path, charter: Charter) -> None:
    write_atomic(path, json.dumps(genesis_plan(charter), indent=1).encode() + b"\n")


def _checked_genesis(folder: OrganisationFolder, network: NetworkFolder, charter: Charter, luyad: Luyad) -> bytes:
    """The network's genesis, after making it again from the charter."""
    plan, made = folder.root / "checked-plan.json", folder.root / "checked-genesis.json"
    try:
        _write_plan(plan, charter)
        luyad.make_genesis(plan, made)
        genesis = made.read_bytes()
    finally:
        plan.unlink(missing_ok=True)
        made.unlink(missing_ok=True)
    if network.genesis.read_bytes() != genesis:
        raise NetworkError(
            f"{network.genesis} is not what follows from {network.charter_file}: whoever assembled it changed it, or "
            "used another version of luyad; do not start with it"
        )
    return genesis


def _same_node(one: PublicPart, other: PublicPart) -> bool:
    """An organisation's part before and after a change of its name or endpoint."""
    return (one.organisation, one.validator_key) == (other.organisation, other.validator_key)


def _difference(theirs: PublicPart, own: PublicPart) -> str:
    mine = asdict(own)
    differing = ((name, value) for name, value in asdict(theirs).items() if value != mine[name])
    return ", ".join(f"{name} {value!r} instead of {mine[name]!r}" for name, value in differing)
