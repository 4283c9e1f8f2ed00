"""What the ledger holds for a feed, as one snapshot: the law by which rows are judged beforehand."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from chain_node.protocol.entries import Feed, GroupCaps, Method


@dataclass(frozen=True, slots=True)
class FeedLaw:
    """feed: its entry; methods: those the feed may use, by id; caps: by group; today: the day of the ledger's time."""

    feed: Feed
    methods: Mapping[int, Method]
    caps: Mapping[int, GroupCaps]
    today: int
