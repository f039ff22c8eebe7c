"""Files belong to a holder, which is a read set or a reference."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"

_BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Rename `read_set_id` of files, segments and digests; a file's no longer refers to a read set."""
    if op.get_bind().dialect.name == "sqlite":
        _make_files_anew()
    else:
        op.drop_constraint("file_read_set_id_fkey", "file", type_="foreignkey")
        for table in ("file", "segment", "digest"):
            op.alter_column(table, "read_set_id", new_column_name="holder_id")


def _make_files_anew() -> None:
    """SQLite drops no constraint: the rows go into tables without it."""
    for index, table in (("segment_by_blob", "segment"), ("digest_by_value", "digest")):
        op.drop_index(index, table)
    for table in ("file", "segment", "digest"):
        op.rename_table(table, f"old_{table}")
    _create_file()
    _create_segment()
    _create_digest()
    for table in ("file", "segment", "digest"):
        op.execute(f"INSERT INTO {table} SELECT * FROM old_{table}")  # noqa: S608
    for table in ("digest", "segment", "file"):
        op.drop_table(f"old_{table}")
    op.create_index("segment_by_blob", "segment", ["blob"])
    op.create_index("digest_by_value", "digest", ["value"])


def _create_file() -> None:
    op.create_table(
        "file",
        sa.Column("holder_id", sa.Text(), primary_key=True),
        sa.Column("source", sa.Text(), primary_key=True),
        sa.Column("file_name", sa.Text(), nullable=False),
        sa.Column("size", _BIG, nullable=False),
        sa.Column("sha256", sa.Text()),
        sa.Column("md5", sa.Text()),
        sa.Column("media_type", sa.Text(), nullable=False),
        sa.Column("last_modified", _BIG, nullable=False),
    )


def _create_segment() -> None:
    op.create_table(
        "segment",
        sa.Column("holder_id", sa.Text(), primary_key=True),
        sa.Column("source", sa.Text(), primary_key=True),
        sa.Column("start", _BIG, primary_key=True, autoincrement=False),
        sa.Column("blob", sa.Text(), sa.ForeignKey("blob.name"), nullable=False),
        sa.Column("offset", _BIG, nullable=False),
        sa.Column("length", _BIG, nullable=False),
        sa.ForeignKeyConstraint(["holder_id", "source"], ["file.holder_id", "file.source"]),
        sqlite_with_rowid=False,
    )


def _create_digest() -> None:
    op.create_table(
        "digest",
        sa.Column("holder_id", sa.Text(), primary_key=True),
        sa.Column("source", sa.Text(), primary_key=True),
        sa.Column("algorithm", sa.Text(), primary_key=True),
        sa.Column("definition", sa.Integer(), primary_key=True, autoincrement=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["holder_id", "source"], ["file.holder_id", "file.source"]),
    )
