"""What became of a partner's rows, handed from the oracle's journal to the read model: neither knows the other."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from sqlalchemy import Engine

from api.projection import outcomes as read_model
from chain_node.protocol.rules import Rule
from oracle.calls.ingest import FinishedCall
from oracle.families.config import FeedConfig


def hand_over(database: Engine, feed: FeedConfig, delivery: FinishedCall) -> int:
    """Stores every row of a finished call; one that was known already keeps what its first sending came to.

    One that was judged again has become what it is now wherever it came before.
    """
    return read_model.take(database, _rows(feed, delivery))


def _rows(feed: FeedConfig, delivery: FinishedCall) -> Iterator[read_model.ReportedRow]:
    names = [Path(name).name for name in delivery.files]
    for row in delivery.outcomes():
        yield read_model.ReportedRow(
            feed=feed.id,
            file=names[row.file],
            row=row.row,
            key=row.key,
            state=row.state,
            rule=Rule.of(row.rule).number if row.rule else None,
            value=row.value,
            account=row.account,
            sequence=row.sequence,
            judged_again=row.outcome != "already-known" and bool(row.was),
        )
