"""One field's text, or as a number; whatever is not plainly one is `Unreadable`, with the reason."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

_NUMBER: Final = re.compile(r"-?\d{1,3}(\.\d{1,20})?", re.ASCII)
_EXPONENT: Final = re.compile(r"-?[\d.]+[eE][-+]?\d+", re.ASCII)

_SPACES: Final = " \u00a0\u202f"
"""Space, no-break space, narrow no-break space: a file may have them mixed, and nobody sees which is which."""


class Unreadable(ValueError):
    """A field that cannot be read; its text is the reason that the report shows."""


def whole(text: str, name: str) -> int:
    """A whole number ≥ 0 of at most 15 ASCII digits."""
    if text.isdigit() and text.isascii() and len(text) <= 15:
        return int(text)
    text = text.strip()
    if not (text.isdigit() and text.isascii()):
        raise Unreadable(f"{name}: {shown(text)} is not a whole number of 0 or more")
    if len(text) > 15:
        raise Unreadable(f"{name}: {shown(text)} has more than 15 digits")
    return int(text)


class Numbers:
    """Reads numbers ≥ 0 as a feed writes them.

    thousands: what parts groups of three digits, '' for nothing, ' ' also for the no-break spaces that French exports
    have in its place; decimal: what stands before a fraction, '' where no number has one.
    """

    def __init__(self, thousands: str = "", decimal: str = "") -> None:
        fraction = rf"(?:{re.escape(decimal)}(?P<fraction>\d{{1,20}}))?" if decimal else "(?P<fraction>)"
        signs = _SPACES if thousands == " " else thousands
        grouped = rf"|\d{{1,3}}(?:[{re.escape(signs)}]\d{{3}})+" if signs else ""
        self._without_signs = str.maketrans("", "", signs)
        self._regex = re.compile(rf"(?P<whole>\d+{grouped}){fraction}", re.ASCII)
        self._plain = not thousands and not decimal

    def reader(self, times: int = 1, over: int = 1) -> Callable[[str, str], int]:
        """What reads a number and gives it × times / over, exact, then without what is left of a fraction."""
        if self._plain and times == over:
            return whole
        return lambda text, name: self._read(text, name, times, over)

    def _read(self, text: str, name: str, times: int, over: int) -> int:
        match = self._regex.fullmatch(text.strip())
        if match is None:
            hint = "" if "." not in text and "," not in text else " (see [numbers] for how the feed writes them)"
            raise Unreadable(f"{name}: {shown(text)} is not a number of 0 or more{hint}")
        digits, fraction = match["whole"].translate(self._without_signs), match["fraction"] or ""
        if len(digits) > 15:
            raise Unreadable(f"{name}: {shown(text)} has more than 15 digits")
        return (
            int(digits + fraction) * times // (over * 10 ** len(fraction)) if fraction else int(digits) * times // over
        )


def coordinate(text: str, name: str, limit: int) -> float:
    """Degrees between −limit and limit, decimal. (A float: the geodesic needs it; its result is floored at once.)"""
    text = text.strip()
    if _NUMBER.fullmatch(text):
        degrees = float(text)
        if -limit <= degrees <= limit:
            return degrees
    if not text:
        raise Unreadable(f"{name} is empty: it should hold degrees")
    if _EXPONENT.fullmatch(text):
        raise Unreadable(f"{name}: {shown(text)} should be degrees without an exponent, like 40.7")
    raise Unreadable(f"{name}: {shown(text)} is not between {-limit} and {limit} degrees")


def coordinate_with_comma(text: str, name: str, limit: int) -> float:
    """As `coordinate`, where a comma stands before the fraction."""
    if "." in text:
        raise Unreadable(f"{name}: {shown(text)} should have a comma before its fraction (numbers.decimal)")
    return coordinate(text.replace(",", "."), name, limit)


def required(text: str | None, name: str, longest: int = 200) -> str:
    """Text that must be there."""
    text = (text or "").strip()
    if not text:
        raise Unreadable(f"{name} is empty")
    if len(text) > longest:
        raise Unreadable(f"{name} is longer than {longest} characters")
    return text


def optional(text: str, name: str, longest: int = 200) -> str:
    """Text that may be empty."""
    text = text.strip()
    if len(text) > longest:
        raise Unreadable(f"{name} is longer than {longest} characters")
    return text


def shown(text: str) -> str:
    """The value as a reason shows it."""
    return repr(text if len(text) <= 40 else text[:40] + "…")
