"""Import of references: a source is fetched and examined at once, and becomes an ACTIVE reference, or is refused."""

import hashlib
import json
from collections.abc import Sequence
from contextlib import closing
from dataclasses import asdict, dataclass
from typing import Any

from sqlalchemy.engine import Row

from strandkeep.catalog import Reader, Transaction, blobs, references, stored_files
from strandkeep.catalog.locks import lock_reference_store
from strandkeep.domain.blobs import StoredBlob
from strandkeep.domain.context import RequestContext
from strandkeep.domain.file_names import imported_file_name
from strandkeep.domain.layout import Segment
from strandkeep.formats.examine import examine_fasta
from strandkeep.formats.facts import FastaExamination
from strandkeep.house import House
from strandkeep.jobs.fetching import Fetch, look_up
from strandkeep.jobs.manifest import file_entry
from strandkeep.jobs.running import Conclusion, Ending
from strandkeep.jobs.sources import (
    Refused,
    check_quota,
    check_room,
    check_sound,
    concluded,
    finished,
    put_manifest,
    refuse,
    reporter,
)

#: Version of the JSON in `reference.facts`; `docs/reference/catalog.md` describes it.
_FACTS_VERSION = 1
_MANIFEST_VERSION = 1

_SOURCE = "SOURCE"
_PLAIN, _BGZF, _GZI = "text/plain", "application/gzip", "application/octet-stream"


@dataclass(frozen=True)
class _File:
    """A file of the reference that is being made. `blob` is of one that was made here, and counts later."""

    source: str
    name: str
    media_type: str
    sha256: str
    md5: str
    segments: Sequence[Segment]
    blob: StoredBlob | None = None

    @property
    def size(self) -> int:
        """Its bytes."""
        return sum(segment.length for segment in self.segments)


def import_reference(house: House, item: Row[Any]) -> Conclusion:
    """Import one source of a job; the reference comes with the conclusion."""
    return concluded(house, item, lambda: _take(house, item))


def _take(house: House, item: Row[Any]) -> Conclusion:
    refusal = house.catalog.read(lambda reader: _refusal(reader, house, item))
    if refusal is not None:
        raise Refused(refusal)
    uri = item.request["sourceFile"]
    fetch = Fetch(house, item, _SOURCE, look_up(house, item, [uri]))
    check_quota(house, "reference_size", [fetch])
    check_room(house, [fetch])
    with closing(fetch.chunks()) as chunks:
        found = examine_fasta(chunks, progress=reporter(house, item, fetch.size))
    check_sound(found.problems)
    files = _files(house, fetch, imported_file_name(uri), found)
    put_manifest(house, item, _manifest(item, files, found))
    return lambda tx: _finish(tx, house, item, files, found)


def _files(house: House, fetch: Fetch, name: str, found: FastaExamination) -> list[_File]:
    media_type = _PLAIN if found.gzi is None else _BGZF
    source = _File(_SOURCE, name, media_type, found.stored_sha256, found.stored_md5, fetch.segments)
    made = [_made(house, "INDEX", f"{name}.fai", _PLAIN, found.fai)]
    if found.gzi is not None:
        made.append(_made(house, "GZI", f"{name}.gzi", _GZI, found.gzi))
    return [source, *made]


def _made(house: House, source: str, name: str, media_type: str, content: bytes) -> _File:
    house.blobs.check_room(len(content))
    blob = house.blobs.write([content])
    md5 = hashlib.md5(content, usedforsecurity=False).hexdigest()
    return _File(source, name, media_type, blob.sha256, md5, [Segment(0, blob.name, 0, blob.length)], blob)


def _refusal(reader: Reader, house: House, item: Row[Any]) -> str | None:
    """Why the store takes no such reference, if it does not."""
    if references.is_named(reader, item.store_id, item.request["name"]):
        return "The store has a reference of this name already; choose another name, or delete that one."
    quota = house.quota("references_per_store")
    if quota and references.count(reader, item.store_id) >= quota:
        return f"The store has {quota} references, as many as it may (quota_references_per_store)."
    return None


def _finish(tx: Transaction, house: House, item: Row[Any], files: Sequence[_File], found: FastaExamination) -> Ending:
    """Make the reference ACTIVE, unless the store has come to refuse it."""
    lock_reference_store(tx, item.account, item.store_id, shared=False)
    refusal = _refusal(tx, house, item)
    if refusal is not None:
        return refuse(tx, house, item, refusal)
    _insert(tx, item, found)
    for file in files:
        if file.blob is not None:
            blobs.insert_live(tx, file.blob)
        values = {"holder_id": item.output_id, "source": file.source, "file_name": file.name, "size": file.size}
        digests = {"sha256": file.sha256, "md5": file.md5, "media_type": file.media_type}
        stored_files.insert(tx, {**values, **digests}, file.segments)
    return finished(tx, item)


def _insert(tx: Transaction, item: Row[Any], found: FastaExamination) -> None:
    about = {"name": item.request["name"], "description": item.request.get("description"), "md5": found.md5}
    place = {"id": item.output_id, "store_id": item.store_id, "creation_job_id": item.job_id}
    known = {"facts": _facts(found), "facts_version": _FACTS_VERSION}
    context, sequences = RequestContext(**item.context), map(asdict, found.sequences)
    references.insert(tx, context, {**place, **about, **known}, sequences)


def _facts(found: FastaExamination) -> dict[str, Any]:
    return {
        "sequences": len(found.sequences),
        "bases": sum(sequence.length for sequence in found.sequences),
        "storedLength": found.stored_length,
        "textLength": found.text_length,
        "compressed": found.gzi is not None,
    }


def _manifest(item: Row[Any], files: Sequence[_File], found: FastaExamination) -> bytes:
    """What it takes to find a reference again when the catalog is lost."""
    place = {"id": item.output_id, "account": item.account, "store_id": item.store_id, "creation_job_id": item.job_id}
    about = {"name": item.request["name"], "description": item.request.get("description"), "md5": found.md5}
    content = {
        "manifest": _MANIFEST_VERSION,
        "reference": {**place, **about},
        "facts": _facts(found),
        "files": [file_entry(file.source, file.name, file.segments) for file in files],
    }
    return json.dumps(content).encode()
