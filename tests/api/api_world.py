"""A ledger with its read model, and clients of the API without a network."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import httpx2
from api_ledger import GENESIS_NONCE, ORIGIN, TestLedger, standard
from sqlalchemy import Engine

from api.app import create_app
from api.projection.projector import Projector
from api.settings import Settings
from api.store import database, migrate
from api.tokens.service import ApiTokens
from chain_node.archive import domains
from chain_node.archive.reader import ArchiveReader


class Client:
    """A blocking client of an application, over httpx2's ASGI transport."""

    def __init__(self, settings: Settings, client: tuple[str, int] = ("203.0.113.7", 50000)) -> None:
        self.app = create_app(settings)
        self._runner = asyncio.Runner()
        transport = httpx2.ASGITransport(app=self.app, client=client)
        self._client = httpx2.AsyncClient(transport=transport, base_url="http://api.test")

    def get(self, url: str, token: str | None = None, **headers: str) -> httpx2.Response:
        """GET; a header `if_none_match="…"` is sent as If-None-Match."""
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        if token is not None:
            sent["authorization"] = f"Bearer {token}"
        return self._runner.run(self._client.get(url, headers=sent))

    def request(self, method: str, url: str) -> httpx2.Response:
        return self._runner.run(self._client.request(method, url))

    def close(self) -> None:
        self._runner.run(self._client.aclose())
        self._runner.run(self.app.state.context.database.close())
        self._runner.close()


@dataclass
class World:
    """A ledger with its projected read model."""

    ledger: TestLedger
    reader: ArchiveReader
    engine: Engine
    settings: Settings
    projector: Projector
    clients: list[Client] = field(default_factory=list)

    def project(self) -> int:
        """Publish what was appended and project it."""
        self.ledger.publish()
        return self.projector.catch_up()

    def client(self, **settings: object) -> Client:
        """A client of a new application over this read model."""
        made = Client(replace(self.settings, **settings))  # type: ignore[arg-type]
        self.clients.append(made)
        return made

    def token(self, *scopes: str) -> str:
        """A new token with these scopes."""
        return ApiTokens(self.engine).create(scopes)[1]


@contextmanager
def make_world(folder: Path, database_url: str = "") -> Iterator[World]:
    """The standard ledger, archived and projected."""
    ledger = standard(folder / "archive")
    ledger.publish()
    domains.remember(folder / "archive", ORIGIN, GENESIS_NONCE)
    settings = Settings(
        archive=folder / "archive", database_url=database_url, log_key=ledger.log_key, public_rate=0, token_rate=0
    )
    engine = database.writer(settings.database_url)
    migrate.upgrade(engine)
    reader = ArchiveReader(folder / "archive")
    made = World(ledger, reader, engine, settings, Projector(engine, reader))
    made.projector.catch_up()
    try:
        yield made
    finally:
        for client in made.clients:
            client.close()
        engine.dispose()
        ledger.close()
