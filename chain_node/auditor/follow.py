"""The auditor's rounds: final blocks → own entries → own store; roots, state and checkpoints compared on the way.

A difference is looked at again before it is an alarm: the store is opened anew and the endpoint is asked again, because
an index may lag behind its chain. What an endpoint said once and did not say again is counted as a contradiction; one
that says nothing the second time has taken nothing back.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any, Final

from chain_node.auditor.chain import NO_ANSWER, ChainView, Facts, Header
from chain_node.auditor.comparisons import Comparisons, Look, Unknown, changed_history
from chain_node.auditor.diagnosis import refine
from chain_node.auditor.events import Decoder, Place, index_of
from chain_node.auditor.replica import Replica, Step
from chain_node.auditor.settings import AuditSettings, Counts, without_credentials
from chain_node.auditor.store import Anchor, AuditedLedger, AuditorStore
from chain_node.engine.base import Progress, no_progress
from chain_node.errors import AuditorError, ContractError, Discrepancy, NodeError, RpcError, RpcUnavailable
from chain_node.protocol.checkpoint import VerifierKey
from chain_node.protocol.entries import time_of
from chain_node.protocol.errors import ReplayError
from chain_node.rpc.client import JsonRpc, to_bytes
from chain_node.storage.durable import Disk

_PROGRESS_STEP: Final = 20_000
_POSITION_SECONDS: Final = 5.0


class Auditor:
    """Follows one ledger.

    Args:
        settings: see there.
        progress: told of entries replayed at the start and of blocks read.
        disk: file operations of the archive; tests hand in failing ones.

    Raises:
        AuditorError: the store, the key and the ledger do not belong together.
        RpcUnavailable: no endpoint answers.
    """

    def __init__(self, settings: AuditSettings, progress: Progress = no_progress, *, disk: Disk | None = None) -> None:
        self._settings = settings
        self._progress = progress
        self.counts = Counts()
        self._replica: Replica
        self._anchor: Anchor | None = None
        self._next = 0
        self._tip = -1
        self._chains = [ChainView(JsonRpc(url), settings.ledger, settings.finality) for url in settings.rpc_urls]
        self.store = AuditorStore(settings.store, disk)
        try:
            self.facts = self._first(
                lambda chain: chain.facts(VerifierKey.parse(settings.log_key).name, settings.created)
            )
            identity = AuditedLedger(
                self.facts.chain_id, self.facts.ledger.hex(), self.facts.genesis_nonce.hex(), self.facts.origin
            )
            self.store.identify(identity, successor=settings.successor)
            self._decoder = Decoder(settings.ledger)
            self._comparisons = Comparisons(settings, self.facts, self.store, self.counts)
            self._resume()
        except BaseException:
            self.close()
            raise
        self._compared = self._noted = self._stood = float("-inf")

    @property
    def endpoint(self) -> str:
        """The endpoint that is followed, without credentials."""
        return without_credentials(self._chain.rpc.url)

    @property
    def size(self) -> int:
        """Entries checked and kept."""
        return self.store.size

    def close(self) -> None:
        """Let go of everything; idempotent."""
        for chain in self._chains:
            chain.rpc.close()
        self.store.close()

    def __enter__(self) -> Auditor:
        return self

    def __exit__(self, *_exc: object) -> None:
        self.close()

    def once(self) -> None:
        """Catch up, then compare state, endpoints and checkpoints once.

        Raises:
            Discrepancy: the first difference.
        """
        self.catch_up()
        self._compare()
        self._comparisons.checkpoints()

    def catch_up(self) -> int:
        """Read what is final; returns the log's size."""
        while self.step():
            pass
        return self.size

    def run(self, stop: threading.Event, *, poll: float = 1.0, told: Callable[[Counts], None] | None = None) -> None:
        """Follow until `stop`; an endpoint that is away for a while is waited for, or another one is taken.

        Raises:
            Discrepancy: the first difference.
        """
        while not stop.is_set():
            try:
                if not self.step():
                    self._at_rest()
                    stop.wait(poll)
            except (RpcUnavailable, RpcError, ContractError) as error:
                self.counts.note(str(error))
                self._next_endpoint()
                stop.wait(max(poll, 1.0))
            if told is not None:
                told(self.counts)

    def step(self) -> bool:
        """Read and check one range of final blocks; False where there was none.

        Raises:
            Discrepancy: the first difference, also when it was looked at again.
            RpcUnavailable, RpcError: the endpoint does not answer, or refuses; try again.
        """
        final = self.counts.final = self._chain.final()
        first = self._next
        if final < first:
            self._check_tip(final)
            return False
        last, logs = self._chain.logs(first, final)
        try:
            self._take(first, last, logs)
        except Discrepancy as found:
            self._look_again(found, first, last)
        except NodeError:
            self._reload()
            raise
        self._progress("checking blocks", last, final)
        return True

    def _take(self, first: int, last: int, logs: list[dict[str, Any]]) -> None:
        events = self._decoder.decode(logs, self._replica.size)
        blocks = {event.place.block: event.place for event in events}
        if outside := [block for block in blocks if not first <= block <= last]:
            raise Discrepancy(
                self._replica.size,
                "log-block",
                f"logs of blocks {first} to {last}",
                f"one of {outside[0]}",
                block=outside[0],
            )
        anchor = [self._anchor.block] if self._anchor else []
        headers = self._chain.headers([*anchor, *blocks, last])
        self._check_headers(headers)
        steps = []
        for event in events:
            header = headers[event.place.block]
            if event.place.block_hash != header.hash or not _holds(header, event.place.transaction, event.place):
                raise Discrepancy(
                    index_of(event),
                    "block-hash",
                    f"block {header.hash} that holds the log's transaction",
                    f"a log of block {event.place.block_hash}",
                    block=header.number,
                    transaction=event.place.transaction,
                )
        steps = self._replica.take(events)
        self._check_times(steps, headers)
        self._check_contract(steps)
        self._keep(steps, headers, last)

    def _keep(self, steps: list[Step], headers: dict[int, Header], last: int) -> None:
        sizes = {step.call.block: step.size for step in steps}
        anchors = [Anchor(block, to_bytes(headers[block].hash), size) for block, size in sizes.items()]
        entries = [entry for step in steps for entry in step.entries]
        if self._replica.sealed:
            self.store.seal(self._replica.sealed_at)
        self.store.keep(entries, [step.call for step in steps], anchors, self.facts.origin)
        self._replica.stored()
        self._anchor = Anchor(last, to_bytes(headers[last].hash), self.store.size)
        self._next = last + 1
        self.counts.size, self.counts.block, self.counts.sealed = self.store.size, last, self.store.sealed
        self.counts.batches += sum(step.call.batch is not None for step in steps)
        if time.monotonic() - self._stood > _POSITION_SECONDS:
            self._stood = time.monotonic()
            self.store.stand_at(self._anchor)

    def _check_headers(self, headers: dict[int, Header]) -> None:
        """Blocks are what was asked for, follow one another, and the newest one read before is still the same."""
        for number, header in headers.items():
            if header.number != number:
                raise RpcUnavailable(f"{self.endpoint} answers block {header.number} for block {number}")
            before = headers.get(number - 1)
            if before is not None and header.parent != before.hash:
                raise Discrepancy(
                    self._replica.size, "block-link", f"parent {before.hash}", f"parent {header.parent}", block=number
                )
        if self._anchor is not None and to_bytes(headers[self._anchor.block].hash) != self._anchor.hash:
            raise changed_history(self._chain, self.store, self._anchor, headers[self._anchor.block].hash)

    def _check_times(self, steps: list[Step], headers: dict[int, Header]) -> None:
        for step in steps:
            if step.imported:
                continue
            wanted = headers[step.place.block].time
            for position, entry in enumerate(step.entries):
                said = time_of(entry)
                if said != wanted:
                    index = step.call.first_index + position
                    raise Discrepancy(
                        index, "time", f"the block's time {wanted}", f"{said}", block=step.place.block,
                        transaction=step.place.transaction,
                    )  # fmt: skip

    def _check_contract(self, steps: list[Step]) -> None:
        """The root that the contract keeps at every call's end is the own one."""
        try:
            roots = self._chain.roots_at([step.size for step in steps])
        except ContractError as error:
            first = steps[0]
            raise Discrepancy(
                first.call.first_index, "root/contract", f"{first.root.hex()} at {first.size}",
                f"no root in the contract: {error}", block=first.place.block, transaction=first.place.transaction,
            ) from error  # fmt: skip
        for step, root in zip(steps, roots, strict=True):
            if root != step.root:
                raise Discrepancy(
                    step.call.first_index, "root/contract", f"{step.root.hex()} at {step.size}",
                    f"{root.hex()} in the contract", block=step.place.block, transaction=step.place.transaction,
                )  # fmt: skip

    def _check_tip(self, final: int) -> None:
        """All is read: the contract's log ends where the own one does, else logs were kept from us."""
        if self._anchor is None or self._anchor.block != final or self._tip == final:
            return
        size = self._chain.size_in(final)
        if size is not None and size != self.size:
            self._settle(lambda: self._tip_problem(final))
        self._tip = final

    def _tip_problem(self, final: int) -> Discrepancy | Unknown | None:
        size = self._chain.size_in(final)
        if size is None:
            return Unknown()
        if size == self.size:
            return None
        return Discrepancy(
            min(size, self.size), "missing-entry", f"{self.size} entries", f"a log of {size}", block=final
        )

    def _at_rest(self) -> None:
        now = time.monotonic()
        if now - self._noted >= self._settings.checkpoint_seconds:
            self._noted = now
            self._comparisons.checkpoints()
        if now - self._compared >= self._settings.compare_seconds:
            self._compared = now
            self._compare()

    def _compare(self) -> None:
        if self._anchor is None or self._anchor.size != self.size or not self._replica.sealed:
            return
        others = [chain for chain in self._chains if chain is not self._chain]
        self._comparisons.everything(self._chain, others, self._replica.state, self._anchor, self._settle)

    def _settle(self, look: Look) -> None:
        """Raise what is found each time it is looked for; only an answer clears it."""
        found = look()
        for _ in range(self._settings.retries):
            if not isinstance(found, Discrepancy):
                return
            time.sleep(self._settings.retry_seconds)
            try:
                again = look()
            except NO_ANSWER:
                continue
            if isinstance(again, Unknown):
                continue
            if again is None:
                self._contradicted(found)
            found = again
        if isinstance(found, Discrepancy):
            raise found

    def _look_again(self, found: Discrepancy, first: int, last: int) -> None:
        suspect = self._replica.suspect
        for _ in range(self._settings.retries):
            time.sleep(self._settings.retry_seconds)
            try:
                self._reload()
                if self._next > last:
                    return
                self._take(self._next, last, self._chain.logs_of(self._next, last))
            except Discrepancy as again:
                found = again
            except NO_ANSWER:
                continue  # else whoever lies and then keeps silent would never be found out
            else:
                self._contradicted(found)
                return
        self._keep_what_is_right(found)
        raise refine(found, self._chain, self._decoder, self.size, (first, last), suspect)

    def _keep_what_is_right(self, found: Discrepancy) -> None:
        """The blocks before the difference are checked and kept, so that the alarm says up to where all is well."""
        with contextlib.suppress(*NO_ANSWER):
            self._reload()
            if found.block <= self._next:
                return
            self._take(self._next, found.block - 1, self._chain.logs_of(self._next, found.block - 1))

    def _contradicted(self, found: Discrepancy) -> None:
        self.counts.contradictions += 1
        self.counts.note(f"{self.endpoint} said once, and not again: {found}")

    def _first(self, ask: Callable[[ChainView], Facts]) -> Facts:
        problems = []
        for chain in self._chains:
            try:
                facts = ask(chain)
            except RpcUnavailable as error:
                problems.append(str(error))
                continue
            self._chain = chain
            return facts
        raise RpcUnavailable("; ".join(problems) or "no endpoint was given")

    def _next_endpoint(self) -> None:
        place = (self._chains.index(self._chain) + 1) % len(self._chains)
        self._chain = self._chains[place]

    def _entries(self, start: int, stop: int) -> Iterator[bytes]:
        return self.store.reader.entries(start, stop)

    def _resume(self) -> None:
        """Where reading goes on, from the store alone."""
        self._anchor = self.store.position()
        anchors = self.store.anchors()
        if self._anchor is None and anchors:
            self._anchor = anchors[-1]
        call = self.store.reader.last_call()
        if self.store.position() is not None and self._anchor is not None:
            self._next = self._anchor.block + 1
        elif call is not None and anchors and call.block >= self.facts.created:
            self._next = call.block
        else:
            self._next = self.facts.created
        if not self.store.sealed and (
            self.store.has_batch() or self._chain.sealed_by(self._next - 1, self.facts.created)
        ):
            self.store.seal(self.size)  # it was read by an auditor that did not keep it yet
        self._load()
        self.counts.size, self.counts.block, self.counts.sealed = self.size, self._next - 1, self.store.sealed

    def _reload(self) -> None:
        """Forget what was taken and not kept."""
        self._load()

    def _load(self) -> None:
        """The replica of what the store holds."""
        reader, size = self.store.reader, self.store.size
        replica = Replica(reader.entry, reader.root_at, self.facts.domain, sealed=self.store.sealed)
        try:
            replica.replay(self._told(reader.entries(0, size), size))
        except ReplayError as error:
            raise AuditorError(f"{self.store.folder}: it was changed since it was checked: {error}") from error
        if replica.state.root() != self.store.root:
            raise AuditorError(f"{self.store.folder}: its entries do not have its root: it was changed; restore a copy")
        self._replica = replica

    def _told(self, entries: Iterator[bytes], size: int) -> Iterator[bytes]:
        for index, entry in enumerate(entries):
            if index % _PROGRESS_STEP == 0:
                self._progress("replaying the own store", index, size)
            yield entry


def _holds(header: Header, transaction: str, place: Place) -> bool:
    """The block holds the transaction, where the log says."""
    at = place.transaction_index
    return 0 <= at < len(header.transactions) and header.transactions[at] == transaction
