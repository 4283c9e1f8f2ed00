"""The replay against a naive model of the ledger, over random scripts."""

from __future__ import annotations

from dataclasses import dataclass, field

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from protocol_world import (
    CAPS,
    FEED,
    START,
    TODAY,
    TRIAL,
    feed,
    nullifier,
    person,
    reduction,
    secret,
)
from replay_support import PEOPLE, begin, refused

from chain_node import catalogue
from chain_node.protocol import arithmetic, slotword, times
from chain_node.protocol import entries as e
from chain_node.protocol.rules import Rule
from chain_node.protocol.slotword import SlotWord


@dataclass
class Naive:
    """The ledger in sets and lists: slow, obvious, and written without looking at the replay."""

    time: int = START
    sequence: int = 0
    used: dict[tuple[int, int, int], set[int]] = field(default_factory=dict)
    newest_day: dict[tuple[int, int, int], int] = field(default_factory=dict)
    day_sums: dict[tuple[int, int, int], tuple[int, int]] = field(default_factory=dict)
    photos: dict[bytes, int] = field(default_factory=dict)
    held: dict[tuple[int, int], list[int]] = field(default_factory=dict)
    minted: dict[int, list[int]] = field(default_factory=dict)
    revoked: set[int] = field(default_factory=set)
    mints: dict[int, e.Reduction] = field(default_factory=dict)
    people: dict[bytes, int] = field(default_factory=lambda: {person(number): number for number in range(PEOPLE)})

    def record(self, index: int, entry: e.Reduction) -> e.Entry:
        """The entry that the ledger appends for this record."""
        record, method = entry.record, catalogue.by_id(entry.record.method).method
        who = self.people[record.account]
        day, slots = record.day, set(range(record.slot, record.slot + record.slots)) if method.claims_slots else set()
        ring, place = (who, method.group, day % 64), (who, method.group, day)
        rule, self.sequence = None, self.sequence + 1
        sums = self.day_sums.get(place, (0, 0))
        sums = (sums[0] + entry.credits_mg, sums[1] + entry.millipoints)
        if day > TODAY:
            rule = Rule.TOO_EARLY
        elif entry.nullifier in self.photos:
            rule = Rule.NULLIFIER_USED
        elif self.newest_day.get(ring, 0) > day:
            rule = Rule.TOO_LATE
        elif self.used.get(place, set()) & slots:
            rule = Rule.OVERLAP
        elif sums[0] > CAPS[method.group].credits_mg or sums[1] > CAPS[method.group].millipoints:
            rule = Rule.OVER_CAP
        if rule:
            return e.Refusal(entry.time, entry.feed, entry.sequence, rule)
        self.newest_day[ring] = day
        self.used[place] = self.used.get(place, set()) | slots
        self.day_sums[place] = sums
        if entry.nullifier:
            self.photos[entry.nullifier] = index
        year = times.date_of(day).year
        for book in (self.held.setdefault((who, year), [0, 0]), self.minted.setdefault(year, [0, 0])):
            book[0] += entry.credits_mg
            book[1] += entry.millipoints
        self.mints[index] = entry
        return entry

    def revoke(self, index: int, release: bool) -> e.Entry:
        entry = self.mints.pop(index)
        record, method = entry.record, catalogue.by_id(entry.record.method).method
        who = self.people[record.account]
        book = self.held[who, times.date_of(record.day).year]
        book[0] -= entry.credits_mg
        book[1] -= entry.millipoints
        self.revoked.add(index)
        place = (who, method.group, record.day)
        if release:
            if self.newest_day[who, method.group, record.day % 64] == record.day:
                if method.claims_slots:
                    self.used[place] -= set(range(record.slot, record.slot + record.slots))
                sums = self.day_sums[place]
                self.day_sums[place] = (sums[0] - entry.credits_mg, sums[1] - entry.millipoints)
            if entry.nullifier:
                del self.photos[entry.nullifier]
        burned = (entry.credits_mg, entry.millipoints)
        return e.Revocation(entry.time, index, 7, secret("why"), release, *burned, 0, 0)


days = st.sampled_from([TODAY - 200, TODAY - 65, TODAY - 64, TODAY - 63, TODAY - 1, TODAY, TODAY + 1])
acts = st.one_of(
    st.tuples(st.just(101), st.integers(0, 60), st.integers(1, 8), st.integers(1, 9_400)),
    st.tuples(st.just(102), st.integers(0, 60), st.integers(1, 30), st.integers(1, 21_400)),
    st.tuples(st.just(1), st.just(0), st.just(180), st.integers(1, 50_000)),
    st.tuples(st.just(104), st.sampled_from([0, 90]), st.just(90), st.just(1)),
    st.tuples(st.just(6), st.integers(0, 60), st.just(1), st.just(1)),
)
steps = st.lists(
    st.one_of(
        st.tuples(st.integers(0, PEOPLE - 1), days, acts, st.integers(0, 5)),
        st.tuples(st.integers(0, 40), st.booleans()),
    ),
    min_size=1,
    max_size=60,
)


@given(steps)
@settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow], deadline=None)
def test_the_replay_agrees_with_a_naive_ledger(script: list[tuple[object, ...]]) -> None:
    naive, state = Naive(), begin(feeds=(feed(late_days=TRIAL),))
    for step in script:
        if len(step) == 2:
            candidates = sorted(naive.mints)
            if not candidates:
                continue
            entry = naive.revoke(candidates[step[0] % len(candidates)], step[1])  # type: ignore[operator, arg-type]
        else:
            who, day, (method, slot, slots, activity), photo = step  # type: ignore[misc]
            needs = catalogue.by_id(method).method.needs_nullifier  # type: ignore[has-type]
            once = nullifier(str(photo)) if needs else None  # type: ignore[has-type]
            wanted = reduction(
                naive.sequence,
                who=who,  # type: ignore[arg-type]
                day=day,  # type: ignore[arg-type]
                method=method,  # type: ignore[has-type]
                slot=slot,  # type: ignore[has-type]
                slots=slots,  # type: ignore[has-type]
                activity=activity,  # type: ignore[has-type]
                once=once,
            )
            refused_entry = naive.record(state.size, wanted)
            if refused_entry is not wanted:
                refused(state, wanted, r"\w")
            entry = refused_entry
        state.apply(e.encode(entry))
    assert state.revoked == naive.revoked
    assert state.nullifiers == naive.photos
    assert state.next_sequence.get(FEED, 0) == naive.sequence
    assert {key: list(value) for key, value in state.balances.items()} == {
        (person(who), year): amounts for (who, year), amounts in naive.held.items()
    }
    for (who, group, place), day in naive.newest_day.items():
        word = SlotWord.unpack(state.words[slotword.key(person(who), group, place)])
        slots_used = naive.used[who, group, day]
        sums = naive.day_sums[who, group, day]
        assert word == SlotWord(day, *sums, sum(1 << slot for slot in slots_used))
    assert len(state.words) == len(naive.newest_day)
    for year, totals in state.totals.items():
        assert [totals.credits_minted, totals.millipoints_minted] == naive.minted[year]
        free = [sum(held[at] for (_, held_year), held in naive.held.items() if held_year == year) for at in (0, 1)]
        assert totals.credits_minted == free[0] + totals.credits_revoked, "conservation"
        assert totals.millipoints_minted == free[1] + totals.millipoints_revoked
    worth = sum(
        arithmetic.worth(catalogue.by_id(m.record.method).method, m.record.activity)[0] for m in naive.mints.values()
    )
    assert sum(balance[0] for balance in state.balances.values()) == worth
