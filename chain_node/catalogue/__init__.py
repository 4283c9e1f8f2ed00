"""The methods and group caps that the system ships with, as data: what one action is worth, and who says so.

`load()` gives the methods, `load_groups()` the exclusion groups with their caps. The hash of a method's published text,
which goes on the chain, is `records.text_hash` over the fields of `CatalogueMethod.published`.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any, Literal

from chain_node.protocol.entries import OPEN_END, EvidenceClass, GroupCaps, Method
from chain_node.protocol.records import text_hash
from chain_node.protocol.times import FIRST_DAY

__all__ = ["CatalogueGroup", "CatalogueMethod", "Status", "Text", "announced", "by_id", "by_key", "load", "load_groups"]

Status = Literal["adopted", "reference", "disabled"]

CATALOGUES = ("luzhou", "pca", "reference")

_EVIDENCE = {
    "measured": EvidenceClass.MEASURED,
    "documented": EvidenceClass.DOCUMENTED,
    "self-declared": EvidenceClass.SELF_DECLARED,
}


@dataclass(frozen=True, slots=True)
class Text:
    """A text in Chinese and English."""

    zh: str
    en: str


@dataclass(frozen=True, slots=True)
class CatalogueMethod:
    """A shipped method. `method`: the entry to announce (its time is 0); nominal_minutes: how long an instant, such
    as a tap without an end, is taken to last, 0 where the method claims its window; status: see the catalogue's files.
    """

    key: str
    method: Method
    name: Text
    dimension: Text
    unit: Text
    source: str
    status: Status
    nominal_minutes: int
    text: Text

    @property
    def id(self) -> int:
        return self.method.id

    @property
    def published(self) -> tuple[str, ...]:
        """The fields whose hash is the method's text hash on the chain, in order."""
        return _published(self.key, self.name, self.unit, self.source, self.text)


@dataclass(frozen=True, slots=True)
class CatalogueGroup:
    """An exclusion group and its caps (time 0)."""

    name: Text
    caps: GroupCaps

    @property
    def id(self) -> int:
        return self.caps.group


def _published(key: str, name: Text, unit: Text, source: str, text: Text) -> tuple[str, ...]:
    return (key, name.zh, name.en, unit.zh, unit.en, source, text.zh, text.en)


def _windows(value: str | list[list[int]]) -> tuple[tuple[int, int], ...] | None:
    if value == "none":
        return None
    if value == "free":
        return ()
    if isinstance(value, str):
        raise ValueError(f"windows are free, none or pairs, not {value!r}")
    return tuple((int(first), int(count)) for first, count in value)


def _method(row: Mapping[str, Any]) -> CatalogueMethod:
    name, unit, text = (Text(**row[field]) for field in ("name", "unit", "text"))
    (credit_num, credit_den), (point_num, point_den) = row["credits"], row["points"]
    method = Method(
        time=0,
        id=row["id"],
        behaviour=row.get("behaviour", row["id"]),
        group=row["group"],
        credit_num=credit_num,
        credit_den=credit_den,
        point_num=point_num,
        point_den=point_den,
        max_activity=row["max_activity"],
        max_per_slot=row.get("max_per_slot", 0),
        windows=_windows(row["windows"]),
        valid_from=FIRST_DAY,
        valid_to=OPEN_END,
        needs_nullifier=row.get("nullifier", False),
        evidence_class=_EVIDENCE[row["evidence"]],
        text=text_hash(*_published(row["key"], name, unit, row["source"], text)),
    )
    facts = (row["source"], row["status"], row["nominal_minutes"], text)
    return CatalogueMethod(row["key"], method, name, Text(**row["dimension"]), unit, *facts)


def _read(name: str) -> dict[str, Any]:
    return tomllib.loads(resources.files(__name__).joinpath(f"{name}.toml").read_text(encoding="utf-8"))


@cache
def load() -> tuple[CatalogueMethod, ...]:
    """All shipped methods, also the disabled ones, by id."""
    methods = [_method(row) for catalogue in CATALOGUES for row in _read(catalogue)["method"]]
    return tuple(sorted(methods, key=lambda method: method.id))


def announced() -> tuple[CatalogueMethod, ...]:
    """The methods that a new ledger announces: all but the disabled ones, whose ids stay free for real numbers."""
    return tuple(method for method in load() if method.status != "disabled")


@cache
def load_groups() -> tuple[CatalogueGroup, ...]:
    """All exclusion groups with their caps, by id."""
    return tuple(
        CatalogueGroup(Text(**row["name"]), GroupCaps(0, row["id"], row["credits_mg"], row["millipoints"]))
        for row in _read("groups")["group"]
    )


def by_id(method: int) -> CatalogueMethod:
    """The shipped method with this id. Raises KeyError: there is none."""
    return {entry.id: entry for entry in load()}[method]


def by_key(key: str) -> CatalogueMethod:
    """The shipped method with this key, such as 'pca/cycling'. Raises KeyError: there is none."""
    return {entry.key: entry for entry in load()}[key]
