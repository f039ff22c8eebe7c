"""Tables of reference stores and references."""

from sqlalchemy import Column, ForeignKey, Index, Integer, Table, Text

from strandkeep.catalog.tables.columns import BIG, JSON, metadata

reference_store = Table(
    "reference_store",
    metadata,
    Column("id", Text, primary_key=True),
    Column("account", Text, ForeignKey("account.id"), nullable=False),
    Column("name", Text, nullable=False),
    Column("description", Text),
    Column("sse_config", JSON),
    Column("status", Text, nullable=False),
    Column("created", BIG, nullable=False),
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
    Column("created", BIG, nullable=False),
    Column("updated", BIG, nullable=False),
    Column("purge_after", BIG),
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
    Column("length", BIG, nullable=False),
    Column("md5", Text, nullable=False),
    Column("sha512t24u", Text, nullable=False),
    sqlite_with_rowid=False,
)
