"""Rows of verifications: which blobs each one takes, and what it finds. How far it has come stands in its job."""

from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Row

from strandkeep.catalog import blobs, jobs, pages, tables
from strandkeep.catalog.damage import mark_damaged
from strandkeep.catalog.stored_files import HOLDERS
from strandkeep.catalog.transaction import Reader, Transaction
from strandkeep.domain import states, times, verification
from strandkeep.domain.blobs import LIVE, StoredBlob
from strandkeep.domain.context import RequestContext
from strandkeep.domain.damage import Finding

KIND = "verify"

_RUN, _JOB, _FINDING, _BLOB = tables.verification, tables.job, tables.finding, tables.blob
_SEGMENT, _UPLOAD, _PART = tables.segment, tables.upload, tables.part

_PLACE = ("holder_kind", "store_id", "holder_id", "source", "number", "start")
_FINDING_KEY = (_FINDING.c.store_id, _FINDING.c.holder_id, _FINDING.c.source, _FINDING.c.number, _FINDING.c.start)

#: The number of a finding in a file; in an open upload it is the part's.
_IN_FILE = 0
_SEGMENT_PLACE = (_SEGMENT.c.start, _SEGMENT.c.offset)


def insert(tx: Transaction, context: RequestContext, verification_id: str, values: Mapping[str, Any]) -> None:
    """Add a verification with its job, of the same id.

    The job names no store and no read set: neither needs to wait for it to be deleted.
    """
    jobs.insert(tx, context, verification_id, KIND, store_id="", subject=verification_id)
    key = {"id": verification_id, "account": context.account, "created": tx.now}
    tx.run(sa.insert(_RUN), {"scheduled": 0, **key, **values})


def find(reader: Reader, account: str, verification_id: str) -> Row[Any] | None:
    """A verification of an account with the state of its job and the number of its findings."""
    return reader.one(_with_job().where(_RUN.c.id == verification_id, _RUN.c.account == account))


def page(reader: Reader, account: str, after: list[Any] | None, size: int) -> tuple[pages.Rows, list[Any] | None]:
    """A page of the verifications of an account, the newest first; each as `find` gives it."""
    query = _with_job().where(_RUN.c.account == account)
    if after is not None:
        query = query.where(sa.tuple_(_RUN.c.created, _RUN.c.id) < sa.tuple_(*map(sa.literal, after)))
    rows = reader.all(query.order_by(_RUN.c.created.desc(), _RUN.c.id.desc()).limit(size + 1))
    return _page(rows, size, (_RUN.c.created, _RUN.c.id))


def findings(
    reader: Reader, verification_id: str, after: list[Any] | None, size: int
) -> tuple[pages.Rows, list[Any] | None]:
    """A page of what a verification found, by store, then by read set or upload."""
    query = sa.select(_FINDING).where(_FINDING.c.verification_id == verification_id)
    if after is not None:
        query = query.where(sa.tuple_(*_FINDING_KEY) > sa.tuple_(*map(sa.literal, after)))
    return _page(reader.all(query.order_by(*_FINDING_KEY).limit(size + 1)), size, _FINDING_KEY)


def totals(reader: Reader, run: Row[Any]) -> tuple[int, int]:
    """How many blobs a verification takes, and their bytes."""
    count, length = sa.func.count(), sa.func.coalesce(sa.func.sum(_BLOB.c.length), 0)
    row = reader.connection.execute(sa.select(count.label("blobs"), length.label("bytes")).where(*_taken(run))).one()
    return int(row.blobs), int(row.bytes)


def batch(reader: Reader, run: Row[Any], after: str, most: int) -> list[StoredBlob]:
    """The next blobs that a verification takes, by name, from behind `after`."""
    query = sa.select(_BLOB).where(*_taken(run), _BLOB.c.name > after).order_by(_BLOB.c.name).limit(most)
    return [blobs.as_stored(row) for row in reader.all(query)]


def put_finding(tx: Transaction, context: RequestContext, verification_id: str, finding: Finding) -> None:
    """Keep what is wrong with a blob, for each file and open upload that it is part of; read sets say it too.

    Nothing happens when the blob no longer counts: it went because it was to go.
    """
    if not blobs.is_live(tx, finding.blob):
        return
    for place in _places(tx, context.account, finding.blob):
        first = finding.offset or 0
        offset = place.start + max(0, first - place.offset)
        about = {"blob": finding.blob, "damage": finding.damage, "block": finding.block, "offset": offset}
        key = {name: getattr(place, name) for name in _PLACE}
        tx.run(sa.insert(_FINDING), {"verification_id": verification_id, **key, **about})
        if place.holder_kind in HOLDERS:
            mark_damaged(tx, context, place.holder_kind, place.holder_id, place.source, finding)


def last_scheduled(reader: Reader, account: str) -> Row[Any] | None:
    """The newest verification of an account that started by itself."""
    mine = (_RUN.c.account == account, _RUN.c.scheduled == 1)
    return reader.one(_with_job().where(*mine).order_by(_RUN.c.created.desc()).limit(1))


def _page(rows: pages.Rows, size: int, key: Sequence[sa.Column[Any]]) -> tuple[pages.Rows, list[Any] | None]:
    """Up to `size` rows of which one more was asked for, and the position of the last if another follows."""
    if len(rows) <= size:
        return rows, None
    return rows[:size], [getattr(rows[size - 1], column.name) for column in key]


def _with_job() -> sa.Select[Any]:
    count = sa.select(sa.func.count()).where(_FINDING.c.verification_id == _RUN.c.id).scalar_subquery()
    of_job = (_JOB.c.state, _JOB.c.progress, _JOB.c.status_message, _JOB.c.ended)
    return sa.select(_RUN, *of_job, count.label("finding_count")).join_from(_RUN, _JOB, _JOB.c.id == _RUN.c.id)


def _taken(run: Row[Any]) -> list[sa.ColumnElement[bool]]:
    """The conditions of the blobs that a verification takes: those that were there when it was asked for."""
    conditions = [_BLOB.c.state == LIVE, _BLOB.c.created <= run.created, _in_scope(run)]
    if run.unverified_days is not None:
        limit = run.created - run.unverified_days * times.DAY
        conditions.append(sa.func.coalesce(_BLOB.c.verified, _BLOB.c.created) < limit)
    arc = verification.sample(run.sample_percent or 100, run.sample_first or 0)
    if arc is not None:
        together = sa.or_ if arc.wraps else sa.and_
        conditions.append(together(_BLOB.c.name >= arc.first, _BLOB.c.name < arc.last))
    return conditions


def _in_scope(run: Row[Any]) -> sa.ColumnElement[bool]:
    """Of one read set few blobs are found by their names; of more, each blob is asked whose it is, in order."""
    if run.read_set_id is not None:
        return _BLOB.c.name.in_(sa.select(_SEGMENT.c.blob).where(_SEGMENT.c.holder_id == run.read_set_id))

    def theirs(table: sa.Table) -> list[sa.ColumnElement[bool]]:
        stores = [] if run.store_id is None else [table.c.store_id == run.store_id]
        return [table.c.account == run.account, *stores]

    in_part = sa.select(_PART.c.blob).join(_UPLOAD, _UPLOAD.c.id == _PART.c.upload_id)
    in_part = in_part.where(_PART.c.blob == _BLOB.c.name, _UPLOAD.c.state == states.OPEN, *theirs(_UPLOAD))
    in_files = [
        sa.select(_SEGMENT.c.blob)
        .join(table, table.c.id == _SEGMENT.c.holder_id)
        .where(_SEGMENT.c.blob == _BLOB.c.name, *theirs(table))
        for table in HOLDERS.values()
    ]
    return sa.or_(*(query.exists() for query in (*in_files, in_part)))


def _places(reader: Reader, account: str, blob: str) -> Sequence[Row[Any]]:
    """Where an account has a blob: in files of read sets and references, and as a part of open uploads."""
    found: list[Row[Any]] = []
    for kind, table in HOLDERS.items():
        in_files = sa.select(
            *_holder(kind, table), _SEGMENT.c.source, sa.literal(_IN_FILE).label("number"), *_SEGMENT_PLACE
        ).join(table, table.c.id == _SEGMENT.c.holder_id)
        found += reader.all(in_files.where(_SEGMENT.c.blob == blob, table.c.account == account).order_by(table.c.id))
    whole = (sa.literal(0).label("start"), sa.literal(0).label("offset"))
    as_parts = sa.select(*_holder("upload", _UPLOAD), _PART.c.source, _PART.c.number, *whole).join(
        _UPLOAD, _UPLOAD.c.id == _PART.c.upload_id
    )
    open_parts = as_parts.where(_PART.c.blob == blob, _UPLOAD.c.account == account, _UPLOAD.c.state == states.OPEN)
    return [*found, *reader.all(open_parts)]


def _holder(kind: str, table: sa.Table) -> tuple[sa.ColumnElement[Any], ...]:
    return sa.literal(kind).label("holder_kind"), table.c.store_id, table.c.id.label("holder_id")
