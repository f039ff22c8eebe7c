"""Tables of the installation: accounts and their keys, and what they did."""

from sqlalchemy import Column, ForeignKey, Index, Integer, LargeBinary, Table, Text, literal_column

from strandkeep.catalog.tables.columns import BIG, metadata

installation = Table(
    "installation",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("account", Text, nullable=False),
    Column("region", Text, nullable=False),
    Column("partition", Text, nullable=False),
    Column("paging_key", LargeBinary, nullable=False),
    Column("created", BIG, nullable=False),
)

account = Table(
    "account",
    metadata,
    Column("id", Text, primary_key=True),
    Column("created", BIG, nullable=False),
)

access_key = Table(
    "access_key",
    metadata,
    Column("id", Text, primary_key=True),
    Column("account", Text, ForeignKey("account.id"), nullable=False),
    Column("principal", Text, nullable=False),
    Column("secret", LargeBinary, nullable=False),
    Column("active", Integer, nullable=False),
    Column("created", BIG, nullable=False),
    Column("expires", BIG),
    Column("last_used", BIG),
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
    Column("created", BIG, nullable=False),
)
Index("client_token_by_created", client_token.c.created)

event = Table(
    "event",
    metadata,
    Column("id", BIG, primary_key=True),
    Column("account", Text, nullable=False),
    Column("resource_kind", Text, nullable=False),
    Column("resource_id", Text, nullable=False),
    Column("version", Integer, nullable=False),
    Column("kind", Text, nullable=False),
    Column("time", BIG, nullable=False),
    Column("principal", Text, nullable=False),
    Column("request_id", Text, nullable=False),
    Column("before", Text),
    Column("after", Text),
    Column("store_id", Text),
    Column("creation_job_id", Text),
    Column("position", BIG),
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
    Column("id", BIG, primary_key=True),
    Column("time", BIG, nullable=False),
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
    Column("bytes", BIG, nullable=False),
)
Index("audit_by_time", audit.c.account, audit.c.time, audit.c.id)
for _column in ("resource", "request_id"):
    Index(f"audit_by_{_column}", audit.c.account, audit.c[_column], audit.c.time, audit.c.id)
Index(
    "audit_not_ok",
    audit.c.account,
    audit.c.time,
    audit.c.id,
    sqlite_where=audit.c.outcome != literal_column("'ok'"),
    postgresql_where=audit.c.outcome != literal_column("'ok'"),
)
