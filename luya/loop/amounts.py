"""Amounts, days and places as people type them, and as the ledger has them: exact, or refused."""

from __future__ import annotations

from datetime import date, datetime, timedelta, timezone
from decimal import Decimal, InvalidOperation
from typing import Final

from chain_node.protocol.times import DAY_ZONE_OFFSET, day_of_date
from luya.errors import UsageError

ZONE: Final = timezone(timedelta(seconds=DAY_ZONE_OFFSET))
_MICRO: Final = 1_000_000


def millipoints(text: str) -> int:
    """Points with up to three decimals. Raises UsageError."""
    return _exact(text, 1_000, "points", "三位小数以内的积分")


def milligrams(text: str) -> int:
    """Grams with up to three decimals, more than none. Raises UsageError."""
    amount = _exact(text, 1_000, "grams", "三位小数以内的克数")
    if not amount:
        raise UsageError("nothing would be retired: give more than 0 grams", "克数应大于 0")
    return amount


def fen(text: str) -> int:
    """Yuan with up to two decimals. Raises UsageError."""
    return _exact(text, 100, "yuan", "两位小数以内的金额（元）")


def points_text(amount: int) -> str:
    """Millipoints as points, without zeros at the end."""
    return f"{Decimal(amount) / 1_000:f}"


def yuan_text(amount: int) -> str:
    """Fen as yuan."""
    return f"{Decimal(amount) / 100:.2f}"


def day(text: str) -> int:
    """A day number, of YYYY-MM-DD. Raises UsageError."""
    try:
        number = day_of_date(date.fromisoformat(text))
    except ValueError:
        raise UsageError(f"{text!r} is no day: give it as 2026-03-12", "日期格式应为 2026-03-12") from None
    if not 0 <= number <= 0xFFFF:
        raise UsageError(f"the day {text} lies outside 1970 to 2149", "日期超出范围")
    return number


def instant(value: date | datetime | str) -> int:
    """Unix seconds of a day's beginning in China, or of an instant with its zone (else China's). Raises UsageError."""
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value)
        except ValueError:
            raise UsageError(f"{value!r} is no day or time: give 2026-03-12", "时间格式应为 2026-03-12") from None
    if not isinstance(value, datetime):
        value = datetime(value.year, value.month, value.day)  # the zone follows
    return int((value if value.tzinfo else value.replace(tzinfo=ZONE)).timestamp())


def place(text: str) -> tuple[int, int]:
    """(latitude, longitude) as the ledger has them, of `28.871,105.442`: degrees north and east. Raises UsageError."""
    try:
        north, east = (Decimal(part.strip()) for part in text.split(","))
        right = abs(north) <= 90 and abs(east) <= 180
    except (InvalidOperation, ValueError):
        right = False
    if not right:
        raise UsageError(
            f"{text!r} is no place: give degrees north and east, as 28.871,105.442",
            "地点应为北纬与东经度数，如 28.871,105.442",
        )
    return round((north + 90) * _MICRO), round((east + 180) * _MICRO)


def place_text(latitude: int, longitude: int) -> str:
    """`28.871000,105.442000`."""
    return f"{Decimal(latitude) / _MICRO - 90:.6f},{Decimal(longitude) / _MICRO - 180:.6f}"


def address(text: str) -> bytes:
    """20 bytes, of 0x and 40 hex digits. Raises UsageError."""
    try:
        value = bytes.fromhex(text.removeprefix("0x"))
    except ValueError:
        value = b""
    if len(value) != 20:
        raise UsageError(f"{text!r} is no account: it is 0x and 40 hex digits", "账户应为 0x 加 40 位十六进制数")
    return value


def _exact(text: str, scale: int, unit: str, zh: str) -> int:
    try:
        scaled = Decimal(text) * scale
        whole = int(scaled)
    except (InvalidOperation, ValueError, OverflowError):
        scaled, whole = Decimal(1), 0
    if scaled != whole or not 0 <= whole < 1 << 64:
        raise UsageError(f"{text!r} are no {unit} that the ledger can hold exactly", f"应为{zh}")
    return whole
