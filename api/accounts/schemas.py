"""Accounts in answers."""

from __future__ import annotations

from pydantic import Field

from api.entries.schemas import EntryView
from api.web.types import Address, Amount, Model, example

_ADDRESS = "0x00112233445566778899aabbccddeeff00112233"


class VintageBalance(Model):
    """What the account holds of one vintage year. credits_mg: mg CO2e; millipoints: thousandths of a point."""

    vintage: int
    credits_mg: Amount
    millipoints: Amount


class AccountSummary(Model):
    """An account. Debt: what revocations left owing; later mints meet it first."""

    model_config = example(
        {
            "address": _ADDRESS,
            "state": "active",
            "epoch": 0,
            "district": 510502,
            "successor": None,
            "credits_mg": 154080,
            "millipoints": 15408,
            "balances": [{"vintage": 2025, "credits_mg": 154080, "millipoints": 15408}],
            "debt_credits_mg": 0,
            "debt_millipoints": 0,
            "log_size": 25127,
        }
    )
    address: Address
    state: str
    epoch: int = Field(description="0: for life; else the one year it may earn in")
    district: int
    successor: Address | None
    credits_mg: Amount
    millipoints: Amount
    balances: list[VintageBalance]
    debt_credits_mg: Amount
    debt_millipoints: Amount
    log_size: Amount = Field(description="The log's size that this is true at")


class PositionView(Model):
    """What lies in one bucket. bucket: held, or owed (vintage null: a debt is of no year). unit: credits or
    millipoints; amounts in mg CO2e or thousandths of a point."""

    unit: str
    vintage: int | None
    bucket: str
    amount: Amount


class StatementLineView(Model):
    """One posting as its account sees it. entry: what kind of entry brought it; counterpart: the bucket that it comes
    from (change above 0) or goes to; after: what lies in `bucket` then."""

    index: Amount
    time: int
    entry: str
    unit: str
    vintage: int | None
    bucket: str
    counterpart: str
    change: Amount
    after: Amount


class AccountStatementPage(Model):
    """opening + the lines' changes = closing, in each bucket. `next`: the cursor of the page after it."""

    model_config = example(
        {
            "address": _ADDRESS,
            "log_size": 25127,
            "opening": [],
            "lines": [
                {
                    "index": 41,
                    "time": 1763700000,
                    "entry": "reduction",
                    "unit": "credits",
                    "vintage": 2025,
                    "bucket": "held",
                    "counterpart": "issued",
                    "change": 154080,
                    "after": 154080,
                }
            ],
            "closing": [{"unit": "credits", "vintage": 2025, "bucket": "held", "amount": 154080}],
            "next": None,
        }
    )
    address: Address
    log_size: Amount = Field(description="The log's size that this is true at")
    opening: list[PositionView]
    lines: list[StatementLineView]
    closing: list[PositionView]
    next: str | None


class AccountEntry(Model):
    """One entry about an account."""

    index: Amount
    entry: EntryView
    revoked_by: Amount | None


class AccountEntries(Model):
    """A page. `next`: the cursor of the page after it, null on the last."""

    model_config = example(
        {
            "address": _ADDRESS,
            "entries": [
                {
                    "index": 41,
                    "entry": {
                        "type": "reduction",
                        "time": 1763700000,
                        "feed": 1,
                        "sequence": 12,
                        "account": _ADDRESS,
                        "method": 101,
                        "day": "2025-11-20",
                        "vintage": 2025,
                        "slot": 63,
                        "slots": 3,
                        "campaign": 0,
                        "activity": 3210,
                        "evidence": "9f86…64 hex digits",
                        "credits_mg": 154080,
                        "millipoints": 15408,
                        "bonus_millipoints": 0,
                        "nullifier": None,
                    },
                    "revoked_by": None,
                }
            ],
            "next": "NDE",
        }
    )
    address: Address
    entries: list[AccountEntry]
    next: str | None
