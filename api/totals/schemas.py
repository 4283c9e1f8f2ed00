"""Totals in answers; credits in mg CO2e, points in thousandths. minted − revoked = what remains, and where acts move
something (redeemed, pledged, retired …) what they took or brought besides."""

from __future__ import annotations

from pydantic import Field

from api.web.types import Amount, Bilingual, Hash, Model, example


class BucketTotal(Model):
    """What lies in a bucket that acts alone move, under its name in the protocol; of a source, what it has given."""

    bucket: str
    credits_mg: Amount
    millipoints: Amount


class VintageTotal(Model):
    """One vintage year. revoked: burned by revocations and by debts that later inflows met."""

    vintage: int
    credits_mg: Amount = Field(description="Held by accounts now: minted − revoked, and what the buckets say")
    millipoints: Amount
    minted_credits_mg: Amount
    minted_millipoints: Amount
    revoked_credits_mg: Amount
    revoked_millipoints: Amount
    buckets: list[BucketTotal]


class MethodTotal(Model):
    """One method, all vintages. revoked: whole records taken back, whether burned or still owed."""

    method: int
    name: Bilingual | None
    records: Amount
    activity: Amount = Field(description="In the method's unit, revoked records included")
    credits_mg: Amount
    millipoints: Amount
    minted_credits_mg: Amount
    minted_millipoints: Amount
    revoked_records: Amount
    revoked_credits_mg: Amount
    revoked_millipoints: Amount


class Totals(Model):
    """The ledger at `log_size`. The vintages add up to `credits_mg`. What all vintages minted, less what was revoked of
    them, is that of the methods, and what is owed."""

    model_config = example(
        {
            "log_size": 25127,
            "log_root": "6f1d…64 hex digits",
            "time": 1763700000,
            "credits_mg": 608527440,
            "millipoints": 60847433,
            "debt_credits_mg": 0,
            "debt_millipoints": 0,
            "by_vintage": [
                {
                    "vintage": 2017,
                    "credits_mg": 608527440,
                    "millipoints": 60847433,
                    "minted_credits_mg": 608527440,
                    "minted_millipoints": 60847433,
                    "revoked_credits_mg": 0,
                    "revoked_millipoints": 0,
                    "buckets": [],
                }
            ],
            "by_method": [
                {
                    "method": 101,
                    "name": {"zh": "骑行", "en": "cycling"},
                    "records": 12168,
                    "activity": 12677655,
                    "credits_mg": 608527440,
                    "millipoints": 60847433,
                    "minted_credits_mg": 608527440,
                    "minted_millipoints": 60847433,
                    "revoked_records": 0,
                    "revoked_credits_mg": 0,
                    "revoked_millipoints": 0,
                }
            ],
        }
    )
    log_size: Amount
    log_root: Hash
    time: int = Field(description="Block time of the newest entry, unix seconds")
    credits_mg: Amount = Field(description="Held by all accounts now")
    millipoints: Amount
    debt_credits_mg: Amount = Field(description="Owed by accounts after revocations, to be met by later mints")
    debt_millipoints: Amount
    by_vintage: list[VintageTotal]
    by_method: list[MethodTotal]
