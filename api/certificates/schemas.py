"""A certificate in answers. Amounts and serials are decimal text, exact whatever reads them."""

from __future__ import annotations

from pydantic import Field

from api.web.types import Hash, Model, example


class BeneficiaryView(Model):
    """For whom: an organisation by its number, or a person by a salted hash."""

    kind: str
    organisation: int | None
    commitment: Hash | None


class CertificateLineView(Model):
    """Credits of one vintage. `serials`: vintage-method-first-last; no other line shares one of them."""

    vintage: int
    method: int = Field(description="0: the books do not tell methods apart")
    serials: str
    first: str
    last: str
    grams: str
    milligrams: str


class CertificateView(Model):
    """Credits retired for ever. `serial`: the index of its entry, whose leaf hash `/v1/proof/…` takes."""

    model_config = example(
        {
            "format": "luya-certificate@v1",
            "serial": 41,
            "leaf_hash": "3b5c…64 hex digits",
            "retired_at": "2026-06-15T12:00:00+08:00",
            "beneficiary": {"kind": "organisation", "organisation": 2, "commitment": None},
            "reason": "公司年会碳中和",
            "grams": "100000000",
            "milligrams": "100000000000",
            "lines": [
                {
                    "vintage": 2026,
                    "method": 0,
                    "serials": "2026-0-1-100000000000",
                    "first": "1",
                    "last": "100000000000",
                    "grams": "100000000",
                    "milligrams": "100000000000",
                }
            ],
        }
    )
    format: str
    serial: int
    leaf_hash: Hash
    retired_at: str
    beneficiary: BeneficiaryView
    reason: str
    grams: str
    milligrams: str
    lines: list[CertificateLineView]
