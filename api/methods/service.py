"""Puts the law's numbers and the shipped texts together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from api.entries.decoded import method_view
from api.law import LawChange
from api.methods.schemas import MethodChange, MethodDetail, MethodView
from api.web.types import Bilingual
from chain_node.catalogue import CatalogueMethod
from chain_node.protocol.entries import Method, decode
from chain_node.protocol.merkle import leaf_hash

Catalogue = Mapping[int, CatalogueMethod]


def view(found: LawChange, catalogue: Catalogue) -> MethodView:
    """A method as its newest entry sets it."""
    return MethodView(**_fields(found, catalogue))


def detail(history: Sequence[LawChange], catalogue: Catalogue) -> MethodDetail:
    """A method with its history; `history` is not empty."""
    changes = []
    for found in history:
        law = method_view(_method(found))
        leaf = leaf_hash(found.body).hex()
        changes.append(MethodChange(index=found.index, leaf_hash=leaf, time=law.time, valid_to=law.valid_to))
    return MethodDetail(**_fields(history[-1], catalogue), history=changes)


def _method(found: LawChange) -> Method:
    entry = decode(found.body)
    assert isinstance(entry, Method)
    return entry


def _fields(found: LawChange, catalogue: Catalogue) -> dict[str, Any]:
    entry = _method(found)
    shipped = catalogue.get(entry.id)
    same = shipped is not None and shipped.method.text == entry.text
    texts: dict[str, Any] = dict.fromkeys(("key", "name", "dimension", "unit", "status", "source", "published"))
    if shipped is not None and same:
        texts = {
            "key": shipped.key,
            "name": _text(shipped.name),
            "dimension": _text(shipped.dimension),
            "unit": _text(shipped.unit),
            "status": shipped.status,
            "source": shipped.source,
            "published": _text(shipped.text),
        }
    leaf = leaf_hash(found.body).hex()
    return {"id": entry.id, "law": method_view(entry), "index": found.index, "leaf_hash": leaf, **texts}


def _text(text: Any) -> Bilingual:
    return Bilingual(zh=text.zh, en=text.en)
