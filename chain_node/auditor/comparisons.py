"""What is looked at while nothing new is to be read: state, law, log key, older blocks, endpoints, checkpoints."""

from __future__ import annotations

import random
import secrets
from collections.abc import Callable, Sequence
from typing import Final

from chain_node.auditor.chain import NO_ANSWER, ChainView, Facts
from chain_node.auditor.checkpoints import Checkpoints
from chain_node.auditor.compare import compare, compare_law, newest_entry
from chain_node.auditor.notes import Notes
from chain_node.auditor.settings import AuditSettings, Counts, without_credentials
from chain_node.auditor.store import Anchor, AuditorStore
from chain_node.contracts.handles import LuyaLaw
from chain_node.errors import AuditorError, Discrepancy, NodeError
from chain_node.protocol.checkpoint import VerifierKey
from chain_node.protocol.replay import State
from chain_node.rpc.client import to_bytes

_ANCHORS_SAMPLED: Final = 64


class Unknown:
    """What a look gives that could not tell: no difference, and nothing that clears one found before."""


Look = Callable[[], Discrepancy | Unknown | None]
Settle = Callable[[Look], None]
"""Raises what is found each time it is looked for."""


class Comparisons:
    """Holds own state against everything else that says something of it.

    Args:
        settings, facts, store, counts: the auditor's.
    """

    def __init__(self, settings: AuditSettings, facts: Facts, store: AuditorStore, counts: Counts) -> None:
        self._settings = settings
        self._facts = facts
        self._store = store
        self._counts = counts
        self._notes = Notes(settings.log_key, settings.store / "checkpoints", counts.note)
        watched = (self._notes, settings.witnesses, settings.quorum)
        self._checkpoints = [Checkpoints(source, *watched) for source in settings.checkpoints]

    def everything(
        self, chain: ChainView, others: Sequence[ChainView], state: State, anchor: Anchor, settle: Settle
    ) -> None:
        """State, law, log key, older blocks, other endpoints.

        Args:
            chain: the endpoint that is followed.
            others: the others.
            state: own, after the anchor's block.
            anchor: the newest block read.
            settle: looks again before it raises.

        Raises:
            Discrepancy: the first difference.
        """
        seed = secrets.randbits(32)  # a second look is at the same words, or a bad one is hardly ever seen twice
        settle(lambda: self._state_problem(chain, state, anchor.block, seed))
        settle(lambda: self._law_problem(chain, state, anchor.block))
        self._check_log_key(state)
        self._check_anchors(chain)
        for other in others:
            self._check_other(other, anchor)

    def checkpoints(self) -> None:
        """The operator's newest ones, and what was seen of them before.

        Raises:
            Discrepancy: one does not hold.
            AuditorError: a source that was given has never been read: nothing would be compared with it. One that is
                away later is noted.
        """
        self._notes.check(self._store.size, self._store.reader.root_at)
        for one in self._checkpoints:
            try:
                one.check(self._store.size, self._store.reader.root_at)
                self._counts.checkpoints += 1
            except AuditorError as error:
                if isinstance(error, Discrepancy) or not one.had:
                    raise
                self._counts.note(str(error))

    def _state_problem(self, chain: ChainView, state: State, block: int, seed: int) -> Discrepancy | Unknown | None:
        newest = newest_entry(self._store.reader.entries, self._store.size)
        try:
            words = compare(chain, state, block, sample=self._settings.sample, seed=seed, newest=newest)
        except Discrepancy as found:
            return found
        if words is None:
            self._counts.note(f"the state after block {block} was not to be had: compared at the next round")
            return Unknown()
        self._counts.words += words
        self._counts.comparisons += 1
        return None

    def _law_problem(self, chain: ChainView, state: State, block: int) -> Discrepancy | Unknown | None:
        """The law is shown as it is now: that says something only while the log stays as long as the own one."""
        problem: Discrepancy | None = None
        if chain.ledger.log_size() != state.size:
            return Unknown()
        try:
            compare_law(LuyaLaw(chain.rpc, self._facts.law), state, block)
        except Discrepancy as found:
            problem = found
        return problem if chain.ledger.log_size() == state.size else Unknown()

    def _check_log_key(self, state: State) -> None:
        key = state.log_key
        given = VerifierKey.parse(self._settings.log_key).public_key
        if key is not None and key != given:
            newest = newest_entry(self._store.reader.entries, self._store.size)(key)
            raise Discrepancy(newest, "log-key", f"the given key {given.hex()}", f"{key.hex()} in the log")

    def _check_anchors(self, chain: ChainView) -> None:
        """Older blocks, some of them, are still what they were."""
        anchors = self._store.anchors()
        for anchor in random.sample(anchors, min(len(anchors), _ANCHORS_SAMPLED)):
            header = chain.header(anchor.block)
            if header is not None and to_bytes(header.hash) != anchor.hash:
                raise changed_history(chain, self._store, anchor, header.hash)

    def _check_other(self, chain: ChainView, anchor: Anchor) -> None:
        """Another endpoint shows the same chain: block and root where the own log stands."""
        name, size, root = without_credentials(chain.rpc.url), self._store.size, self._store.root
        try:
            if chain.final() < anchor.block:
                return
            header = chain.header(anchor.block)
            found = chain.roots_at([size])[0]
        except NodeError as error:
            self._counts.note(f"{name}: {error}")
            return
        if header is not None and to_bytes(header.hash) != anchor.hash:
            shown = f"{header.hash} at {name}"
            raise Discrepancy(size, "endpoints", f"block 0x{anchor.hash.hex()}", shown, block=anchor.block)
        if size and found != root:
            raise Discrepancy(size - 1, "endpoints", root.hex(), f"{found.hex()} at {name}", block=anchor.block)


def changed_history(chain: ChainView, store: AuditorStore, last: Anchor, found: str) -> Discrepancy:
    """A block is another than it was: the first one that was anchored and is another now names the first entry.

    Args:
        chain: the endpoint.
        store: with the anchors.
        last: a block that is another now; `found`: its hash now.
    """
    size, first = last.size, last
    for anchor in reversed(store.anchors()):
        if anchor.block > last.block:
            continue
        try:
            header = chain.header(anchor.block)
        except NO_ANSWER:
            header = None  # the difference stands, whatever else the endpoint keeps to itself
        if header is None or to_bytes(header.hash) == anchor.hash:
            size = anchor.size
            break
        first, found, size = anchor, header.hash, 0
    return Discrepancy(size, "history", f"block 0x{first.hash.hex()}", f"block {found}", block=first.block)
