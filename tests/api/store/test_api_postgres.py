"""The same read model on PostgreSQL: a temporary server from the binaries on PATH, or a visible skip.

PostgreSQL refuses to run as root, so under root it is started as `nobody`.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from api_again import ROWS, dump, killed_at, know_more, spoil
from api_ledger import person
from api_world import World, make_world
from sqlalchemy import text

from api.projection import outcomes
from api.projection.compare import compare
from api.projection.outcomes import ReportedRow
from api.projection.projector import Projector
from api.store import database, migrate
from api.store.models import DERIVED, KEPT, Base
from api.tokens.service import ApiTokens
from chain_node.protocol import bundle
from chain_node.protocol.merkle import leaf_hash

NEEDED = ("initdb", "pg_ctl")
missing = [name for name in NEEDED if shutil.which(name) is None]
pytestmark = pytest.mark.skipif(bool(missing), reason=f"PostgreSQL is not installed: {', '.join(missing)} not on PATH")


def _run(*command: str) -> None:
    """Run as somebody who is not root. The server inherits no pipe, or we would wait for it to end."""
    user = "nobody" if os.geteuid() == 0 else None
    with tempfile.TemporaryFile() as output:
        done = subprocess.run(command, user=user, stdout=output, stderr=output, stdin=subprocess.DEVNULL, cwd="/")
        output.seek(0)
        assert done.returncode == 0, output.read().decode()


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    """A server of its own, on a Unix socket; gives its database URL."""
    folder = Path(tempfile.mkdtemp(prefix="luya-pg-"))
    try:
        if os.geteuid() == 0:
            shutil.chown(folder, "nobody")
        data = str(folder / "data")
        _run("initdb", "-D", data, "-U", "luya", "--auth=trust", "-N", "-E", "UTF8", "--locale=C")
        options = f"-k {folder} -c listen_addresses='' -c fsync=off"
        _run("pg_ctl", "-D", data, "-w", "-l", str(folder / "log"), "-o", options, "start")
        try:
            yield f"postgresql://luya@/postgres?host={folder}"
        finally:
            _run("pg_ctl", "-D", data, "-w", "-m", "immediate", "stop")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def world(server: str, tmp_path: Path) -> Iterator[World]:
    """The standard ledger on an empty PostgreSQL database."""
    engine = database.writer(server)
    with engine.begin() as connection:
        connection.execute(text("DROP SCHEMA public CASCADE"))
        connection.execute(text("CREATE SCHEMA public"))
    engine.dispose()
    with make_world(tmp_path, server) as made:
        yield made


def test_migrations_make_exactly_the_models(world: World) -> None:
    with world.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, Base.metadata) == []


def test_processes_that_start_together_migrate_once(world: World, server: str) -> None:
    with world.engine.begin() as connection:
        connection.execute(text("DROP SCHEMA public CASCADE"))
        connection.execute(text("CREATE SCHEMA public"))
    found: list[str] = []

    def start() -> None:
        engine = database.writer(server)
        found.append(migrate.upgrade(engine))
        engine.dispose()

    threads = [threading.Thread(target=start) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [migrate.head()] * 4


def test_the_read_model_is_the_replay(world: World) -> None:
    assert compare(world.engine, world.reader, world.ledger.state) == []
    world.ledger.revoke(world.ledger.marks["rides"], release=True)
    world.ledger.record_batch(1, [world.ledger.record(4, 999)])
    world.project()
    assert compare(world.engine, world.reader, world.ledger.state) == []
    with world.engine.begin() as connection:
        connection.execute(text("UPDATE balance SET credits_mg = credits_mg + 1 WHERE vintage = 2023"))
    assert [one.where.split()[0] for one in compare(world.engine, world.reader, world.ledger.state)] == ["balance"]


def test_two_projectors_do_not_disturb_each_other(world: World, server: str) -> None:
    for day in range(20):
        world.ledger.record_batch(1, [world.ledger.record(2, 1000, day=20_050 + day, slot=9)])
    world.ledger.publish()

    def project() -> None:
        engine = database.writer(server)
        Projector(engine, world.reader, 3).catch_up()
        engine.dispose()

    threads = [threading.Thread(target=project) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert compare(world.engine, world.reader, world.ledger.state) == []


def test_it_projects_again_though_it_is_killed_again_and_again(
    world: World, server: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    outcomes.take(world.engine, ROWS)
    world.token("auditor")
    right, kept = dump(world.engine, DERIVED), dump(world.engine, KEPT)
    spoil(world.engine)
    newer = know_more(monkeypatch)
    boundary = 0
    while killed_at(boundary, server, world.settings.archive, newer):
        boundary += 5
    assert boundary > 15
    (row,) = right.pop("ledger")
    after = dump(world.engine, DERIVED)
    assert after.pop("ledger") == [(*row[:5], newer, None)]
    assert after == right
    assert dump(world.engine, KEPT) == kept
    assert compare(world.engine, world.reader, world.ledger.state) == []


def test_every_kind_of_answer(world: World) -> None:
    outcomes.take(world.engine, [ReportedRow(1, "a.csv", 1, "k1", "signed", sequence=0)])
    outcomes.take(world.engine, [ReportedRow(1, "a.csv", 1, "k1", "final", sequence=0)])
    client, token, one = world.client(), world.token("auditor"), f"0x{person(1).hex()}"
    ride = world.ledger.marks["rides"]
    leaf = leaf_hash(world.ledger.bodies[ride]).hex()
    answers = {
        url: client.get(url, token)
        for url in (
            "/healthz", "/v1/checkpoint", "/v1/totals", "/v1/methods", "/v1/methods/101", "/v1/feeds", "/v1/feeds/1",
            f"/v1/proof/{leaf}", "/v1/consistency?from=3", f"/v1/accounts/{one}", f"/v1/accounts/{one}/entries?limit=2",
            f"/v1/accounts/{one}/statement",
            f"/v1/entries/{ride}", f"/v1/entries/{ride}/bundle", "/v1/records?feed=1&row=k1", "/metrics",
        )
    }  # fmt: skip
    assert {url: answer.status_code for url, answer in answers.items()} == dict.fromkeys(answers, 200)
    state = world.ledger.state
    assert answers["/v1/totals"].json()["credits_mg"] == sum(pair[0] for pair in state.balances.values())
    assert answers["/v1/records?feed=1&row=k1"].json()["rows"][0]["index"] == ride
    assert bundle.verify(answers[f"/v1/entries/{ride}/bundle"].content, world.ledger.log_key).index == ride
    assert client.get(f"/v1/entries/{ride}").status_code == 401


def test_tokens(world: World) -> None:
    info, _ = ApiTokens(world.engine).create(["feed:1"], label="分" * 200)
    assert ApiTokens(world.engine).entries() == [info]
    assert ApiTokens(world.engine).revoke(info.id).revoked is not None
    assert outcomes.forget(world.engine, 1, ["nothing"]) == 0
