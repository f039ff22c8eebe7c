"""Rows of reference stores."""

from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Row

from strandkeep.catalog import moves, pages, tables
from strandkeep.catalog.transaction import Reader, Transaction, count_rows
from strandkeep.domain import states
from strandkeep.domain.context import RequestContext

_TABLE = tables.reference_store


def find(reader: Reader, account: str, store_id: str) -> Row[Any] | None:
    """A store of an account; None when there is none, or it was deleted."""
    query = sa.select(_TABLE).where(_TABLE.c.id == store_id, _TABLE.c.account == account)
    return reader.one(query.where(_TABLE.c.status != states.DELETED))


def insert(tx: Transaction, context: RequestContext, store_id: str, values: Mapping[str, Any]) -> None:
    """Add a store, ACTIVE at once."""
    row = {"id": store_id, "account": context.account, "created": tx.now, **values}
    moves.begin(tx, context, "referenceStore", states.ACTIVE, row)


def count(reader: Reader, account: str, most: int) -> int:
    """How many stores an account has; those above `most` are not counted."""
    query = sa.select(_TABLE.c.id).where(_TABLE.c.account == account, _TABLE.c.status != states.DELETED)
    return count_rows(reader, query.limit(most))


def in_use_by(tx: Transaction, store_id: str) -> str | None:
    """What keeps a store from being deleted, in words; None when nothing does."""
    holders = {
        # First: what a job makes is seen either as its work or as a reference.
        "unfinished jobs": sa.select(tables.job.c.id).where(
            tables.job.c.store_id == store_id, tables.job.c.state.not_in(states.ENDED_JOBS)
        ),
        "references": sa.select(tables.reference.c.id).where(
            tables.reference.c.store_id == store_id, tables.reference.c.status == states.ACTIVE
        ),
    }
    return next((what for what, query in holders.items() if tx.one(query.limit(1)) is not None), None)


def page(
    reader: Reader, account: str, filters: Mapping[str, Any], after: list[Any] | None, size: int
) -> tuple[pages.Rows, list[Any] | None]:
    """A page of an account's stores by the filter of ListReferenceStores."""
    conditions = [_TABLE.c.account == account]
    conditions += [_TABLE.c.name == filters["name"]] if "name" in filters else []
    conditions += pages.time_bounds(_TABLE.c.created, filters, "created", after)
    return pages.newest_of_states(reader, _TABLE.c.status, [states.ACTIVE], conditions, after, size)
