"""The API as one ASGI application: `create_app(settings)`.

It only reads: the archive's files and the read model. Who projects (`api.projection.projector`) and who makes tokens
(`api.tokens.service`) are other processes, composed by the `luya` command.
"""

from __future__ import annotations

import gc
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from fastapi import FastAPI, Response
from fastapi.openapi.utils import get_openapi
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from api.accounts.endpoints import router as accounts
from api.certificates.endpoints import router as certificates
from api.checkpoint.endpoints import router as checkpoint
from api.controllers.endpoints import router as controllers
from api.entries.endpoints import router as entries
from api.feeds.endpoints import router as feeds
from api.health.endpoints import projected
from api.health.endpoints import router as health
from api.items.endpoints import router as items
from api.methods.endpoints import router as methods
from api.orders.endpoints import router as orders
from api.pledges.endpoints import router as pledges
from api.projects.endpoints import router as projects
from api.proofs.endpoints import router as proofs
from api.records.endpoints import router as records
from api.settings import Settings
from api.store.database import Database
from api.tokens.verifier import Verifier
from api.totals.endpoints import router as totals
from api.web import pages, problems
from api.web.context import Context
from api.web.head import HeadAsGet
from api.web.limits import RateLimiter
from api.web.observe import Metrics, Observe
from chain_node.archive.reader import ArchiveReader
from chain_node.catalogue import load

DESCRIPTION = """绿芽（Luya）账本的只读接口。金额均为整数：减排量以毫克二氧化碳当量计，积分以千分之一分计。

Read-only access to a Luya ledger. Amounts are integers: credits in milligrams CO2e, points in thousandths of a point
(decimal strings above 2^53). Errors are RFC 9457 problems in Chinese and English. Public: checkpoint, totals, methods,
feeds, catalogue, projects, proofs, certificates. By token: what is about a resident or a partner's records.
"""
_ROUTERS = (
    *(entries, accounts, records, health, checkpoint, totals, methods, feeds, certificates),
    *(orders, items, projects, pledges, controllers, proofs),
)
"""The busiest first: routes are tried in order."""


def create_app(settings: Settings) -> FastAPI:
    """The application. Its database must be migrated (`api.store.migrate`); connections are opened on first use."""
    archive = ArchiveReader(settings.archive)
    database = Database(settings.database_url, settings.pool_size)
    context = Context(
        settings=settings,
        database=database,
        archive=archive,
        verifier=Verifier(database, settings.token_cache_seconds),
        public_limit=RateLimiter(settings.public_rate, settings.public_burst, settings.rate_clients),
        token_limit=RateLimiter(settings.token_rate, settings.token_burst, settings.rate_clients),
        catalogue={method.id: method for method in load()},
    )

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        # what was made so far lives as long as the process: the collector need not walk it again and again
        gc.collect()
        gc.freeze()
        try:
            yield
        finally:
            await database.close()

    app = FastAPI(
        title="Luya 绿芽",
        version="1",
        description=DESCRIPTION,
        lifespan=lifespan,
        openapi_url="/openapi.json",
        docs_url=None,
        redoc_url=None,
    )
    app.state.context = context
    for router in _ROUTERS:
        app.include_router(router)
    metrics = Metrics(lambda: archive.size)
    if settings.metrics:
        _serve_metrics(app, metrics, context)
    pages.install(app)
    problems.install(app)
    app.add_middleware(HeadAsGet)
    app.add_middleware(Observe, metrics=metrics)
    _describe(app)
    return app


def _serve_metrics(app: FastAPI, metrics: Metrics, context: Context) -> None:
    """`/metrics` in Prometheus' text format: counts and times by route, no client and no account."""

    @app.get("/metrics", include_in_schema=False)
    async def serve() -> Response:
        metrics.size.set((await projected(context)).size)
        return Response(generate_latest(metrics.registry), headers={"Content-Type": CONTENT_TYPE_LATEST})


def _without_422(document: dict[str, Any]) -> None:
    """FastAPI declares its own answer to a bad parameter; here it is a problem with status 400, as all others."""
    for operations in document["paths"].values():
        for operation in operations.values():
            operation["responses"].pop("422", None)
    for name in ("HTTPValidationError", "ValidationError"):
        document["components"]["schemas"].pop(name, None)


def _describe(app: FastAPI) -> None:
    """OpenAPI with the problem document among its schemas."""

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            document = get_openapi(title=app.title, version=app.version, description=app.description, routes=app.routes)
            template = "#/components/schemas/{model}"
            schema = problems.ProblemDocument.model_json_schema(ref_template=template)
            schemas = document.setdefault("components", {}).setdefault("schemas", {})
            schemas.update(schema.pop("$defs", {}))
            schemas[problems.ProblemDocument.__name__] = schema
            _without_422(document)
            app.openapi_schema = document
        return app.openapi_schema

    app.openapi = openapi  # type: ignore[method-assign]  # FastAPI's documented way to extend the document
