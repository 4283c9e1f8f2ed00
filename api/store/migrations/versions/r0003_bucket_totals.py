"""What lies in the buckets that acts alone move."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "bucket_total",
        sa.Column("vintage", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("bucket", sa.String(16), nullable=False),
        sa.Column("credits_mg", BIG, nullable=False),
        sa.Column("millipoints", BIG, nullable=False),
        sa.PrimaryKeyConstraint("vintage", "bucket", name="pk_bucket_total"),
    )


def downgrade() -> None:
    op.drop_table("bucket_total")
