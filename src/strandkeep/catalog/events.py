"""Rows of events: what happened to things, by time, or by position for whoever follows them.

An event gets its id while its transaction runs, and on PostgreSQL transactions end in another order than they began:
a reader who remembers the highest id would miss what a slow one commits later. So each account's events are numbered,
1, 2, 3 …, only after they were committed and by one transaction at a time: an event that becomes visible later has a
higher position, and there are no gaps.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa

from strandkeep.catalog import pages, tables
from strandkeep.catalog.transaction import Reader, Transaction

_EVENT = tables.event

#: Kind of thing whose events show its statusMessage → its table.
_TALKING = {
    "readSet": tables.read_set,
    "reference": tables.reference,
    "readSetImportJob": tables.job,
    "referenceImportJob": tables.job,
    "job": tables.job,
}

#: Member of the filter of ListEvents → its column.
_EQUAL_FILTERS = {"resourceKind": "resource_kind", "resourceId": "resource_id", "kind": "kind"}


def account_without_positions(reader: Reader, account: str | None = None) -> str | None:
    """An account (or this one, if so) of which an event has no position yet."""
    query = sa.select(_EVENT.c.account).where(_EVENT.c.position.is_(None)).limit(1)
    row = reader.one(query if account is None else query.where(_EVENT.c.account == account))
    return row and str(row.account)


def number(tx: Transaction, account: str, most: int) -> int:
    """Give positions to the oldest `most` committed events of an account that have none; how many got one."""
    mine = tables.account.c.id == account
    # NO KEY UPDATE: rows that refer to the account may come meanwhile.
    tx.one(sa.select(tables.account.c.id).where(mine).with_for_update(key_share=True))
    waiting = sa.select(_EVENT.c.id).where(_EVENT.c.account == account, _EVENT.c.position.is_(None))
    last = tx.one(sa.select(sa.func.max(_EVENT.c.position).label("position")).where(_EVENT.c.account == account))
    first = ((last and last.position) or 0) + 1
    numbered = [
        {"event": row.id, "place": place}
        for place, row in enumerate(tx.all(waiting.order_by(_EVENT.c.id).limit(most)), first)
    ]
    if numbered:
        update = sa.update(_EVENT).where(_EVENT.c.id == sa.bindparam("event"))
        tx.run(update.values(position=sa.bindparam("place")), numbered)
    return len(numbered)


def page(
    reader: Reader, account: str, filters: Mapping[str, Any], after: list[Any] | None, size: int
) -> tuple[pages.Rows, list[Any] | None]:
    """A page of an account's numbered events, the newest first."""
    return pages.newest_first(reader, _EVENT, _conditions(account, filters), after, size, by="time")


def page_from(
    reader: Reader, account: str, filters: Mapping[str, Any], position: int, size: int
) -> tuple[pages.Rows, list[Any] | None]:
    """A page of an account's events behind a position, in the order of their positions."""
    query = sa.select(_EVENT).where(*_conditions(account, filters), _EVENT.c.position > position)
    return pages.cut(reader.all(query.order_by(_EVENT.c.position).limit(size + 1)), size, "position")


def messages(reader: Reader, rows: Sequence[Any]) -> dict[tuple[str, int], str | None]:
    """(thing, version) → the statusMessage of that version, as far as it is the thing's present one."""
    found: dict[tuple[str, int], str | None] = {}
    for kind, table in _TALKING.items():
        ids = {row.resource_id for row in rows if row.resource_kind == kind}
        query = sa.select(table.c.id, table.c.version, table.c.status_message).where(table.c.id.in_(ids))
        found |= {(row.id, row.version): row.status_message for row in (reader.all(query) if ids else ())}
    return found


def _conditions(account: str, filters: Mapping[str, Any]) -> list[sa.ColumnElement[bool]]:
    conditions = [_EVENT.c.account == account, _EVENT.c.position.is_not(None)]
    conditions += [_EVENT.c[column] == filters[name] for name, column in _EQUAL_FILTERS.items() if name in filters]
    return conditions + pages.time_bounds(_EVENT.c.time, filters, "created")
