"""What a home's ledger holds, read from its archive alone: no engine is started, nothing is written.

A home that has no ledger yet has what its first start would deploy: the shipped methods and caps, its own feeds.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Final, assert_never

from chain_node.archive.reader import ArchiveReader
from chain_node.deployment.plan import shipped_law
from chain_node.protocol.entries import (
    ACCOUNT,
    REDUCTION,
    REDUCTION_NULLIFIER,
    REFUSAL,
    REVOCATION,
    UNROLLED_REDUCTION,
    Account,
    Act,
    Feed,
    GroupCaps,
    LogKey,
    Method,
    Organisation,
    Pause,
    Reduction,
    Refusal,
    Revocation,
    decode,
    encode,
    type_of,
)
from chain_node.protocol.law import Law
from chain_node.protocol.replay import State
from luya.errors import HomeError
from luya.home import LuyaHome
from luya.session import feeds
from oracle.calls.rehearsal import SIGNERS
from oracle.errors import ConfigError
from oracle.families.config import FeedConfig

REPORT_EVERY: Final = 20_000
_ADDRESSES: Final = tuple(sorted(signer.address for signer in SIGNERS))
_NUMEROUS: Final = frozenset({ACCOUNT, REDUCTION, REDUCTION_NULLIFIER, UNROLLED_REDUCTION, REFUSAL, REVOCATION})
"""Types of entries that are no law, and so many that they are not decoded to find it."""


def law_of(home: LuyaHome) -> Law:
    """The newest law: organisations, feeds, methods, caps. Raises HomeError: the archive is lost."""
    law = Law()
    for entry in _entries(home):
        if type_of(entry) in _NUMEROUS:
            continue
        decoded = decode(entry)
        match decoded:
            case Organisation():
                law.set_organisation(decoded)
            case Feed():
                law.set_feed(decoded)
            case Method():
                law.set_method(decoded)
            case GroupCaps():
                law.set_caps(decoded)
            case Pause() | LogKey() | Account() | Reduction() | Refusal() | Revocation() | Act():
                pass
            case _:
                assert_never(decoded)
    return law


def state_of(home: LuyaHome, now: int, size: int, advance: Callable[[str, int, int], None]) -> State:
    """The ledger's state after its first `size` entries. now: unix seconds. Raises HomeError: the archive is lost."""
    if not home.manifest.exists():
        state = State()
        for entry in _first(home, now):
            state.apply(entry)
        return state
    _there(home, size)
    reader = ArchiveReader(home.archive)
    state = State(entry_at=reader.entry)
    for index, entry in enumerate(reader.entries(0, size), 1):
        state.apply(entry)
        if index % REPORT_EVERY == 0 or index == size:
            advance("replay", index, size)
    return state


def registration(state: State, feed: FeedConfig, now: int) -> tuple[Organisation, Feed]:
    """What `luya feed register` would record after this state. Raises ConfigError: see `check_feed`."""
    check_feed(state.law, feed)
    time = max(now, state.time)
    before = state.feeds.get(feed.id)
    version = 1 if before is None else before.version + 1
    return (
        replace(feeds.organisation_entry(feed), time=time),
        replace(feeds.feed_entry(feed, _ADDRESSES), time=time, version=version),
    )


def check_feed(law: Law, feed: FeedConfig) -> None:
    """Raises ConfigError: see `check_methods`; or the feed is another organisation's on this ledger."""
    check_methods(law, feed)
    known = law.feeds.get(feed.id)
    if known is not None and known.organisation != feed.organisation.id:
        raise ConfigError(
            f"feed {feed.name}: [organisation] id is {feed.organisation.id}, and feed {feed.id} was registered for "
            f"organisation {known.organisation}, with which it stays: give the other one's feed an id of its own"
        )


def check_methods(law: Law, feed: FeedConfig) -> None:
    """Raises ConfigError: the feed names a method that this ledger does not have, or that its records cannot be of."""
    unknown = [str(method) for method in feed.method_ids if method not in law.methods]
    if unknown:
        known = ", ".join(map(str, sorted(law.methods)))
        raise ConfigError(
            f"feed {feed.name}: [methods] names {', '.join(unknown)}, which this ledger does not have; it has {known}"
        )
    nullified = [str(method) for method in feed.method_ids if law.methods[method].needs_nullifier]
    if nullified:
        raise ConfigError(
            f"feed {feed.name}: [methods] names {', '.join(nullified)}, whose records need a nullifier; "
            f"a feed of kind {feed.kind} gives none"
        )


def _entries(home: LuyaHome) -> Iterator[bytes]:
    if not home.manifest.exists():
        return iter(_first(home, 0))
    reader = ArchiveReader(home.archive)
    _there(home, reader.size)
    return reader.entries()


def _there(home: LuyaHome, size: int) -> None:
    if not size:
        raise HomeError(f"the archive of {home.root} is empty: run `luya up` once, which reads it from the chain again")


def _first(home: LuyaHome, now: int) -> Sequence[bytes]:
    """What the first start would deploy."""
    caps, methods = shipped_law()
    own = sorted(feeds.of_home(home).values(), key=lambda feed: feed.id)
    partners = {feed.organisation.id: feeds.organisation_entry(feed) for feed in own}
    return [
        *(encode(replace(one, time=now)) for one in caps),
        *(encode(replace(one, time=now)) for one in methods),
        *(encode(replace(one, time=now)) for one in partners.values()),
        *(encode(replace(feeds.feed_entry(one, _ADDRESSES), time=now)) for one in own),
    ]
