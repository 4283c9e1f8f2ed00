"""`luya network`: the organisations' nodes on this machine started, and looked at with their council."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from rich.markup import escape
from rich.table import Table

from chain_node.errors import NetworkError, NodeError
from chain_node.network.council import CouncilReader, Proposal
from chain_node.network.folders import OrganisationFolder, organisations_in
from chain_node.network.running import NodeState, node_state, start_all, validators_in_force
from chain_node.network.tool import Luyad
from chain_node.network.votes import Governance, describe
from chain_node.rpc.client import JsonRpc
from chain_node.supervisor.fleet import Fleet
from chain_node.supervisor.problems import Problem
from luya import logs
from luya.console import speak_by_log, story, tell
from luya.errors import UsageError

_NOT_IN_FORCE = (
    "出块的验证者与合约中的名单不同：刚表决的变更在两个区块后生效；若一直如此，名单无法使用，原因见节点日志。"
    "The validators that make blocks are not those of the contract: a vote takes effect two blocks later; where it "
    "stays so, the contract's set cannot be used (the nodes' logs say why) and the one before goes on: vote the bad "
    "entry out."
)


def start(folder: Path, only: Sequence[str], *, quiet: bool) -> dict[str, Any]:
    """`luya network start`: until Ctrl-C or SIGTERM; a node that ends is started again, one's end ends no other.

    Raises:
        EngineLost: all of them are beyond mending.
    """
    logs.configure(service="network")
    if logs.as_json():
        speak_by_log()
    folders = chosen_folders(folder, only)
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    nodes = start_all(folders, Luyad.find())
    try:
        if not quiet:
            for node in nodes:
                tell(f"[green]✓[/green] {node.folder.part().name}  {node.rpc_url}  (pid {node.pid})")
            tell("Ctrl-C 停止。Ctrl-C stops them.")
        fleet = Fleet(nodes, _tell_problems)
        try:
            while not stop.wait(1.0):
                if len(fleet.lost) == len(nodes):
                    raise fleet.lost[0].failure or NetworkError("all nodes are lost: see their logs")
        finally:
            fleet.close()
    finally:
        for node in nodes:
            node.stop()
    return {"stopped": len(nodes)}


def _tell_problems(name: str, problems: Sequence[Problem]) -> None:
    if not problems:
        tell(f"[green]✓[/green] {name}  恢复正常。All is well again.")
    for one in problems:
        said = one.as_json()
        tell(f"[yellow]{name} {said['severity']} {one.code}[/yellow] {escape(said['what']['en'])}")
        tell(f"  {escape(said['do']['zh'])} {escape(said['do']['en'])}")


def status(folder: Path, *, quiet: bool) -> dict[str, Any]:
    """`luya network status`."""
    folders = organisations_in(folder)
    states = [node_state(each) for each in folders]
    governance, in_force = None, True
    for each in folders:
        governance = _governance(each)
        if governance is not None:
            makers = validators_in_force(each)
            in_force = makers is None or makers == {one.key: one.power for one in governance.validators}
            break
    if not quiet:
        story.print(_table(states))
        if governance is not None:
            story.print(_summary(governance), soft_wrap=True)
        if not in_force:
            tell(f"[yellow]![/yellow] {_NOT_IN_FORCE}")
    return {
        "ok": all(state.ok for state in states),
        "set_in_force": in_force,
        "nodes": [asdict(state) for state in states],
        "governance": None if governance is None else _plain(governance),
    }


def council(folder: Path, rpc: str | None, *, quiet: bool) -> dict[str, Any]:
    """`luya network council`: members and open proposals."""
    url = rpc or _answering(organisations_in(folder))
    with JsonRpc(url) as client:
        reader = CouncilReader(client)
        governance, proposals = reader.governance(), reader.open_proposals()
    names = {member.address: member.name for member in governance.members}
    if not quiet:
        story.print(_summary(governance), soft_wrap=True)
        for proposal in proposals:
            _show(proposal, governance.threshold, names)
        if not proposals:
            tell("没有待决提案。No open proposals.")
    return {
        **_plain(governance),
        "proposals": [proposal_json(proposal, governance.threshold) for proposal in proposals],
    }


def chosen_folders(folder: Path, only: Sequence[str]) -> list[OrganisationFolder]:
    """The organisations' folders, all or those named by name or number.

    Raises:
        UsageError: a name that is not there.
    """
    folders = organisations_in(folder)
    if not only:
        return folders
    by_word = {
        word: each for each in folders for word in (each.root.name, each.part().name, str(each.part().organisation))
    }
    unknown = [word for word in only if word not in by_word]
    if unknown:
        there = ", ".join(each.root.name for each in folders)
        raise UsageError(f"there is no organisation {', '.join(unknown)} in {folder}; there are {there}")
    return [by_word[word] for word in dict.fromkeys(only)]


def proposal_json(proposal: Proposal, threshold: int) -> dict[str, Any]:
    """A proposal, for programs."""
    return {
        "id": "0x" + proposal.id.hex(),
        "state": proposal.state,
        "proposer": "0x" + proposal.proposer.hex(),
        "approvals": ["0x" + address.hex() for address in proposal.approvals],
        "threshold": threshold,
        "ready_at": proposal.ready_at or None,
        "expires_at": proposal.expires_at,
        "calls": describe(proposal.calls),
    }


def _show(proposal: Proposal, threshold: int, names: dict[bytes, str]) -> None:
    ready = "可执行 ready" if proposal.ready_at and proposal.ready_at <= time.time() else proposal.state
    tell(f"[bold]0x{proposal.id.hex()}[/bold]  {len(proposal.approvals)}/{threshold}  {ready}")
    tell("   赞成 approve: " + ", ".join(names.get(address, "0x" + address.hex()) for address in proposal.approvals))
    for line in describe(proposal.calls):
        story.print("   " + line, soft_wrap=True, markup=False)


def _answering(folders: Sequence[OrganisationFolder]) -> str:
    for folder in folders:
        url = folder.settings().rpc_url
        try:
            with JsonRpc(url, timeout=3) as rpc:
                rpc.call("eth_chainId")
            return url
        except NodeError:
            continue
    raise NetworkError("no node of this folder answers: start one (`luya network start`), or give --rpc")


def _governance(folder: OrganisationFolder) -> Governance | None:
    try:
        with JsonRpc(folder.settings().rpc_url, timeout=3) as rpc:
            return CouncilReader(rpc).governance()
    except NodeError:
        return None


def _plain(governance: Governance) -> dict[str, Any]:
    return {
        "members": [
            {"organisation": one.organisation, "name": one.name, "address": "0x" + one.address.hex()}
            for one in governance.members
        ],
        "threshold": governance.threshold,
        "delay": governance.delay,
        "lifetime": governance.lifetime,
        "validators": [
            {"key": one.key.hex(), "power": one.power, "organisation": one.organisation}
            for one in governance.validators
        ],
        "nodes": [{"id": node.hex(), "organisation": organisation} for node, organisation in governance.nodes],
        "deployers": ["0x" + address.hex() for address in governance.deployers],
        "open_sending": governance.open_sending,
    }


def _table(states: Sequence[NodeState]) -> Table:
    table = Table("机构 organisation", "高度 height", "权重 power", "对端 peers", "状态 state", box=None)
    for state in states:
        word = "[green]正常 ok[/green]" if state.ok else f"[red]{state.detail}[/red]"
        height = str(state.height) if state.height >= 0 else "–"
        table.add_row(f"{state.organisation} {state.name}", height, str(state.power), str(state.peers), word)
    return table


def _summary(governance: Governance) -> str:
    members, validators = len(governance.members), len(governance.validators)
    sending = "open" if governance.open_sending else "listed"
    return (
        f"理事会 council: {governance.threshold}/{members}, 延迟 delay {governance.delay} s · "
        f"验证者 validators: {validators}, 权重 power {governance.total_power} · 节点 nodes: {len(governance.nodes)} · "
        f"可部署 deployers: {len(governance.deployers)} · 发送 sending: {sending}"
    )
