"""`luya network`: networks of several organisations made, joined, and moved to a new node."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from chain_node.errors import NetworkError
from chain_node.network.besu import BesuNode, BesuTerms, make_key, write_besu
from chain_node.network.folders import NetworkFolder, OrganisationFolder, ValidatorSettings
from chain_node.network.founding import OrganisationRequest, adopt, assemble, init_network, join, prepare, second_node
from chain_node.network.parts import FoundingTerms, load_part, slug
from chain_node.network.resync import resync
from chain_node.network.tool import Luyad
from luya.console import tell
from luya.errors import UsageError


def found(
    out: Path,
    organisations: int,
    names: Sequence[str],
    terms: FoundingTerms,
    *,
    port: int,
    block_time: float,
    quiet: bool,
) -> dict[str, Any]:
    """`luya network init`."""
    if names and len(names) != organisations:
        raise UsageError(f"{len(names)} names for {organisations} organisations: give one each")
    chosen = list(names) or [f"organisation-{number}" for number in range(1, organisations + 1)]
    folders = init_network(out, chosen, terms, Luyad.find(), port=port, block_time=block_time)
    charter = folders[0].network.charter()
    if not quiet:
        tell(
            f"网络已建立：{len(folders)} 个机构，链编号 {charter.chain_id}，表决门槛 {charter.threshold}。"
            f"Made: {len(folders)} organisations, chain {charter.chain_id}, {charter.threshold} votes for an act. "
            f"Next: `luya network start {out}`"
        )
        tell("每个机构的目录含其私钥，只交给该机构。Each folder holds its organisation's keys: give it to nobody else.")
    return {
        "chain_id": charter.chain_id,
        "threshold": charter.threshold,
        "organisations": [_told(folder) for folder in folders],
        "network": str(out / "network"),
    }


def make_part(folder: Path, request: OrganisationRequest, *, quiet: bool) -> dict[str, Any]:
    """`luya network prepare`."""
    organisation = OrganisationFolder(folder)
    part = prepare(organisation, request, Luyad.find())
    if not quiet:
        tell(
            f"公开部分 {organisation.public_file}：交给其他机构；目录里的其余内容绝不外传。"
            f"Give {organisation.public_file} to the others, and nothing else from this folder."
        )
    return asdict(part)


def make_network(out: Path, parts: Sequence[Path], terms: FoundingTerms, *, quiet: bool) -> dict[str, Any]:
    """`luya network assemble`."""
    network = NetworkFolder(out)
    charter = assemble(network, [load_part(path) for path in parts], terms, Luyad.find())
    if not quiet:
        tell(
            f"创世文件已生成：把整个 {out} 发给每个机构，各自运行 `luya network adopt`。"
            f"Give all of {out} to every organisation; each runs `luya network adopt FOLDER {out.name}`."
        )
    return {"chain_id": charter.chain_id, "threshold": charter.threshold, "genesis": str(network.genesis)}


def take_over(folder: Path, network: Path) -> dict[str, Any]:
    """`luya network adopt`."""
    organisation = OrganisationFolder(folder)
    charter = adopt(organisation, NetworkFolder(network), Luyad.find())
    return {"chain_id": charter.chain_id, "organisation": organisation.part().organisation, "checked": True}


def newcomer(folder: Path, network: Path, request: OrganisationRequest, *, quiet: bool) -> dict[str, Any]:
    """`luya network join`."""
    organisation = OrganisationFolder(folder)
    part = join(organisation, NetworkFolder(network), request, Luyad.find())
    steps = [
        f"luya network vote admit THEIR_FOLDER {organisation.public_file.name}",
        f"luya network start {folder}",
        f"luya network vote validator THEIR_FOLDER {part.validator_key} --power {part.power} "
        f"--organisation {part.organisation}",
    ]
    if not quiet:
        tell(f"把 {organisation.public_file} 发给各成员。Give {organisation.public_file} to the members. Then:")
        tell(f"1. 各成员表决接纳 every member votes it in:  [bold]{steps[0]}[/bold]")
        tell(f"2. 启动节点并等待同步 start it, wait until it has caught up:  [bold]{steps[1]}[/bold]")
        tell(f"3. 各成员表决其出块权 every member votes its weight:  [bold]{steps[2]}[/bold]")
    return {"public": asdict(part), "votes": [steps[0], steps[2]]}


def second(folder: Path, original: Path, settings: ValidatorSettings, endpoint: str, *, quiet: bool) -> dict[str, Any]:
    """`luya network second`."""
    old = OrganisationFolder(original)
    part = second_node(OrganisationFolder(folder), old, settings, Luyad.find(), endpoint=endpoint)
    before = old.part()
    steps = [
        f"luya network follower {original} {part.node_id}",
        f"luya network start {folder}",
        f"luya network vote rotate THEIR_FOLDER {before.validator_key} {part.validator_key}",
    ]
    if not quiet:
        tell(f"1. 准入 let it in:  [bold]{steps[0]}[/bold]")
        tell(f"2. 启动并等待同步 start it, wait until it has caught up:  [bold]{steps[1]}[/bold]")
        tell(
            "3. 若要接替原验证者，各成员表决；通过后停止并销毁旧节点的密钥。To succeed the validator, every member "
            f"votes (then stop the old node and destroy its key):  [bold]{steps[2]}[/bold]"
        )
    return {"public": asdict(part), "steps": steps}


def begin_again(folder: Path, *, quiet: bool) -> dict[str, Any]:
    """`luya network resync`."""
    aside = resync(OrganisationFolder(folder))
    if not quiet:
        tell(f"旧数据在 the old data is in {aside}；下次启动时从其他节点取回。The next start fetches the chain.")
    return {"replaced": str(aside), "steps": [f"luya network start {folder}"]}


def besu(
    out: Path,
    organisations: int,
    names: Sequence[str],
    enodes: Sequence[str],
    senders: Sequence[str],
    *,
    chain_id: int,
    host: str,
    port: int,
    block_time: int,
    jwt: Path | None,
    quiet: bool,
) -> dict[str, Any]:
    """`luya network besu`."""
    count = len(enodes) or organisations
    if names and len(names) != count:
        raise UsageError(f"{len(names)} names for {count} validators: give one each")
    chosen = list(names) or [f"organisation-{number}" for number in range(1, count + 1)]
    if len(set(map(slug, chosen))) != count:
        raise UsageError(f"names must differ in their letters and digits: {chosen}")
    if out.exists() and any(out.iterdir()):
        raise NetworkError(f"{out} is not empty: a network is made once; choose another folder")
    if enodes:
        nodes = [BesuNode.parse(name, enode) for name, enode in zip(chosen, enodes, strict=True)]
    else:
        keys = [make_key(out / slug(name)) for name in chosen]
        nodes = [
            BesuNode(name, key, host, port + 10 * at) for at, (name, key) in enumerate(zip(chosen, keys, strict=True))
        ]
    pem = jwt.read_text("ascii") if jwt else ""
    terms = BesuTerms(chain_id or 2**32 + secrets.randbelow(2**48), tuple(senders), block_time, jwt_public_key=pem)
    folders = write_besu(out, nodes, terms)
    if not quiet:
        for path in folders:
            tell(f"[green]✓[/green] {path / 'start.sh'}")
        tell(
            "需要 Besu 与 Java 21 或更新版本。Needs Besu and Java 21 or later. Then: "
            f"`luya engine conformance --rpc http://{host}:{port + 1} --finality latest --key FILE`"
        )
    return {
        "chain_id": terms.chain_id,
        "validators": ["0x" + node.address.hex() for node in nodes],
        "folders": [str(path) for path in folders],
    }


def _told(folder: OrganisationFolder) -> dict[str, Any]:
    part, settings = folder.part(), folder.settings()
    return {
        "organisation": part.organisation,
        "name": part.name,
        "folder": str(folder.root),
        "json_rpc": settings.rpc_url,
        "peer": part.peer,
        "member": part.member,
        "validator_key": part.validator_key,
    }
