"""Steps of a closed day: one record a person and day, claiming the method's window."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from chain_node.protocol.rules import Rule
from chain_node.protocol.times import SLOTS_PER_DAY, SlotRange, day_of
from oracle.families.config import FeedConfig
from oracle.families.family import Family, Fields, at, clock, names
from oracle.families.verdict import Verdict, ahead, claim, day_text, method_on, refused
from oracle.intake.fields import required, whole
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


def _reader(config: FeedConfig) -> Callable[[Fields], Walk]:
    columns, times = config.columns, clock(config)
    person, day, steps = columns["person"], columns["day"], columns["steps"]

    def read(row: Fields) -> Walk:
        return Walk(required(at(row, person), person), times.read(at(row, day), day), whole(at(row, steps), steps))

    return read


def _judge(config: FeedConfig, law: FeedLaw) -> Callable[[Sequence[Walk]], list[Verdict]]:
    rules = StepRules(tuple(config.methods["day"]))
    return lambda walks: check(walks, rules, law)


FAMILY: Final = Family(
    name="steps",
    columns=names("person day steps"),
    optional=names("record_id"),
    rules=frozenset(),
    methods=names("day"),
    reader=_reader,
    judge=_judge,
)
