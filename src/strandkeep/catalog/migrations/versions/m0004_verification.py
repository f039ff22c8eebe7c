"""Verifications of stored bytes, and what they find."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"

_BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Add the tables."""
    op.create_table(
        "verification",
        sa.Column("id", sa.Text(), sa.ForeignKey("job.id"), primary_key=True),
        sa.Column("account", sa.Text(), sa.ForeignKey("account.id"), nullable=False),
        sa.Column("scheduled", sa.Integer(), nullable=False),
        sa.Column("store_id", sa.Text()),
        sa.Column("read_set_id", sa.Text()),
        sa.Column("sample_percent", sa.Integer()),
        sa.Column("sample_first", _BIG),
        sa.Column("unverified_days", sa.Integer()),
        sa.Column("bytes_per_second", _BIG, nullable=False),
        sa.Column("created", _BIG, nullable=False),
    )
    op.create_index("verification_by_created", "verification", ["account", "created", "id"])
    op.create_table(
        "finding",
        sa.Column("verification_id", sa.Text(), sa.ForeignKey("verification.id"), primary_key=True),
        sa.Column("store_id", sa.Text(), primary_key=True),
        sa.Column("holder_id", sa.Text(), primary_key=True),
        sa.Column("source", sa.Text(), primary_key=True),
        sa.Column("number", sa.Integer(), primary_key=True, autoincrement=False),
        sa.Column("start", _BIG, primary_key=True, autoincrement=False),
        sa.Column("blob", sa.Text(), nullable=False),
        sa.Column("damage", sa.Text(), nullable=False),
        sa.Column("block", _BIG),
        sa.Column("offset", _BIG, nullable=False),
        sqlite_with_rowid=False,
    )
