"""Methods in answers."""

from __future__ import annotations

from pydantic import Field

from api.entries.schemas import MethodEntryView
from api.web.types import Amount, Bilingual, Hash, Model, example


class MethodView(Model):
    """A methodology version: the law's numbers, and the published text whose hash the law holds."""

    model_config = example(
        {
            "id": 101,
            "law": {
                "type": "method",
                "time": 1763700000,
                "id": 101,
                "behaviour": 101,
                "group": 1,
                "credits": [48, 1],
                "points": [48, 10],
                "max_activity": 50000,
                "max_per_slot": 4700,
                "windows": [],
                "valid_from": "2008-01-01",
                "valid_to": None,
                "needs_nullifier": False,
                "evidence_class": "measured",
                "text": "9f86…64 hex digits",
            },
            "index": 21,
            "leaf_hash": "3b5c…64 hex digits",
            "key": "pca/cycling",
            "name": {"zh": "骑行", "en": "cycling"},
            "dimension": {"zh": "绿色出行", "en": "green travel"},
            "unit": {"zh": "米", "en": "metre"},
            "status": "adopted",
            "source": "personal carbon account paper (2024), tables 2 and 3",
            "published": {"zh": "每骑行 1 千米减排 48 克二氧化碳当量，计 4.8 分。", "en": "48 g CO2e a kilometre."},
        }
    )
    id: int
    law: MethodEntryView
    index: Amount = Field(description="The entry that set it last")
    leaf_hash: Hash = Field(description="For /v1/proof")
    key: str | None
    name: Bilingual | None
    dimension: Bilingual | None
    unit: Bilingual | None
    status: str | None = Field(description="adopted, reference or disabled")
    source: str | None
    published: Bilingual | None = Field(description="Only where its hash is the one in the law")


class MethodChange(Model):
    """One entry in a method's history."""

    index: Amount
    leaf_hash: Hash
    time: int
    valid_to: str | None


class MethodDetail(MethodView):
    """A method with its history on the chain."""

    history: list[MethodChange]


class MethodList(Model):
    """All methods of the ledger, by id."""

    methods: list[MethodView]
