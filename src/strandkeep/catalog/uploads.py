"""Rows of uploads and their parts."""

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Row

from strandkeep.catalog import blobs, moves, pages, tables
from strandkeep.catalog.transaction import Reader, Transaction, chunks, count_rows
from strandkeep.domain import states
from strandkeep.domain.context import RequestContext
from strandkeep.domain.parts import Part

_UPLOAD, _PART = tables.upload, tables.part

#: Members of the API → columns, of what a caller says of an upload.
COLUMNS = {
    "sourceFileType": "file_type",
    "subjectId": "subject_id",
    "sampleId": "sample_id",
    "generatedFrom": "generated_from",
    "referenceArn": "reference_arn",
    "name": "name",
    "description": "description",
}


def find(reader: Reader, account: str, store_id: str, upload_id: str) -> Row[Any] | None:
    """An upload in any state."""
    query = sa.select(_UPLOAD).where(_UPLOAD.c.id == upload_id, _UPLOAD.c.store_id == store_id)
    return reader.one(query.where(_UPLOAD.c.account == account))


def page(reader: Reader, store_id: str, after: list[Any] | None, size: int) -> tuple[pages.Rows, list[Any] | None]:
    """A page of the uploads that are open, or whose read set is still being checked."""
    mine = [_UPLOAD.c.store_id == store_id]
    return pages.newest_of_states(reader, _UPLOAD.c.state, states.LISTED_UPLOADS, mine, after, size)


def count_open(reader: Reader, store_id: str, most: int) -> int:
    """How many open uploads a store has; those above `most` are not counted."""
    query = sa.select(_UPLOAD.c.id).where(_UPLOAD.c.store_id == store_id, _UPLOAD.c.state == states.OPEN)
    return count_rows(reader, query.limit(most))


def size_of_others(reader: Reader, upload_id: str, source: str, number: int) -> int:
    """Bytes of the parts of one source together, without the part of this number."""
    query = sa.select(sa.func.coalesce(sa.func.sum(_PART.c.size), 0).label("size"))
    row = reader.one(query.where(_PART.c.upload_id == upload_id, _PART.c.source == source, _PART.c.number != number))
    return int(row.size) if row else 0


def put_part(tx: Transaction, upload_id: str, part: Part) -> str | None:
    """Set a part; the name of the blob that it replaces, or None. A replaced part keeps its creation time."""
    place = (_PART.c.upload_id == upload_id, _PART.c.source == part.source, _PART.c.number == part.number)
    # Two requests for one part hold the upload's row shared: this lock orders them.
    old = tx.one(sa.select(_PART.c.blob, _PART.c.updated).where(*place).with_for_update())
    values = {"size": part.size, "sha256": part.sha256, "blob": part.blob}
    if old is None:
        key = {"upload_id": upload_id, "source": part.source, "number": part.number}
        tx.run(sa.insert(_PART), {**key, **values, "created": tx.now, "updated": tx.now})
        return None
    # The one that waited for the lock may have begun before the one that held it.
    tx.run(sa.update(_PART).where(*place).values(updated=max(tx.now, old.updated), **values))
    return str(old.blob)


def parts(reader: Reader, upload_id: str) -> list[Part]:
    """All parts of an upload."""
    return [_as_part(row) for row in reader.all(sa.select(_PART).where(_PART.c.upload_id == upload_id))]


def page_of_parts(
    reader: Reader,
    upload_id: str,
    source: str,
    conditions: Sequence[sa.ColumnElement[bool]],
    after: list[Any] | None,
    size: int,
) -> tuple[list[Part], list[Any] | None]:
    """A page of one source's parts by number ascending, from behind the number `after`."""
    query = sa.select(_PART).where(_PART.c.upload_id == upload_id, _PART.c.source == source, *conditions)
    if after is not None:
        query = query.where(_PART.c.number > after[0])
    rows = reader.all(query.order_by(_PART.c.number).limit(size + 1))
    found = [_as_part(row) for row in rows[:size]]
    return found, [found[-1].number] if len(rows) > size else None


def drop_parts(tx: Transaction, upload_id: str) -> None:
    """Remove the rows of all parts of an upload."""
    tx.run(sa.delete(_PART).where(_PART.c.upload_id == upload_id))


def end_open(tx: Transaction, context: RequestContext, upload_id: str, state: str, delete_after: int) -> None:
    """Move a locked OPEN upload to ABORTED or EXPIRED; its parts go, their bytes `delete_after` microseconds later."""
    dropped = [part.blob for part in parts(tx, upload_id)]
    drop_parts(tx, upload_id)
    blobs.condemn(tx, dropped, tx.now + delete_after)
    moves.move(tx, context, "upload", upload_id, states.OPEN, state)


def drop_unlisted(tx: Transaction, upload_id: str, unlisted: Sequence[Part], delete_after: int) -> None:
    """Remove parts that a Complete left out; their bytes go `delete_after` microseconds later."""
    names = [part.blob for part in unlisted]
    for chunk in chunks(names):
        tx.run(sa.delete(_PART).where(_PART.c.upload_id == upload_id, _PART.c.blob.in_(chunk)))
    blobs.condemn(tx, names, tx.now + delete_after)


def untouched_since(tx: Transaction, moment: int, most: int) -> Sequence[Row[Any]]:
    """Open uploads to which nothing came since `moment`, locked; those to which a part comes just now are left out."""
    newer = sa.select(_PART.c.number).where(_PART.c.upload_id == _UPLOAD.c.id, _PART.c.updated >= moment)
    query = sa.select(_UPLOAD).where(_UPLOAD.c.state == states.OPEN, _UPLOAD.c.created < moment, ~newer.exists())
    query = query.order_by(_UPLOAD.c.created)
    locked = tx.all(query.limit(most).with_for_update(skip_locked=True))
    # Looked at again, now that no part can come any more: one may have come before the lock was taken.
    return tx.all(query.where(_UPLOAD.c.id.in_([row.id for row in locked])))


def forget_ended(tx: Transaction, moment: int) -> None:
    """Drop the rows of uploads made before `moment` that were aborted or expired."""
    gone = _UPLOAD.c.state.in_((states.ABORTED, states.EXPIRED))
    tx.run(sa.delete(_UPLOAD).where(gone, _UPLOAD.c.created < moment))


def _as_part(row: Row[Any]) -> Part:
    return Part(row.source, row.number, row.size, row.sha256, row.blob, row.created, row.updated)
