"""Rows of items: the sources of an import job, each with what becomes of it."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Row

from strandkeep.catalog import tables
from strandkeep.catalog.transaction import Reader, Transaction
from strandkeep.domain import states
from strandkeep.domain.states import check_move

_ITEM = tables.item


def insert(tx: Transaction, job_id: str, requests: Iterable[tuple[Mapping[str, Any], str]]) -> None:
    """Add the items of a job in their order: what was asked for, and the id of what each is to make."""
    check_move("item", None, states.NOT_STARTED)
    rows = [
        {"job_id": job_id, "position": n, "state": states.NOT_STARTED, "request": dict(request), "output_id": output_id}
        for n, (request, output_id) in enumerate(requests, 1)
    ]
    tx.run(sa.insert(_ITEM), rows)


def of(reader: Reader, job_id: str) -> Sequence[Row[Any]]:
    """The items of a job in their order."""
    return reader.all(sa.select(_ITEM).where(_ITEM.c.job_id == job_id).order_by(_ITEM.c.position))


def move(tx: Transaction, item: Row[Any], after: str, message: str | None = None) -> Row[Any]:
    """Move an item on from the state of its row; the new row. The caller's transaction holds the fence of its job."""
    check_move("item", item.state, after)
    place = (_ITEM.c.job_id == item.job_id, _ITEM.c.position == item.position)
    changed = sa.update(_ITEM).where(*place).values(state=after, status_message=message)
    return tx.connection.execute(changed.returning(_ITEM)).one()
