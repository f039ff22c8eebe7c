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
    *,
    by: str = "created",
) -> tuple[Rows, list[Any] | None]:
    """Up to `size` rows by creation time (column `by`) descending, then id, from behind the position `after`.

    Returns the rows and the position of the last one, or None when no row follows.
    """
    query = sa.select(table).where(*conditions)
    created = table.c[by]
    if after is not None:
        query = query.where(sa.tuple_(created, table.c.id) < sa.tuple_(*map(sa.literal, after)))
    return cut(reader.all(query.order_by(created.desc(), table.c.id.desc()).limit(size + 1)), size, by, "id")


def cut(rows: Rows, size: int, *key: str) -> tuple[Rows, list[Any] | None]:
    """The first `size` of rows, and the `key` of the last of them, or None when no row follows."""
    if len(rows) <= size:
        return rows, None
    return rows[:size], [getattr(rows[size - 1], column) for column in key]


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
