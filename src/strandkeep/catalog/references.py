"""Rows of references and of their sequences."""

from collections.abc import Iterable, Mapping, Sequence
from itertools import islice
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Row

from strandkeep.catalog import moves, pages, stored_files, tables
from strandkeep.catalog.transaction import Reader, Transaction, count_rows
from strandkeep.domain import states
from strandkeep.domain.context import RequestContext

_REFERENCE, _SEQUENCE = tables.reference, tables.reference_sequence

#: Sequences that one statement inserts: a reference may have a million.
_ROWS = 10_000

_FIND = sa.select(_REFERENCE).where(
    _REFERENCE.c.id == sa.bindparam("id"),
    _REFERENCE.c.store_id == sa.bindparam("store_id"),
    _REFERENCE.c.account == sa.bindparam("account"),
)


def find(reader: Reader, account: str, store_id: str, reference_id: str) -> Row[Any] | None:
    """A reference in any state, until it is purged."""
    return reader.one(_FIND, {"id": reference_id, "store_id": store_id, "account": account})


def active(reader: Reader, reference_id: str) -> Row[Any] | None:
    """An ACTIVE reference, whoever's it is."""
    query = sa.select(_REFERENCE).where(_REFERENCE.c.id == reference_id, _REFERENCE.c.status == states.ACTIVE)
    return reader.one(query)


def sequences(reader: Reader, reference_id: str, after: int, most: int) -> Sequence[Row[Any]]:
    """The sequences of a reference behind a position, in their order."""
    mine = (_SEQUENCE.c.reference_id == reference_id, _SEQUENCE.c.position > after)
    return reader.all(sa.select(_SEQUENCE).where(*mine).order_by(_SEQUENCE.c.position).limit(most))


def insert(
    tx: Transaction, context: RequestContext, values: Mapping[str, Any], sequences: Iterable[Mapping[str, Any]]
) -> None:
    """Add a reference, ACTIVE at once, with its sequences in their order."""
    row = {"account": context.account, "revision": 1, "created": tx.now, "updated": tx.now, **values}
    moves.begin(tx, context, "reference", states.ACTIVE, row)
    key = {"reference_id": values["id"]}
    rows = ({**key, "position": n, **sequence} for n, sequence in enumerate(sequences, 1))
    while lot := list(islice(rows, _ROWS)):
        tx.run(sa.insert(_SEQUENCE), lot)


def count(reader: Reader, store_id: str) -> int:
    """How many references a store has, deleted ones aside."""
    query = sa.select(_REFERENCE.c.id).where(_REFERENCE.c.store_id == store_id)
    return count_rows(reader, query.where(_REFERENCE.c.status == states.ACTIVE))


def is_named(reader: Reader, store_id: str, name: str) -> bool:
    """Whether a store has a reference of this name."""
    query = sa.select(_REFERENCE.c.id).where(_REFERENCE.c.store_id == store_id, _REFERENCE.c.name == name)
    return reader.one(query.where(_REFERENCE.c.status == states.ACTIVE).limit(1)) is not None


def page(
    reader: Reader, store_id: str, filters: Mapping[str, Any], after: list[Any] | None, size: int
) -> tuple[pages.Rows, list[Any] | None]:
    """A page of a store's references by the filter of ListReferences."""
    conditions = [_REFERENCE.c.store_id == store_id]
    conditions += [_REFERENCE.c[name] == filters[name] for name in ("name", "md5") if name in filters]
    conditions += pages.time_bounds(_REFERENCE.c.created, filters, "created", after)
    return pages.newest_of_states(reader, _REFERENCE.c.status, [states.ACTIVE], conditions, after, size)


def in_use_by(tx: Transaction, arn: str) -> str | None:
    """What keeps a reference from being deleted, in words; None when nothing does. Its row is locked.

    A read set that was deleted counts until it is purged: it may be brought back.
    """
    upload, read_set, item = tables.upload, tables.read_set, tables.item
    holders = {
        # First: what was an upload or a source when this looked is a read set by then, or gone.
        "uploads": sa.select(upload.c.id).where(
            upload.c.reference_arn == arn, upload.c.state.in_(states.LISTED_UPLOADS)
        ),
        "unfinished import jobs": sa.select(item.c.job_id).where(
            item.c.reference_arn == arn, item.c.state.in_(states.UNENDED_ITEMS)
        ),
        "read sets": sa.select(read_set.c.id).where(read_set.c.reference_arn == arn),
    }
    return next((what for what, query in holders.items() if tx.one(query.limit(1)) is not None), None)


def due_for_purge(reader: Reader, now: int, most: int) -> Sequence[Row[Any]]:
    """Deleted references whose bytes have stayed long enough."""
    columns = (_REFERENCE.c.id, _REFERENCE.c.account, _REFERENCE.c.store_id)
    return reader.all(sa.select(*columns).where(_REFERENCE.c.purge_after <= now).limit(most))


def purge(tx: Transaction, reference_id: str) -> list[str]:
    """Remove every row of a deleted reference; the names of the blobs to which nothing points any more."""
    freed = stored_files.drop(tx, reference_id)
    tx.run(sa.delete(_SEQUENCE).where(_SEQUENCE.c.reference_id == reference_id))
    tx.run(sa.delete(tables.tag).where(tables.tag.c.resource_id == reference_id))
    tx.run(sa.delete(_REFERENCE).where(_REFERENCE.c.id == reference_id))
    return freed
