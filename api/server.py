"""Runs the API: `python -m api`, or `server(settings)` inside another program."""

from __future__ import annotations

import logging
import sys

import structlog
import uvicorn

from api.app import create_app
from api.settings import Settings
from api.store import database, migrate
from api.web.patience import patient
from chain_node.serving.arrivals import Arrivals


def server(settings: Settings) -> uvicorn.Server:
    """A server that is ready to `run()`; set its `should_exit` to stop it. The database is migrated first."""
    engine = database.writer(settings.database_url)
    try:
        migrate.upgrade(engine)
    finally:
        engine.dispose()
    config = uvicorn.Config(
        create_app(settings),
        host=settings.host,
        port=settings.port,
        access_log=False,  # paths hold account addresses; `api.web.observe` logs route templates instead
        log_level="warning",
        server_header=False,
        proxy_headers=bool(settings.trusted_proxies),
        forwarded_allow_ips=settings.trusted_proxies or None,
        timeout_graceful_shutdown=5,
        ws="none",
        http=patient(Arrivals(settings.head_seconds, settings.body_seconds)),
    )
    return uvicorn.Server(config)


def configure_logs(level: int = logging.INFO) -> None:
    """Structured logs as JSON lines on standard error; for a process that is only the API."""
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.JSONRenderer(),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.WriteLoggerFactory(file=sys.stderr),
        cache_logger_on_first_use=True,
    )
