"""Tables of sequence stores, read sets and uploads."""

from sqlalchemy import Column, ForeignKey, Index, Integer, Table, Text

from strandkeep.catalog.tables.columns import BIG, JSON, metadata

sequence_store = Table(
    "sequence_store",
    metadata,
    Column("id", Text, primary_key=True),
    Column("account", Text, ForeignKey("account.id"), nullable=False),
    Column("name", Text, nullable=False),
    Column("description", Text),
    Column("sse_config", JSON),
    Column("fallback_location", Text),
    Column("etag_family", Text, nullable=False),
    Column("propagated_tags", JSON),
    Column("access_log_location", Text),
    Column("status", Text, nullable=False),
    Column("status_message", Text),
    Column("created", BIG, nullable=False),
    Column("updated", BIG, nullable=False),
    Column("version", Integer, nullable=False),
)
for _column in ("name", "status"):
    Index(
        f"sequence_store_by_{_column}",
        sequence_store.c.account,
        sequence_store.c[_column],
        sequence_store.c.created,
        sequence_store.c.id,
    )
Index("sequence_store_by_created", sequence_store.c.account, sequence_store.c.created, sequence_store.c.id)

read_set = Table(
    "read_set",
    metadata,
    Column("id", Text, primary_key=True),
    Column("account", Text, ForeignKey("account.id"), nullable=False),
    Column("store_id", Text, ForeignKey("sequence_store.id"), nullable=False),
    Column("revision", Integer, nullable=False),
    Column("name", Text, nullable=False),
    Column("subject_id", Text, nullable=False),
    Column("sample_id", Text, nullable=False),
    Column("generated_from", Text),
    Column("description", Text),
    Column("reference_arn", Text),
    Column("file_type", Text, nullable=False),
    Column("status", Text, nullable=False),
    Column("status_message", Text),
    Column("creation_type", Text, nullable=False),
    Column("creation_job_id", Text),
    Column("etag_algorithm", Text),
    Column("facts", JSON),
    Column("facts_version", Integer),
    Column("created", BIG, nullable=False),
    Column("purge_after", BIG),
    Column("deleted_from", Text),
    Column("version", Integer, nullable=False),
)
#: The columns that ListReadSets filters by. Each index has the status before the time: a list that is not by status
#: merges those of all states, and need not walk over what was deleted.
READ_SET_FILTERS = ("name", "subject_id", "sample_id", "generated_from", "reference_arn", "creation_type")
for _column in READ_SET_FILTERS:
    Index(
        f"read_set_by_{_column}",
        read_set.c.store_id,
        read_set.c[_column],
        read_set.c.status,
        read_set.c.created,
        read_set.c.id,
    )
Index("read_set_by_status", read_set.c.store_id, read_set.c.status, read_set.c.created, read_set.c.id)
Index(
    "read_set_to_purge",
    read_set.c.purge_after,
    sqlite_where=read_set.c.purge_after.is_not(None),
    postgresql_where=read_set.c.purge_after.is_not(None),
)

#: What keeps a reference from being deleted is found by its ARN.
Index(
    "read_set_naming_reference",
    read_set.c.reference_arn,
    sqlite_where=read_set.c.reference_arn.is_not(None),
    postgresql_where=read_set.c.reference_arn.is_not(None),
)

original = Table(
    "original",
    metadata,
    Column("read_set_id", Text, ForeignKey("read_set.id"), primary_key=True),
    Column("source", Text, primary_key=True),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("name", Text, nullable=False),
    Column("start", BIG),
    Column("size", BIG, nullable=False),
    Column("md5", Text, nullable=False),
    Column("reads", BIG, nullable=False),
    sqlite_with_rowid=False,
)

problem = Table(
    "problem",
    metadata,
    Column("read_set_id", Text, ForeignKey("read_set.id"), primary_key=True),
    Column("position", Integer, primary_key=True, autoincrement=False),
    Column("source", Text, nullable=False),
    Column("record", BIG),
    Column("byte_offset", BIG),
    Column("rule", Text, nullable=False),
    Column("text", Text, nullable=False),
)

qc = Table(
    "qc",
    metadata,
    Column("read_set_id", Text, ForeignKey("read_set.id"), primary_key=True),
    Column("version", Integer, nullable=False),
    Column("content", JSON, nullable=False),
)

upload = Table(
    "upload",
    metadata,
    Column("id", Text, primary_key=True),
    Column("account", Text, ForeignKey("account.id"), nullable=False),
    Column("store_id", Text, ForeignKey("sequence_store.id"), nullable=False),
    Column("file_type", Text, nullable=False),
    Column("subject_id", Text, nullable=False),
    Column("sample_id", Text, nullable=False),
    Column("generated_from", Text),
    Column("reference_arn", Text),
    Column("name", Text, nullable=False),
    Column("description", Text),
    Column("tags", JSON, nullable=False),
    Column("state", Text, nullable=False),
    Column("created", BIG, nullable=False),
    Column("read_set_id", Text),
    Column("parts_fingerprint", Text),
    Column("version", Integer, nullable=False),
)
Index("upload_by_created", upload.c.store_id, upload.c.state, upload.c.created, upload.c.id)
Index("upload_by_state", upload.c.state, upload.c.created)
Index("upload_by_read_set", upload.c.read_set_id)
Index(
    "upload_naming_reference",
    upload.c.reference_arn,
    upload.c.state,
    sqlite_where=upload.c.reference_arn.is_not(None),
    postgresql_where=upload.c.reference_arn.is_not(None),
)

part = Table(
    "part",
    metadata,
    Column("upload_id", Text, ForeignKey("upload.id"), primary_key=True),
    Column("source", Text, primary_key=True),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("size", BIG, nullable=False),
    Column("sha256", Text, nullable=False),
    Column("blob", Text, ForeignKey("blob.name"), nullable=False),
    Column("created", BIG, nullable=False),
    Column("updated", BIG, nullable=False),
    sqlite_with_rowid=False,
)
Index("part_by_blob", part.c.blob)

tag = Table(
    "tag",
    metadata,
    Column("resource_id", Text, primary_key=True),
    Column("key", Text, primary_key=True),
    Column("value", Text, nullable=False),
)
