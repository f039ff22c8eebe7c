"""What an examination makes of a file beside facts: an index, and a new head. Stored first, then part of a read set."""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

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
class StoredFile:
    """A file of a read set as it is or will be: `source` and `name`, and its `segments`."""

    source: str
    name: str
    segments: Sequence[Segment]

    @property
    def size(self) -> int:
        """Bytes of the file."""
        return sum(segment.length for segment in self.segments)


@dataclass(frozen=True)
class Output(StoredFile):
    """A file in which something is new: the `blob`. `md5` is of a file that is new as a whole."""

    blob: StoredBlob
    md5: str | None


def store(house: House, files: Sequence[StoredFile], found: Examination) -> list[Output]:
    """Make durable what was made of the files of a read set. It counts when `put` has been committed."""
    made = [output for file in files if file.source == _SOURCE for output in _of_file(house, file, found)]
    reach("ingest.stored")
    return made


def put(tx: Transaction, house: House, read_set_id: str, made: Sequence[Output]) -> None:
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


def _of_file(house: House, file: StoredFile, found: Examination) -> Iterator[Output]:
    if found.head is not None:
        head = _stored(house, found.head.content)
        segments = list(layout.with_new_head(file.segments, (head.name, head.length), found.head.replaces))
        yield Output(_SOURCE, file.name, segments, head, None)
    if found.index is not None:
        blob = _stored(house, found.index.content)
        md5 = hashlib.md5(found.index.content, usedforsecurity=False).hexdigest()
        name = f"{file.name}.{found.index.kind}"
        yield Output(_INDEX, name, [Segment(0, blob.name, 0, blob.length)], blob, md5)


def _stored(house: House, content: bytes) -> StoredBlob:
    house.blobs.check_room(len(content))
    return house.blobs.write([content])
