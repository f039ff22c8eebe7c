"""Ingest: an uploaded read set is checked, counted and given its digests, and becomes ACTIVE or UPLOAD_FAILED."""

import json
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Row

from strandkeep.blobs import DamagedBlob
from strandkeep.catalog import Transaction, jobs, moves, read_sets, stored_files, tables, uploads
from strandkeep.catalog.locks import lock_read_sets, lock_upload
from strandkeep.domain import layout, states, times
from strandkeep.domain.blobs import Span
from strandkeep.domain.context import RequestContext
from strandkeep.domain.file_names import manifest_name
from strandkeep.formats.examine import examine_fastq
from strandkeep.formats.facts import Examination, Progress
from strandkeep.house import House
from strandkeep.jobs.running import Conclusion, Superseded
from strandkeep.kill_points import reach

#: Version of the JSON in `read_set.facts`; `docs/reference/catalog.md` describes it.
_FACTS_VERSION = 1
_MANIFEST_VERSION = 1

_ALGORITHMS = {"MD5up": "md5", "SHA256up": "sha256", "SHA512up": "sha512"}

_MESSAGE_LENGTH = 255
_PROGRESS_S = 2.0


def ingest(house: House, job: Row[Any]) -> Conclusion:
    """Examine the files of a read set; what to write of it is the conclusion."""
    read_set, family, files = house.catalog.read(lambda reader: _load(reader, job))
    sources = {file.source: _vouched_for(house, job, file) for file in files}
    found = examine_fastq(sources, algorithm=_ALGORITHMS[family], progress=_reporter(house, job))  # type: ignore[arg-type]
    reach("ingest.examined")
    if found.problems:
        return lambda tx: _fail(tx, job, read_set, found)
    algorithm = f"{read_set.file_type}_{family}"
    house.blobs.put_manifest(manifest_name(read_set.id, read_set.revision), _manifest(house, read_set, files, found))
    reach("ingest.manifest")
    return lambda tx: _activate(tx, job, read_set, algorithm, found)


def tell_read_set(tx: Transaction, job: Row[Any], message: str) -> None:
    """Let a read set say that the server fails on it; its state stays, for nothing is known of its files."""
    moves.remark(tx, RequestContext(**job.context), job.subject, "delayed", message[:_MESSAGE_LENGTH])


def _load(reader: Any, job: Row[Any]) -> tuple[Row[Any], str, Any]:
    read_set = read_sets.find(reader, job.account, job.store_id, job.subject)
    store = reader.one(sa.select(tables.sequence_store).where(tables.sequence_store.c.id == job.store_id))
    if read_set is None or store is None or read_set.status != states.PROCESSING_UPLOAD:
        raise Superseded
    return read_set, store.etag_family, stored_files.of(reader, read_set.id)


def _vouched_for(house: House, job: Row[Any], file: Row[Any]) -> Iterator[bytes]:
    """The bytes of a file; what is damaged is told by the read set, and is no fault of the file."""
    try:
        yield from _stored_bytes(house, job.subject, file)
    except DamagedBlob as damage:
        context, finding = RequestContext(**job.context), damage.finding
        house.catalog.write(lambda tx: read_sets.mark_damaged(tx, context, job.subject, file.source, finding))
        raise


def _stored_bytes(house: House, read_set_id: str, file: Row[Any]) -> Iterator[bytes]:
    """The bytes of a file, every block checked; its segments are loaded part by part of the grid."""
    for number in range(1, layout.total_parts(file.size) + 1):
        first, length = layout.part_range(file.size, number)

        def locate(reader: Any, first: int = first, length: int = length) -> list[Span]:
            return stored_files.spans(reader, read_set_id, file.source, first, length)

        for chunk in house.blobs.read(house.catalog.read(locate)):
            if house.stopping.is_set():
                raise Superseded
            yield chunk
            reach("ingest.streaming")


def _reporter(house: House, job: Row[Any]) -> Callable[[Progress], None]:
    told = time.monotonic()

    def report(progress: Progress) -> None:
        nonlocal told
        if time.monotonic() - told >= _PROGRESS_S:
            told = time.monotonic()
            house.catalog.write(lambda tx: jobs.put_progress(tx, job, asdict(progress)))

    return report


def _activate(tx: Transaction, job: Row[Any], read_set: Row[Any], algorithm: str, found: Examination) -> None:
    changes = {
        "etag_algorithm": algorithm,
        "facts": _facts(found),
        "facts_version": _FACTS_VERSION,
        "status_message": " ".join(found.notes)[:_MESSAGE_LENGTH] or None,
    }
    _end_upload(tx, job, read_set, states.COMPLETED, states.ACTIVE, changes)
    files = [
        stored_files.FileFacts(source, facts.stored_sha256, facts.stored_md5, facts.text_digest)
        for source, facts in found.sources.items()
    ]
    stored_files.put_facts(tx, read_set.id, algorithm, files)


def _fail(tx: Transaction, job: Row[Any], read_set: Row[Any], found: Examination) -> None:
    changes = {"status_message": found.problems[0].text[:_MESSAGE_LENGTH]}
    _end_upload(tx, job, read_set, states.FAILED, states.UPLOAD_FAILED, changes)
    problems = [
        {"source": p.source, "record": p.record, "byte_offset": p.offset, "rule": p.rule, "text": p.text}
        for p in found.problems
    ]
    read_sets.put_problems(tx, read_set.id, problems)


def _end_upload(
    tx: Transaction, job: Row[Any], read_set: Row[Any], upload_state: str, state: str, changes: dict[str, Any]
) -> None:
    """Move upload and read set out of the middle of ingest; Superseded when another attempt did."""
    context = RequestContext(**job.context)
    lock_upload(tx, job.account, job.store_id, read_set.creation_job_id, shared=False)
    lock_read_sets(tx, job.account, job.store_id, [read_set.id])
    if not moves.move(tx, context, "readSet", read_set.id, states.PROCESSING_UPLOAD, state, **changes):
        raise Superseded
    # The upload of a read set that is checked once more has ended before, and stays as it did.
    moves.move(tx, context, "upload", read_set.creation_job_id, states.COMPLETING, upload_state)
    uploads.drop_parts(tx, read_set.creation_job_id)


def _facts(found: Examination) -> dict[str, Any]:
    return {
        "totalReadCount": sum(facts.reads for facts in found.sources.values()),
        "totalBaseCount": sum(facts.bases for facts in found.sources.values()),
        "run": asdict(found.run) if found.run else None,
        "sources": {source: asdict(facts) for source, facts in found.sources.items()},
        "notes": list(found.notes),
    }


def _manifest(house: House, read_set: Row[Any], files: Any, found: Examination) -> bytes:
    """What it takes to find a read set again when the catalog is lost."""

    def segments(source: str, size: int) -> Any:
        found = house.catalog.read(lambda reader: stored_files.spans(reader, read_set.id, source, 0, size))
        return [[span.name, span.offset, span.length] for span in found]

    identity = ("id", "account", "store_id", "revision", "name", "subject_id", "sample_id", "generated_from")
    more = ("description", "reference_arn", "file_type", "creation_type", "creation_job_id")
    content = {
        "manifest": _MANIFEST_VERSION,
        "readSet": {name: getattr(read_set, name) for name in (*identity, *more)},
        "created": times.to_datetime(read_set.created).isoformat(),
        "facts": _facts(found),
        "files": [
            {"source": f.source, "name": f.file_name, "size": f.size, "segments": segments(f.source, f.size)}
            for f in files
        ],
    }
    return json.dumps(content).encode()
