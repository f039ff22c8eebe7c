"""Rows of originals: the files that the sources of an imported read set were made of."""

from collections.abc import Iterable
from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy.engine import Row

from strandkeep.catalog import pages, tables
from strandkeep.catalog.transaction import Reader, Transaction

_ORIGINAL = tables.original
_KEY = (_ORIGINAL.c.source, _ORIGINAL.c.number)


class Original(NamedTuple):
    """A file as it was imported: which one of its source, from 1; `size` in bytes; `md5` in hex of all of them.

    It begins at the byte `start` of the source; None when the source has another head and it is not there as it came.
    """

    source: str
    number: int
    name: str
    start: int | None
    size: int
    md5: str
    reads: int


def insert(tx: Transaction, read_set_id: str, originals: Iterable[Original]) -> None:
    """Remember what the sources of a read set were made of."""
    tx.run(sa.insert(_ORIGINAL), [{"read_set_id": read_set_id, **original._asdict()} for original in originals])


def find(reader: Reader, read_set_id: str, source: str, number: int) -> Row[Any] | None:
    """One of the files that a source was made of."""
    place = (_ORIGINAL.c.read_set_id == read_set_id, _ORIGINAL.c.source == source, _ORIGINAL.c.number == number)
    return reader.one(sa.select(_ORIGINAL).where(*place))


def page(reader: Reader, read_set_id: str, after: list[Any] | None, size: int) -> tuple[pages.Rows, list[Any] | None]:
    """A page of the originals of a read set, by source, in the order in which they stand there."""
    query = sa.select(_ORIGINAL).where(_ORIGINAL.c.read_set_id == read_set_id)
    if after is not None:
        query = query.where(sa.tuple_(*_KEY) > sa.tuple_(*map(sa.literal, after)))
    return pages.cut(reader.all(query.order_by(*_KEY).limit(size + 1)), size, "source", "number")


def drop(tx: Transaction, read_set_id: str) -> None:
    """Forget them."""
    tx.run(sa.delete(_ORIGINAL).where(_ORIGINAL.c.read_set_id == read_set_id))
