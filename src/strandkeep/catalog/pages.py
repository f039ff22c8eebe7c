"""Keyset pages: the newest first, stable while rows come and go."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Row

from strandkeep.catalog.transaction import Reader
from strandkeep.domain import times

Rows = Sequence[Row[Any]]


def newest_first(
    reader: Reader,
    table: sa.Table,
    conditions: Sequence[sa.ColumnElement[bool]],
    after: list[Any] | None,
    size: int,
) -> tuple[Rows, list[Any] | None]:
    """Up to `size` rows by creation time descending, then id, from behind the position `after`.

    Returns the rows and the position of the last one, or None when no row follows.
    """
    query = sa.select(table).where(*conditions)
    if after is not None:
        query = query.where(sa.tuple_(table.c.created, table.c.id) < sa.tuple_(*map(sa.literal, after)))
    rows = reader.all(query.order_by(table.c.created.desc(), table.c.id.desc()).limit(size + 1))
    if len(rows) <= size:
        return rows, None
    last = rows[size - 1]
    return rows[:size], [last.created, last.id]


def time_bounds(column: sa.Column[Any], filters: Mapping[str, Any], what: str) -> list[sa.ColumnElement[bool]]:
    """The conditions of `<what>After` and `<what>Before` of a filter, both exclusive."""
    after: datetime | None = filters.get(what + "After")
    before: datetime | None = filters.get(what + "Before")
    conditions: list[sa.ColumnElement[bool]] = []
    if after is not None:
        conditions.append(column >= times.first_after(after))
    if before is not None:
        conditions.append(column < times.first_not_before(before))
    return conditions
