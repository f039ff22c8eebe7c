"""Ingest: an uploaded read set is checked, counted and given its digests, and becomes ACTIVE or UPLOAD_FAILED."""

from dataclasses import asdict
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Row

from strandkeep.catalog import (
    Reader,
    Transaction,
    jobs,
    moves,
    read_sets,
    sequence_stores,
    stored_files,
    tables,
    uploads,
)
from strandkeep.catalog.locks import lock_read_sets, lock_upload
from strandkeep.domain import states
from strandkeep.domain.context import RequestContext
from strandkeep.domain.file_names import manifest_name
from strandkeep.domain.identifiers import new_id
from strandkeep.formats.facts import Examination, Progress
from strandkeep.house import House
from strandkeep.jobs import outputs, read_set_facts
from strandkeep.jobs.examination import Reads, examine, now_and_then, stored_sources
from strandkeep.jobs.manifest import manifest
from strandkeep.jobs.outputs import StoredFile
from strandkeep.jobs.running import Conclusion, Superseded
from strandkeep.kill_points import reach


def ingest(house: House, job: Row[Any]) -> Conclusion:
    """Examine the files of a read set; what to write of it is the conclusion."""
    read_set, reads, rows = house.catalog.read(lambda reader: _load(reader, job))

    @now_and_then
    def report(progress: Progress) -> None:
        house.catalog.write(lambda tx: jobs.put_progress(tx, job, asdict(progress)))

    found = examine(house, reads, stored_sources(house, reads, rows), report)
    reach("ingest.examined")
    if found.problems:
        return lambda tx: _fail(tx, job, read_set, found)
    files = house.catalog.read(lambda reader: _files(reader, read_set.id, rows))
    made = outputs.store(house, files, found)
    content = manifest(read_set._mapping, [*files, *made], read_set_facts.as_json(found))
    house.blobs.put_manifest(manifest_name(read_set.id, read_set.revision), content)
    reach("ingest.manifest")

    def conclude(tx: Transaction) -> None:
        _end_upload(tx, job, read_set, states.COMPLETED, states.ACTIVE, read_set_facts.columns(reads, found))
        read_set_facts.put(tx, reads, found)
        outputs.put(tx, house, read_set.id, made)

    return conclude


def tell_read_set(tx: Transaction, job: Row[Any], message: str) -> None:
    """Let a read set say that the server fails on it; its state stays, for nothing is known of its files."""
    context, text = RequestContext(**job.context), message[: read_set_facts.MESSAGE_LENGTH]
    moves.remark(tx, context, "readSet", job.subject, "delayed", text)


def _load(reader: Reader, job: Row[Any]) -> tuple[Row[Any], Reads, Any]:
    row = read_sets.find(reader, job.account, job.store_id, job.subject)
    store = reader.one(sa.select(tables.sequence_store).where(tables.sequence_store.c.id == job.store_id))
    if row is None or store is None or row.status != states.PROCESSING_UPLOAD:
        raise Superseded
    context = RequestContext(**job.context)
    reads = Reads(row.id, row.store_id, row.file_type, row.reference_arn, store.etag_family, context)
    return row, reads, stored_files.of(reader, row.id)


def _files(reader: Reader, read_set_id: str, rows: Any) -> list[StoredFile]:
    return [
        StoredFile(file.source, file.file_name, stored_files.segments(reader, read_set_id, file.source))
        for file in rows
    ]


def _fail(tx: Transaction, job: Row[Any], read_set: Row[Any], found: Examination) -> None:
    changes = {"status_message": found.problems[0].text[: read_set_facts.MESSAGE_LENGTH]}
    _end_upload(tx, job, read_set, states.FAILED, states.UPLOAD_FAILED, changes)
    problems = [
        {"source": p.source, "record": p.record, "byte_offset": p.offset, "rule": p.rule, "text": p.text}
        for p in found.problems
    ]
    read_sets.put_problems(tx, read_set.id, problems)
    store = sequence_stores.find(tx, job.account, job.store_id)
    if store is not None and store.fallback_location:
        context, request = RequestContext(**job.context), {"location": store.fallback_location}
        jobs.insert(tx, context, new_id(), "fallback", job.store_id, read_set.creation_job_id, request)


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
