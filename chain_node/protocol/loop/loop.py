"""All families of acts together: one act in, its postings out, or a refusal."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from chain_node.protocol.entries import postings
from chain_node.protocol.errors import ReplayError
from chain_node.protocol.kinds import BY_ENTRY
from chain_node.protocol.kinds.act import Act
from chain_node.protocol.loop.agents import Agents
from chain_node.protocol.loop.controllers import Controllers
from chain_node.protocol.loop.family import ActFamily, LedgerView
from chain_node.protocol.loop.modules import Modules
from chain_node.protocol.loop.projects import Projects
from chain_node.protocol.loop.retirement import Retirements
from chain_node.protocol.loop.rewards import Rewards
from chain_node.protocol.postings import Bucket, Posting, Side, Unit, take


class Loop:
    """The families' states. A family that asks another is given it here."""

    def __init__(self) -> None:
        self.modules: Final = Modules()
        self.controllers: Final = Controllers()
        self.agents: Final = Agents()
        self.projects: Final = Projects(self.controllers, self.agents)
        self.rewards: Final = Rewards(self.controllers, self.agents)
        self.retirements: Final = Retirements(self.controllers, self.agents)
        self.families: Final[tuple[ActFamily, ...]] = (
            self.modules,
            self.controllers,
            self.agents,
            self.projects,
            self.rewards,
            self.retirements,
        )
        self._of: dict[type[Act], ActFamily] = {act: family for family in self.families for act in family.acts}

    def apply(self, index: int, act: Act, ledger: LedgerView) -> list[Posting]:
        """The act is the entry `index`. Gives what it moves, which the caller posts.

        Raises:
            PostingError: the books do not lead to it.
            ReplayError: a rule forbids it; nothing has changed.
        """
        family = self._of.get(type(act))
        if family is None:
            raise ReplayError(f"no rules of the replay are about {type(act).__name__}")
        posts = postings(act, ledger)
        check_there(posts, ledger)
        if BY_ENTRY[type(act)].oldest_first:
            check_oldest_first(posts, ledger)
        family.check(index, act, ledger)
        family.apply(index, act, ledger)
        return posts


def check_there(posts: Iterable[Posting], ledger: LedgerView) -> None:
    """Raises ReplayError: an account or a bucket has too little for what leaves it."""
    changed: dict[tuple[bytes, int, Unit, Bucket], int] = {}
    for unit, vintage, origin, target, amount, owner, to in posts:
        if origin.side is not Side.SOURCE:
            giver = (owner, vintage, unit, origin)
            has = _has(ledger, *giver) + changed.get(giver, 0)
            if has < amount:
                whose = f" of 0x{owner.hex()}" if owner else ""
                raise ReplayError(
                    f"{origin.name.lower()}{whose} has {has} {unit.name.lower()} of {vintage}, too little for {amount}"
                )
            changed[giver] = changed.get(giver, 0) - amount
        taker: tuple[bytes, int, Unit, Bucket] = (to, vintage, unit, target)
        changed[taker] = changed.get(taker, 0) + amount


def _has(ledger: LedgerView, owner: bytes, vintage: int, unit: Unit, bucket: Bucket) -> int:
    if bucket is Bucket.HELD:
        return ledger.held(owner, vintage, unit)
    return ledger.owed(owner, unit) if bucket is Bucket.OWED else ledger.total(unit, vintage, bucket)


def check_oldest_first(posts: Iterable[Posting], ledger: LedgerView) -> None:
    """Raises ReplayError: what leaves an account is not the oldest that it has."""
    taken: dict[tuple[bytes, Unit], dict[int, int]] = {}
    for post in posts:
        if post.origin is Bucket.HELD:
            parts = taken.setdefault((post.owner, post.unit), {})
            parts[post.vintage] = parts.get(post.vintage, 0) + post.amount
    for (account, unit), parts in taken.items():
        wanted, _ = take(ledger, account, unit, sum(parts.values()))
        if list(parts.items()) != wanted:
            raise ReplayError(
                f"the parts {list(parts.items())} of account 0x{account.hex()} are not its oldest: these are {wanted}"
            )
