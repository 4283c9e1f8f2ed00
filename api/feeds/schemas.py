"""Feeds in answers."""

from __future__ import annotations

from pydantic import Field

from api.entries.schemas import FeedEntryView
from api.web.types import Amount, Hash, Model, example


class FeedView(Model):
    """A feed as the law sets it now, and how many of its records ended how."""

    model_config = example(
        {
            "id": 1,
            "law": {
                "type": "feed",
                "time": 1763700000,
                "id": 1,
                "organisation": 1,
                "version": 1,
                "threshold": 2,
                "signers": ["0x1111111111111111111111111111111111111111", "0x2222222222222222222222222222222222222222"],
                "trial": True,
                "late_days": None,
                "credits_cap_mg": 100000000000,
                "millipoints_cap": 10000000000,
                "methods": [101],
                "state": "active",
            },
            "index": 30,
            "leaf_hash": "3b5c…64 hex digits",
            "records": 12201,
            "recorded": 12168,
            "refused": {"overlap": 33},
        }
    )
    id: int
    law: FeedEntryView
    index: Amount = Field(description="The entry that set it last")
    leaf_hash: Hash
    records: Amount = Field(description="Records that reached the ledger; also the feed's next sequence number")
    recorded: Amount
    refused: dict[str, Amount] = Field(description="By rule: skipped by the ledger itself")


class FeedChange(Model):
    """One entry in a feed's history: who could sign from when on."""

    index: Amount
    leaf_hash: Hash
    law: FeedEntryView


class FeedDetail(FeedView):
    """A feed with its history on the chain."""

    history: list[FeedChange]


class FeedList(Model):
    """All feeds of the ledger, by id."""

    feeds: list[FeedView]
