"""What ingest makes of a file beside facts: an index, and a new head. Stored first, then part of the read set."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy.engine import Row

from strandkeep.catalog import Transaction, blobs, stored_files
from strandkeep.domain import layout
from strandkeep.domain.blobs import StoredBlob
from strandkeep.domain.layout import Segment
from strandkeep.formats.facts import Examination
from strandkeep.house import House
from strandkeep.kill_points import reach

_SOURCE, _INDEX = "SOURCE1", "INDEX"
_MEDIA_TYPE = "application/octet-stream"


@dataclass(frozen=True)
class StoredOutput:
    """A file of the read set as it will be: `source` and `name`, its `segments`, and the `blob` that is new in it.

    `md5` is of a file that is new as a whole.
    """

    source: str
    name: str
    segments: Sequence[Segment]
    blob: StoredBlob
    md5: str | None

    @property
    def size(self) -> int:
        """Bytes of the file."""
        return sum(segment.length for segment in self.segments)


def store(house: House, read_set_id: str, files: Sequence[Row[Any]], found: Examination) -> list[StoredOutput]:
    """Make durable what was made of the files of a read set. It counts when `put` has been committed."""
    made = []
    for file in files:
        if found.head is not None and file.source == _SOURCE:
            before = house.catalog.read(lambda reader: stored_files.segments(reader, read_set_id, _SOURCE))
            head = house.blobs.write([found.head.content])
            segments = list(layout.with_new_head(before, (head.name, head.length), found.head.replaces))
            made.append(StoredOutput(_SOURCE, file.file_name, segments, head, None))
        if found.index is not None and file.source == _SOURCE:
            blob = house.blobs.write([found.index.content])
            md5 = hashlib.md5(found.index.content, usedforsecurity=False).hexdigest()
            name = f"{file.file_name}.{found.index.kind}"
            made.append(StoredOutput(_INDEX, name, [Segment(0, blob.name, 0, blob.length)], blob, md5))
    reach("ingest.stored")
    return made


def put(tx: Transaction, house: House, read_set_id: str, made: Sequence[StoredOutput]) -> None:
    """Let stored outputs count as files of a read set."""
    for output in made:
        blobs.insert_live(tx, output.blob)
        if output.source == _INDEX:
            values = {"holder_id": read_set_id, "source": _INDEX, "file_name": output.name, "size": output.size}
            digests = {"sha256": output.blob.sha256, "md5": output.md5}
            stored_files.insert(tx, {**values, **digests, "media_type": _MEDIA_TYPE}, output.segments)
        else:
            freed = stored_files.replace_segments(tx, read_set_id, output.source, output.segments)
            blobs.condemn(tx, freed, tx.now + house.delete_after)
