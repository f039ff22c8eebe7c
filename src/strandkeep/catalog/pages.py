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
    state: sa.Column[Any],
    states: Sequence[str],
    conditions: Sequence[sa.ColumnElement[bool]],
    after: list[Any] | None,
    size: int,
) -> tuple[Rows, list[Any] | None]:
    """Up to `size` rows of one of the `states` by creation time descending, then id, from behind the position `after`.

    Returns the rows and the position of the last one, or None when no row follows. Each state's rows are read off an
    index in order, as many as a page takes, and then merged: a page costs the same wherever it lies, however many
    rows match, and however many are in a state that is not asked for.
    """
    table = state.table
    key = sa.tuple_(table.c.created, table.c.id)
    order = (table.c.created.desc(), table.c.id.desc())
    # In the statement's text: a database that plans it for any number plans it for large ones.
    most = sa.literal_column(str(size + 1), sa.Integer)
    behind = [] if after is None else [key < sa.tuple_(*map(sa.literal, after))]
    heads = [
        sa.select(table.c.created, table.c.id).where(state == one, *conditions, *behind).order_by(*order).limit(most)
        for one in states
    ]
    merged = sa.union_all(*(sa.select(head.subquery()) for head in heads)).subquery()
    newest = sa.select(merged.c.id).order_by(merged.c.created.desc(), merged.c.id.desc()).limit(most)
    rows = reader.all(sa.select(table).where(table.c.id.in_(newest)).order_by(*order))
    if len(rows) <= size:
        return rows, None
    last = rows[size - 1]
    return rows[:size], [last.created, last.id]


def time_bounds(
    column: sa.Column[Any], filters: Mapping[str, Any], what: str, after: list[Any] | None = None
) -> list[sa.ColumnElement[bool]]:
    """The conditions of `<what>After` and `<what>Before` of a filter, both exclusive.

    Behind a position `after`, in the order of `column`, the second holds anyway; it is left out, because a database
    begins at one of two bounds, and that need not be the nearer.
    """
    lower: datetime | None = filters.get(what + "After")
    upper: datetime | None = filters.get(what + "Before")
    conditions: list[sa.ColumnElement[bool]] = []
    if lower is not None:
        conditions.append(column >= times.first_after(lower))
    if upper is not None and after is None:
        conditions.append(column < times.first_not_before(upper))
    return conditions
