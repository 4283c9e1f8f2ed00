"""By which names partners call the columns that each family needs: what a draft of a feed goes by."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

Hints = Mapping[str, tuple[str, ...]]
"""role → patterns of names without spaces, signs and capitals; the earlier one of them is, the better it fits."""


def _each(stems: str, ends: str = "", *, bare: bool = False) -> tuple[str, ...]:
    """Each of these words, with each of these ends; bare: and without any, which fits least."""
    last = [""] if bare or not ends else []
    return tuple(stem + end for end in (*ends.split(), *last) for stem in stems.split())


_NUMBER: Final = "编号 号 id"
_PERSON: Final = (
    *_each("userid memberid riderid customerid personid openid residentid"),
    *_each("用户 会员", _NUMBER, bare=True),
    *_each("手机号 手机号码"),
    *_each("user member rider customer"),
)
_RECORD: Final = (
    *_each("orderid rideid tripid recordid transactionid serialno 流水号"),
    *_each("订单 行程 记录", _NUMBER),
    *_each("order"),
)
_SPAN: Final = "s sec seconds ms min minutes"


def _end(which: str, other: str, chinese: str) -> Hints:
    """The roles of one end of a trip."""
    return {
        f"{which}_station": (
            *_each(f"{which}station {other}station", "id number code no", bare=True),
            *_each(chinese, "站点编号 站点id 站编号 站点 站"),
        ),
        f"{which}_latitude": (
            *_each(f"{which}station {which} {other}", "latitude lat"),
            f"{which}locationy",
            *_each(chinese, "纬度"),
        ),
        f"{which}_longitude": (
            *_each(f"{which}station {which} {other}", "longitude lng lon"),
            f"{which}locationx",
            *_each(chinese, "经度"),
        ),
        f"{which}_geohash": _each(
            f"geohashed{which}loc geohashed{which}location {which}geohash {which}locationgeohash {other}geohash"
        ),
    }


TRIPS: Final[Hints] = {
    "person": _PERSON,
    "stand_in": (
        *_each("bikeid bikenumber bikeno vehicleid"),
        *_each("车辆 单车", _NUMBER),
        *_each("rideid tripid orderid 订单编号 订单号"),
    ),
    "record_id": _RECORD,
    "start": (
        *_each("starttime startedat startdatetime startdate begintime departuretime start"),
        *_each("unlock unlocked pickup", "time at"),
        *_each("开始时间 起始时间 借车时间 出发时间 开锁时间"),
    ),
    "end": (
        *_each("stoptime endtime endedat enddatetime enddate stopdate arrivaltime end"),
        *_each("lock locked dropoff return returned", "time at"),
        *_each("结束时间 终止时间 还车时间 到达时间 关锁时间"),
    ),
    "duration": (*_each("tripduration duration", _SPAN, bare=True), ".*时长.*"),
    **_end("start", "from", "起点 借车 出发"),
    **_end("end", "to", "终点 还车 到达"),
}
STEPS: Final[Hints] = {
    "person": (*_PERSON, "id"),
    "record_id": _RECORD,
    "day": _each("date day activitydate activityday stepdate stepday 日期 统计日期"),
    "steps": _each("steptotal totalsteps steps stepcount 步数 总步数 每日步数"),
}
TRANSIT: Final[Hints] = {
    "person": (*_each("cardno cardid cardnumber card 卡号"), *_PERSON),
    "record_id": _RECORD,
    "time": (
        *_each("dealdate dealtime swipetime transactiontime transactiondate"),
        *_each("交易 刷卡", "时间 日期"),
        *_each("time timestamp datetime"),
    ),
    "type": _each("dealtype swipetype transactiontype tradetype 交易类型 刷卡类型 type kind"),
    "station": _each("station stationname stationid 站点 站点名称 车站 车站名称 站名"),
}
STATIONS: Final[Hints] = {
    "id": _each("stationid id stationnumber number stationcode code 站点编号 站点号 编号"),
    "latitude": _each("latitude lat stationlatitude 纬度"),
    "longitude": _each("longitude lng lon stationlongitude 经度"),
}
"""Of a station table."""
COORDINATES: Final = ("start_latitude", "start_longitude", "end_latitude", "end_longitude")
GEOHASHES: Final = ("start_geohash", "end_geohash")
STOPS: Final = ("start_station", "end_station")
Needs = tuple[tuple[tuple[str, ...], ...], ...]
"""What a family's rows must tell: of each need, one of several sets of roles."""
NEEDS: Final[Mapping[str, Needs]] = {
    "trips": ((("person",),), (("start",),), (("end",), ("duration",), ()), (COORDINATES, GEOHASHES, STOPS)),
    "steps": ((("person",),), (("day",),), (("steps",),)),
    "transit": ((("person",),), (("time",),), (("type",),)),
}
"""A trip of which neither end nor duration is told lasts the nominal minutes; one with stations needs their table."""
HINTS: Final[Mapping[str, Hints]] = {"trips": TRIPS, "steps": STEPS, "transit": TRANSIT}
VALUES: Final[Mapping[str, str]] = {
    "entry": r".*(入站|进站|entry|entrance|enter|tap.?in|check.?in).*|in",
    "exit": r".*(出站|exit|leave|tap.?out|check.?out).*|out",
    "ride": r".*(巴士|公交|公车|bus|tram|ride).*",
}
"""role of [values] → pattern of what a swipe's type says."""


def key(name: str) -> str:
    """A column's name without what partners write now so, now so."""
    return re.sub(r"[\W_]", "", name.lower())


def rank(patterns: tuple[str, ...], name: str) -> int | None:
    """The place of the first pattern that the name fits; None: it fits none."""
    return next((place for place, pattern in enumerate(patterns) if re.fullmatch(pattern, key(name))), None)
