"""Adds up the totals' rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Row, RowMapping

from api.totals.schemas import BucketTotal, MethodTotal, Totals, VintageTotal
from api.web.types import Bilingual
from chain_node.catalogue import CatalogueMethod
from chain_node.protocol.merkle import EMPTY_ROOT
from chain_node.protocol.postings import DEBT, Bucket
from chain_node.protocol.totals import held


def totals(
    ledger: RowMapping | None,
    vintages: Sequence[Row[Any]],
    buckets: Sequence[Row[Any]],
    methods: Sequence[Row[Any]],
    catalogue: Mapping[int, CatalogueMethod],
) -> Totals:
    """The public's figures. The debt follows from them: what methods lost and vintages did not is owed, or waived."""
    by_vintage = [_vintage(row, [one for one in buckets if one.vintage == row.vintage]) for row in vintages]
    by_method = _methods(methods, catalogue)
    waived = [one for one in buckets if one.vintage == DEBT]
    kept_credits = sum(one.minted_credits_mg - one.revoked_credits_mg for one in by_vintage)
    kept_points = sum(one.minted_millipoints - one.revoked_millipoints for one in by_vintage)
    stand_credits = sum(one.credits_mg for one in by_method) + sum(one.credits_mg for one in waived)
    stand_points = sum(one.millipoints for one in by_method) + sum(one.millipoints for one in waived)
    return Totals(
        log_size=ledger["size"] if ledger else 0,
        log_root=(ledger["root"] if ledger else EMPTY_ROOT).hex(),
        time=ledger["time"] if ledger else 0,
        credits_mg=sum(one.credits_mg for one in by_vintage),
        millipoints=sum(one.millipoints for one in by_vintage),
        debt_credits_mg=kept_credits - stand_credits,
        debt_millipoints=kept_points - stand_points,
        by_vintage=by_vintage,
        by_method=by_method,
    )


def _vintage(row: Row[Any], buckets: Sequence[Row[Any]]) -> VintageTotal:
    named = [(Bucket[one.bucket.upper()], one) for one in buckets]
    return VintageTotal(
        vintage=row.vintage,
        credits_mg=held(row.credits_minted, row.credits_revoked, [(of, one.credits_mg) for of, one in named]),
        millipoints=held(row.millipoints_minted, row.millipoints_revoked, [(of, one.millipoints) for of, one in named]),
        buckets=[
            BucketTotal(bucket=one.bucket, credits_mg=one.credits_mg, millipoints=one.millipoints) for one in buckets
        ],
        minted_credits_mg=row.credits_minted,
        minted_millipoints=row.millipoints_minted,
        revoked_credits_mg=row.credits_revoked,
        revoked_millipoints=row.millipoints_revoked,
    )


def _methods(rows: Sequence[Row[Any]], catalogue: Mapping[int, CatalogueMethod]) -> list[MethodTotal]:
    """Rows by (method, vintage), added up by method."""
    sums: dict[int, list[int]] = {}
    for row in rows:
        values = sums.setdefault(row.method, [0] * 7)
        found = (
            row.records, row.activity, row.credits_mg, row.millipoints,
            row.revoked_records, row.revoked_credits_mg, row.revoked_millipoints,
        )  # fmt: skip
        for at, value in enumerate(found):
            values[at] += value
    return [_method(method, values, catalogue.get(method)) for method, values in sorted(sums.items())]


def _method(method: int, values: list[int], shipped: CatalogueMethod | None) -> MethodTotal:
    records, activity, credits_mg, millipoints, revoked, revoked_credits, revoked_points = values
    return MethodTotal(
        method=method,
        name=None if shipped is None else Bilingual(zh=shipped.name.zh, en=shipped.name.en),
        records=records,
        activity=activity,
        credits_mg=credits_mg - revoked_credits,
        millipoints=millipoints - revoked_points,
        minted_credits_mg=credits_mg,
        minted_millipoints=millipoints,
        revoked_records=revoked,
        revoked_credits_mg=revoked_credits,
        revoked_millipoints=revoked_points,
    )
