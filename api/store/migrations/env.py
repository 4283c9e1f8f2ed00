"""Alembic's entry: migrates over the connection handed in by `api.store.migrate`, inside its transaction."""

from __future__ import annotations

from alembic import context

from api.store.models import Base

connection = context.config.attributes.get("connection")
if connection is None:
    raise RuntimeError("migrations run through api.store.migrate.upgrade(engine), which hands a connection in")
context.configure(connection=connection, target_metadata=Base.metadata, transactional_ddl=False)
context.run_migrations()
