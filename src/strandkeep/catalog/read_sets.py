"""Rows of read sets: their files, segments, digests and problems."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Row

from strandkeep.catalog import moves, pages, tables
from strandkeep.catalog.transaction import Reader, Transaction, chunks, count_rows
from strandkeep.domain import layout, states
from strandkeep.domain.blobs import Span
from strandkeep.domain.context import RequestContext
from strandkeep.domain.damage import Finding, of_source
from strandkeep.domain.layout import Segment

_SET, _FILE, _SEGMENT, _DIGEST = tables.read_set, tables.file, tables.segment, tables.digest
_BLOB = tables.blob

#: The version of the definition behind a digest that is a read set's ETag; `docs/reference/digests.md` has them.
ETAG_DEFINITION = 1

_EQUAL_FILTERS = {
    "name": "name",
    "sampleId": "sample_id",
    "subjectId": "subject_id",
    "generatedFrom": "generated_from",
    "creationType": "creation_type",
}


@dataclass(frozen=True)
class FileFacts:
    """What ingest found out about one file: digests of its stored bytes, and of its text."""

    source: str
    sha256: str
    md5: str
    etag: str


#: Built once: a read set's metadata is what callers ask for most.
_FIND = sa.select(_SET).where(
    _SET.c.id == sa.bindparam("id"),
    _SET.c.store_id == sa.bindparam("store_id"),
    _SET.c.account == sa.bindparam("account"),
)
_FILES = sa.select(_FILE).where(_FILE.c.read_set_id == sa.bindparam("id")).order_by(_FILE.c.source)
_FILES_AND_ETAGS = (
    sa.select(_FILE.c.source, _FILE.c.size, _DIGEST.c.value.label("etag"))
    .outerjoin_from(
        _FILE,
        _DIGEST,
        sa.and_(
            _DIGEST.c.read_set_id == _FILE.c.read_set_id,
            _DIGEST.c.source == _FILE.c.source,
            _DIGEST.c.definition == ETAG_DEFINITION,
        ),
    )
    .where(_FILE.c.read_set_id == sa.bindparam("id"))
    .order_by(_FILE.c.source)
)
_ETAGS = sa.select(_DIGEST.c.read_set_id, _DIGEST.c.source, _DIGEST.c.value).where(
    _DIGEST.c.read_set_id.in_(sa.bindparam("ids", expanding=True)),
    _DIGEST.c.definition == ETAG_DEFINITION,
)
_MINE = (_SEGMENT.c.read_set_id == sa.bindparam("id"), _SEGMENT.c.source == sa.bindparam("source"))
_BEFORE = sa.select(sa.func.max(_SEGMENT.c.start)).where(*_MINE, _SEGMENT.c.start <= sa.bindparam("first"))
_SEGMENTS = (
    sa.select(
        _SEGMENT.c.start,
        # A span, as it is made of them: there may be 10,000.
        *(_BLOB.c.name, _BLOB.c.length, _BLOB.c.block_crcs, _SEGMENT.c.offset, _SEGMENT.c.length),
    )
    .join_from(_SEGMENT, _BLOB, _BLOB.c.name == _SEGMENT.c.blob)
    .where(*_MINE, _SEGMENT.c.start >= _BEFORE.scalar_subquery(), _SEGMENT.c.start < sa.bindparam("end"))
    .order_by(_SEGMENT.c.start)
)


def find(reader: Reader, account: str, store_id: str, read_set_id: str) -> Row[Any] | None:
    """A read set in any state, until it is purged."""
    return reader.one(_FIND, {"id": read_set_id, "store_id": store_id, "account": account})


def files(reader: Reader, read_set_id: str) -> Sequence[Row[Any]]:
    """The files of a read set, by source."""
    return reader.all(_FILES, {"id": read_set_id})


def files_and_etags(reader: Reader, read_set_id: str) -> Sequence[Row[Any]]:
    """Source, size and ETag (None before ingest) of the files of a read set, by source."""
    return reader.all(_FILES_AND_ETAGS, {"id": read_set_id})


def etags(reader: Reader, read_set_ids: Sequence[str]) -> dict[str, dict[str, str]]:
    """Read set id → source → ETag, for those that have one."""
    found: dict[str, dict[str, str]] = {}
    for row in reader.all(_ETAGS, {"ids": list(read_set_ids)}) if read_set_ids else ():
        found.setdefault(row.read_set_id, {})[row.source] = row.value
    return found


def count(reader: Reader, store_id: str) -> tuple[int, int]:
    """How many rows of read sets a store has, and how many of them are not deleted: tens of ms for a million."""
    rows = sa.select(_SET.c.id).where(_SET.c.store_id == store_id)
    every = count_rows(reader, rows)
    return every, every - count_rows(reader, rows.where(_SET.c.status == states.DELETED))


def count_since(reader: Reader, store_id: str, moment: int, most: int) -> int:
    """How many rows of read sets came to a store after `moment`; those above `most` are not counted."""
    query = sa.select(_SET.c.id).where(_SET.c.store_id == store_id, _SET.c.created > moment)
    # By state, which is what the index of times has first.
    every = (*states.LISTED_READ_SETS, states.DELETED)
    return count_rows(reader, query.where(_SET.c.status.in_(every)).limit(most))


def spans(reader: Reader, read_set_id: str, source: str, first: int, length: int) -> list[Span]:
    """The stretches of blobs that hold bytes [first, first + length) of a file, in order; ValueError for a hole."""
    values = {"id": read_set_id, "source": source, "first": first, "end": first + length}
    rows = reader.all(_SEGMENTS, values)
    layout.check_without_holes([(row[0], row[-1]) for row in rows], first, length)
    return layout.within([Span._make(row[1:]) for row in rows], rows[0][0], first, length)


def insert_file(tx: Transaction, values: Mapping[str, Any], segments: Iterable[Segment]) -> None:
    """Add a file with its segments; no bytes move."""
    tx.run(sa.insert(_FILE), {"last_modified": tx.now, **values})
    key = {"read_set_id": values["read_set_id"], "source": values["source"]}
    tx.run(
        sa.insert(_SEGMENT),
        [{**key, "start": s.start, "blob": s.blob, "offset": s.offset, "length": s.length} for s in segments],
    )


def rename_files(tx: Transaction, read_set_id: str, names: Mapping[str, str]) -> None:
    """Give the files of a read set other names: source → name."""
    for source, name in names.items():
        place = (_FILE.c.read_set_id == read_set_id, _FILE.c.source == source)
        tx.run(sa.update(_FILE).where(*place).values(file_name=name))


def put_file_facts(tx: Transaction, read_set_id: str, algorithm: str, facts: Iterable[FileFacts]) -> None:
    """Keep what ingest found out about the files of a read set; `algorithm` is that of the ETag."""
    for found in facts:
        key = {"read_set_id": read_set_id, "source": found.source}
        place = (_FILE.c.read_set_id == read_set_id, _FILE.c.source == found.source)
        tx.run(sa.update(_FILE).where(*place).values(sha256=found.sha256, md5=found.md5))
        etag = {"algorithm": algorithm, "definition": ETAG_DEFINITION, "value": found.etag}
        tx.run(sa.insert(_DIGEST), {**key, **etag})


def put_problems(tx: Transaction, read_set_id: str, problems: Sequence[Mapping[str, Any]]) -> None:
    """Keep what is wrong with a read set, the most important first."""
    if problems:
        rows = [{"read_set_id": read_set_id, "position": n, **problem} for n, problem in enumerate(problems, 1)]
        tx.run(sa.insert(tables.problem), rows)


def drop_problems(tx: Transaction, read_set_id: str) -> None:
    """Forget what was wrong with a read set: it is checked anew."""
    tx.run(sa.delete(tables.problem).where(tables.problem.c.read_set_id == read_set_id))


def mark_damaged(tx: Transaction, context: RequestContext, read_set_id: str, source: str, finding: Finding) -> None:
    """Let a read set say that a file of it is damaged, with an event."""
    moves.remark(tx, context, read_set_id, "damaged", of_source(source, finding))


def mark_restored(tx: Transaction, context: RequestContext, blobs: Sequence[str]) -> None:
    """Let read sets that say of one of these blobs that it is damaged say so no longer: it was put back."""
    told = _SET.c.status_message.contains(_SEGMENT.c.blob)
    query = sa.select(_SET.c.id).join(_SEGMENT, _SEGMENT.c.read_set_id == _SET.c.id).where(told).distinct()
    for chunk in chunks(blobs):
        for row in tx.all(
            query.where(_SEGMENT.c.blob.in_(chunk), _SET.c.account == context.account).order_by(_SET.c.id)
        ):
            moves.remark(tx, context, row.id, "restored", None)


def page(
    reader: Reader, store_id: str, filters: Mapping[str, Any], after: list[Any] | None, size: int
) -> tuple[pages.Rows, list[Any] | None]:
    """A page of a store's read sets by the filter of ListReadSets. Deleted ones show only when asked for."""
    shown = [filters["status"]] if "status" in filters else states.LISTED_READ_SETS
    conditions = [_SET.c.store_id == store_id]
    conditions += [_SET.c[column] == filters[name] for name, column in _EQUAL_FILTERS.items() if name in filters]
    if "referenceArn" in filters:
        # An empty string asks for the read sets that have no reference.
        conditions.append(_SET.c.reference_arn == (filters["referenceArn"] or None))
    conditions += pages.time_bounds(_SET.c.created, filters, "created", after)
    return pages.newest_of_states(reader, _SET.c.status, shown, conditions, after, size)


def in_use(reader: Reader, read_set_ids: Sequence[str]) -> set[str]:
    """Those read sets that an unfinished job works on."""
    query = sa.select(tables.job.c.subject).where(tables.job.c.subject.in_(read_set_ids))
    return {row.subject for row in reader.all(query.where(tables.job.c.state.not_in(states.ENDED_JOBS)))}


def number_by_status(reader: Reader) -> dict[str, int]:
    """How many read sets there are in each status, 0 included; walks over an index of all."""
    rows = reader.all(sa.select(_SET.c.status, sa.func.count().label("number")).group_by(_SET.c.status))
    return dict.fromkeys(states.READ_SETS, 0) | {row.status: row.number for row in rows}


def due_for_purge(reader: Reader, now: int, most: int) -> Sequence[Row[Any]]:
    """Deleted read sets whose time to be brought back is over."""
    return reader.all(
        sa.select(_SET.c.id, _SET.c.account, _SET.c.store_id).where(_SET.c.purge_after <= now).limit(most)
    )


def purge(tx: Transaction, read_set_id: str) -> list[str]:
    """Remove every row of a deleted read set; the names of the blobs to which nothing points any more."""
    mine = tx.all(sa.select(_SEGMENT.c.blob).where(_SEGMENT.c.read_set_id == read_set_id).distinct())
    for table in (_SEGMENT, _DIGEST, tables.problem, _FILE):
        tx.run(sa.delete(table).where(table.c.read_set_id == read_set_id))
    tx.run(sa.delete(tables.tag).where(tables.tag.c.resource_id == read_set_id))
    tx.run(sa.delete(tables.upload).where(tables.upload.c.read_set_id == read_set_id))
    tx.run(sa.delete(_SET).where(_SET.c.id == read_set_id))
    return _not_pointed_at(tx, [row.blob for row in mine])


def _not_pointed_at(tx: Transaction, names: Sequence[str]) -> list[str]:
    """Those blobs that nothing points at any more; of two that drop the last pointers at once, the later sees it."""
    blob = tables.blob.c.name
    free = (
        ~sa.select(_SEGMENT.c.blob).where(_SEGMENT.c.blob == blob).exists(),
        ~sa.select(tables.part.c.blob).where(tables.part.c.blob == blob).exists(),
    )
    found: list[str] = []
    for chunk in chunks(sorted(names)):
        query = sa.select(blob).where(blob.in_(chunk))
        tx.all(query.order_by(blob).with_for_update())
        found += [row.name for row in tx.all(query.where(*free))]
    return found
