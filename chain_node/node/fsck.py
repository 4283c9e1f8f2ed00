"""fsck: replays the archive and compares everything with the chain. It trusts neither.

Read-model stores are compared by those who know them; they get the replayed state.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import astuple, dataclass, field
from typing import Any, Final

from chain_node.archive.calls import BATCH, Call
from chain_node.archive.domains import nonces
from chain_node.archive.layout import TILE_WIDTH
from chain_node.archive.reader import ArchiveReader
from chain_node.contracts.handles import LuyaLaw, LuyaLedger, LuyaViews
from chain_node.deployment.manifest import Manifest
from chain_node.engine.base import Progress, no_progress
from chain_node.errors import ArchiveError, ContractError, RpcError, RpcUnavailable
from chain_node.node.hidden_words import hidden
from chain_node.protocol import checkpoint as notes
from chain_node.protocol.attestation import check_quorum, digest
from chain_node.protocol.entries import Feed, decode, encode
from chain_node.protocol.errors import AttestationError, CheckpointError, ReplayError
from chain_node.protocol.merkle import leaf_hash
from chain_node.protocol.records import records_root
from chain_node.protocol.replay import State
from chain_node.rpc.client import JsonRpc

MAX_DIFFERENCES: Final = 1000
"""A ledger that differs everywhere is said to differ this often."""
_STEP: Final = 20_000
_WORDS_AN_ENTRY: Final = 3
ListStorage = Callable[[int], dict[bytes, int] | None]
"""Every word of the ledger's storage, about so many: position → value; None where it cannot be had."""


@dataclass(frozen=True, slots=True)
class Mismatch:
    """Two places that should say the same.

    Attributes:
        where: 'archive' or 'chain' (callers add their own, such as 'read-model').
        what: kind of thing: entry, root, account, balance, word …
        key: which one.
        expected: by replaying the archive.
        found: there.
    """

    where: str
    what: str
    key: str
    expected: str
    found: str

    def __str__(self) -> str:
        return f"{self.where}: {self.what} {self.key}: expected {self.expected}, found {self.found}"


@dataclass(slots=True)
class Findings:
    """Differences, up to a limit."""

    items: list[Mismatch] = field(default_factory=list)

    def add(self, where: str, what: str, key: object, expected: object, found: object) -> None:
        """Note a difference."""
        if len(self.items) < MAX_DIFFERENCES:
            self.items.append(Mismatch(where, what, _text(key), _text(expected), _text(found)))

    def compare(
        self, where: str, what: str, keys: Sequence[Any], expected: Sequence[Any], found: Sequence[Any]
    ) -> None:
        """Note where two lists differ."""
        for key, right, there in zip(keys, expected, found, strict=True):
            if right != there:
                self.add(where, what, key, right, there)


@dataclass(frozen=True, slots=True)
class FsckResult:
    """What fsck found.

    Attributes:
        log_size, log_root: of the archive's entries, replayed.
        credits_mg, millipoints: minted minus revoked, all vintages.
        differences: empty when all agrees.
        storage_words: of the ledger's storage, all looked at; None where they were not, or the engine cannot list them.
        state: the replayed state, for comparing further stores.
    """

    log_size: int
    log_root: bytes
    credits_mg: int
    millipoints: int
    differences: list[Mismatch]
    state: State
    storage_words: int | None = None

    @property
    def ok(self) -> bool:
        """Nothing differs."""
        return not self.differences


def fsck(
    reader: ArchiveReader,
    *,
    log_key: str,
    chain: tuple[JsonRpc, Manifest] | None = None,
    deep: bool = False,
    list_storage: ListStorage | None = None,
    progress: Progress = no_progress,
) -> FsckResult:
    """Replay and compare.

    Args:
        reader: the archive.
        log_key: verifier key of its checkpoints.
        chain: endpoint and manifest; None checks the archive alone.
        deep: check every batch's records root and signatures too, and the ledger's storage for words that no entry
            names, where the engine can list it.
        list_storage: `Node.list_storage`, of a node of this chain; None: no such word is looked for.
        progress: told of entries replayed.
    """
    findings = Findings()
    state = replay(reader, findings, progress)
    _check_checkpoint(reader, state, log_key, findings)
    _check_calls(reader, findings, deep)
    words = None
    if chain is not None:
        agreed = _check_chain(state, *chain, findings)
        words = _check_hidden(state, reader, list_storage, findings) if deep and agreed and list_storage else None
    return FsckResult(
        log_size=state.size,
        log_root=state.root(),
        credits_mg=sum(credits_mg for credits_mg, _ in state.balances.values()),
        millipoints=sum(millipoints for _, millipoints in state.balances.values()),
        differences=findings.items,
        state=state,
        storage_words=words,
    )


def replay(reader: ArchiveReader, findings: Findings, progress: Progress = no_progress) -> State:
    """The state that the archive's entries lead to; stops at the first entry that cannot be."""
    state = State(entry_at=reader.entry)
    size = reader.size
    hashes: list[bytes] = []
    try:
        for index, entry in enumerate(reader.entries(0, size)):
            offset = index % TILE_WIDTH
            if offset == 0:
                hashes = reader.tile(0, index // TILE_WIDTH, min(TILE_WIDTH, size - index))
            leaf = leaf_hash(entry)
            if leaf != hashes[offset]:
                findings.add("archive", "entry", index, f"leaf hash {hashes[offset].hex()} (its tile)", leaf.hex())
            state.apply(entry, leaf)
            if index % _STEP == 0:
                progress("replaying the archive", index, size)
    except ReplayError as error:
        findings.add("archive", "entry", state.size, "an entry that the rules allow", error)
    except ArchiveError as error:
        findings.add("archive", "entry", state.size, "readable files", error)
    progress("replaying the archive", state.size, size)
    return state


def _check_checkpoint(reader: ArchiveReader, state: State, log_key: str, findings: Findings) -> None:
    note = reader.checkpoint_note()
    if note is None:
        return
    try:
        checkpoint = notes.open_note(note, log_key)
    except CheckpointError as error:
        findings.add("archive", "checkpoint", "signature", "signed by the log's key", error)
        return
    findings.compare("archive", "checkpoint", ["size"], [state.size], [checkpoint.size])
    if state.size == checkpoint.size:
        findings.compare("archive", "root", [f"at {state.size}"], [state.root()], [checkpoint.root])
    try:
        findings.compare("archive", "tiles", ["root"], [checkpoint.root], [reader.root_at(checkpoint.size)])
    except ArchiveError as error:
        findings.add("archive", "tiles", "", "readable files", error)


def _check_calls(reader: ArchiveReader, findings: Findings, deep: bool) -> None:
    """Calls cover the log without gaps; deep: what batches' signers signed is what stands in the log."""
    size = reader.size
    at: int | str = ""
    domains: Mapping[bytes, bytes] = {}
    try:
        domains = nonces(reader.folder)
    except ArchiveError as error:
        findings.add("archive", "domains", "", "the deployments of this log", error)
    feeds: dict[int, Feed] = {}
    try:
        problems = list(reader.call_problems(size))
        for entry, what in problems:
            findings.add("archive", "calls", entry, "a call as it was written", what)
        if problems or not deep:
            return
        for row in reader.call_rows():
            if row.first_index >= size:
                return
            at = row.first_index
            if row.kind == BATCH:
                _check_batch(reader, feeds, domains, reader.read_call(row), findings)
            else:
                entries = reader.entries(row.first_index, min(size, row.first_index + row.count))
                feeds |= {feed.feed: feed for feed in map(decode, entries) if isinstance(feed, Feed)}
    except ArchiveError as error:
        findings.add("archive", "calls", at, "readable files", error)


def _check_batch(
    reader: ArchiveReader, feeds: dict[int, Feed], domains: Mapping[bytes, bytes], call: Call, findings: Findings
) -> None:
    batch = call.batch
    assert batch is not None
    if batch.domain.salt not in domains:
        findings.add("archive", "domains", call.first_index, "the deployment its signers named", batch.domain.salt)
    root = records_root(reader.payloads(call))
    findings.compare("archive", "records root", [call.first_index], [root], [batch.attestation.records_root])
    feed = feeds.get(batch.attestation.feed)
    if feed is None or not batch.signatures:
        findings.add("archive", "attestation", call.first_index, "a known feed and signatures", "none")
        return
    try:
        check_quorum(digest(batch.domain, batch.attestation), list(batch.signatures), feed.signers, feed.threshold)
    except AttestationError as error:
        findings.add("archive", "attestation", call.first_index, "a quorum of the feed's signers", error)


def _check_chain(state: State, rpc: JsonRpc, manifest: Manifest, findings: Findings) -> bool:
    """True when the chain answered, and is as long as the archive."""
    ledger = LuyaLedger(rpc, manifest.ledger_address)
    try:
        size = ledger.log_size()
        findings.compare("chain", "root", [f"at {state.size}"], [state.root()], [ledger.root_at(state.size) or b""])
        if size > state.size:
            findings.add("archive", "log size", "", f"{size} (the chain's)", state.size)
        elif size < state.size:
            findings.add("chain", "log size", "", state.size, size)
        if size != state.size:
            return False  # all else would differ only because one of them is ahead
        views = LuyaViews(rpc, manifest.views_address)
        _compare_state(state, views, ledger, findings)
        _compare_law(state, LuyaLaw(rpc, manifest.law_address), findings)
    except (ContractError, RpcError, RpcUnavailable) as error:
        findings.add("chain", "contract", "", "an answer", error)
        return False
    return True


def _check_hidden(
    state: State,
    reader: ArchiveReader,
    list_storage: ListStorage,
    findings: Findings,
) -> int | None:
    """How many words the ledger's storage holds, each looked at; None where the engine does not list them."""
    words = list_storage(_WORDS_AN_ENTRY * state.size)
    if words is None:
        return None
    try:
        for slot, value in hidden(words, state, reader):
            findings.add("chain", "storage word", f"0x{slot.hex()}", "none, or another", hex(value))
    except ArchiveError as error:
        findings.add("archive", "tiles", "", "readable files", error)
    return len(words)


def _compare_state(state: State, views: LuyaViews, ledger: LuyaLedger, findings: Findings) -> None:
    def check(what: str, expected: dict[Any, Any], read: Callable[[Any], list[Any]]) -> None:
        keys = list(expected)
        findings.compare("chain", what, keys, list(expected.values()), read(keys))

    accounts = state.accounts
    check("account", {key: _tuple(view) for key, view in accounts.items()}, views.accounts)
    vintages = list(state.totals)
    pairs = [(account, year) for account in accounts for year in vintages]
    check("balance", {pair: state.balances.get(pair, (0, 0)) for pair in pairs}, views.balances)
    check("slot word", state.words, views.words)
    check("totals of vintage", {year: _tuple(totals) for year, totals in state.totals.items()}, views.totals)
    check("nullifier", {key: index + 1 for key, index in state.nullifiers.items()}, views.nullifiers)
    check("identity", state.identities, views.identities)
    check("revoked entry", dict.fromkeys(state.revoked, True), views.revoked)
    usage = {feed: (sequence, *state.feed_usage.get(feed, (0, 0, 0))) for feed, sequence in state.next_sequence.items()}
    check("feed", usage, views.feed_states)
    if state.log_key is not None:
        findings.compare("chain", "log key", [""], [state.log_key], [ledger.read("logKey")])
    findings.compare("chain", "pause", [""], [state.paused_until], [ledger.read("pausedUntil")])


def _compare_law(state: State, law: LuyaLaw, findings: Findings) -> None:
    feeds, methods = list(state.feeds), list(state.methods)
    feed_terms = law.read_many([("feedTerms", (feed,)) for feed in feeds])
    expected = [encode(state.feeds[feed]) for feed in feeds]
    findings.compare("chain", "feed entry", feeds, expected, [entry for entry, _ in feed_terms])
    method_terms = law.read_many([("methodTerms", (method,)) for method in methods])
    expected = [encode(state.methods[method]) for method in methods]
    findings.compare("chain", "method entry", methods, expected, [terms[0] for terms in method_terms])
    organisations = list(state.organisations.values())
    found = law.read_many([("organisation", (one.id,)) for one in organisations])
    wanted = [(one.description, int(one.state)) for one in organisations]
    findings.compare("chain", "organisation", [one.id for one in organisations], wanted, found)
    groups = list(state.caps)
    caps = law.read_many([("groupCaps", (group,)) for group in groups])
    findings.compare("chain", "caps of group", groups, [_tuple(state.caps[group]) for group in groups], caps)


def _tuple(value: Any) -> tuple[Any, ...]:
    return value if isinstance(value, tuple) else astuple(value)


def _text(value: object) -> str:
    if isinstance(value, bytes):
        return f"0x{value.hex()}"
    if isinstance(value, tuple):
        return "(" + ", ".join(_text(part) for part in value) + ")"
    return str(value)
