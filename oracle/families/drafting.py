"""What a family knows for drafting a feed from a partner's sample: its columns' usual names, its usual settings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

Hints = Mapping[str, tuple[str, ...]]
"""role → patterns of names without spaces, signs and capitals; the earlier one of them is, the better it fits."""
Needs = tuple[tuple[tuple[str, ...], ...], ...]
"""What a family's rows must tell: of each need, one of several sets of roles."""
COORDINATES: Final = ("start_latitude", "start_longitude", "end_latitude", "end_longitude")
GEOHASHES: Final = ("start_geohash", "end_geohash")
"""The roles by which rows say where something begins and ends, in any family that has `places`."""


@dataclass(frozen=True, slots=True)
class Assumed:
    """A rule that a draft has where the sample tells none of these roles. zh, en: what is said of it."""

    roles: frozenset[str]
    rule: str
    value: int
    zh: str
    en: str


@dataclass(frozen=True, slots=True)
class Drafting:
    """hints: of every role but those that no draft fills in (`left`), and of what may stand in for a person.

    needs: what tells one family from another, and what is missing; methods: the shipped method for each use; rules: a
    draft's [rules]; times, numbers: roles whose column must hold such; values: for each name of [values], the pattern
    of what a partner writes there; places: whether rows say where something begins and ends; assumed: see `Assumed`.
    """

    hints: Hints
    needs: Needs
    methods: Mapping[str, int]
    rules: Mapping[str, int]
    times: frozenset[str]
    numbers: frozenset[str] = frozenset()
    left: frozenset[str] = frozenset()
    values: Mapping[str, str] = field(default_factory=dict)
    places: bool = False
    assumed: tuple[Assumed, ...] = ()


def each(stems: str, ends: str = "", *, bare: bool = False) -> tuple[str, ...]:
    """Each of these words, with each of these ends; bare: and without any, which fits least."""
    last = [""] if bare or not ends else []
    return tuple(stem + end for end in (*ends.split(), *last) for stem in stems.split())


NUMBER_ENDS: Final = "编号 号 id"
PERSON_NAMES: Final = (
    *each("userid memberid riderid customerid personid openid residentid"),
    *each("用户 会员", NUMBER_ENDS, bare=True),
    *each("手机号 手机号码"),
    *each("user member rider customer"),
)
RECORD_NAMES: Final = (
    *each("orderid rideid tripid recordid transactionid serialno 流水号"),
    *each("订单 行程 记录", NUMBER_ENDS),
    *each("order"),
)
