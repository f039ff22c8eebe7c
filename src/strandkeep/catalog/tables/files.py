"""Tables of bytes: blobs, and the files of read sets and references that are made of them."""

from sqlalchemy import Column, ForeignKey, ForeignKeyConstraint, Index, Integer, LargeBinary, Table, Text

from strandkeep.catalog.tables.columns import BIG, metadata

blob = Table(
    "blob",
    metadata,
    Column("name", Text, primary_key=True),
    Column("place", Text, nullable=False),
    Column("length", BIG, nullable=False),
    Column("stored_length", BIG, nullable=False),
    Column("sha256", Text, nullable=False),
    Column("block_crcs", LargeBinary, nullable=False),
    Column("codec", Text),
    Column("encryption", Text),
    Column("state", Text, nullable=False),
    Column("delete_after", BIG),
    Column("created", BIG, nullable=False),
    Column("verified", BIG),
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
    Column("size", BIG, nullable=False),
    Column("sha256", Text),
    Column("md5", Text),
    Column("media_type", Text, nullable=False),
    Column("last_modified", BIG, nullable=False),
)

segment = Table(
    "segment",
    metadata,
    Column("holder_id", Text, primary_key=True),
    Column("source", Text, primary_key=True),
    Column("start", BIG, primary_key=True, autoincrement=False),
    Column("blob", Text, ForeignKey("blob.name"), nullable=False),
    Column("offset", BIG, nullable=False),
    Column("length", BIG, nullable=False),
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
