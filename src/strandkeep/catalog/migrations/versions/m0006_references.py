"""Reference stores, references and the jobs that import them; a file belongs to its holder, read set or reference."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"

_BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_NEWEST = ("status", "created", "id")


def upgrade() -> None:
    """Add the tables; what holds a file need not be a read set any more, in files, segments, digests and findings."""
    _rename_holders()
    _create_stores()
    _create_references()
    _create_items()
    op.add_column("finding", sa.Column("holder_kind", sa.Text(), nullable=False, server_default="readSet"))
    op.execute("UPDATE finding SET holder_kind = 'upload' WHERE number > 0")
    named = sa.text("reference_arn IS NOT NULL")
    for table, columns in (("read_set", []), ("upload", ["state"])):
        index = f"{table}_naming_reference"
        op.create_index(index, table, ["reference_arn", *columns], sqlite_where=named, postgresql_where=named)


def _rename_holders() -> None:
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


def _create_stores() -> None:
    op.create_table(
        "reference_store",
        sa.Column("id", sa.Text(), primary_key=True),
        sa.Column("account", sa.Text(), sa.ForeignKey("account.id"), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("description", sa.Text()),
        sa.Column("sse_config", sa.JSON(none_as_null=True)),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("created", _BIG, nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
    )
    op.create_index("reference_store_by_status", "reference_store", ["account", *_NEWEST])
    op.create_index("reference_store_by_name", "reference_store", ["account", "name", *_NEWEST])


def _create_references() -> None:
    op.create_table(
        "reference",
        sa.Column("id", sa.Text(), primary_key=True),
        sa.Column("account", sa.Text(), sa.ForeignKey("account.id"), nullable=False),
        sa.Column("store_id", sa.Text(), sa.ForeignKey("reference_store.id"), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("description", sa.Text()),
        sa.Column("md5", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("status_message", sa.Text()),
        sa.Column("creation_job_id", sa.Text(), nullable=False),
        sa.Column("facts", sa.JSON(none_as_null=True), nullable=False),
        sa.Column("facts_version", sa.Integer(), nullable=False),
        sa.Column("created", _BIG, nullable=False),
        sa.Column("updated", _BIG, nullable=False),
        sa.Column("purge_after", _BIG),
        sa.Column("version", sa.Integer(), nullable=False),
    )
    op.create_index("reference_by_status", "reference", ["store_id", *_NEWEST])
    for column in ("name", "md5"):
        op.create_index(f"reference_by_{column}", "reference", ["store_id", column, *_NEWEST])
    due = sa.text("purge_after IS NOT NULL")
    op.create_index("reference_to_purge", "reference", ["purge_after"], sqlite_where=due, postgresql_where=due)
    op.create_table(
        "reference_sequence",
        sa.Column("reference_id", sa.Text(), sa.ForeignKey("reference.id"), primary_key=True),
        sa.Column("position", sa.Integer(), primary_key=True, autoincrement=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("length", _BIG, nullable=False),
        sa.Column("md5", sa.Text(), nullable=False),
        sa.Column("sha512t24u", sa.Text(), nullable=False),
        sqlite_with_rowid=False,
    )


def _create_items() -> None:
    op.add_column("job", sa.Column("request", sa.JSON(none_as_null=True)))
    op.create_index("job_by_store", "job", ["store_id", "kind", "state", "created", "id"])
    op.create_table(
        "item",
        sa.Column("job_id", sa.Text(), sa.ForeignKey("job.id"), primary_key=True),
        sa.Column("position", sa.Integer(), primary_key=True, autoincrement=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("status_message", sa.Text()),
        sa.Column("request", sa.JSON(none_as_null=True), nullable=False),
        sa.Column("output_id", sa.Text()),
    )
