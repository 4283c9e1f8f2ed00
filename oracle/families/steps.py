"""Steps of a closed day: one record a person and day, claiming the method's window."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from chain_node.protocol.rules import Rule
from chain_node.protocol.times import SLOTS_PER_DAY, SlotRange, day_of
from oracle.families.config import FeedConfig
from oracle.families.drafting import PERSON_NAMES, RECORD_NAMES, Drafting, Hints, each
from oracle.families.family import Columns, Family, Fields, cells, clock, figures, names, numbers, whose
from oracle.families.verdict import Verdict, ahead, claim, day_text, method_on, refused
from oracle.intake.fields import required
from oracle.ports import FeedLaw


class Walk(NamedTuple):
    """start: the instant at which the reported day began (unix seconds); steps: its count."""

    person: str
    start: int
    steps: int


@dataclass(frozen=True, slots=True)
class StepRules:
    """methods: the versions that may apply."""

    methods: tuple[int, ...]


def check(walks: Sequence[Walk], rules: StepRules, law: FeedLaw) -> list[Verdict]:
    """A verdict for each day, by the first rule that it fails."""
    return [_check(walk, rules, law) for walk in walks]


def _check(walk: Walk, rules: StepRules, law: FeedLaw) -> Verdict:
    day = day_of(walk.start)
    if (unbelievable := ahead(law, walk.start, walk.person, day)) is not None:
        return unbelievable
    if walk.steps and day >= law.today:
        # Closed days only: what is still being walked would be counted short, and then never again.
        return refused(walk.start, walk.person, Rule.TOO_EARLY, day_text(day))
    method = method_on(law, rules.methods, day)
    first, count = method.windows[0] if method is not None and method.windows else (0, SLOTS_PER_DAY)
    return claim(law, rules.methods, walk.start, walk.person, SlotRange(day, first, count), walk.steps)


def _bind(config: FeedConfig, columns: Columns) -> Callable[[Fields], Walk]:
    text, figure, times, count = cells(config), figures(config), clock(config).read, numbers(config).reader()
    (person, prefix), day, steps = whose(columns), columns["day"], columns["steps"]

    def read(row: Fields) -> Walk:
        who = prefix + required(text(row, person), person)
        return Walk(who, times(figure(row, day), day), count(figure(row, steps), steps))

    return read


def _judge(config: FeedConfig, law: FeedLaw) -> Callable[[Sequence[Walk]], list[Verdict]]:
    rules = StepRules(tuple(config.methods["day"]))
    return lambda walks: check(walks, rules, law)


_HINTS: Final[Hints] = {
    "person": (*PERSON_NAMES, "id"),
    "record_id": RECORD_NAMES,
    "day": each("date day activitydate activityday stepdate stepday 日期 统计日期"),
    "steps": each("steptotal totalsteps steps stepcount 步数 总步数 每日步数"),
}

FAMILY: Final = Family(
    name="steps",
    columns=names("person day steps"),
    optional=names("record_id"),
    rules={},
    methods={"day": "step"},
    bind=_bind,
    judge=_judge,
    drafting=Drafting(
        hints=_HINTS,
        needs=((("person",),), (("day",),), (("steps",),)),
        methods={"day": 1},
        rules={},
        times=names("day"),
        numbers=names("steps"),
    ),
)
