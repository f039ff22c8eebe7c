"""Import of references: each source of a job is kept, examined, and becomes an ACTIVE reference, or is refused."""

import hashlib
import json
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from sqlalchemy.engine import Row

from strandkeep.buckets import BucketError, SourceObject
from strandkeep.catalog import Reader, Transaction, blobs, items, jobs, references, stored_files, tags
from strandkeep.catalog.locks import lock_reference_store
from strandkeep.domain import states
from strandkeep.domain.blobs import StoredBlob
from strandkeep.domain.context import RequestContext
from strandkeep.domain.file_names import imported_file_name, manifest_name
from strandkeep.domain.layout import Segment, consecutive
from strandkeep.formats.examine import examine_fasta
from strandkeep.formats.facts import FastaExamination, Progress, printable
from strandkeep.house import House
from strandkeep.jobs.manifest import file_entry
from strandkeep.jobs.running import Conclusion, Ending, Superseded
from strandkeep.kill_points import reach

#: Version of the JSON in `reference.facts`; `docs/reference/catalog.md` describes it.
_FACTS_VERSION = 1
_MANIFEST_VERSION = 1

#: Bytes of a source that become one blob.
_STRETCH = 256 << 20

_MESSAGE_LENGTH = 127
_PROGRESS_S = 2.0
_PLAIN, _BGZF, _GZI = "text/plain", "application/gzip", "application/octet-stream"


class _Refused(Exception):
    """Why a source does not become a reference, in a sentence for whoever named it."""


@dataclass(frozen=True)
class _File:
    """A file of the reference that is being made, with the blobs that it lies in."""

    source: str
    name: str
    media_type: str
    sha256: str
    md5: str
    blobs: Sequence[StoredBlob]

    @property
    def size(self) -> int:
        """Its bytes."""
        return sum(blob.length for blob in self.blobs)

    @property
    def segments(self) -> list[Segment]:
        """Its blobs, one after the other."""
        return list(consecutive((blob.name, blob.length) for blob in self.blobs))


@dataclass(frozen=True)
class _Attempt:
    """One source in the hands of one attempt of its job; `stored` are the blobs that it has written so far."""

    house: House
    job: Row[Any]
    item: Row[Any]
    stored: list[StoredBlob] = field(default_factory=list)

    @property
    def manifest(self) -> str:
        """The name of the reference's manifest, the same for each attempt."""
        return manifest_name(self.item.output_id, 1)


def import_references(house: House, job: Row[Any]) -> Conclusion:
    """Import the sources of a job one after the other, but for those that an earlier attempt has done."""
    for item in house.catalog.read(lambda reader: items.of(reader, job.id)):
        if item.state not in states.ENDED_ITEMS:
            _import(_Attempt(house, job, house.catalog.write(lambda tx, item=item: _begin(tx, job, item))))  # type: ignore[misc]
    return lambda tx: _ending([item.state for item in items.of(tx, job.id)])


def _ending(outcomes: Sequence[str]) -> Ending:
    failed = outcomes.count(states.FAILED)
    if not failed:
        return Ending(states.COMPLETED)
    message = f"{failed} of {len(outcomes)} sources failed; each says why."
    return Ending(states.FAILED if failed == len(outcomes) else states.COMPLETED_WITH_FAILURES, message)


def _import(attempt: _Attempt) -> None:
    """Bring one source to its end. What the server is at fault for is raised, and tried again later."""
    house = attempt.house
    reach("import.begun")
    try:
        files, found = _take(attempt)
        house.catalog.write(lambda tx: _finish(tx, attempt, files, found))
    except (_Refused, BucketError) as refusal:
        house.blobs.remove_manifest(attempt.manifest)
        message = printable(str(refusal), _MESSAGE_LENGTH)
        house.catalog.write(lambda tx: _refuse(tx, attempt, message))
    except BaseException:
        house.catalog.write(lambda tx: _give_up(tx, attempt))
        raise
    reach("import.committed")


def _begin(tx: Transaction, job: Row[Any], item: Row[Any]) -> Row[Any]:
    """The item as it is in the hands of this attempt."""
    begun = items.move(tx, item, states.IN_PROGRESS)
    _hold(tx, job, item)
    return begun


def _take(attempt: _Attempt) -> tuple[list[_File], FastaExamination]:
    """The files of the new reference, durable, and what was found out about it."""
    house, item = attempt.house, attempt.item
    refusal = house.catalog.read(lambda reader: _refusal(reader, attempt))
    if refusal is not None:
        raise _Refused(refusal)
    uri = item.request["sourceFile"]
    with house.buckets.open(uri, attempt.job.account, attempt.job.request["roleArn"]) as source:
        _check_size(house, source.size)
        house.blobs.check_room(source.size)
        found = examine_fasta(_kept(attempt, source), progress=_reporter(attempt))
    if found.problems:
        raise _Refused(found.problems[0].text)
    reach("import.examined")
    files = _files(attempt, imported_file_name(uri), found)
    house.blobs.put_manifest(attempt.manifest, _manifest(attempt, files, found))
    reach("import.manifest")
    return files, found


def _check_size(house: House, size: int) -> None:
    quota = house.quota("reference_size")
    if quota and size > quota:
        raise _Refused(f"The object has {size} bytes; a reference may have {quota} here (quota_reference_size).")


def _kept(attempt: _Attempt, source: SourceObject) -> Iterator[bytes]:
    """The bytes of a source as they lie here: stretch by stretch they are stored, and read back to be examined."""
    house, chunks = attempt.house, source.chunks()
    for first in chunks:
        blob = house.blobs.write(_stretch(first, chunks))
        attempt.stored.append(blob)
        reach("import.stored")
        for chunk in house.blobs.read([blob.span(0, blob.length)]):
            if house.stopping.is_set():
                raise Superseded
            yield chunk


def _stretch(first: bytes, rest: Iterator[bytes]) -> Iterator[bytes]:
    yield first
    size = len(first)
    while size < _STRETCH and (chunk := next(rest, None)) is not None:
        size += len(chunk)
        yield chunk


def _reporter(attempt: _Attempt) -> Callable[[Progress], None]:
    told = time.monotonic()

    def report(progress: Progress) -> None:
        nonlocal told
        if time.monotonic() - told >= _PROGRESS_S:
            told = time.monotonic()
            noted = {"stored": progress.stored, "text": progress.text}
            attempt.house.catalog.write(lambda tx: _hold(tx, attempt.job, attempt.item, **noted))

    return report


def _files(attempt: _Attempt, name: str, found: FastaExamination) -> list[_File]:
    compressed = found.gzi is not None
    kept = tuple(attempt.stored)
    source = _File("SOURCE", name, _BGZF if compressed else _PLAIN, found.stored_sha256, found.stored_md5, kept)
    made = [_made(attempt, "INDEX", f"{name}.fai", _PLAIN, found.fai)]
    if found.gzi is not None:
        made.append(_made(attempt, "GZI", f"{name}.gzi", _GZI, found.gzi))
    return [source, *made]


def _made(attempt: _Attempt, source: str, name: str, media_type: str, content: bytes) -> _File:
    blob = attempt.house.blobs.write([content])
    attempt.stored.append(blob)
    md5 = hashlib.md5(content, usedforsecurity=False).hexdigest()
    return _File(source, name, media_type, blob.sha256, md5, [blob])


def _refusal(reader: Reader, attempt: _Attempt) -> str | None:
    """Why the store takes no such reference, if it does not."""
    store_id, name = attempt.job.store_id, attempt.item.request["name"]
    if references.is_named(reader, store_id, name):
        return "The store has a reference of this name already; choose another name, or delete that one."
    quota = attempt.house.quota("references_per_store")
    if quota and references.count(reader, store_id) >= quota:
        return f"The store has {quota} references, as many as it may (quota_references_per_store)."
    return None


def _finish(tx: Transaction, attempt: _Attempt, files: Sequence[_File], found: FastaExamination) -> None:
    """Make the reference ACTIVE, unless the store has come to refuse it."""
    job, item = attempt.job, attempt.item
    lock_reference_store(tx, job.account, job.store_id, shared=False)
    refusal = _refusal(tx, attempt)
    if refusal is not None:
        raise _Refused(refusal)
    for blob in attempt.stored:
        blobs.insert_live(tx, blob)
    about = {"name": item.request["name"], "description": item.request.get("description"), "md5": found.md5}
    place = {"id": item.output_id, "store_id": job.store_id, "creation_job_id": job.id}
    known = {"facts": _facts(found), "facts_version": _FACTS_VERSION}
    context, sequences = RequestContext(**job.context), map(asdict, found.sequences)
    references.insert(tx, context, {**place, **about, **known}, sequences)
    for file in files:
        values = {"holder_id": item.output_id, "source": file.source, "file_name": file.name, "size": file.size}
        digests = {"sha256": file.sha256, "md5": file.md5, "media_type": file.media_type}
        stored_files.insert(tx, {**values, **digests}, file.segments)
    tags.put(tx, item.output_id, item.request.get("tags", {}))
    items.move(tx, item, states.FINISHED)
    _hold(tx, job, item)
    reach("import.in_transaction")


def _refuse(tx: Transaction, attempt: _Attempt, message: str) -> None:
    items.move(tx, attempt.item, states.FAILED, message)
    _give_up(tx, attempt)
    _hold(tx, attempt.job, attempt.item)


def _hold(tx: Transaction, job: Row[Any], item: Row[Any], **progress: int) -> None:
    """Stand at the fence, and note how far this has come; Superseded when another attempt counts now."""
    if not jobs.put_progress(tx, job, {"item": item.position, **progress}):
        raise Superseded


def _give_up(tx: Transaction, attempt: _Attempt) -> None:
    """Condemn what this attempt has stored. Were it that its commit succeeded after all, the blobs count, and stay."""
    for blob in attempt.stored:
        blobs.insert_condemned(tx, blob.name, blob.place, tx.now)


def _facts(found: FastaExamination) -> dict[str, Any]:
    return {
        "sequences": len(found.sequences),
        "bases": sum(sequence.length for sequence in found.sequences),
        "storedLength": found.stored_length,
        "textLength": found.text_length,
        "compressed": found.gzi is not None,
    }


def _manifest(attempt: _Attempt, files: Sequence[_File], found: FastaExamination) -> bytes:
    """What it takes to find a reference again when the catalog is lost."""
    job, request = attempt.job, attempt.item.request
    place = {"id": attempt.item.output_id, "account": job.account, "store_id": job.store_id, "creation_job_id": job.id}
    about = {"name": request["name"], "description": request.get("description"), "md5": found.md5}
    content = {
        "manifest": _MANIFEST_VERSION,
        "reference": {**place, **about},
        "facts": _facts(found),
        "files": [file_entry(file.source, file.name, file.segments) for file in files],
    }
    return json.dumps(content).encode()
