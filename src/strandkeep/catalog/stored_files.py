"""Rows of files: their segments and digests. A file's holder is a read set or a reference, by whose id it is found."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Row

from strandkeep.catalog import blobs, tables
from strandkeep.catalog.transaction import Reader, Transaction, chunks
from strandkeep.domain import layout
from strandkeep.domain.blobs import Span, StoredBlob
from strandkeep.domain.layout import Segment

_FILE, _SEGMENT, _DIGEST, _BLOB = tables.file, tables.segment, tables.digest, tables.blob

#: Kind of thing that holds files → its table.
HOLDERS = {"readSet": tables.read_set, "reference": tables.reference}

#: The version of the definition behind a digest that is a read set's ETag; `docs/reference/digests.md` has them.
ETAG_DEFINITION = 1


@dataclass(frozen=True)
class FileFacts:
    """What ingest found out about one file: digests of its stored bytes, and of its text."""

    source: str
    sha256: str
    md5: str
    etag: str


#: Built once: parts of files are what callers ask for most.
_FILES = sa.select(_FILE).where(_FILE.c.holder_id == sa.bindparam("id")).order_by(_FILE.c.source)
_FILES_AND_ETAGS = (
    sa.select(_FILE.c.source, _FILE.c.file_name, _FILE.c.size, _DIGEST.c.value.label("etag"))
    .outerjoin_from(
        _FILE,
        _DIGEST,
        sa.and_(
            _DIGEST.c.holder_id == _FILE.c.holder_id,
            _DIGEST.c.source == _FILE.c.source,
            _DIGEST.c.definition == ETAG_DEFINITION,
        ),
    )
    .where(_FILE.c.holder_id == sa.bindparam("id"))
    .order_by(_FILE.c.source)
)
_ETAGS = sa.select(_DIGEST.c.holder_id, _DIGEST.c.source, _DIGEST.c.value).where(
    _DIGEST.c.holder_id.in_(sa.bindparam("ids", expanding=True)),
    _DIGEST.c.definition == ETAG_DEFINITION,
)
_MINE = (_SEGMENT.c.holder_id == sa.bindparam("id"), _SEGMENT.c.source == sa.bindparam("source"))
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


def of(reader: Reader, holder_id: str) -> Sequence[Row[Any]]:
    """The files of a holder, by source."""
    return reader.all(_FILES, {"id": holder_id})


def with_etags(reader: Reader, holder_id: str) -> Sequence[Row[Any]]:
    """Source, name, size and ETag (None before ingest) of the files of a read set, by source."""
    return reader.all(_FILES_AND_ETAGS, {"id": holder_id})


def etags(reader: Reader, holder_ids: Sequence[str]) -> dict[str, dict[str, str]]:
    """Read set id → source → ETag, for those that have one."""
    found: dict[str, dict[str, str]] = {}
    for row in reader.all(_ETAGS, {"ids": list(holder_ids)}) if holder_ids else ():
        found.setdefault(row.holder_id, {})[row.source] = row.value
    return found


def spans(reader: Reader, holder_id: str, source: str, first: int, length: int) -> list[Span]:
    """The stretches of blobs that hold bytes [first, first + length) of a file, in order; ValueError for a hole."""
    values = {"id": holder_id, "source": source, "first": first, "end": first + length}
    rows = reader.all(_SEGMENTS, values)
    layout.check_without_holes([(row[0], row[-1]) for row in rows], first, length)
    return layout.within([Span._make(row[1:]) for row in rows], rows[0][0], first, length)


def insert(tx: Transaction, values: Mapping[str, Any], made_of: Iterable[Segment]) -> None:
    """Add a file with its segments; no bytes move."""
    tx.run(sa.insert(_FILE), {"last_modified": tx.now, **values})
    _insert_segments(tx, values["holder_id"], values["source"], made_of)


def segments(reader: Reader, holder_id: str, source: str) -> list[Segment]:
    """All segments of a file, in order."""
    columns = (_SEGMENT.c.start, _SEGMENT.c.blob, _SEGMENT.c.offset, _SEGMENT.c.length)
    rows = reader.all(sa.select(*columns).where(*_MINE).order_by(_SEGMENT.c.start), {"id": holder_id, "source": source})
    return [Segment._make(row) for row in rows]


def made_of(reader: Reader, holder_id: str, source: str) -> list[StoredBlob]:
    """The blobs that a file is made of, in order: as long as nothing was made of it, the parts that were put."""
    query = sa.select(_BLOB).join_from(_SEGMENT, _BLOB, _BLOB.c.name == _SEGMENT.c.blob).where(*_MINE)
    rows = reader.all(query.order_by(_SEGMENT.c.start), {"id": holder_id, "source": source})
    return [blobs.as_stored(row) for row in rows]


def replace_segments(tx: Transaction, holder_id: str, source: str, changed: Sequence[Segment]) -> list[str]:
    """Let a file be made of other segments; the names of the blobs to which nothing points any more."""
    before = {segment.blob for segment in segments(tx, holder_id, source)}
    tx.run(sa.delete(_SEGMENT).where(_SEGMENT.c.holder_id == holder_id, _SEGMENT.c.source == source))
    _insert_segments(tx, holder_id, source, changed)
    size = sum(segment.length for segment in changed)
    tx.run(sa.update(_FILE).where(_FILE.c.holder_id == holder_id, _FILE.c.source == source).values(size=size))
    return _not_pointed_at(tx, sorted(before - {segment.blob for segment in changed}))


def rename(tx: Transaction, holder_id: str, names: Mapping[str, str]) -> None:
    """Give files of a holder other names: source → name."""
    for source, name in names.items():
        place = (_FILE.c.holder_id == holder_id, _FILE.c.source == source)
        tx.run(sa.update(_FILE).where(*place).values(file_name=name))


def put_facts(tx: Transaction, holder_id: str, algorithm: str, facts: Iterable[FileFacts]) -> None:
    """Keep what ingest found out about the files of a read set; `algorithm` is that of the ETag."""
    for found in facts:
        key = {"holder_id": holder_id, "source": found.source}
        place = (_FILE.c.holder_id == holder_id, _FILE.c.source == found.source)
        tx.run(sa.update(_FILE).where(*place).values(sha256=found.sha256, md5=found.md5))
        etag = {"algorithm": algorithm, "definition": ETAG_DEFINITION, "value": found.etag}
        tx.run(sa.insert(_DIGEST), {**key, **etag})


def drop(tx: Transaction, holder_id: str) -> list[str]:
    """Remove the files of a holder that goes; the names of the blobs to which nothing points any more."""
    mine = tx.all(sa.select(_SEGMENT.c.blob).where(_SEGMENT.c.holder_id == holder_id).distinct())
    for table in (_SEGMENT, _DIGEST, _FILE):
        tx.run(sa.delete(table).where(table.c.holder_id == holder_id))
    return _not_pointed_at(tx, [row.blob for row in mine])


def _insert_segments(tx: Transaction, holder_id: str, source: str, segments: Iterable[Segment]) -> None:
    key = {"holder_id": holder_id, "source": source}
    tx.run(
        sa.insert(_SEGMENT),
        [{**key, "start": s.start, "blob": s.blob, "offset": s.offset, "length": s.length} for s in segments],
    )


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
