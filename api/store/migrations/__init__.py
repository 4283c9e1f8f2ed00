"""Alembic migrations of the read model; `versions/` holds one file per revision."""
