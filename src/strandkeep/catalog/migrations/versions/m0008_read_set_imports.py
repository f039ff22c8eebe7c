"""Items run by themselves, and keep what they have fetched; files that a read set was made of are remembered."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"

_BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Add the columns and tables; items that are there already begin anew."""
    _add_to_items()
    _create_fetched()
    _create_originals()


def _add_to_items() -> None:
    for column in (
        sa.Column("attempt", sa.Integer()),
        sa.Column("failures", sa.Integer()),
        sa.Column("run_after", _BIG),
    ):
        column.nullable, column.server_default = False, sa.DefaultClause("0")
        op.add_column("item", column)
    op.add_column("item", sa.Column("progress", sa.JSON(none_as_null=True)))
    for table in ("job", "item"):
        op.add_column(table, sa.Column("away_since", _BIG))
    op.add_column("item", sa.Column("reference_arn", sa.Text()))
    op.add_column("item", sa.Column("account", sa.Text(), nullable=False, server_default=sa.text("''")))
    op.execute("UPDATE item SET account = (SELECT account FROM job WHERE job.id = item.job_id)")
    named = sa.text("reference_arn IS NOT NULL")
    op.create_index("item_naming_reference", "item", ["reference_arn"], sqlite_where=named, postgresql_where=named)
    unended = sa.text("state IN ('NOT_STARTED', 'IN_PROGRESS')")
    due = ["account", "run_after", "job_id", "position"]
    op.create_index("item_waiting", "item", due, sqlite_where=unended, postgresql_where=unended)


def _create_fetched() -> None:
    op.create_table(
        "fetched",
        sa.Column("job_id", sa.Text(), primary_key=True),
        sa.Column("position", sa.Integer(), primary_key=True, autoincrement=False),
        sa.Column("source", sa.Text(), primary_key=True),
        sa.Column("number", sa.Integer(), primary_key=True, autoincrement=False),
        sa.Column("start", _BIG, primary_key=True, autoincrement=False),
        sa.Column("identity", sa.Text(), nullable=False),
        sa.Column("blob", sa.Text(), sa.ForeignKey("blob.name"), nullable=False),
        sa.ForeignKeyConstraint(["job_id", "position"], ["item.job_id", "item.position"]),
        sqlite_with_rowid=False,
    )
    op.create_index("fetched_by_blob", "fetched", ["blob"])


def _create_originals() -> None:
    op.create_table(
        "original",
        sa.Column("read_set_id", sa.Text(), sa.ForeignKey("read_set.id"), primary_key=True),
        sa.Column("source", sa.Text(), primary_key=True),
        sa.Column("number", sa.Integer(), primary_key=True, autoincrement=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("start", _BIG),
        sa.Column("size", _BIG, nullable=False),
        sa.Column("md5", sa.Text(), nullable=False),
        sa.Column("reads", _BIG, nullable=False),
        sqlite_with_rowid=False,
    )
