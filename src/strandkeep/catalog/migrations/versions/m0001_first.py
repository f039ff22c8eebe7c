"""The first schema."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

_BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_JSON = sa.JSON(none_as_null=True)


def upgrade() -> None:
    """Make all tables."""
    op.create_table(
        "account",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("created", _BIG, nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_table(
        "audit",
        sa.Column("id", _BIG, nullable=False),
        sa.Column("time", _BIG, nullable=False),
        sa.Column("request_id", sa.Text(), nullable=False),
        sa.Column("account", sa.Text(), nullable=False),
        sa.Column("principal", sa.Text(), nullable=False),
        sa.Column("access_key_id", sa.Text(), nullable=False),
        sa.Column("source_address", sa.Text(), nullable=False),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("resource", sa.Text(), nullable=False),
        sa.Column("decision", sa.Text(), nullable=False),
        sa.Column("outcome", sa.Text(), nullable=False),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.Column("bytes", _BIG, nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("audit_by_time", "audit", ["time"], unique=False)
    op.create_table(
        "blob",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("place", sa.Text(), nullable=False),
        sa.Column("length", _BIG, nullable=False),
        sa.Column("stored_length", _BIG, nullable=False),
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column("block_crcs", sa.LargeBinary(), nullable=False),
        sa.Column("codec", sa.Text(), nullable=True),
        sa.Column("encryption", sa.Text(), nullable=True),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("delete_after", _BIG, nullable=True),
        sa.Column("created", _BIG, nullable=False),
        sa.Column("verified", _BIG, nullable=True),
        sa.PrimaryKeyConstraint("name"),
    )
    op.create_index(
        "blob_to_delete",
        "blob",
        ["delete_after"],
        unique=False,
        sqlite_where=sa.text("delete_after IS NOT NULL"),
        postgresql_where=sa.text("delete_after IS NOT NULL"),
    )
    op.create_table(
        "client_token",
        sa.Column("account", sa.Text(), nullable=False),
        sa.Column("operation", sa.Text(), nullable=False),
        sa.Column("scope", sa.Text(), nullable=False),
        sa.Column("token", sa.Text(), nullable=False),
        sa.Column("request_hash", sa.Text(), nullable=False),
        sa.Column("resource_id", sa.Text(), nullable=True),
        sa.Column("created", _BIG, nullable=False),
        sa.PrimaryKeyConstraint("account", "operation", "scope", "token"),
    )
    op.create_index("client_token_by_created", "client_token", ["created"], unique=False)
    op.create_table(
        "event",
        sa.Column("id", _BIG, nullable=False),
        sa.Column("account", sa.Text(), nullable=False),
        sa.Column("resource_kind", sa.Text(), nullable=False),
        sa.Column("resource_id", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("time", _BIG, nullable=False),
        sa.Column("principal", sa.Text(), nullable=False),
        sa.Column("request_id", sa.Text(), nullable=False),
        sa.Column("before", sa.Text(), nullable=True),
        sa.Column("after", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("event_by_resource", "event", ["resource_id", "id"], unique=False)
    op.create_table(
        "installation",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("account", sa.Text(), nullable=False),
        sa.Column("region", sa.Text(), nullable=False),
        sa.Column("partition", sa.Text(), nullable=False),
        sa.Column("paging_key", sa.LargeBinary(), nullable=False),
        sa.Column("created", _BIG, nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_table(
        "tag",
        sa.Column("resource_id", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("resource_id", "key"),
    )
    op.create_table(
        "access_key",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("account", sa.Text(), nullable=False),
        sa.Column("principal", sa.Text(), nullable=False),
        sa.Column("secret", sa.LargeBinary(), nullable=False),
        sa.Column("active", sa.Integer(), nullable=False),
        sa.Column("created", _BIG, nullable=False),
        sa.Column("expires", _BIG, nullable=True),
        sa.Column("last_used", _BIG, nullable=True),
        sa.ForeignKeyConstraint(
            ["account"],
            ["account.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_table(
        "job",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("account", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("store_id", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("run_after", _BIG, nullable=False),
        sa.Column("progress", _JSON, nullable=True),
        sa.Column("status_message", sa.Text(), nullable=True),
        sa.Column("context", _JSON, nullable=False),
        sa.Column("created", _BIG, nullable=False),
        sa.Column("ended", _BIG, nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["account"],
            ["account.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("job_by_state", "job", ["state", "run_after"], unique=False)
    op.create_index("job_by_subject", "job", ["subject"], unique=False)
    op.create_table(
        "sequence_store",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("account", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("description", sa.Text(), nullable=True),
        sa.Column("sse_config", _JSON, nullable=True),
        sa.Column("fallback_location", sa.Text(), nullable=True),
        sa.Column("etag_family", sa.Text(), nullable=False),
        sa.Column("propagated_tags", _JSON, nullable=True),
        sa.Column("access_log_location", sa.Text(), nullable=True),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("status_message", sa.Text(), nullable=True),
        sa.Column("created", _BIG, nullable=False),
        sa.Column("updated", _BIG, nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["account"],
            ["account.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("sequence_store_by_created", "sequence_store", ["account", "created", "id"], unique=False)
    op.create_index("sequence_store_by_name", "sequence_store", ["account", "name", "created", "id"], unique=False)
    op.create_index("sequence_store_by_status", "sequence_store", ["account", "status", "created", "id"], unique=False)
    op.create_table(
        "read_set",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("account", sa.Text(), nullable=False),
        sa.Column("store_id", sa.Text(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("subject_id", sa.Text(), nullable=False),
        sa.Column("sample_id", sa.Text(), nullable=False),
        sa.Column("generated_from", sa.Text(), nullable=True),
        sa.Column("description", sa.Text(), nullable=True),
        sa.Column("reference_arn", sa.Text(), nullable=True),
        sa.Column("file_type", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("status_message", sa.Text(), nullable=True),
        sa.Column("creation_type", sa.Text(), nullable=False),
        sa.Column("creation_job_id", sa.Text(), nullable=True),
        sa.Column("etag_algorithm", sa.Text(), nullable=True),
        sa.Column("facts", _JSON, nullable=True),
        sa.Column("facts_version", sa.Integer(), nullable=True),
        sa.Column("created", _BIG, nullable=False),
        sa.Column("purge_after", _BIG, nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["account"],
            ["account.id"],
        ),
        sa.ForeignKeyConstraint(
            ["store_id"],
            ["sequence_store.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("read_set_by_created", "read_set", ["store_id", "created", "id"], unique=False)
    op.create_index(
        "read_set_by_creation_type", "read_set", ["store_id", "creation_type", "status", "created", "id"], unique=False
    )
    op.create_index(
        "read_set_by_generated_from",
        "read_set",
        ["store_id", "generated_from", "status", "created", "id"],
        unique=False,
    )
    op.create_index("read_set_by_name", "read_set", ["store_id", "name", "status", "created", "id"], unique=False)
    op.create_index(
        "read_set_by_reference_arn", "read_set", ["store_id", "reference_arn", "status", "created", "id"], unique=False
    )
    op.create_index(
        "read_set_by_sample_id", "read_set", ["store_id", "sample_id", "status", "created", "id"], unique=False
    )
    op.create_index("read_set_by_status", "read_set", ["store_id", "status", "created", "id"], unique=False)
    op.create_index(
        "read_set_by_subject_id", "read_set", ["store_id", "subject_id", "status", "created", "id"], unique=False
    )
    op.create_index(
        "read_set_to_purge",
        "read_set",
        ["purge_after"],
        unique=False,
        sqlite_where=sa.text("purge_after IS NOT NULL"),
        postgresql_where=sa.text("purge_after IS NOT NULL"),
    )
    op.create_table(
        "upload",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("account", sa.Text(), nullable=False),
        sa.Column("store_id", sa.Text(), nullable=False),
        sa.Column("file_type", sa.Text(), nullable=False),
        sa.Column("subject_id", sa.Text(), nullable=False),
        sa.Column("sample_id", sa.Text(), nullable=False),
        sa.Column("generated_from", sa.Text(), nullable=True),
        sa.Column("reference_arn", sa.Text(), nullable=True),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("description", sa.Text(), nullable=True),
        sa.Column("tags", _JSON, nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("created", _BIG, nullable=False),
        sa.Column("read_set_id", sa.Text(), nullable=True),
        sa.Column("parts_fingerprint", sa.Text(), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["account"],
            ["account.id"],
        ),
        sa.ForeignKeyConstraint(
            ["store_id"],
            ["sequence_store.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("upload_by_created", "upload", ["store_id", "state", "created", "id"], unique=False)
    op.create_index("upload_by_read_set", "upload", ["read_set_id"], unique=False)
    op.create_index("upload_by_state", "upload", ["state", "created"], unique=False)
    op.create_table(
        "file",
        sa.Column("read_set_id", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("file_name", sa.Text(), nullable=False),
        sa.Column("size", _BIG, nullable=False),
        sa.Column("sha256", sa.Text(), nullable=True),
        sa.Column("md5", sa.Text(), nullable=True),
        sa.Column("media_type", sa.Text(), nullable=False),
        sa.Column("last_modified", _BIG, nullable=False),
        sa.ForeignKeyConstraint(
            ["read_set_id"],
            ["read_set.id"],
        ),
        sa.PrimaryKeyConstraint("read_set_id", "source"),
    )
    op.create_table(
        "part",
        sa.Column("upload_id", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("size", _BIG, nullable=False),
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column("blob", sa.Text(), nullable=False),
        sa.Column("created", _BIG, nullable=False),
        sa.Column("updated", _BIG, nullable=False),
        sa.ForeignKeyConstraint(
            ["blob"],
            ["blob.name"],
        ),
        sa.ForeignKeyConstraint(
            ["upload_id"],
            ["upload.id"],
        ),
        sa.PrimaryKeyConstraint("upload_id", "source", "number"),
        sqlite_with_rowid=False,
    )
    op.create_index("part_by_blob", "part", ["blob"], unique=False)
    op.create_table(
        "problem",
        sa.Column("read_set_id", sa.Text(), nullable=False),
        sa.Column("position", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("record", _BIG, nullable=True),
        sa.Column("byte_offset", _BIG, nullable=True),
        sa.Column("rule", sa.Text(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["read_set_id"],
            ["read_set.id"],
        ),
        sa.PrimaryKeyConstraint("read_set_id", "position"),
    )
    op.create_table(
        "digest",
        sa.Column("read_set_id", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("algorithm", sa.Text(), nullable=False),
        sa.Column("definition", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["read_set_id", "source"],
            ["file.read_set_id", "file.source"],
        ),
        sa.PrimaryKeyConstraint("read_set_id", "source", "algorithm", "definition"),
    )
    op.create_index("digest_by_value", "digest", ["value"], unique=False)
    op.create_table(
        "segment",
        sa.Column("read_set_id", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("start", _BIG, autoincrement=False, nullable=False),
        sa.Column("blob", sa.Text(), nullable=False),
        sa.Column("offset", _BIG, nullable=False),
        sa.Column("length", _BIG, nullable=False),
        sa.ForeignKeyConstraint(
            ["blob"],
            ["blob.name"],
        ),
        sa.ForeignKeyConstraint(
            ["read_set_id", "source"],
            ["file.read_set_id", "file.source"],
        ),
        sa.PrimaryKeyConstraint("read_set_id", "source", "start"),
        sqlite_with_rowid=False,
    )
    op.create_index("segment_by_blob", "segment", ["blob"], unique=False)
