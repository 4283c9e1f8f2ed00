"""What acts are about, and the sums of what has many."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "subject",
        sa.Column("topic", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("id", BIG, autoincrement=False, nullable=False),
        sa.Column("type", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("idx", BIG, autoincrement=False, nullable=False),
        sa.Column("outcome", sa.SmallInteger(), nullable=False),
        sa.Column("first", BIG, nullable=True),
        sa.Column("units", BIG, nullable=False),
        sa.Column("amount", BIG, nullable=False),
        sa.PrimaryKeyConstraint("topic", "id", "type", "idx", name="pk_subject"),
    )
    op.create_index(
        "ix_subject_units",
        "subject",
        ["topic", "id", "type", "first"],
        sqlite_where=sa.text("first IS NOT NULL"),
        postgresql_where=sa.text("first IS NOT NULL"),
    )
    op.create_table(
        "subject_total",
        sa.Column("topic", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("id", BIG, autoincrement=False, nullable=False),
        sa.Column("type", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("outcome", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("acts", BIG, nullable=False),
        sa.Column("units", BIG, nullable=False),
        sa.Column("amount", BIG, nullable=False),
        sa.PrimaryKeyConstraint("topic", "id", "type", "outcome", name="pk_subject_total"),
    )


def downgrade() -> None:
    op.drop_table("subject_total")
    op.drop_index("ix_subject_units", "subject")
    op.drop_table("subject")
