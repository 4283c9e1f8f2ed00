"""The version of what is projected; a read model from before it has the first."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.add_column("ledger", sa.Column("version", sa.Integer(), nullable=False, server_default="1"))
    op.add_column("ledger", sa.Column("again_to", BIG, nullable=True))


def downgrade() -> None:
    op.drop_column("ledger", "again_to")
    op.drop_column("ledger", "version")
