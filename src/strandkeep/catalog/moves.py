"""The one way in which a thing changes its state: the row and its event, in one transaction."""

from typing import Any

import sqlalchemy as sa

from strandkeep.catalog import tables
from strandkeep.catalog.transaction import Transaction
from strandkeep.domain.context import RequestContext
from strandkeep.domain.states import check_move

#: Kind of thing → (its table, the column that holds its state).
_STATES = {
    "sequenceStore": (tables.sequence_store, "status"),
    "readSet": (tables.read_set, "status"),
    "upload": (tables.upload, "state"),
    "job": (tables.job, "state"),
}


def begin(tx: Transaction, context: RequestContext, kind: str, state: str, values: dict[str, Any]) -> None:
    """Insert the row of a new thing in its first state, with its event."""
    check_move(kind, None, state)
    table, column = _STATES[kind]
    tx.run(table.insert(), {**values, column: state, "version": 1})
    _record(tx, context, kind, values["id"], 1, None, state)


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
        .returning(table.c.version)
    )
    row = tx.one(statement)
    if row is None:
        return False
    _record(tx, context, kind, thing_id, row.version, before, after)
    return True


def _record(
    tx: Transaction,
    context: RequestContext,
    kind: str,
    thing_id: str,
    version: int,
    before: str | None,
    after: str,
) -> None:
    tx.run(
        sa.insert(tables.event),
        {
            "account": context.account,
            "resource_kind": kind,
            "resource_id": thing_id,
            "version": version,
            "kind": "state",
            "time": tx.now,
            "principal": context.principal,
            "request_id": context.request_id,
            "before": before,
            "after": after,
        },
    )
