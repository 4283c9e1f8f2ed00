"""The rules by which a partner's row or a record is refused: one number, one name, one text in every room.

A number appears in a refusal entry (0x03) and in the ledger's errors; the name in reports, journals and the API.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

from chain_node.protocol.errors import CodecError


@dataclass(frozen=True, slots=True)
class RuleText:
    """Why a row was refused and what to do, in Chinese and English."""

    reason_zh: str
    reason_en: str
    remedy_zh: str
    remedy_en: str


class Rule(IntEnum):
    """A reason to refuse. `Rule.TOO_LONG.label` is 'too-long', `Rule.TOO_LONG.number` is 3."""

    MALFORMED = 1
    UNKNOWN_PERSON = 2
    TOO_LONG = 3
    TOO_SHORT = 4
    SAME_STATION = 5
    TOO_FAST = 6
    ZERO_ACTIVITY = 7
    ENTRY_WITHOUT_EXIT = 8
    EXIT_WITHOUT_ENTRY = 9
    OVER_BOUND = 10
    OVER_SLOT_BOUND = 11
    WINDOW = 12
    OVERLAP = 13
    OVER_CAP = 14
    TOO_LATE = 15
    TOO_EARLY = 16
    NOT_IN_FORCE = 17
    NULLIFIER_USED = 18
    FROZEN = 19
    PAUSED = 20

    @property
    def label(self) -> str:
        """The rule's name, as every room writes it."""
        return self.name.lower().replace("_", "-")

    @property
    def number(self) -> int:
        """The rule's number, as entries and the ledger's errors carry it."""
        return int(self)

    @property
    def text(self) -> RuleText:
        """Reason and remedy in both languages."""
        return _TEXTS[self]

    @property
    def reason_zh(self) -> str:
        return _TEXTS[self].reason_zh

    @property
    def reason_en(self) -> str:
        return _TEXTS[self].reason_en

    @property
    def remedy_zh(self) -> str:
        return _TEXTS[self].remedy_zh

    @property
    def remedy_en(self) -> str:
        return _TEXTS[self].remedy_en

    @classmethod
    def of(cls, key: str | int) -> Rule:
        """The rule of this name or number. Raises CodecError: there is none."""
        try:
            return _BY_LABEL[key] if isinstance(key, str) else cls(key)
        except (KeyError, ValueError):
            raise CodecError(f"no rule has the name or number {key!r}") from None


_BY_LABEL = {rule.label: rule for rule in Rule}

_TEXTS: dict[Rule, RuleText] = {
    Rule.MALFORMED: RuleText(
        "这一行缺少必需的列，或某个值无法读懂。",
        "The row lacks a column that it needs, or holds a value that can't be read.",
        "请按报告中的值更正该行后重新提交。",
        "Correct the value that the report names and send the row again.",
    ),
    Rule.UNKNOWN_PERSON: RuleText(
        "这位用户尚未登记碳账户。",
        "This person has no registered account.",
        "请由运营方确认其为居民后，加 --enrol-unknown 运行 luya oracle retry（或再次 ingest），即为其开户。",
        "If the operator confirms that they are a resident, `luya oracle retry` (or `ingest`) with --enrol-unknown "
        "enrols them.",
    ),
    Rule.TOO_LONG: RuleText(
        "行程时间超过该行为允许的最长时间。",
        "The action lasted longer than this behaviour can.",
        "多为忘记结束行程；如时间有误，请合作方更正后重新提交。",
        "Mostly a trip that was not ended; if the time is wrong, the partner corrects it and sends it again.",
    ),
    Rule.TOO_SHORT: RuleText(
        "行程时间短于该行为要求的最短时间。",
        "The action was shorter than this behaviour needs.",
        "过短的行程不计减排，无需处理。",
        "Actions as short as this don't count; there is nothing to do.",
    ),
    Rule.SAME_STATION: RuleText(
        "起点与终点为同一站点。",
        "The trip ends at the station where it began.",
        "同站进出无法确定里程，不计减排。",
        "No distance can be told from it, so it doesn't count.",
    ),
    Rule.TOO_FAST: RuleText(
        "平均速度超过该出行方式的合理范围。",
        "The average speed is beyond this mode of travel.",
        "请核对时间与站点；数据有误时由合作方更正后重新提交。",
        "Check times and stations; if they are wrong, the partner corrects them and sends it again.",
    ),
    Rule.ZERO_ACTIVITY: RuleText(
        "活动量为零。",
        "The amount of activity is zero.",
        "没有可计算的活动，无需处理。",
        "There is nothing to count; there is nothing to do.",
    ),
    Rule.ENTRY_WITHOUT_EXIT: RuleText(
        "只有进站记录，没有对应的出站记录。",
        "An entry has no exit that belongs to it.",
        "请将出站记录所在的数据一并提交。",
        "Send the data that holds the exit together with this.",
    ),
    Rule.EXIT_WITHOUT_ENTRY: RuleText(
        "只有出站记录，没有对应的进站记录。",
        "An exit has no entry that belongs to it.",
        "请将进站记录所在的数据一并提交。",
        "Send the data that holds the entry together with this.",
    ),
    Rule.OVER_BOUND: RuleText(
        "活动量超过方法学规定的单次上限。",
        "The activity exceeds the methodology's maximum for one record.",
        "请核对数量与单位；分次完成的活动应分别提交。",
        "Check amount and unit; separate actions are sent as separate records.",
    ),
    Rule.OVER_SLOT_BOUND: RuleText(
        "与所用时间相比，活动量超过方法学的上限。",
        "The activity exceeds the methodology's maximum for the time it took.",
        "请核对起止时间与数量。",
        "Check start, end and amount.",
    ),
    Rule.WINDOW: RuleText(
        "时间不在该方法学规定的时段内。",
        "The time is not one of the windows that the methodology names.",
        "请按方法学规定的时段提交。",
        "Claim one of the methodology's windows.",
    ),
    Rule.OVERLAP: RuleText(
        "同一时段内已有同类行为计入。",
        "Another action of the same group already counts for this time.",
        "同一时间只计一次；如认为有误，请申诉并说明时间。",
        "A time counts once; appeal with the right times if this is a mistake.",
    ),
    Rule.OVER_CAP: RuleText(
        "已超过当日上限。",
        "It would exceed the day's cap.",
        "当日不再计入；合作方总量上限可由管理方调整。",
        "No more counts on this day; a feed's own cap can be raised by its administrator.",
    ),
    Rule.TOO_LATE: RuleText(
        "记录提交过晚，已超过期限或该年度已结转。",
        "The record came too late: after the feed's limit, or after its year was closed.",
        "请合作方在期限内提交。",
        "The partner sends records within the limit.",
    ),
    Rule.TOO_EARLY: RuleText(
        "记录的日期晚于当前日期。",
        "The record's day has not come yet.",
        "请核对日期与时区，到期后再提交。",
        "Check date and time zone, and send it when the day has come.",
    ),
    Rule.NOT_IN_FORCE: RuleText(
        "当日没有适用的方法学版本，或该数据源、账户当年不可使用。",
        "The methodology was not in force on that day, or not for this feed or this account's year.",
        "请核对方法学编号、日期与数据源的许可。",
        "Check method, day and what the feed is allowed to use.",
    ),
    Rule.NULLIFIER_USED: RuleText(
        "同一照片、交易或凭证已经使用过。",
        "The same photo, transaction or receipt was already used.",
        "每份凭证只计一次；如认为有误，请申诉。",
        "Each counts once; appeal if this is a mistake.",
    ),
    Rule.FROZEN: RuleText(
        "账户已冻结、注销或更换。",
        "The account is frozen, closed or replaced.",
        "请联系登记机构。",
        "Ask the registrar.",
    ),
    Rule.PAUSED: RuleText(
        "账本已暂停记录。",
        "Recording is paused.",
        "暂停结束后会自动重新提交，无需处理。",
        "It is sent again by itself when the pause ends; there is nothing to do.",
    ),
}
