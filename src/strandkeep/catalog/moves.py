"""The one way in which a thing changes its state: the row and its event, in one transaction."""

from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa

from strandkeep.catalog import tables
from strandkeep.catalog.transaction import Reader, Transaction
from strandkeep.domain.context import RequestContext
from strandkeep.domain.states import check_move

#: Kind of thing → (its table, the column that holds its state).
_STATES = {
    "sequenceStore": (tables.sequence_store, "status"),
    "referenceStore": (tables.reference_store, "status"),
    "readSet": (tables.read_set, "status"),
    "reference": (tables.reference, "status"),
    "upload": (tables.upload, "state"),
    "job": (tables.job, "state"),
}

#: Kind of job → the kind of thing that its events are of, if it is one that callers start and follow.
JOB_EVENTS = {"reference-import": "referenceImportJob", "read-set-import": "readSetImportJob"}

#: What an event keeps of a thing's row beside its state: it must tell where the thing was when that is long gone.
_ABOUT = ("version", "store_id", "creation_job_id")


def begin(tx: Transaction, context: RequestContext, kind: str, state: str, values: dict[str, Any]) -> None:
    """Insert the row of a new thing in its first state, with its event."""
    check_move(kind, None, state)
    table, column = _STATES[kind]
    row = {**values, column: state, "version": 1}
    tx.run(table.insert(), row)
    _record(tx, context, kind, values["id"], row, "state", None, state)


def move(
    tx: Transaction,
    context: RequestContext,
    kind: str,
    thing_id: str,
    before: str,
    after: str,
    **changes: Any,
) -> bool:
    """Move a thing from `before` to `after` with further `changes` of its row.

    True when it moved; False when it was not in `before` any more, and then nothing has changed. ValueError for
    a move that does not exist.
    """
    check_move(kind, before, after)
    table, column = _STATES[kind]
    statement = (
        table.update()
        .where(table.c.id == thing_id, table.c[column] == before)
        .values({column: after, "version": table.c.version + 1, **changes})
        .returning(*_about(table))
    )
    row = tx.one(statement)
    if row is None:
        return False
    _record(tx, context, kind, thing_id, row._mapping, "state", before, after)
    return True


def last_time(reader: Reader) -> int:
    """The time of the latest event, in microseconds; 0 before the first."""
    row = reader.one(sa.select(tables.event.c.time).order_by(tables.event.c.id.desc()).limit(1))
    return row.time if row else 0


def remark(tx: Transaction, context: RequestContext, kind: str, holder_id: str, what: str, message: str | None) -> None:
    """Let a read set or a reference that is there say something new of itself, or nothing any more; its state stays.

    The event is of kind `what`.
    """
    table, column = _STATES[kind]
    statement = table.update().where(table.c.id == holder_id).values(status_message=message)
    row = tx.one(statement.returning(*_about(table), table.c[column].label("state")))
    if row is not None:
        _record(tx, context, kind, holder_id, row._mapping, what, row.state, row.state)


def _about(table: sa.Table) -> list[sa.Column[Any]]:
    return [table.c[column] for column in (*_ABOUT, "kind") if column in table.c]


def _record(
    tx: Transaction,
    context: RequestContext,
    kind: str,
    thing_id: str,
    row: Mapping[Any, Any],
    what: str,
    before: str | None,
    after: str,
) -> None:
    tx.run(
        sa.insert(tables.event),
        {
            "account": context.account,
            "resource_kind": JOB_EVENTS.get(row.get("kind", ""), kind),
            "resource_id": thing_id,
            **{column: row.get(column) for column in _ABOUT},
            "kind": what,
            "time": tx.now,
            "principal": context.principal,
            "request_id": context.request_id,
            "before": before,
            "after": after,
        },
    )
