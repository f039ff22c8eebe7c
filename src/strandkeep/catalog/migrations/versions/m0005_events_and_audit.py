"""Events know where their thing was and have positions; events and the audit trail have the indexes to be listed."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"

_EVENT_FILTERS = ("resource_id", "resource_kind", "kind")
_AUDIT_FILTERS = ("resource", "request_id")


def upgrade() -> None:
    """Add columns and indexes; positions are given when events are listed, or by the sweep."""
    for column in (sa.Column("store_id", sa.Text()), sa.Column("creation_job_id", sa.Text())):
        op.add_column("event", column)
    big = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    op.add_column("event", sa.Column("position", big))
    for kind, table in (("readSet", "read_set"), ("upload", "upload"), ("job", "job")):
        op.execute(
            f"UPDATE event SET store_id = (SELECT store_id FROM {table} WHERE id = event.resource_id) "  # noqa: S608
            f"WHERE resource_kind = '{kind}'"
        )
    op.execute(
        "UPDATE event SET creation_job_id = (SELECT creation_job_id FROM read_set WHERE id = event.resource_id) "
        "WHERE resource_kind = 'readSet'"
    )
    _index_events()
    _index_audit()


def _index_events() -> None:
    op.drop_index("event_by_resource", "event")
    op.create_index("event_by_position", "event", ["account", "position"], unique=True)
    op.create_index("event_by_time", "event", ["account", "time", "id"])
    for column in _EVENT_FILTERS:
        op.create_index(f"event_by_{column}", "event", ["account", column, "time", "id"])
    without = sa.text("position IS NULL")
    op.create_index(
        "event_without_position", "event", ["account", "id"], sqlite_where=without, postgresql_where=without
    )


def _index_audit() -> None:
    op.drop_index("audit_by_time", "audit")
    op.create_index("audit_by_time", "audit", ["account", "time", "id"])
    for column in _AUDIT_FILTERS:
        op.create_index(f"audit_by_{column}", "audit", ["account", column, "time", "id"])
    not_ok = sa.text("outcome != 'ok'")
    op.create_index("audit_not_ok", "audit", ["account", "time", "id"], sqlite_where=not_ok, postgresql_where=not_ok)
