"""The read model's tables (SQLAlchemy 2.1).

Everything here but what is `KEPT` is derived from the archive and may be dropped and projected again.
Amounts are integers: credits in milligrams CO2e, points in thousandths. What the protocol bounds at u64 (fractions,
feed caps) is kept inside the entry's bytes and decoded on reading, because a database's BIGINT is signed.
"""

from __future__ import annotations

from typing import Any, Final

from sqlalchemy import BigInteger, Index, Integer, LargeBinary, MetaData, SmallInteger, String, Text, text
from sqlalchemy.engine import Dialect
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

NAMING = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}

Big = BigInteger().with_variant(Integer(), "sqlite")
"""64-bit signed; on SQLite spelt INTEGER, so that a primary key is the row id itself."""


class Bytes(LargeBinary):
    """Bytes as they are: both drivers take and give `bytes`, so nothing has to be wrapped on the way."""

    def bind_processor(self, dialect: Dialect) -> None:
        return None

    def result_processor(self, dialect: Dialect, coltype: object) -> None:
        return None


PROJECTION_VERSION: Final = 4
"""What entries become in these tables. Raise it with every change of that (a new kind of entry, another column, a
figure that was wrong): a read model of an older version is projected again from the archive."""


class Base(DeclarativeBase):
    """All tables of the read model."""

    metadata = MetaData(naming_convention=NAMING)


class LedgerRow(Base):
    """One row: how far the archive has been projected. Written in the same transaction as what it counts.

    `version`: the PROJECTION_VERSION of all that is derived. `again_to`: the size it had before it was projected again,
    until it has that size again; NULL: it is whole.
    """

    __tablename__ = "ledger"
    id: Mapped[int] = mapped_column(SmallInteger, primary_key=True, autoincrement=False)
    origin: Mapped[str] = mapped_column(String(255))
    size: Mapped[int] = mapped_column(Big)
    root: Mapped[bytes] = mapped_column(Bytes(32))
    time: Mapped[int] = mapped_column(Big)
    version: Mapped[int] = mapped_column(Integer)
    again_to: Mapped[int | None] = mapped_column(Big)


class EntryRow(Base):
    """One log entry.

    `account`, `method`, `day`: the record's; a refusal's are those its record named, a revocation's (and its `feed`)
    those of its target. `call`: first index of the call that appended it, where that is known.
    """

    __tablename__ = "entry"
    index: Mapped[int] = mapped_column("idx", Big, primary_key=True, autoincrement=False)
    type: Mapped[int] = mapped_column(SmallInteger)
    time: Mapped[int] = mapped_column(Big)
    call: Mapped[int | None] = mapped_column(Big)
    account: Mapped[bytes | None] = mapped_column(Bytes(20))
    feed: Mapped[int | None] = mapped_column(Integer)
    sequence: Mapped[int | None] = mapped_column(Big)
    method: Mapped[int | None] = mapped_column(Integer)
    day: Mapped[int | None] = mapped_column(Integer)
    credits_mg: Mapped[int | None] = mapped_column(Big)
    millipoints: Mapped[int | None] = mapped_column(Big)
    bonus_millipoints: Mapped[int | None] = mapped_column(Big)
    rule: Mapped[int | None] = mapped_column(SmallInteger)
    target: Mapped[int | None] = mapped_column(Big)
    revoked_by: Mapped[int | None] = mapped_column(Big)
    leaf_key: Mapped[int] = mapped_column(Big)
    body: Mapped[bytes] = mapped_column(Bytes)

    __table_args__ = (
        Index("ix_entry_leaf_key", "leaf_key"),
        Index("ix_entry_account", "account", "idx"),
        Index(
            "uq_entry_sequence",
            "feed",
            "sequence",
            unique=True,
            sqlite_where=text("sequence IS NOT NULL"),
            postgresql_where=text("sequence IS NOT NULL"),
        ),
    )


class CallRow(Base):
    """The transaction that appended entries `first` … `first + count - 1`; attestation fields for batches only."""

    __tablename__ = "call"
    first: Mapped[int] = mapped_column(Big, primary_key=True, autoincrement=False)
    count: Mapped[int] = mapped_column(Integer)
    kind: Mapped[str] = mapped_column(String(8))
    tx: Mapped[bytes | None] = mapped_column(Bytes(32))
    block: Mapped[int | None] = mapped_column(Big)
    feed: Mapped[int | None] = mapped_column(Integer)
    first_sequence: Mapped[int | None] = mapped_column(Big)
    records_root: Mapped[bytes | None] = mapped_column(Bytes(32))
    config_digest: Mapped[bytes | None] = mapped_column(Bytes(32))
    signers: Mapped[bytes | None] = mapped_column(Bytes)


class LawRow(Base):
    """History of the law: which entry set organisation, feed, method … `id` at `index`. The body is in `entry`."""

    __tablename__ = "law"
    kind: Mapped[int] = mapped_column(SmallInteger, primary_key=True, autoincrement=False)
    id: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    index: Mapped[int] = mapped_column("idx", Big, primary_key=True, autoincrement=False)


class AccountRow(Base):
    """A resident's account: state as last set, and the debt left by revocations."""

    __tablename__ = "account"
    address: Mapped[bytes] = mapped_column(Bytes(20), primary_key=True)
    state: Mapped[int] = mapped_column(SmallInteger)
    epoch: Mapped[int] = mapped_column(Integer)
    district: Mapped[int] = mapped_column(Integer)
    successor: Mapped[bytes] = mapped_column(Bytes(20))
    index: Mapped[int] = mapped_column("idx", Big)
    credits_debt: Mapped[int] = mapped_column(Big)
    millipoints_debt: Mapped[int] = mapped_column(Big)


class BalanceRow(Base):
    """What an account holds of one vintage year."""

    __tablename__ = "balance"
    account: Mapped[bytes] = mapped_column(Bytes(20), primary_key=True)
    vintage: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    credits_mg: Mapped[int] = mapped_column(Big)
    millipoints: Mapped[int] = mapped_column(Big)


class BucketTotalRow(Base):
    """What lies in a bucket that acts alone move, of one vintage year (0: of debts), all owners together; of a source,
    what it has given. `bucket`: its name in lower case (docs/protocol.md, section 8)."""

    __tablename__ = "bucket_total"
    vintage: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    bucket: Mapped[str] = mapped_column(String(16), primary_key=True)
    credits_mg: Mapped[int] = mapped_column(Big)
    millipoints: Mapped[int] = mapped_column(Big)


class SubjectRow(Base):
    """Which acts are about a thing that has a number: `topic` is the type of the entry that makes such things (a
    project), `id` its number; of what is made by one entry (a pledge) that entry's index.

    `outcome`: accepted 1, refused 0; of a survival report its months, of a refund its cause; else 0. `first`, `units`:
    which units it is about, and how many. `amount`: millipoints; of a survival report the units that live.
    """

    __tablename__ = "subject"
    topic: Mapped[int] = mapped_column(SmallInteger, primary_key=True, autoincrement=False)
    id: Mapped[int] = mapped_column(Big, primary_key=True, autoincrement=False)
    type: Mapped[int] = mapped_column(SmallInteger, primary_key=True, autoincrement=False)
    index: Mapped[int] = mapped_column("idx", Big, primary_key=True, autoincrement=False)
    outcome: Mapped[int] = mapped_column(SmallInteger)
    first: Mapped[int | None] = mapped_column(Big)
    units: Mapped[int] = mapped_column(Big)
    amount: Mapped[int] = mapped_column(Big)

    __table_args__ = (
        Index(
            "ix_subject_units",
            "topic",
            "id",
            "type",
            "first",
            sqlite_where=text("first IS NOT NULL"),
            postgresql_where=text("first IS NOT NULL"),
        ),
    )


class SubjectTotalRow(Base):
    """The sums of a thing's rows in `subject`, by type and outcome, where one thing has many of them."""

    __tablename__ = "subject_total"
    topic: Mapped[int] = mapped_column(SmallInteger, primary_key=True, autoincrement=False)
    id: Mapped[int] = mapped_column(Big, primary_key=True, autoincrement=False)
    type: Mapped[int] = mapped_column(SmallInteger, primary_key=True, autoincrement=False)
    outcome: Mapped[int] = mapped_column(SmallInteger, primary_key=True, autoincrement=False)
    acts: Mapped[int] = mapped_column(Big)
    units: Mapped[int] = mapped_column(Big)
    amount: Mapped[int] = mapped_column(Big)


class VintageTotalRow(Base):
    """Minted and revoked (burned) of one vintage year, all accounts together."""

    __tablename__ = "vintage_total"
    vintage: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    credits_minted: Mapped[int] = mapped_column(Big)
    millipoints_minted: Mapped[int] = mapped_column(Big)
    credits_revoked: Mapped[int] = mapped_column(Big)
    millipoints_revoked: Mapped[int] = mapped_column(Big)


class MethodTotalRow(Base):
    """What one method minted in one vintage, and what of it was revoked (whole records, burned or owed)."""

    __tablename__ = "method_total"
    vintage: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    method: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    records: Mapped[int] = mapped_column(Big)
    activity: Mapped[int] = mapped_column(Big)
    credits_mg: Mapped[int] = mapped_column(Big)
    millipoints: Mapped[int] = mapped_column(Big)
    revoked_records: Mapped[int] = mapped_column(Big)
    revoked_activity: Mapped[int] = mapped_column(Big)
    revoked_credits_mg: Mapped[int] = mapped_column(Big)
    revoked_millipoints: Mapped[int] = mapped_column(Big)


class FeedTotalRow(Base):
    """How many of a feed's records ended how: `rule` 0 counts the recorded, another number that refusal."""

    __tablename__ = "feed_total"
    feed: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    rule: Mapped[int] = mapped_column(SmallInteger, primary_key=True, autoincrement=False)
    records: Mapped[int] = mapped_column(Big)


class OutcomeRow(Base):
    """What became of one row of a partner's file, as its oracle's journal says (see `api.projection.outcomes`)."""

    __tablename__ = "row_outcome"
    id: Mapped[int] = mapped_column(Big, primary_key=True)
    feed: Mapped[int] = mapped_column(Integer)
    key: Mapped[str] = mapped_column(String(255))
    file: Mapped[str] = mapped_column(String(255))
    row: Mapped[int] = mapped_column("line", Big)
    state: Mapped[str] = mapped_column(String(16))
    rule: Mapped[int | None] = mapped_column(SmallInteger)
    value: Mapped[str] = mapped_column(Text)
    account: Mapped[bytes | None] = mapped_column(Bytes(20))
    sequence: Mapped[int | None] = mapped_column(Big)

    __table_args__ = (
        Index("uq_row_outcome_key", "feed", "key", "file", "line", unique=True),
        Index("ix_row_outcome_place", "feed", "file", "line"),
    )


class TokenRow(Base):
    """A bearer token: only the SHA-256 of its secret is kept. Times are unix seconds."""

    __tablename__ = "token"
    id: Mapped[str] = mapped_column(String(16), primary_key=True)
    secret_hash: Mapped[bytes] = mapped_column(Bytes(32))
    scopes: Mapped[str] = mapped_column(Text)
    label: Mapped[str] = mapped_column(String(200))
    created: Mapped[int] = mapped_column(Big)
    expires: Mapped[int | None] = mapped_column(Big)
    revoked: Mapped[int | None] = mapped_column(Big)


KEPT: Final[tuple[Any, ...]] = (OutcomeRow.__table__, TokenRow.__table__)
"""What no archive holds."""
DERIVED: Final[tuple[Any, ...]] = tuple(table for table in Base.metadata.sorted_tables if table not in KEPT)
"""What is projected from the archive: every other table."""
