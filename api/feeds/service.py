"""Puts a feed's law and its counts together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from api.entries.decoded import feed_view, rule_view
from api.feeds.schemas import FeedChange, FeedDetail, FeedView
from api.law import LawChange
from chain_node.protocol.entries import Feed, decode
from chain_node.protocol.merkle import leaf_hash

Counts = Mapping[int, int]


def view(found: LawChange, counts: Counts) -> FeedView:
    """A feed as its newest entry sets it."""
    return FeedView(**_fields(found, counts))


def detail(history: Sequence[LawChange], counts: Counts) -> FeedDetail:
    """A feed with its history; `history` is not empty."""
    changes = [
        FeedChange(index=found.index, leaf_hash=leaf_hash(found.body).hex(), law=feed_view(_feed(found)))
        for found in history
    ]
    return FeedDetail(**_fields(history[-1], counts), history=changes)


def _feed(found: LawChange) -> Feed:
    entry = decode(found.body)
    assert isinstance(entry, Feed)
    return entry


def _fields(found: LawChange, counts: Counts) -> dict[str, Any]:
    return {
        "id": found.id,
        "law": feed_view(_feed(found)),
        "index": found.index,
        "leaf_hash": leaf_hash(found.body).hex(),
        "records": sum(counts.values()),
        "recorded": counts.get(0, 0),
        "refused": {rule_view(rule).name: number for rule, number in counts.items() if rule},
    }
