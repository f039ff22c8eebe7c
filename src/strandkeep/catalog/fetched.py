"""Rows of what an unfinished item has fetched: blobs that count, though no file is made of them yet."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy.engine import Row

from strandkeep.catalog import blobs, tables
from strandkeep.catalog.transaction import Reader, Transaction
from strandkeep.domain.blobs import StoredBlob

_FETCHED, _BLOB = tables.fetched, tables.blob


class Stretch(NamedTuple):
    """Bytes of an object from `start` on, as a blob; `identity` is that of the object which they are of."""

    start: int
    identity: str
    blob: StoredBlob


def of(reader: Reader, item: Row[Any], source: str) -> dict[int, list[Stretch]]:
    """What is here of a source: the number of the object, from 1 → its stretches in order and without holes."""
    place = (*_of_item(item), _FETCHED.c.source == source)
    query = sa.select(_FETCHED.c.number, _FETCHED.c.start, _FETCHED.c.identity, _BLOB)
    order = (_FETCHED.c.number, _FETCHED.c.start)
    rows = reader.all(query.join_from(_FETCHED, _BLOB, _BLOB.c.name == _FETCHED.c.blob).where(*place).order_by(*order))
    found: dict[int, list[Stretch]] = {}
    for row in rows:
        found.setdefault(row.number, []).append(Stretch(row.start, row.identity, blobs.as_stored(row)))
    return found


def add(tx: Transaction, item: Row[Any], source: str, number: int, stretch: Stretch) -> None:
    """Let the next stretch of an object count. The caller's transaction holds the fence of the item."""
    blobs.insert_live(tx, stretch.blob)
    key = {"job_id": item.job_id, "position": item.position, "source": source, "number": number}
    values = {"start": stretch.start, "identity": stretch.identity, "blob": stretch.blob.name}
    tx.run(sa.insert(_FETCHED), {**key, **values})


def hand_over(tx: Transaction, item: Row[Any]) -> None:
    """Forget what an item has fetched: files are made of those blobs now."""
    tx.run(sa.delete(_FETCHED).where(*_of_item(item)))


def drop(tx: Transaction, item: Row[Any]) -> None:
    """Give up what an item has fetched: nothing was ever made of it, so its bytes go at once."""
    names: Sequence[str] = [row.blob for row in tx.all(sa.select(_FETCHED.c.blob).where(*_of_item(item)))]
    hand_over(tx, item)
    blobs.condemn(tx, names, tx.now)


def _of_item(item: Row[Any]) -> tuple[sa.ColumnElement[bool], ...]:
    return _FETCHED.c.job_id == item.job_id, _FETCHED.c.position == item.position
