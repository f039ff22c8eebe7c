"""The tables. Times are integer microseconds, sizes bytes, digests lower-case hex. See `docs/reference/catalog.md`."""

import sqlalchemy
from sqlalchemy import (
    BigInteger,
    Column,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
)

metadata = MetaData()

JSON = sqlalchemy.JSON(none_as_null=True)

_BIG = BigInteger().with_variant(Integer, "sqlite")

installation = Table(
    "installation",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("account", Text, nullable=False),
    Column("region", Text, nullable=False),
    Column("partition", Text, nullable=False),
    Column("paging_key", LargeBinary, nullable=False),
    Column("created", _BIG, nullable=False),
)

account = Table(
    "account",
    metadata,
    Column("id", Text, primary_key=True),
    Column("created", _BIG, nullable=False),
)

access_key = Table(
    "access_key",
    metadata,
    Column("id", Text, primary_key=True),
    Column("account", Text, ForeignKey("account.id"), nullable=False),
    Column("principal", Text, nullable=False),
    Column("secret", LargeBinary, nullable=False),
    Column("active", Integer, nullable=False),
    Column("created", _BIG, nullable=False),
    Column("expires", _BIG),
    Column("last_used", _BIG),
)

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
    Column("created", _BIG, nullable=False),
    Column("updated", _BIG, nullable=False),
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
    Column("created", _BIG, nullable=False),
    Column("purge_after", _BIG),
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

reference_store = Table(
    "reference_store",
    metadata,
    Column("id", Text, primary_key=True),
    Column("account", Text, ForeignKey("account.id"), nullable=False),
    Column("name", Text, nullable=False),
    Column("description", Text),
    Column("sse_config", JSON),
    Column("status", Text, nullable=False),
    Column("created", _BIG, nullable=False),
    Column("version", Integer, nullable=False),
)
_newest = (reference_store.c.status, reference_store.c.created, reference_store.c.id)
Index("reference_store_by_status", reference_store.c.account, *_newest)
Index("reference_store_by_name", reference_store.c.account, reference_store.c.name, *_newest)

reference = Table(
    "reference",
    metadata,
    Column("id", Text, primary_key=True),
    Column("account", Text, ForeignKey("account.id"), nullable=False),
    Column("store_id", Text, ForeignKey("reference_store.id"), nullable=False),
    Column("revision", Integer, nullable=False),
    Column("name", Text, nullable=False),
    Column("description", Text),
    Column("md5", Text, nullable=False),
    Column("status", Text, nullable=False),
    Column("status_message", Text),
    Column("creation_job_id", Text, nullable=False),
    Column("facts", JSON, nullable=False),
    Column("facts_version", Integer, nullable=False),
    Column("created", _BIG, nullable=False),
    Column("updated", _BIG, nullable=False),
    Column("purge_after", _BIG),
    Column("version", Integer, nullable=False),
)
_newest = (reference.c.status, reference.c.created, reference.c.id)
Index("reference_by_status", reference.c.store_id, *_newest)
for _column in ("name", "md5"):
    Index(f"reference_by_{_column}", reference.c.store_id, reference.c[_column], *_newest)
Index(
    "reference_to_purge",
    reference.c.purge_after,
    sqlite_where=reference.c.purge_after.is_not(None),
    postgresql_where=reference.c.purge_after.is_not(None),
)

reference_sequence = Table(
    "reference_sequence",
    metadata,
    Column("reference_id", Text, ForeignKey("reference.id"), primary_key=True),
    Column("position", Integer, primary_key=True, autoincrement=False),
    Column("name", Text, nullable=False),
    Column("length", _BIG, nullable=False),
    Column("md5", Text, nullable=False),
    Column("sha512t24u", Text, nullable=False),
    sqlite_with_rowid=False,
)

blob = Table(
    "blob",
    metadata,
    Column("name", Text, primary_key=True),
    Column("place", Text, nullable=False),
    Column("length", _BIG, nullable=False),
    Column("stored_length", _BIG, nullable=False),
    Column("sha256", Text, nullable=False),
    Column("block_crcs", LargeBinary, nullable=False),
    Column("codec", Text),
    Column("encryption", Text),
    Column("state", Text, nullable=False),
    Column("delete_after", _BIG),
    Column("created", _BIG, nullable=False),
    Column("verified", _BIG),
)
Index(
    "blob_to_delete",
    blob.c.delete_after,
    sqlite_where=blob.c.delete_after.is_not(None),
    postgresql_where=blob.c.delete_after.is_not(None),
)

file = Table(
    "file",
    metadata,
    # A read set or a reference.
    Column("holder_id", Text, primary_key=True),
    Column("source", Text, primary_key=True),
    Column("file_name", Text, nullable=False),
    Column("size", _BIG, nullable=False),
    Column("sha256", Text),
    Column("md5", Text),
    Column("media_type", Text, nullable=False),
    Column("last_modified", _BIG, nullable=False),
)

segment = Table(
    "segment",
    metadata,
    Column("holder_id", Text, primary_key=True),
    Column("source", Text, primary_key=True),
    Column("start", _BIG, primary_key=True, autoincrement=False),
    Column("blob", Text, ForeignKey("blob.name"), nullable=False),
    Column("offset", _BIG, nullable=False),
    Column("length", _BIG, nullable=False),
    ForeignKeyConstraint(["holder_id", "source"], ["file.holder_id", "file.source"]),
    sqlite_with_rowid=False,
)
Index("segment_by_blob", segment.c.blob)

digest = Table(
    "digest",
    metadata,
    Column("holder_id", Text, primary_key=True),
    Column("source", Text, primary_key=True),
    Column("algorithm", Text, primary_key=True),
    Column("definition", Integer, primary_key=True, autoincrement=False),
    Column("value", Text, nullable=False),
    ForeignKeyConstraint(["holder_id", "source"], ["file.holder_id", "file.source"]),
)
Index("digest_by_value", digest.c.value)

problem = Table(
    "problem",
    metadata,
    Column("read_set_id", Text, ForeignKey("read_set.id"), primary_key=True),
    Column("position", Integer, primary_key=True, autoincrement=False),
    Column("source", Text, nullable=False),
    Column("record", _BIG),
    Column("byte_offset", _BIG),
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
    Column("created", _BIG, nullable=False),
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
    Column("size", _BIG, nullable=False),
    Column("sha256", Text, nullable=False),
    Column("blob", Text, ForeignKey("blob.name"), nullable=False),
    Column("created", _BIG, nullable=False),
    Column("updated", _BIG, nullable=False),
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

client_token = Table(
    "client_token",
    metadata,
    Column("account", Text, primary_key=True),
    Column("operation", Text, primary_key=True),
    Column("scope", Text, primary_key=True),
    Column("token", Text, primary_key=True),
    Column("request_hash", Text, nullable=False),
    Column("resource_id", Text),
    Column("created", _BIG, nullable=False),
)
Index("client_token_by_created", client_token.c.created)

job = Table(
    "job",
    metadata,
    Column("id", Text, primary_key=True),
    Column("account", Text, ForeignKey("account.id"), nullable=False),
    Column("kind", Text, nullable=False),
    Column("store_id", Text, nullable=False),
    Column("subject", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("attempt", Integer, nullable=False),
    Column("failures", Integer, nullable=False),
    Column("run_after", _BIG, nullable=False),
    Column("progress", JSON),
    Column("status_message", Text),
    Column("context", JSON, nullable=False),
    Column("created", _BIG, nullable=False),
    Column("ended", _BIG),
    Column("version", Integer, nullable=False),
    Column("request", JSON),
)
Index("job_by_state", job.c.state, job.c.run_after)
Index("job_by_subject", job.c.subject)
Index("job_by_store", job.c.store_id, job.c.kind, job.c.state, job.c.created, job.c.id)

item = Table(
    "item",
    metadata,
    Column("job_id", Text, ForeignKey("job.id"), primary_key=True),
    Column("position", Integer, primary_key=True, autoincrement=False),
    Column("state", Text, nullable=False),
    Column("status_message", Text),
    Column("request", JSON, nullable=False),
    Column("output_id", Text),
    Column("attempt", Integer, nullable=False, server_default="0"),
    Column("failures", Integer, nullable=False, server_default="0"),
    Column("run_after", _BIG, nullable=False, server_default="0"),
    Column("progress", JSON),
    Column("reference_arn", Text),
)
Index(
    "item_naming_reference",
    item.c.reference_arn,
    sqlite_where=item.c.reference_arn.is_not(None),
    postgresql_where=item.c.reference_arn.is_not(None),
)

fetched = Table(
    "fetched",
    metadata,
    Column("job_id", Text, primary_key=True),
    Column("position", Integer, primary_key=True, autoincrement=False),
    Column("source", Text, primary_key=True),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("start", _BIG, primary_key=True, autoincrement=False),
    Column("identity", Text, nullable=False),
    Column("blob", Text, ForeignKey("blob.name"), nullable=False),
    ForeignKeyConstraint(["job_id", "position"], ["item.job_id", "item.position"]),
    sqlite_with_rowid=False,
)
Index("fetched_by_blob", fetched.c.blob)

original = Table(
    "original",
    metadata,
    Column("read_set_id", Text, ForeignKey("read_set.id"), primary_key=True),
    Column("source", Text, primary_key=True),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("name", Text, nullable=False),
    Column("start", _BIG, nullable=False),
    Column("size", _BIG, nullable=False),
    Column("md5", Text, nullable=False),
    sqlite_with_rowid=False,
)

verification = Table(
    "verification",
    metadata,
    Column("id", Text, ForeignKey("job.id"), primary_key=True),
    Column("account", Text, ForeignKey("account.id"), nullable=False),
    Column("scheduled", Integer, nullable=False),
    Column("store_id", Text),
    Column("read_set_id", Text),
    Column("sample_percent", Integer),
    Column("sample_first", _BIG),
    Column("unverified_days", Integer),
    Column("bytes_per_second", _BIG, nullable=False),
    Column("created", _BIG, nullable=False),
)
Index("verification_by_created", verification.c.account, verification.c.created, verification.c.id)

finding = Table(
    "finding",
    metadata,
    Column("verification_id", Text, ForeignKey("verification.id"), primary_key=True),
    Column("store_id", Text, primary_key=True),
    Column("holder_id", Text, primary_key=True),
    Column("source", Text, primary_key=True),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("start", _BIG, primary_key=True, autoincrement=False),
    Column("blob", Text, nullable=False),
    Column("damage", Text, nullable=False),
    Column("block", _BIG),
    Column("offset", _BIG, nullable=False),
    Column("holder_kind", Text, nullable=False, server_default="readSet"),
    sqlite_with_rowid=False,
)

event = Table(
    "event",
    metadata,
    Column("id", _BIG, primary_key=True),
    Column("account", Text, nullable=False),
    Column("resource_kind", Text, nullable=False),
    Column("resource_id", Text, nullable=False),
    Column("version", Integer, nullable=False),
    Column("kind", Text, nullable=False),
    Column("time", _BIG, nullable=False),
    Column("principal", Text, nullable=False),
    Column("request_id", Text, nullable=False),
    Column("before", Text),
    Column("after", Text),
    Column("store_id", Text),
    Column("creation_job_id", Text),
    Column("position", _BIG),
)
Index("event_by_position", event.c.account, event.c.position, unique=True)
Index("event_by_time", event.c.account, event.c.time, event.c.id)
#: The columns that ListEvents filters by.
for _column in ("resource_id", "resource_kind", "kind"):
    Index(f"event_by_{_column}", event.c.account, event.c[_column], event.c.time, event.c.id)
Index(
    "event_without_position",
    event.c.account,
    event.c.id,
    sqlite_where=event.c.position.is_(None),
    postgresql_where=event.c.position.is_(None),
)

audit = Table(
    "audit",
    metadata,
    Column("id", _BIG, primary_key=True),
    Column("time", _BIG, nullable=False),
    Column("request_id", Text, nullable=False),
    Column("account", Text, nullable=False),
    Column("principal", Text, nullable=False),
    Column("access_key_id", Text, nullable=False),
    Column("source_address", Text, nullable=False),
    Column("action", Text, nullable=False),
    Column("resource", Text, nullable=False),
    Column("decision", Text, nullable=False),
    Column("outcome", Text, nullable=False),
    Column("count", Integer, nullable=False),
    Column("bytes", _BIG, nullable=False),
)
Index("audit_by_time", audit.c.account, audit.c.time, audit.c.id)
for _column in ("resource", "request_id"):
    Index(f"audit_by_{_column}", audit.c.account, audit.c[_column], audit.c.time, audit.c.id)
Index(
    "audit_not_ok",
    audit.c.account,
    audit.c.time,
    audit.c.id,
    sqlite_where=audit.c.outcome != sqlalchemy.literal_column("'ok'"),
    postgresql_where=audit.c.outcome != sqlalchemy.literal_column("'ok'"),
)
