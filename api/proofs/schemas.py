"""Proofs in answers; hashes in hex, in RFC 6962's order."""

from __future__ import annotations

from pydantic import Field

from api.web.types import Amount, Hash, Model, example


class InclusionProof(Model):
    """The leaf is at `index` of the log of `log_size`. `tlog_proof`: all of it as c2sp.org/tlog-proof@v1 text."""

    model_config = example(
        {
            "leaf_hash": "3b5c…64 hex digits",
            "index": 41,
            "log_size": 25127,
            "log_root": "6f1d…64 hex digits",
            "proof": ["77b0…64 hex digits"],
            "note": "luya.local/3f9a01c2\n25127\nbx0…=\n\n— luya.local/3f9a01c2 q1Zb…=\n",
            "tlog_proof": "c2sp.org/tlog-proof@v1\nindex 41\nd7A…=\n\nluya.local/3f9a01c2\n25127\n…",
        }
    )
    leaf_hash: Hash
    index: Amount
    log_size: Amount
    log_root: Hash
    proof: list[Hash] = Field(description="Inclusion proof, the leaf's sibling first")
    note: str
    tlog_proof: str


class ConsistencyProof(Model):
    """The log of size `to` extends the log of size `from`. `text`: as `luya verify --consistency` takes it."""

    model_config = example(
        {
            "from": 12001,
            "to": 25127,
            "from_root": "1c0e…64 hex digits",
            "to_root": "6f1d…64 hex digits",
            "proof": ["77b0…64 hex digits"],
            "text": "old 12001\nd7A…=\n",
        }
    )
    old: Amount = Field(alias="from")
    new: Amount = Field(alias="to")
    from_root: Hash
    to_root: Hash
    proof: list[Hash]
    text: str
