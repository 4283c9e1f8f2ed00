"""The read model of the spine: entries, calls, law, accounts, balances, totals, row outcomes, tokens."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "account",
        sa.Column("address", sa.LargeBinary(length=20), nullable=False),
        sa.Column("state", sa.SmallInteger(), nullable=False),
        sa.Column("epoch", sa.Integer(), nullable=False),
        sa.Column("district", sa.Integer(), nullable=False),
        sa.Column("successor", sa.LargeBinary(length=20), nullable=False),
        sa.Column("idx", BIG, nullable=False),
        sa.Column("credits_debt", BIG, nullable=False),
        sa.Column("millipoints_debt", BIG, nullable=False),
        sa.PrimaryKeyConstraint("address", name="pk_account"),
    )
    op.create_table(
        "balance",
        sa.Column("account", sa.LargeBinary(length=20), nullable=False),
        sa.Column("vintage", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("credits_mg", BIG, nullable=False),
        sa.Column("millipoints", BIG, nullable=False),
        sa.PrimaryKeyConstraint("account", "vintage", name="pk_balance"),
    )
    op.create_table(
        "call",
        sa.Column("first", BIG, autoincrement=False, nullable=False),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(length=8), nullable=False),
        sa.Column("tx", sa.LargeBinary(length=32), nullable=True),
        sa.Column("block", BIG, nullable=True),
        sa.Column("feed", sa.Integer(), nullable=True),
        sa.Column("first_sequence", BIG, nullable=True),
        sa.Column("records_root", sa.LargeBinary(length=32), nullable=True),
        sa.Column("config_digest", sa.LargeBinary(length=32), nullable=True),
        sa.Column("signers", sa.LargeBinary(), nullable=True),
        sa.PrimaryKeyConstraint("first", name="pk_call"),
    )
    op.create_table(
        "entry",
        sa.Column("idx", BIG, autoincrement=False, nullable=False),
        sa.Column("type", sa.SmallInteger(), nullable=False),
        sa.Column("time", BIG, nullable=False),
        sa.Column("call", BIG, nullable=True),
        sa.Column("account", sa.LargeBinary(length=20), nullable=True),
        sa.Column("feed", sa.Integer(), nullable=True),
        sa.Column("sequence", BIG, nullable=True),
        sa.Column("method", sa.Integer(), nullable=True),
        sa.Column("day", sa.Integer(), nullable=True),
        sa.Column("credits_mg", BIG, nullable=True),
        sa.Column("millipoints", BIG, nullable=True),
        sa.Column("bonus_millipoints", BIG, nullable=True),
        sa.Column("rule", sa.SmallInteger(), nullable=True),
        sa.Column("target", BIG, nullable=True),
        sa.Column("revoked_by", BIG, nullable=True),
        sa.Column("leaf_key", BIG, nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("idx", name="pk_entry"),
    )
    op.create_index("ix_entry_account", "entry", ["account", "idx"], unique=False)
    op.create_index("ix_entry_leaf_key", "entry", ["leaf_key"], unique=False)
    op.create_index(
        "uq_entry_sequence",
        "entry",
        ["feed", "sequence"],
        unique=True,
        sqlite_where=sa.text("sequence IS NOT NULL"),
        postgresql_where=sa.text("sequence IS NOT NULL"),
    )
    op.create_table(
        "feed_total",
        sa.Column("feed", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("rule", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("records", BIG, nullable=False),
        sa.PrimaryKeyConstraint("feed", "rule", name="pk_feed_total"),
    )
    op.create_table(
        "law",
        sa.Column("kind", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("idx", BIG, autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint("kind", "id", "idx", name="pk_law"),
    )
    op.create_table(
        "ledger",
        sa.Column("id", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("origin", sa.String(length=255), nullable=False),
        sa.Column("size", BIG, nullable=False),
        sa.Column("root", sa.LargeBinary(length=32), nullable=False),
        sa.Column("time", BIG, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_ledger"),
    )
    op.create_table(
        "method_total",
        sa.Column("vintage", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("method", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("records", BIG, nullable=False),
        sa.Column("activity", BIG, nullable=False),
        sa.Column("credits_mg", BIG, nullable=False),
        sa.Column("millipoints", BIG, nullable=False),
        sa.Column("revoked_records", BIG, nullable=False),
        sa.Column("revoked_activity", BIG, nullable=False),
        sa.Column("revoked_credits_mg", BIG, nullable=False),
        sa.Column("revoked_millipoints", BIG, nullable=False),
        sa.PrimaryKeyConstraint("vintage", "method", name="pk_method_total"),
    )
    op.create_table(
        "row_outcome",
        sa.Column("id", BIG, nullable=False),
        sa.Column("feed", sa.Integer(), nullable=False),
        sa.Column("key", sa.String(length=255), nullable=False),
        sa.Column("file", sa.String(length=255), nullable=False),
        sa.Column("line", BIG, nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("rule", sa.SmallInteger(), nullable=True),
        sa.Column("value", sa.Text(), nullable=False),
        sa.Column("account", sa.LargeBinary(length=20), nullable=True),
        sa.Column("sequence", BIG, nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_row_outcome"),
    )
    op.create_index("ix_row_outcome_place", "row_outcome", ["feed", "file", "line"], unique=False)
    op.create_index("uq_row_outcome_key", "row_outcome", ["feed", "key", "file", "line"], unique=True)
    op.create_table(
        "token",
        sa.Column("id", sa.String(length=16), nullable=False),
        sa.Column("secret_hash", sa.LargeBinary(length=32), nullable=False),
        sa.Column("scopes", sa.Text(), nullable=False),
        sa.Column("label", sa.String(length=200), nullable=False),
        sa.Column("created", BIG, nullable=False),
        sa.Column("expires", BIG, nullable=True),
        sa.Column("revoked", BIG, nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_token"),
    )
    op.create_table(
        "vintage_total",
        sa.Column("vintage", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("credits_minted", BIG, nullable=False),
        sa.Column("millipoints_minted", BIG, nullable=False),
        sa.Column("credits_revoked", BIG, nullable=False),
        sa.Column("millipoints_revoked", BIG, nullable=False),
        sa.PrimaryKeyConstraint("vintage", name="pk_vintage_total"),
    )


def downgrade() -> None:
    op.drop_table("vintage_total")
    op.drop_table("token")
    op.drop_index("uq_row_outcome_key", table_name="row_outcome")
    op.drop_index("ix_row_outcome_place", table_name="row_outcome")
    op.drop_table("row_outcome")
    op.drop_table("method_total")
    op.drop_table("ledger")
    op.drop_table("law")
    op.drop_table("feed_total")
    op.drop_index(
        "uq_entry_sequence",
        table_name="entry",
        sqlite_where=sa.text("sequence IS NOT NULL"),
        postgresql_where=sa.text("sequence IS NOT NULL"),
    )
    op.drop_index("ix_entry_leaf_key", table_name="entry")
    op.drop_index("ix_entry_account", table_name="entry")
    op.drop_table("entry")
    op.drop_table("call")
    op.drop_table("balance")
    op.drop_table("account")
