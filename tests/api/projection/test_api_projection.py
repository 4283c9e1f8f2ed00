"""The read model is what the replay says, however it was cut, killed or changed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from api_ledger import CYCLING, METHOD_WALK, TestLedger, person
from api_world import World
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine, select, text

from api.errors import ProjectionError
from api.projection import outcomes, tables
from api.projection.compare import compare
from api.projection.effects import AccountFacts, Effects, Minted
from api.projection.outcomes import ReportedRow
from api.projection.projector import Projector
from api.store import database, migrate
from api.store.models import EntryRow
from chain_node.archive.reader import ArchiveReader
from chain_node.protocol import entries
from chain_node.protocol.rules import Rule
from chain_node.protocol.times import day_of

DAY_2025 = 20_100
DAY_2024 = 19_800


@contextmanager
def fresh(folder: Path, name: str = "db") -> Iterator[Engine]:
    engine = database.writer(f"sqlite:///{folder / name}.sqlite")
    migrate.upgrade(engine)
    try:
        yield engine
    finally:
        engine.dispose()


@pytest.mark.parametrize("chunk", [1, 2, 7, 5000])
def test_any_chunk_size_gives_the_replay(world: World, tmp_path: Path, chunk: int) -> None:
    with fresh(tmp_path) as engine:
        projector = Projector(engine, world.reader, chunk)
        steps: list[tuple[int, int]] = []
        assert projector.catch_up(lambda done, of: steps.append((done, of))) == world.ledger.state.size
        assert steps[-1] == (world.ledger.state.size, world.ledger.state.size)
        assert compare(engine, world.reader, world.ledger.state) == []


def test_new_entries_are_taken_up(world: World) -> None:
    assert compare(world.engine, world.reader, world.ledger.state) == []
    world.ledger.revoke(world.ledger.marks["walks"], release=True)
    world.ledger.record_batch(1, [world.ledger.record(4, 999)])
    assert world.project() == world.ledger.state.size
    assert world.projector.step() == world.ledger.state.size
    assert compare(world.engine, world.reader, world.ledger.state) == []


def test_an_empty_archive_projects_to_nothing(tmp_path: Path) -> None:
    with fresh(tmp_path) as engine:
        assert Projector(engine, ArchiveReader(tmp_path / "none")).catch_up() == 0


def test_a_size_zero_checkpoint_is_a_read_model_too(tmp_path: Path) -> None:
    ledger = TestLedger(tmp_path / "archive")
    ledger.publish()
    with fresh(tmp_path) as engine:
        assert Projector(engine, ArchiveReader(tmp_path / "archive")).catch_up() == 0
        assert compare(engine, ArchiveReader(tmp_path / "archive"), ledger.state) == []
        ledger.found()
        ledger.publish()
        assert Projector(engine, ArchiveReader(tmp_path / "archive")).catch_up() == ledger.state.size
    ledger.close()


@pytest.mark.parametrize("failing", ["bulk", "put"])
@pytest.mark.parametrize("at", [0, 1, 2, 3])
def test_a_cut_transaction_leaves_the_state_before(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, failing: str, at: int
) -> None:
    """'Failed' and 'failed but written': the statement runs, then the process dies before the commit."""
    with fresh(tmp_path) as engine:
        projector = Projector(engine, world.reader, 30)
        projector.step()
        for after in (False, True):
            calls = 0
            real = getattr(tables, failing)

            def failing_call(*args: object, **kwargs: object) -> None:
                nonlocal calls
                calls += 1
                if calls > at:
                    if after:  # noqa: B023 – called before the loop goes on
                        real(*args, **kwargs)  # noqa: B023 – as above
                    raise OSError("killed")
                real(*args, **kwargs)  # noqa: B023 – as above

            with monkeypatch.context() as patch:
                patch.setattr(tables, failing, failing_call)
                with pytest.raises(OSError, match="killed"):
                    projector.step()
            assert Projector(engine, world.reader).size() == 30
        projector.catch_up()
        assert compare(engine, world.reader, world.ledger.state) == []


def test_another_logs_archive_is_refused(world: World, tmp_path: Path) -> None:
    other = TestLedger(tmp_path / "other")
    other.found()
    other.register(7)
    for number in range(20):
        other.register(100 + number)
    other.publish()
    with pytest.raises(ProjectionError, match=r"root|only"):
        Projector(world.engine, ArchiveReader(tmp_path / "other")).step()
    other.close()


def test_a_shorter_archive_is_refused(world: World, tmp_path: Path) -> None:
    other = TestLedger(tmp_path / "other")
    other.found()
    other.publish()
    with pytest.raises(ProjectionError, match="only"):
        Projector(world.engine, ArchiveReader(tmp_path / "other")).step()
    other.close()


def test_a_changed_entry_is_not_projected(world: World, tmp_path: Path) -> None:
    bundle = next(path for path in (tmp_path / "archive" / "tile" / "entries").rglob("*") if path.is_file())
    for path in (tmp_path / "archive" / "tile" / "entries").rglob("*"):
        if path.is_file():
            data = bytearray(path.read_bytes())
            data[-1] ^= 1
            path.write_bytes(bytes(data))
    assert bundle.exists()
    with fresh(tmp_path) as engine, pytest.raises(ProjectionError, match=r"root|readable|revokes"):
        Projector(engine, ArchiveReader(tmp_path / "archive")).catch_up()


PLANTS = [
    "UPDATE balance SET credits_mg = credits_mg + 1 WHERE rowid = (SELECT min(rowid) FROM balance)",
    "UPDATE balance SET millipoints = millipoints - 1 WHERE rowid = (SELECT max(rowid) FROM balance)",
    "DELETE FROM balance WHERE rowid = (SELECT min(rowid) FROM balance WHERE credits_mg > 0)",
    "INSERT INTO balance VALUES (x'00', 2025, 1, 0)",
    "UPDATE account SET credits_debt = 1 WHERE rowid = 1",
    "UPDATE account SET state = 2 WHERE rowid = 1",
    "UPDATE account SET district = district + 1 WHERE rowid = 2",
    "DELETE FROM account WHERE rowid = 1",
    "UPDATE vintage_total SET credits_minted = credits_minted + 1 WHERE vintage = 2024",
    "UPDATE vintage_total SET millipoints_revoked = millipoints_revoked + 1 WHERE vintage = 2024",
    "UPDATE method_total SET activity = activity + 1 WHERE method = 101",
    "UPDATE feed_total SET records = records + 1 WHERE rule = 0",
    "UPDATE entry SET credits_mg = credits_mg + 1 WHERE idx = 38",
    "UPDATE entry SET account = x'1111111111111111111111111111111111111111' WHERE idx = 38",
    "UPDATE entry SET day = day + 1 WHERE idx = 38",
    "UPDATE entry SET rule = 5 WHERE rule IS NOT NULL",
    "UPDATE entry SET revoked_by = NULL",
    "UPDATE entry SET revoked_by = 46 WHERE idx = 38",
    "UPDATE entry SET body = x'01' WHERE idx = 40",
    "UPDATE entry SET leaf_key = leaf_key + 1 WHERE idx = 40",
    "DELETE FROM entry WHERE idx = 12",
    "INSERT INTO entry SELECT 1000, type, time, call, account, feed, NULL, method, day, credits_mg, millipoints,"
    " bonus_millipoints, rule, target, revoked_by, leaf_key, body FROM entry WHERE idx = 40",
    "UPDATE call SET block = block + 1 WHERE first = 37",
    "UPDATE call SET signers = x'' WHERE first = 37",
    "DELETE FROM call WHERE first = 37",
    "DELETE FROM law WHERE idx = 21",
    "UPDATE ledger SET size = size - 1",
    "UPDATE ledger SET root = x'00'",
    "UPDATE ledger SET time = time + 1",
    "UPDATE ledger SET version = version - 1",
    "UPDATE ledger SET again_to = 1",
    "UPDATE ledger SET origin = 'other.log/1'",
    "DELETE FROM ledger",
]


@pytest.mark.parametrize("plant", PLANTS)
def test_a_planted_difference_is_found(world: World, plant: str) -> None:
    with world.engine.begin() as connection:
        assert connection.execute(text(plant)).rowcount >= 1
    assert compare(world.engine, world.reader, world.ledger.state) != []


OUTCOME_PLANTS = [
    "UPDATE row_outcome SET state = 'refused', rule = 3 WHERE line = 1",
    "UPDATE row_outcome SET state = 'final' WHERE line = 2",
    "UPDATE row_outcome SET rule = rule + 1 WHERE line = 2",
    "UPDATE row_outcome SET account = x'0102030405060708091011121314151617181920' WHERE line = 1",
    "UPDATE row_outcome SET sequence = NULL WHERE line = 1",
    "UPDATE row_outcome SET sequence = 1000000 WHERE line = 1",
    "UPDATE row_outcome SET state = 'final' WHERE line = 3",
    "UPDATE row_outcome SET state = 'final' WHERE line = 4",
]


@pytest.mark.parametrize("plant", OUTCOME_PLANTS)
def test_what_is_said_of_rows_is_held_against_the_ledger(world: World, plant: str) -> None:
    with world.engine.connect() as connection:
        recorded, refused = (
            connection.execute(
                text(f"SELECT feed, sequence, account, rule FROM entry WHERE sequence >= 0 AND rule IS {kind} LIMIT 1")
            ).one()
            for kind in ("NULL", "NOT NULL")
        )
    rows = [
        ReportedRow(recorded.feed, "a.csv", 1, "k1", "final", account=recorded.account, sequence=recorded.sequence),
        ReportedRow(refused.feed, "a.csv", 2, "k2", "refused", refused.rule, "", refused.account, refused.sequence),
        ReportedRow(recorded.feed, "a.csv", 3, "k3", "signed", None, "", person(1), 99_999),
        ReportedRow(recorded.feed, "a.csv", 4, "k4", "refused", int(Rule.TOO_LONG), "802101 s"),
    ]
    outcomes.take(world.engine, rows)
    assert compare(world.engine, world.reader, world.ledger.state) == []
    with world.engine.begin() as connection:
        assert connection.execute(text(plant)).rowcount == 1
    assert "row_outcome" in str(compare(world.engine, world.reader, world.ledger.state))


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_random_ledgers_project_to_their_replay(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    folder = tmp_path_factory.mktemp("random")
    ledger = TestLedger(folder / "archive")
    ledger.found()
    ledger.register(*range(6))
    used: dict[tuple[int, int], int] = {}
    alive: list[int] = []
    with fresh(folder) as engine:
        projector = Projector(engine, ArchiveReader(folder / "archive"), data.draw(st.integers(1, 40)))
        for _ in range(data.draw(st.integers(1, 12))):
            ledger.time += data.draw(st.integers(0, 90_000))
            act = data.draw(st.sampled_from(["rides", "revoke", "publish", "freeze"]))
            if act == "rides":
                records, refuse = [], {}
                for number in range(data.draw(st.integers(1, 5))):
                    who, day = data.draw(st.integers(0, 5)), day_of(ledger.time) - 1
                    slot = used.get((who, day), 0)
                    used[who, day] = slot + 4
                    records.append(ledger.record(who, data.draw(st.integers(1, 9000)), day=day, slot=slot))
                    if slot > 170 or ledger.state.account(person(who)).state != 1:
                        refuse[number] = Rule.FROZEN
                first = ledger.record_batch(1, records, refuse)
                alive += [first + n for n in range(len(records)) if n not in refuse]
            elif act == "revoke" and alive:
                index = alive.pop(data.draw(st.integers(0, len(alive) - 1)))
                ledger.revoke(index, release=data.draw(st.booleans()))
            elif act == "freeze":
                who = data.draw(st.integers(0, 5))
                ledger.set_state(who, data.draw(st.sampled_from(list(entries.AccountState)[:2])))
            elif act == "publish":
                ledger.publish()
                projector.catch_up()
        ledger.publish()
        projector.catch_up()
        assert compare(engine, ArchiveReader(folder / "archive"), ledger.state) == []
    ledger.close()


def _effects(debt: tuple[int, int] = (0, 0), **held: tuple[int, int]) -> tuple[Effects, bytes]:
    who = person(1)
    effects = Effects(accounts={who: AccountFacts(1, 0, 1, bytes(20), 0, list(debt))})
    effects.balances[who] = {int(year[1:]): list(pair) for year, pair in held.items()}
    return effects, who


def _revocation(index: int, burned: tuple[int, int], owed: tuple[int, int]) -> entries.Revocation:
    return entries.Revocation(1, index, 1, bytes(32), False, *burned, *owed)


def test_a_revocation_burns_its_vintage_first_then_the_newest() -> None:
    effects, who = _effects(y2023=(50, 5), y2024=(30, 3), y2025=(40, 4), y2022=(9, 9))
    effects.targets[7] = Minted(7, who, CYCLING, DAY_2024, 100, 100, 10)
    assert effects.revocation(9, _revocation(7, (100, 10), (0, 0))) == who
    # 30 of 2024, then 40 of 2025, then 30 of 2023; points likewise 3, 4, 3
    assert effects.balances[who] == {2024: [0, 0], 2025: [0, 0], 2023: [20, 2], 2022: [9, 9]}
    assert effects.vintages == {2024: [0, 0, 30, 3], 2025: [0, 0, 40, 4], 2023: [0, 0, 30, 3]}
    assert effects.methods == {(2024, CYCLING): [0, 0, 0, 0, 1, 100, 100, 10]}


def test_what_cannot_be_burned_is_owed_and_met_by_later_mints(world: World) -> None:
    effects, who = _effects(y2024=(30, 10))
    effects.targets[7] = Minted(7, who, CYCLING, DAY_2024, 100, 100, 10)
    effects.revocation(9, _revocation(7, (30, 10), (70, 0)))
    assert effects.accounts[who].debt == [70, 0]
    record = world.ledger.record(1, 1, day=DAY_2025)
    effects.reduction(10, entries.Reduction(1, 1, 1, record, 48, 4))
    assert effects.accounts[who].debt == [22, 0]
    assert effects.balances[who][2025] == [0, 4]
    assert effects.vintages[2025] == [48, 4, 48, 0]
    effects.reduction(11, entries.Reduction(1, 1, 2, record, 48, 4, 6))
    assert effects.accounts[who].debt == [0, 0]
    assert effects.balances[who][2025] == [26, 14]


@pytest.mark.parametrize(
    ("index", "revoked_by", "burned"), [(7, 8, 1), (6, None, 1), (7, None, 101)], ids=["twice", "unknown", "too much"]
)
def test_revocations_that_cannot_be_are_refused(index: int, revoked_by: int | None, burned: int) -> None:
    effects, who = _effects(y2024=(100, 10))
    effects.targets[7] = Minted(7, who, CYCLING, DAY_2024, 100, 100, 10, revoked_by)
    with pytest.raises(ProjectionError):
        effects.revocation(9, _revocation(index, (burned, 1), (0, 0)))


def test_a_reduction_of_nobody_is_refused(world: World) -> None:
    effects, _ = _effects()
    record = world.ledger.record(99, 1, day=DAY_2024, method=METHOD_WALK)
    with pytest.raises(ProjectionError, match="registers"):
        effects.reduction(3, entries.Reduction(1, 1, 1, record, 1, 1))


def test_refusals_know_whom_they_are_about(world: World) -> None:
    with world.engine.connect() as connection:
        row = connection.execute(select(EntryRow.__table__).where(EntryRow.index == world.ledger.marks["clash"] + 1))
        found = row.mappings().one()
    assert found["account"] == person(1)
    assert (found["rule"], found["method"]) == (int(Rule.OVERLAP), CYCLING)
