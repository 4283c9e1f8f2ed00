"""A certificate of retired credits, made from its entry alone: as a document, and as text in Chinese or English.

What it says of amounts, serials and beneficiary it computes from the entry's own bytes; there is no other source that
it could confuse them with. It does not name the account that the credits came from.
"""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from enum import Enum
from typing import Any, Final

from chain_node.protocol.kinds.retirement import BeneficiaryKind, Retirement
from chain_node.protocol.times import DAY_ZONE_OFFSET

FORMAT: Final = "luya-certificate@v1"

_ZONE: Final = timezone(timedelta(seconds=DAY_ZONE_OFFSET))
_MILLI: Final = 1_000
_UNSHOWN: Final = frozenset({"Cc", "Cf", "Cn", "Co", "Cs", "Zl", "Zp"})
"""Categories of characters by which a reason could begin a line of its own, or turn the text's direction."""


class Language(Enum):
    """Of a certificate's text."""

    ZH = "zh"
    EN = "en"


@dataclass(frozen=True, slots=True)
class CertificateLine:
    """Credits of one vintage: the milligrams with the serials first … last."""

    vintage: int
    method: int
    first: int
    last: int

    @property
    def milligrams(self) -> int:
        """How much it is."""
        return self.last - self.first + 1

    @property
    def serials(self) -> str:
        """`vintage-method-first-last`: no other line of any certificate shares one of them."""
        return f"{self.vintage}-{self.method}-{self.first}-{self.last}"


@dataclass(frozen=True, slots=True)
class Certificate:
    """serial: the entry's index. time: unix seconds. beneficiary: as the entry has it. reason: as it may be shown."""

    serial: int
    time: int
    beneficiary_kind: BeneficiaryKind
    beneficiary: bytes
    reason: str
    lines: tuple[CertificateLine, ...]

    @classmethod
    def of(cls, index: int, entry: Retirement) -> Certificate:
        """The certificate that the entry at `index` is."""
        lines = tuple(
            CertificateLine(part.vintage, part.method, part.first, part.first + part.amount - 1) for part in entry.parts
        )
        reason = _shown(entry.reason_bytes())
        return cls(index, entry.time, entry.beneficiary_kind, entry.beneficiary, reason, lines)

    @property
    def milligrams(self) -> int:
        """All lines together."""
        return sum(line.milligrams for line in self.lines)

    @property
    def organisation(self) -> int | None:
        """The organisation that benefits; None: a person does."""
        if self.beneficiary_kind is BeneficiaryKind.PERSON:
            return None
        return int.from_bytes(self.beneficiary, "big")

    def document(self) -> dict[str, Any]:
        """As JSON has it. Amounts are decimal text, so that no reader rounds them."""
        return {
            "format": FORMAT,
            "serial": self.serial,
            "retired_at": datetime.fromtimestamp(self.time, _ZONE).isoformat(),
            "beneficiary": {
                "kind": self.beneficiary_kind.name.lower(),
                "organisation": self.organisation,
                "commitment": self.beneficiary.hex() if self.organisation is None else None,
            },
            "reason": self.reason,
            "grams": grams(self.milligrams),
            "milligrams": str(self.milligrams),
            "lines": [
                {
                    "vintage": line.vintage,
                    "method": line.method,
                    "serials": line.serials,
                    "first": str(line.first),
                    "last": str(line.last),
                    "grams": grams(line.milligrams),
                    "milligrams": str(line.milligrams),
                }
                for line in self.lines
            ],
        }

    def text(self, language: Language) -> str:
        """To be read and printed; ends with a line's end."""
        when = datetime.fromtimestamp(self.time, _ZONE).strftime("%Y-%m-%d %H:%M:%S")
        if language is Language.ZH:
            whom = (
                f"个人（加盐哈希 {self.beneficiary.hex()}）"
                if self.organisation is None
                else f"机构 {self.organisation}"
            )
            head = (
                f"碳减排量注销证书 第 {self.serial} 号\n"
                f"注销时间：{when}（UTC+8）\n"
                f"受益方：{whom}\n"
                f"用途：{self.reason}\n"
                f"注销量：{_spaced(self.milligrams)} 克二氧化碳当量\n"
                "明细（年份，克，序列号）：\n"
            )
        else:
            whom = f"a person (salted hash {self.beneficiary.hex()})"
            if self.organisation is not None:
                whom = f"organisation {self.organisation}"
            head = (
                f"Certificate of retired carbon credits, no. {self.serial}\n"
                f"Retired: {when} (UTC+8)\n"
                f"Beneficiary: {whom}\n"
                f"Reason: {self.reason}\n"
                f"Amount: {_spaced(self.milligrams)} g CO2e\n"
                "Lines (vintage, grams, serials):\n"
            )
        return head + "".join(f"  {line.vintage}  {_spaced(line.milligrams)}  {line.serials}\n" for line in self.lines)


def grams(milligrams: int) -> str:
    """Exact, without zeros at the end."""
    whole, rest = divmod(milligrams, _MILLI)
    return f"{whole}.{rest:03}".rstrip("0") if rest else str(whole)


def _spaced(milligrams: int) -> str:
    """Grams with a comma every three digits."""
    whole, dot, rest = grams(milligrams).partition(".")
    return f"{int(whole):,}{dot}{rest}"


def _shown(reason: bytes) -> str:
    """Anybody chose these bytes: what is no UTF-8, or would not be shown as itself, becomes U+FFFD."""
    text = reason.decode("utf-8", "replace")
    return "".join("\ufffd" if unicodedata.category(one) in _UNSHOWN else one for one in text)
