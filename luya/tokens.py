"""`luya token`: makes, lists and revokes the API's bearer tokens."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from typing import Any

from sqlalchemy import Engine

from api.store import migrate
from api.store.database import writer
from api.tokens import service
from luya.home import Home

_DAY = 86_400


@contextmanager
def store(home: Home) -> Iterator[Engine]:
    """The read model's database, migrated."""
    engine = writer(home.read_model)
    try:
        migrate.upgrade(engine)
        yield engine
    finally:
        engine.dispose()


def create(home: Home, scopes: list[str], label: str, days: int | None) -> dict[str, Any]:
    """Makes a token; its secret is in the answer and nowhere else."""
    with store(home) as engine:
        info, token = service.create(engine, scopes, label=label, lifetime=None if days is None else days * _DAY)
    return {**asdict(info), "token": token}


def list_all(home: Home) -> dict[str, Any]:
    """All tokens, without their secrets."""
    with store(home) as engine:
        return {"tokens": [asdict(info) for info in service.list_tokens(engine)]}


def revoke(home: Home, identifier: str) -> dict[str, Any]:
    """Revokes one."""
    with store(home) as engine:
        return asdict(service.revoke(engine, identifier))
