"""`luya token`: makes, lists and revokes the API's bearer tokens."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from typing import Any

from sqlalchemy import Engine

from api.store import migrate
from api.store.database import writer
from api.tokens.service import ApiTokens
from luya.errors import HomeError
from luya.home import LuyaHome

_DAY = 86_400


@contextmanager
def store(home: LuyaHome) -> Iterator[Engine]:
    """The read model's database, migrated.

    Raises:
        HomeError: there is no ledger whose API a token could be for.
    """
    if not home.manifest.exists() and not os.environ.get("LUYA_API_DATABASE_URL"):
        raise HomeError(f"there is no ledger in {home.root} yet: run `luya up` or `luya demo` first, or check --home")
    engine = writer(home.read_model)
    try:
        migrate.upgrade(engine)
        yield engine
    finally:
        engine.dispose()


def create(home: LuyaHome, scopes: list[str], label: str, days: int | None) -> dict[str, Any]:
    """Makes a token; its secret is in the answer and nowhere else."""
    with store(home) as engine:
        info, token = ApiTokens(engine).create(scopes, label=label, lifetime=None if days is None else days * _DAY)
    return {**asdict(info), "token": token}


def list_all(home: LuyaHome) -> dict[str, Any]:
    """All tokens, without their secrets."""
    with store(home) as engine:
        return {"tokens": [asdict(info) for info in ApiTokens(engine).entries()]}


def revoke(home: LuyaHome, identifier: str) -> dict[str, Any]:
    """Revokes one."""
    with store(home) as engine:
        return asdict(ApiTokens(engine).revoke(identifier))
