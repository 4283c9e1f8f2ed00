"""Rows' outcomes in answers."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from api.entries.schemas import RuleView
from api.web.types import Address, Amount, Bilingual, Model, example


class RowView(Model):
    """One row of a partner's file, and what became of it."""

    file: str
    row: int = Field(description="Line of data, from 1")
    key: str = Field(description="The idempotency key: the partner's record id, or the row's SHA-256")
    outcome: Literal["recorded", "revoked", "waiting", "refused", "set-aside"]
    message: Bilingual
    rule: RuleView | None = Field(description="Why it was refused and what to do")
    value: str = Field(description="What the rule looked at")
    refused_by: Literal["oracle", "ledger"] | None
    account: Address | None
    sequence: Amount | None
    index: Amount | None = Field(description="Its entry in the log: see /v1/entries/{index}")
    credits_mg: Amount | None
    millipoints: Amount | None


class Records(Model):
    """All rows that the reference names; several where one record came in several files."""

    model_config = example(
        {
            "feed": 1,
            "reference": "trips-2025-11.csv:42",
            "rows": [
                {
                    "file": "trips-2025-11.csv",
                    "row": 42,
                    "key": "b1946ac92492d2347c6235b4d2611184…",
                    "outcome": "refused",
                    "message": {"zh": "未计入：行程时间超过该行为允许的最长时间。", "en": "Not counted: too long."},
                    "rule": {
                        "number": 3,
                        "name": "too-long",
                        "reason": {"zh": "行程时间超过该行为允许的最长时间。", "en": "The action lasted too long."},
                        "remedy": {
                            "zh": "如时间有误，请合作方更正后重新提交。",
                            "en": "If the time is wrong, send it again.",
                        },
                    },
                    "value": "802101 s",
                    "refused_by": "oracle",
                    "account": None,
                    "sequence": None,
                    "index": None,
                    "credits_mg": None,
                    "millipoints": None,
                }
            ],
        }
    )
    feed: int
    reference: str
    rows: list[RowView]
