"""A program that knows more projects again by itself: what no archive holds is kept, however often it is killed."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest
from alembic import command
from api_again import CHUNK, ROWS, dump, killed_at, know_more, spoil
from api_ledger import person, standard
from api_world import World
from sqlalchemy import inspect, text

from api.errors import ProjectionError, StoreError
from api.projection import outcomes
from api.projection.compare import compare
from api.projection.projector import Projector
from api.store import database, migrate
from api.store.models import DERIVED, KEPT, PROJECTION_VERSION, Base
from api.tokens.service import ApiTokens
from chain_node.archive.reader import ArchiveReader

ONE = f"0x{person(1).hex()}"
UNKNOWN = {
    f"/v1/proof/{'00' * 32}": "/v1/proof/{leaf_hash}",
    "/v1/certificates/3": "/v1/certificates/{serial}",
    "/v1/orders/3": "/v1/orders/{index}",
    "/v1/projects/9": "/v1/projects/{project}",
    "/v1/projects/9/deliveries/3": "/v1/projects/{project}/deliveries/{index}",
    f"/v1/accounts/{ONE}/pledges/3/trail": "/v1/accounts/{address}/pledges/{index}/trail",
}
"""What is not there, which nobody may be told as long as not everything is looked at."""
READS = {
    "/v1/items": "/v1/items",
    "/v1/projects": "/v1/projects",
    f"/v1/orders?account={ONE}": "/v1/orders",
    f"/v1/accounts/{ONE}/pledges": "/v1/accounts/{address}/pledges",
    f"/v1/accounts/{ONE}/controller": "/v1/accounts/{address}/controller",
    "/v1/totals": "/v1/totals",
    "/v1/methods": "/v1/methods",
    "/v1/methods/101": "/v1/methods/{id}",
    "/v1/feeds": "/v1/feeds",
    "/v1/feeds/1": "/v1/feeds/{id}",
    f"/v1/accounts/{ONE}": "/v1/accounts/{address}",
    f"/v1/accounts/{ONE}/entries": "/v1/accounts/{address}/entries",
    f"/v1/accounts/{ONE}/statement": "/v1/accounts/{address}/statement",
    "/v1/entries/3": "/v1/entries/{index}",
    "/v1/entries/42/bundle": "/v1/entries/{index}/bundle",
    "/v1/records?feed=1&row=k1": "/v1/records",
    **UNKNOWN,
}
"""What reads from the read model, and its path in the OpenAPI document."""
GO_ON = {"/healthz", "/v1/checkpoint", "/v1/consistency"}


@pytest.fixture
def kept(world: World) -> dict[str, list[tuple[Any, ...]]]:
    """What no archive holds, in the world's read model; and that is not nothing."""
    outcomes.take(world.engine, ROWS)
    world.token("auditor")
    ApiTokens(world.engine).revoke(ApiTokens(world.engine).create(["feed:1"], label="old")[0].id)
    found = dump(world.engine, KEPT)
    assert all(found.values())
    return found


def test_every_table_is_derived_or_kept(world: World) -> None:
    names = set(inspect(world.engine).get_table_names()) - {"alembic_version"}
    assert names == {table.name for table in (*DERIVED, *KEPT)} == set(Base.metadata.tables)
    assert {table.name for table in KEPT} == {"token", "row_outcome"}


def test_a_risen_version_projects_again_and_keeps_what_no_archive_holds(
    world: World, kept: dict[str, list[tuple[Any, ...]]], monkeypatch: pytest.MonkeyPatch
) -> None:
    before = dump(world.engine)
    spoil(world.engine)
    newer = know_more(monkeypatch)
    migrate.upgrade(world.engine)
    steps: list[tuple[int, int]] = []
    size = Projector(world.engine, world.reader, CHUNK).catch_up(lambda done, of: steps.append((done, of)))
    assert steps[0] == (0, size)
    assert size == world.ledger.state.size == steps[-1][0]
    assert compare(world.engine, world.reader, world.ledger.state) == []
    assert dump(world.engine, KEPT) == kept
    (row,) = before.pop("ledger")
    after = dump(world.engine)
    assert after.pop("ledger") == [(*row[:5], newer, None)]
    assert after == before
    assert Projector(world.engine, world.reader, CHUNK).step() == size, "nothing is begun again twice"


def test_a_difference_is_mended_by_projecting_again(world: World, kept: dict[str, list[tuple[Any, ...]]]) -> None:
    """As docs/operations.md says it."""
    before = dump(world.engine)
    spoil(world.engine)
    assert compare(world.engine, world.reader, world.ledger.state) != []
    with world.engine.begin() as connection:
        connection.execute(text("UPDATE ledger SET version = 0"))
    world.projector.catch_up()
    assert compare(world.engine, world.reader, world.ledger.state) == []
    assert dump(world.engine) == before
    assert dump(world.engine, KEPT) == kept


@pytest.mark.parametrize("stride", [6, pytest.param(1, marks=pytest.mark.deep)])
def test_killed_at_any_boundary_it_goes_on_and_ends_as_a_fresh_one(
    world: World,
    kept: dict[str, list[tuple[Any, ...]]],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    stride: int,
) -> None:
    """Boundaries: before and after each statement, and each commit."""
    spoil(world.engine)
    newer = know_more(monkeypatch)
    world.engine.dispose()
    old = Path(str(world.engine.url.database))
    fresh = database.writer(f"sqlite:///{tmp_path / 'fresh.sqlite'}")
    migrate.upgrade(fresh)
    Projector(fresh, world.reader).catch_up()
    right = dump(fresh, DERIVED)
    fresh.dispose()
    boundary, reached = 0, set()
    while True:
        path = tmp_path / f"killed-{boundary}.sqlite"
        shutil.copyfile(old, path)
        killed = killed_at(boundary, f"sqlite:///{path}", world.settings.archive, newer)
        engine = database.writer(f"sqlite:///{path}")
        after = Projector(engine, world.reader, CHUNK)
        reached.add(after.size())
        after.catch_up()
        assert dump(engine, DERIVED) == right, boundary
        assert dump(engine, KEPT) == kept, boundary
        engine.dispose()
        if not killed:
            break
        boundary += stride
    size = world.ledger.state.size
    assert reached == {0, *range(CHUNK, size, CHUNK), size}, "killed before clearing, after it, and between chunks"


def test_an_older_projection_is_not_answered_from_while_it_waits_to_be_made_again(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The API of an upgraded program, before any projector of it has run."""
    size = world.ledger.state.size
    assert world.client().get("/v1/totals").status_code == 200
    know_more(monkeypatch)
    client = world.client()
    assert client.get("/healthz").json()["status"] == "projecting-again"
    answer = client.get("/v1/totals")
    assert answer.status_code == 503
    assert f"0 of {size}" in answer.json()["messages"]["en"]["detail"]
    world.projector.catch_up()
    assert world.client().get("/v1/totals").status_code == 200


def test_half_way_the_api_says_so_and_answers_nothing_of_it(
    world: World, kept: dict[str, list[tuple[Any, ...]]], monkeypatch: pytest.MonkeyPatch
) -> None:
    size = world.ledger.state.size
    know_more(monkeypatch)
    half = Projector(world.engine, world.reader, CHUNK)
    assert (half.step(), half.step()) == (0, CHUNK)
    client, token = world.client(), world.token("operator")
    assert client.get("/healthz").json() == {
        "status": "projecting-again", "log_size": CHUNK, "archive_size": size, "lag": size - CHUNK,
    }  # fmt: skip
    for url in READS:
        answer = client.get(url, token)
        assert answer.status_code == 503, url
        assert f"{CHUNK} of {size}" in answer.json()["messages"]["en"]["detail"]
    assert client.get("/v1/checkpoint").status_code == client.get("/v1/consistency?from=1").status_code == 200
    half.catch_up()
    whole = world.client()
    assert whole.get("/healthz").json()["status"] == "ok"
    assert {whole.get(url, token).status_code for url in READS if url not in UNKNOWN} == {200}


def test_what_is_cleared_beneath_a_running_api_is_not_answered_once(
    world: World, kept: dict[str, list[tuple[Any, ...]]]
) -> None:
    client, token = world.client(), world.token("operator")
    assert set(READS.values()) | GO_ON == set(client.get("/openapi.json").json()["paths"])
    for url in READS:
        before = client.get(url, token)
        assert before.status_code == (404 if url in UNKNOWN else 200), url
        with world.engine.begin() as connection:
            connection.execute(text("UPDATE ledger SET version = 0"))
        assert client.get(url, token).status_code == 503, f"{url}: not looked at"
        assert world.projector.step() == 0
        assert client.get(url, token).status_code == 503, f"{url}: cleared"
        world.projector.catch_up()
        assert client.get(url, token).content == before.content or url in UNKNOWN, "a moment later it is whole"


def test_what_was_archived_meanwhile_is_no_reason_to_go_on_refusing(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    size = world.ledger.state.size
    know_more(monkeypatch)
    half = Projector(world.engine, world.reader, size)
    half.step()
    world.ledger.register(70)
    world.ledger.publish()
    assert half.step() == size
    assert world.client().get("/healthz").json()["status"] == "ok"


def test_a_newer_projection_is_refused(world: World) -> None:
    with world.engine.begin() as connection:
        connection.execute(text("UPDATE ledger SET version = :v"), {"v": PROJECTION_VERSION + 1})
    before = dump(world.engine)
    for act in (world.projector.step, lambda: migrate.upgrade(world.engine)):
        with pytest.raises(StoreError, match=rf"version {PROJECTION_VERSION + 1}.*knows {PROJECTION_VERSION} at most"):
            act()
    assert dump(world.engine) == before


def test_another_logs_read_model_is_not_cleared(world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    other = standard(tmp_path / "other")
    other.register(80)
    other.publish()
    with world.engine.begin() as connection:
        connection.execute(text("UPDATE ledger SET root = x'00'"))
    before = dump(world.engine)
    know_more(monkeypatch)
    with pytest.raises(ProjectionError, match="root"):
        Projector(world.engine, ArchiveReader(tmp_path / "other")).step()
    assert dump(world.engine) == before
    other.close()


def test_a_home_from_before_the_version_is_of_the_first(world: World, tmp_path: Path) -> None:
    """The tables as the first migration makes them, with what the program of that time had projected."""
    outcomes.take(world.engine, ROWS)
    world.token("auditor")
    before = dump(world.engine)
    old = database.writer(f"sqlite:///{tmp_path / 'old.sqlite'}")
    with old.begin() as connection:
        config = migrate._config()
        config.attributes["connection"] = connection
        command.upgrade(config, "0001")
        there = inspect(connection).get_table_names()
        for table in (one for one in (*DERIVED, *KEPT) if one.name in there):
            names = [column["name"] for column in inspect(connection).get_columns(table.name)]
            places = [[column.name for column in table.columns].index(name) for name in names]
            marks = ", ".join("?" for _ in names)
            for row in before[table.name]:
                connection.exec_driver_sql(
                    f'INSERT INTO "{table.name}" VALUES ({marks})', tuple(row[place] for place in places)
                )
        assert "version" not in [column["name"] for column in inspect(connection).get_columns("ledger")]
    migrate.upgrade(old)
    with old.connect() as connection:
        assert connection.execute(text("SELECT size, version, again_to FROM ledger")).one() == (
            world.ledger.state.size, 1, None,
        )  # fmt: skip
    Projector(old, world.reader).catch_up()
    assert dump(old) == before
    old.dispose()
