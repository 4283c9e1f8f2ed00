"""What the replay shows of accounts and totals, in the order of the ledger's views."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple


class AccountView(NamedTuple):
    """An account as the ledger's views give it. vintage: the newest it earned in, 0 = none yet; credits and
    millipoints: its balance in that vintage; debts: what later mints will meet. state 0: never registered."""

    state: int
    epoch: int
    vintage: int
    credits_mg: int
    millipoints: int
    credits_debt: int
    millipoints_debt: int


class VintageTotals(NamedTuple):
    """All that was minted in a vintage, and what was burned of it by revocations and debts."""

    credits_minted: int
    millipoints_minted: int
    credits_revoked: int
    millipoints_revoked: int


@dataclass(slots=True)
class MethodTotals:
    """What one method minted in one vintage, and how much of it was revoked (burned or owed)."""

    records: int = 0
    activity: int = 0
    credits_mg: int = 0
    millipoints: int = 0
    revoked_records: int = 0
    revoked_activity: int = 0
    revoked_credits_mg: int = 0
    revoked_millipoints: int = 0
