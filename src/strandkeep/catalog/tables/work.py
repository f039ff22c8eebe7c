"""Tables of durable work."""

from sqlalchemy import Column, ForeignKey, ForeignKeyConstraint, Index, Integer, Table, Text, text

from strandkeep.catalog.tables.columns import BIG, JSON, metadata

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
    Column("run_after", BIG, nullable=False),
    Column("progress", JSON),
    Column("away_since", BIG),
    Column("status_message", Text),
    Column("context", JSON, nullable=False),
    Column("created", BIG, nullable=False),
    Column("ended", BIG),
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
    Column("run_after", BIG, nullable=False, server_default="0"),
    Column("progress", JSON),
    Column("away_since", BIG),
    Column("reference_arn", Text),
    Column("account", Text, nullable=False, server_default=text("''")),
)
#: What waits is found in the order in which it may run, however much has ended or waits behind it.
UNENDED_ITEM = text("state IN ('NOT_STARTED', 'IN_PROGRESS')")
Index(
    "item_waiting",
    item.c.account,
    item.c.run_after,
    item.c.job_id,
    item.c.position,
    sqlite_where=UNENDED_ITEM,
    postgresql_where=UNENDED_ITEM,
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
    Column("start", BIG, primary_key=True, autoincrement=False),
    Column("identity", Text, nullable=False),
    Column("blob", Text, ForeignKey("blob.name"), nullable=False),
    ForeignKeyConstraint(["job_id", "position"], ["item.job_id", "item.position"]),
    sqlite_with_rowid=False,
)
Index("fetched_by_blob", fetched.c.blob)

verification = Table(
    "verification",
    metadata,
    Column("id", Text, ForeignKey("job.id"), primary_key=True),
    Column("account", Text, ForeignKey("account.id"), nullable=False),
    Column("scheduled", Integer, nullable=False),
    Column("store_id", Text),
    Column("read_set_id", Text),
    Column("sample_percent", Integer),
    Column("sample_first", BIG),
    Column("unverified_days", Integer),
    Column("bytes_per_second", BIG, nullable=False),
    Column("created", BIG, nullable=False),
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
    Column("start", BIG, primary_key=True, autoincrement=False),
    Column("blob", Text, nullable=False),
    Column("damage", Text, nullable=False),
    Column("block", BIG),
    Column("offset", BIG, nullable=False),
    Column("holder_kind", Text, nullable=False, server_default="readSet"),
    sqlite_with_rowid=False,
)
