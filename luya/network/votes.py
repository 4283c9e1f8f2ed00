"""`luya network vote` and `leave`: every member gives the same command; the first proposes, the next approve, and who
completes the votes (or comes after the delay) executes. What is so already is not voted on."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from chain_node.network.council import CouncilMember, Outcome
from chain_node.network.folders import OrganisationFolder
from chain_node.network.genesis import DEPLOY, SEND
from chain_node.network.parts import load_part
from chain_node.network.votes import (
    Governance,
    Member,
    VoteCall,
    admit,
    expel,
    flags_of,
    let_in,
    refuse_deployer,
    rotate,
    set_member,
    set_open_sending,
    set_permission,
    set_threshold,
    set_times,
    weigh,
)
from chain_node.rpc.client import JsonRpc
from luya.console import story, tell
from luya.errors import UsageError
from luya.network.running import proposal_json

Wanted = Callable[[Governance, CouncilMember], Sequence[VoteCall]]
"""What is voted for, given how things are; nothing where they are so already."""


class Voter:
    """How a member votes.

    Args:
        folder: its folder.
        rpc: a node to send to; its own where None.
        wait: seconds to wait for the delay to pass.
        quiet: say nothing but the answer.
    """

    def __init__(self, folder: Path, rpc: str | None, wait: float, *, quiet: bool) -> None:
        self.folder = OrganisationFolder(folder)
        self._rpc = rpc
        self._wait = wait
        self.quiet = quiet

    def want(self, wanted: Wanted) -> dict[str, Any]:
        """Vote for it."""
        with self._member() as member:
            calls = wanted(member.governance(), member)
            if not calls:
                if not self.quiet:
                    tell("[green]✓[/green] 已经如此，无需表决。It is so already: nothing to vote on.")
                return {"proposal": None, "did": [], "state": "so already"}
            return self._tell(member.vote(calls, wait=self._wait))

    def approve(self, proposal: str) -> dict[str, Any]:
        """Approve a proposal by its id; execute it where it is ready."""
        with self._member() as member:
            return self._tell(member.approve(hex_bytes(proposal, 32), wait=self._wait))

    def revoke(self, proposal: str) -> dict[str, Any]:
        """Take the approval back."""
        with self._member() as member:
            return self._tell(member.revoke(hex_bytes(proposal, 32)))

    def cancel(self, proposal: str) -> dict[str, Any]:
        """Cancel an own proposal, or an expired one."""
        with self._member() as member:
            return self._tell(member.cancel(hex_bytes(proposal, 32)))

    def list_own(self, node: str, *, listed: bool) -> dict[str, Any]:
        """Let a node of the own organisation in, or no more, without a vote."""
        with self._member() as member:
            member.list_own_node(hex_bytes(node, 20), listed=listed)
        return {"node": node, "listed": listed}

    @contextmanager
    def _member(self) -> Iterator[CouncilMember]:
        chain_id = self.folder.network.charter().chain_id
        with JsonRpc(self._rpc or self.folder.settings().rpc_url) as rpc:
            yield CouncilMember(rpc, self.folder.council_key(), chain_id)

    def _tell(self, outcome: Outcome) -> dict[str, Any]:
        value = proposal_json(outcome.proposal, outcome.threshold)
        if not self.quiet:
            words = " → ".join(_DID[word] for word in outcome.did) or "尚未到时 nothing more to do yet"
            tell(f"{words}  [bold]{value['id']}[/bold]  {len(value['approvals'])}/{outcome.threshold} {value['state']}")
            for line in value["calls"]:
                story.print("   " + line, soft_wrap=True, markup=False)
        return {"proposal": value.pop("id"), "did": list(outcome.did), **value}


_DID = {
    "proposed": "已提案 proposed",
    "approved": "已赞成 approved",
    "executed": "已执行 executed",
    "revoked": "已撤回 approval taken back",
    "cancelled": "已取消 cancelled",
}


def admit_part(voter: Voter, public: Path, threshold: int) -> dict[str, Any]:
    """Let an organisation in; its public part is kept, so that this node will dial it, too."""
    part = load_part(public)
    value = voter.want(lambda now, _: admit(now, part, threshold))
    voter.folder.network.add_part(part)
    return value


def expel_organisation(voter: Voter, organisation: int, threshold: int) -> dict[str, Any]:
    """Remove an organisation, in two votes where the chain would stop without its validator (`again` is true then)."""
    partly: list[bool] = []

    def wanted(now: Governance, _: CouncilMember) -> Sequence[VoteCall]:
        calls = expel(now, organisation, threshold) if now.member(organisation) else []
        partly.append(len(calls) == 1)
        return calls

    value = voter.want(wanted)
    again = partly[-1] and value["state"] == "executed"
    if again and not voter.quiet:
        tell(
            "验证者已移除；请再次运行同一命令移除其余部分。"
            "Its validator goes first: give the command again for the rest."
        )
    return {**value, "again": again}


def leave(voter: Voter) -> dict[str, Any]:
    """Propose the own organisation's removal; the others vote `expel`."""
    part = voter.folder.part()
    value = expel_organisation(voter, part.organisation, 0)
    if not voter.quiet and value["state"] == "open":
        tell(
            "其他成员请运行 The other members vote: "
            f"[bold]luya network vote expel THEIR_FOLDER {part.organisation}[/bold]. "
            "通过前请保持节点运行。Keep the node running until then."
        )
    return value


def weigh_validator(voter: Voter, key: str, power: int, organisation: int) -> dict[str, Any]:
    """Add, weigh or remove a validator."""
    return voter.want(lambda now, _: weigh(now, hex_bytes(key, 32), power, organisation))


def rotate_key(voter: Voter, old: str, new: str) -> dict[str, Any]:
    """A validator goes on with another key."""
    return voter.want(lambda now, _: rotate(now, hex_bytes(old, 32), hex_bytes(new, 32)))


def node(voter: Voter, identity: str, organisation: int) -> dict[str, Any]:
    """List a node, or (organisation 0) list it no more."""
    return voter.want(lambda now, _: let_in(now, hex_bytes(identity, 20), organisation))


def account(voter: Voter, address: str, right: str) -> dict[str, Any]:
    """What an account may do: none, send, deploy."""
    whose, flags = hex_bytes(address, 20), flags_of(right)

    def wanted(now: Governance, member: CouncilMember) -> list[VoteCall]:
        if flags & DEPLOY and whose in (one.address for one in now.members):
            raise UsageError(f"{address} votes in the council, and a key that votes must not create contracts")
        return [] if member.flags(whose) == flags else [set_permission(whose, flags)]

    return voter.want(wanted)


def open_sending(voter: Voter, is_open: bool) -> dict[str, Any]:
    """Everybody may send, or only those listed."""
    return voter.want(lambda now, _: [] if now.open_sending == is_open else [set_open_sending(is_open)])


def move_member(voter: Voter, organisation: int, address: str, name: str, threshold: int) -> dict[str, Any]:
    """A member acts through another key, or under another name."""

    def wanted(now: Governance, _: CouncilMember) -> list[VoteCall]:
        there = now.member(organisation)
        if there is None:
            raise UsageError(f"organisation {organisation} is not a member: `luya network vote admit` lets one in")
        moved = Member(hex_bytes(address, 20), organisation, name or there.name)
        if moved == there:
            return []
        refuse_deployer(now, moved.address)
        calls = [set_member(moved, threshold)]
        if moved.address == there.address:
            return calls
        # the new key may send, the old one may not any more
        return [*calls, set_permission(moved.address, SEND), set_permission(there.address, 0)]

    return voter.want(wanted)


def threshold(voter: Voter, approvals: int) -> dict[str, Any]:
    """How many approvals an act needs."""
    return voter.want(lambda now, _: [] if now.threshold == approvals else [set_threshold(approvals)])


def times(voter: Voter, delay: int, lifetime: int) -> dict[str, Any]:
    """How long proposals wait and live."""
    return voter.want(
        lambda now, _: [] if (now.delay, now.lifetime) == (delay, lifetime) else [set_times(delay, lifetime)]
    )


def hex_bytes(text: str, size: int) -> bytes:
    """Hex digits, with or without 0x, of so many bytes.

    Raises:
        UsageError: they are not.
    """
    try:
        value = bytes.fromhex(text.removeprefix("0x"))
    except ValueError:
        value = b""
    if len(value) != size:
        raise UsageError(f"{text!r}: expected {2 * size} hex digits")
    return value
