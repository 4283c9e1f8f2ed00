"""A sample and what was guessed of it → a feed's TOML, with what is to be confirmed said in Chinese and English."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from chain_node import catalogue
from oracle.families.config import STAND_IN
from oracle.judging.guess import Guess, guess, needs_table
from oracle.judging.sample import Sample

ZONE: Final = "Asia/Shanghai"
_CAPS: Final = {"credits_cap_mg": 1_000_000_000_000, "millipoints_cap": 100_000_000_000}


@dataclass(frozen=True, slots=True)
class Draft:
    """text: the TOML; kind: its family; missing: roles and settings that the sample does not tell; unused: columns."""

    text: str
    kind: str
    missing: tuple[str, ...]
    unused: tuple[str, ...]


def draft(sample: Sample, number: int, name: str, table: Sample | None = None) -> Draft:
    """The draft of a feed with this number and name for files like the sample. table: where its stations are.

    It has every setting but `time_zone`, which stands there to be confirmed: a file's times do not say their zone, and
    a wrong one would put every record into other hours than it is of.
    """
    found = guess(sample, table)
    unused = tuple(column for column in sample.columns if column not in found.columns.values())
    return Draft(
        "\n".join(_lines(sample, found, number, name, unused)) + "\n", found.family.name, found.missing, unused
    )


def name_of(path: Path) -> str:
    """A feed's name, made of a file's."""
    return re.sub(r"[^a-z0-9]+", "-", path.stem.lower()).strip("-")[:63] or "feed"


def _lines(sample: Sample, found: Guess, number: int, name: str, unused: Sequence[str]) -> Iterator[str]:
    file, drafting = Path(sample.name).name, found.family.drafting
    yield f"# 由样本 {file} 起草，请逐项核对。Drafted from {file}: look at every line."
    yield f"id = {number}"
    yield f"name = {_text(name)}"
    yield f'kind = "{found.family.name}"'
    yield "# 试用：不限提交期限；正式运行前改为 false。A trial has no limit of late days; in earnest it is false."
    yield "trial = true"
    yield from _zone(found)
    yield ""
    yield "[organisation] # 请改为合作方的编号和公开名称。The partner's number and published name: change them."
    yield f"id = {number}"
    yield f'name = "合作方 {number} · Partner {number}"'
    yield ""
    yield from _source(sample, found)
    yield ""
    yield from _columns(found, unused)
    yield ""
    if drafting.places:
        yield from _positions(sample, found)
    yield from _times(found)
    if found.thousands or found.decimal:
        yield ""
        yield "[numbers]"
        yield f"thousands = {_text(found.thousands)}"
        yield f"decimal = {_text(found.decimal)}"
    if found.family.values:
        yield ""
        yield "[values] # 类型列的取值。What the column `type` says."
        yield from (_setting(role, found.values.get(role)) for role in drafting.values)
    yield ""
    yield "[methods] # 方法学编号。Numbers of methods on the ledger."
    for use, method in drafting.methods.items():
        called = catalogue.by_id(method).name
        yield f"{use} = [{method}] # {called.zh} {called.en}"
    assumed = [one for one in drafting.assumed if not one.roles & found.columns.keys()]
    if drafting.rules or assumed:
        yield ""
        yield "[rules] # 合理范围，请按业务核对。What is plausible: look whether it fits this partner."
        yield from (f"{rule} = {value}" for rule, value in drafting.rules.items())
        for one in assumed:
            yield f"# 【请确认】{one.zh}"
            yield f"# CONFIRM: {one.en}"
            yield f"{one.rule} = {one.value}"
    yield ""
    yield "[registration] # 数据源的每日总量上限。Caps a day over all of the feed's accounts."
    yield from (f"{cap} = {value}" for cap, value in _CAPS.items())


def _zone(found: Guess) -> Iterator[str]:
    if found.formats and set(found.formats) <= {"unix", "unix-ms"}:
        yield "# 时间为 unix 时间戳，与时区无关。The times are unix timestamps, which no zone changes."
        yield f'time_zone = "{ZONE}"'
        return
    yield "# 【请确认】文件里的时间是哪个时区的？确认后删去下一行行首的“# ”，此前无法登记。"
    yield "# CONFIRM: of which time zone are the times in these files? Then remove the `# ` before the next line."
    yield f'# time_zone = "{ZONE}"'


def _source(sample: Sample, found: Guess) -> Iterator[str]:
    yield "[source]"
    yield f'format = "{sample.format}"'
    yield f'encoding = "{sample.encoding}"'
    if sample.format == "csv":
        yield f"delimiter = {_text(sample.delimiter)}"
    if sample.format == "json":
        yield f"path = {_text(sample.path)} # 数据行所在的数组。The array that holds the rows."
    if found.nulls:
        yield f"nulls = [{', '.join(map(_text, found.nulls))}] # 表示空值。What stands where there is no value."


def _columns(found: Guess, unused: Sequence[str]) -> Iterator[str]:
    yield "[columns] # 角色 = 列名。role = column."
    if STAND_IN in found.columns:
        yield "# 没有用户列：试用时以此列代替用户。No column names a person: in a trial this one stands in for one."
    for role, column in found.columns.items():
        yield _setting(role, column)
    for role in found.missing:
        if "." not in role:
            yield _setting(role, None)
    if unused:
        shown = ", ".join(_text(column) for column in unused)
        yield f"# 未使用的列 Columns that are not used: {shown}"


def _positions(sample: Sample, found: Guess) -> Iterator[str]:
    table = found.table
    if found.stations and table is not None:
        yield "[stations] # 站点表，与本文件放在一起。The table of stations, beside this file."
        yield f"file = {_text(Path(table.name).name)}"
        yield from (_setting(role, column) for role, column in found.stations.items())
        yield f'encoding = "{table.encoding}"'
        yield f"delimiter = {_text(table.delimiter)}"
        yield ""
    elif needs_table(found.columns):
        yield "# 【缺】文件里只有站点，没有坐标：需要站点表（--stations 表格文件）。"
        yield "# MISSING: stations without coordinates: a table of stations is needed (init … --stations TABLE.csv)."
        yield "# [stations]"
        yield '# file = "stations.csv"'
        yield ""
    if _in_china(sample, found) or "start_geohash" in found.columns:
        yield "[positions]"
        yield "# 【请确认】中国境内的坐标多为 GCJ-02（偏移可达 700 米）：如是，改为 gcj02。"
        yield "# CONFIRM: in mainland China coordinates are mostly GCJ-02 (up to 700 m off): gcj02 if these are."
        yield 'system = "wgs84"'
        yield ""


def _in_china(sample: Sample, found: Guess) -> bool:
    """Whether most of the positions lie in or near mainland China."""
    if "start_latitude" not in found.columns:
        return False
    columns = (found.columns["start_latitude"], found.columns["start_longitude"])
    inside = outside = 0
    for row in sample.rows[:1_000]:
        try:
            latitude, longitude = (float(row[column]) for column in columns)
        except (KeyError, ValueError):
            continue
        near = 18 <= latitude <= 54 and 73 <= longitude <= 135
        inside, outside = inside + near, outside + (not near)
    return inside > outside


def _times(found: Guess) -> Iterator[str]:
    yield "[times]"
    if found.swapped:
        yield "# 【请确认】样本中月和日无法区分：%m 是月，%d 是日，如有误请对调。"
        yield "# CONFIRM: can %m, the month, and %d, the day, be the other way round? This sample does not tell."
    if not found.formats:
        yield _setting("format", None)
    elif len(found.formats) == 1:
        yield f"format = {_text(found.formats[0])}"
    else:
        yield f"format = [{', '.join(map(_text, found.formats))}]"
    if found.unit != "seconds":
        yield f'duration_unit = "{found.unit}" # 与起止时间核对所得。Told by start and end.'


def _setting(name: str, value: str | None) -> str:
    if value is None:
        return f'# {name} = "" # 【缺】样本中未找到，请补上。MISSING: not found in the sample; fill it in.'
    return f"{name} = {_text(value)}"


def _text(value: str) -> str:
    """As TOML writes it."""
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
