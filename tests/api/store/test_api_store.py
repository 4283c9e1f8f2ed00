"""Migrations, connections, settings."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import select, text

from api.errors import SettingsError, StoreError
from api.settings import Settings
from api.store import database, migrate
from api.store.models import Base, TokenRow
from api.tokens.service import ApiTokens


def test_migrations_make_exactly_the_models(tmp_path: Path) -> None:
    engine = database.writer(f"sqlite:///{tmp_path / 'db.sqlite'}")
    assert migrate.upgrade(engine) == migrate.head()
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, Base.metadata) == []
    assert migrate.upgrade(engine) == migrate.head()
    engine.dispose()


def test_a_database_of_a_newer_program_is_refused(tmp_path: Path) -> None:
    engine = database.writer(f"sqlite:///{tmp_path / 'db.sqlite'}")
    migrate.upgrade(engine)
    with engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(StoreError, match="9999"):
        migrate.upgrade(engine)
    engine.dispose()


def test_a_failed_migration_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    engine = database.writer(f"sqlite:///{tmp_path / 'db.sqlite'}")

    def broken() -> str:
        raise RuntimeError("cut")

    with monkeypatch.context() as patch:
        patch.setattr(migrate, "head", broken)
        with pytest.raises(RuntimeError):
            migrate.upgrade(engine)
    with engine.connect() as connection:
        tables = connection.execute(text("SELECT name FROM sqlite_master WHERE type = 'table'")).all()
    assert tables == []
    assert migrate.upgrade(engine) == migrate.head()
    engine.dispose()


def test_two_writers_queue_for_the_lock(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'db.sqlite'}"
    engine = database.writer(url)
    migrate.upgrade(engine)
    order: list[str] = []

    def second() -> None:
        other = database.writer(url)
        ApiTokens(other).create(["auditor"])
        order.append("second")
        other.dispose()

    with engine.begin() as connection:
        connection.execute(select(TokenRow.__table__))
        thread = threading.Thread(target=second)
        thread.start()
        time.sleep(0.2)
        order.append("first")
    thread.join()
    assert order == ["first", "second"]
    engine.dispose()


@pytest.mark.parametrize("url", ["mysql://x/y", "sqlite://", "no url", "sqlite:///"])
def test_unusable_urls_say_what_to_give(url: str) -> None:
    with pytest.raises(StoreError, match=r"sqlite|SQLite"):
        database.writer(url)
    with pytest.raises(StoreError):
        database.Database(url)


def test_settings_come_from_the_environment() -> None:
    settings = Settings.from_environment(
        {"LUYA_API_ARCHIVE": "/data/archive", "LUYA_API_PUBLIC_RATE": "7", "LUYA_API_METRICS": "no"}
    )
    assert settings.archive == Path("/data/archive")
    assert settings.database_url == "sqlite:////data/read-model.sqlite"
    assert (settings.public_rate, settings.metrics) == (7, False)
    assert Settings.from_environment({}, archive=Path("/a/b")).archive == Path("/a/b")


@pytest.mark.parametrize(
    "environment",
    [
        {},
        {"LUYA_API_ARCHIVE": "/a", "LUYA_API_POOL_SIZE": "many"},
        {"LUYA_API_ARCHIVE": "/a", "LUYA_API_METRICS": "maybe"},
        {"LUYA_API_ARCHIVE": "/a", "LUYA_API_TOKEN_RATE": "-1"},
        {"LUYA_API_ARCHIVE": "/a", "LUYA_API_RATE_CLIENTS": "0"},
        {"LUYA_API_ARCHIVE": "/a", "LUYA_API_PORT": "70000"},
    ],
)
def test_bad_settings_are_named(environment: dict[str, str]) -> None:
    with pytest.raises(SettingsError):
        Settings.from_environment(environment)


def test_every_setting_has_its_variable_documented() -> None:
    import api.settings

    text_ = api.settings.__doc__ or ""
    for name in Settings.__slots__:
        assert f"`{name}`" in text_, name
        assert f"`LUYA_API_{name.upper()}`" in text_, name


def test_a_reader_does_not_wait_for_a_writer(tmp_path: Path) -> None:
    engine = database.writer(f"sqlite:///{tmp_path / 'db.sqlite'}")
    migrate.upgrade(engine)
    with engine.begin() as writing:
        writing.execute(text("DELETE FROM token"))
        assert ApiTokens(engine).entries() == []
    engine.dispose()
