"""`luya fsck` and `luya rebuild`: a ledger is compared with its archive, or made again from it."""

from __future__ import annotations

from contextlib import suppress
from functools import partial
from typing import Any

from rich.markup import escape

from api.errors import ApiError
from api.projection.compare import compare
from chain_node.archive.reader import ArchiveReader
from chain_node.deployment.manifest import Manifest
from chain_node.errors import (
    ArchiveError,
    ContractError,
    EngineError,
    FollowerError,
    RpcError,
    RpcUnavailable,
)
from chain_node.node.fsck import FsckResult
from chain_node.node.fsck import fsck as check
from chain_node.operations.state import PATIENCE, must_answer
from luya.console import Advance, progress, tell
from luya.engine.choice import NOTHING_ASKED, EngineOptions
from luya.errors import HomeError
from luya.home import LuyaHome
from luya.session.session import Session, opened

SHOWN = 20
SILENCE = 5.0
"""Seconds without any sign of life after which an engine that has answered before counts as gone."""
_ATTEMPTS = 3


def fsck(home: LuyaHome, *, deep: bool, quiet: bool, comet_url: str | None = None) -> dict[str, Any]:
    """Replays the archive and compares root, balances, words, totals and law with the chain and the read model.

    comet_url: CometBFT's RPC of a luyad node of this chain, to list storage by; None takes the home's own luyad.
    """
    manifest = Manifest.load(home.manifest)
    with progress() as advance:
        try:
            must_answer(home, advance)
            result, differences = _compared(home, manifest, deep, comet_url, advance)
        except ArchiveError as error:
            # so damaged that nothing can be opened on it
            result, differences = _alone(home, manifest, deep, advance)
            differences.insert(0, f"archive: opening: expected an archive that can be gone on with, found {error}")
        except (FollowerError, EngineError, RpcError, RpcUnavailable, ContractError) as error:
            result, differences = _alone(home, manifest, deep, advance)
            differences.insert(0, f"chain: opening: expected one that answers and continues the archive, found {error}")
    if not quiet:
        _tell(result, differences)
        if deep and result.storage_words is None:
            tell("未列出合约存储。The storage was not listed, so no hidden word was looked for (threat-model.md).")
        elif deep:
            tell(f"合约存储已逐字核对。All {result.storage_words:,} words of the ledger's storage were looked at.")
    return {
        "ok": not differences,
        "log_size": result.log_size,
        "log_root": result.log_root.hex(),
        "credits_mg": result.credits_mg,
        "millipoints": result.millipoints,
        "differences": differences,
        "storage_words": result.storage_words,
    }


def _alone(home: LuyaHome, manifest: Manifest, deep: bool, advance: Advance) -> tuple[FsckResult, list[str]]:
    """What the archive alone shows."""
    result = check(ArchiveReader(home.archive), log_key=manifest.log_key, deep=deep, progress=advance)
    return result, [str(difference) for difference in result.differences]


def _compared(
    home: LuyaHome, manifest: Manifest, deep: bool, comet_url: str | None, advance: Advance
) -> tuple[FsckResult, list[str]]:
    with opened(home, advance=advance, silence=SILENCE) as session:
        ledger = session.node.ledger
        for _ in range(_ATTEMPTS):
            size = ledger.log_size()
            found = _compare(session, manifest, deep, comet_url, advance)
            if not found[1] or ledger.log_size() == size:
                return found
            # somebody ingests: what was compared was not of one moment
        raise HomeError(f"the ledger of {home.root} is being written to: run fsck again when no ingest runs")


def _compare(
    session: Session, manifest: Manifest, deep: bool, comet_url: str | None, advance: Advance
) -> tuple[FsckResult, list[str]]:
    node = session.node
    with suppress(EngineError):  # the archive stays behind: its size says so
        node.catch_up(PATIENCE)
    result = check(
        node.archive,
        log_key=node.manifest.log_key or manifest.log_key,
        chain=(node.rpc, node.manifest),
        deep=deep,
        list_storage=partial(node.list_storage, comet_url=comet_url),
        progress=advance,
    )
    differences = [str(difference) for difference in result.differences]
    try:
        session.project()
        found = compare(session.database, node.archive, result.state, lambda d, t: advance("read model", d, t))
        differences += [f"read model: {one.where}: expected {one.expected}, found {one.found}" for one in found]
    except (ApiError, ArchiveError) as error:
        differences.append(f"read model: {error}")
    return result, differences


def rebuild(home: LuyaHome, *, quiet: bool, asked: EngineOptions = NOTHING_ASKED) -> dict[str, Any]:
    """A new chain from the archive, sealed at the same root; signed but unrecorded batches are signed again later.

    Raises:
        HomeError: there is nothing to rebuild.
    """
    before = ArchiveReader(home.archive).checkpoint()
    if before is None and not home.manifest.exists():
        raise HomeError(f"{home.root} has neither an archive nor a ledger: there is nothing to rebuild; check --home")
    with progress() as advance, opened(home, advance=advance, rebuild=True, asked=asked) as session:
        if not session.node.owner:
            raise HomeError(f"a node runs on {home.root}: stop it, then rebuild")
        session.node.catch_up()
        size, root = session.node.ledger.log_size(), session.node.ledger.root()
        session.project()
    if not quiet:
        tell(f"已由归档重建：{size:,} 条记录。Rebuilt from the archive: {size:,} entries, root {root.hex()}.")
    return {
        "log_size": size,
        "log_root": root.hex(),
        "sealed_at": before.size if before else 0,
        "sealed_root": before.root.hex() if before else "",
        "engine": session.node.engine.name,
    }


def _tell(result: FsckResult, differences: list[str]) -> None:
    tell(f"{result.log_size:,} 条记录已重放。{result.log_size:,} entries replayed, root {result.log_root.hex()}.")
    if not differences:
        tell("[green]一致 ok[/green]: archive, chain and read model agree.")
        return
    tell(f"[red]{len(differences)} 处不一致 differences[/red]")
    for difference in differences[:SHOWN]:
        tell(f"  {escape(difference)}")
    if len(differences) > SHOWN:
        tell(f"  … {len(differences) - SHOWN} more in the JSON")
