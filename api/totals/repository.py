"""Queries on totals."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Row, RowMapping, select

from api.store.database import Reader
from api.store.models import BucketTotalRow, LedgerRow, MethodTotalRow, VintageTotalRow

_LEDGER = select(LedgerRow.__table__)
_VINTAGES = select(VintageTotalRow.__table__).order_by(VintageTotalRow.vintage)
_BUCKETS = select(BucketTotalRow.__table__).order_by(BucketTotalRow.vintage, BucketTotalRow.bucket)
_METHODS = select(MethodTotalRow.__table__).order_by(MethodTotalRow.method, MethodTotalRow.vintage)


async def ledger(connection: Reader) -> RowMapping | None:
    """How far the read model is; None before its first entry."""
    return (await connection.execute(_LEDGER)).mappings().first()


async def vintages(connection: Reader) -> Sequence[Row[Any]]:
    """Totals by vintage year."""
    return (await connection.execute(_VINTAGES)).all()


async def buckets(connection: Reader) -> Sequence[Row[Any]]:
    """What lies in the buckets that acts alone move, by vintage year."""
    return (await connection.execute(_BUCKETS)).all()


async def methods(connection: Reader) -> Sequence[Row[Any]]:
    """Totals by method and vintage year."""
    return (await connection.execute(_METHODS)).all()
