"""Ingest: an uploaded read set is checked, counted and given its digests, and becomes ACTIVE or UPLOAD_FAILED."""

from dataclasses import asdict, replace
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Row

from strandkeep.catalog import Transaction, moves, qc, read_sets, stored_files, tables, uploads
from strandkeep.catalog.locks import lock_read_sets, lock_upload
from strandkeep.domain import states
from strandkeep.domain.context import RequestContext
from strandkeep.domain.file_names import manifest_name
from strandkeep.domain.file_types import etag_algorithm
from strandkeep.formats.facts import Examination, SourceFacts
from strandkeep.house import House
from strandkeep.jobs import outputs
from strandkeep.jobs.examination import examine
from strandkeep.jobs.manifest import manifest
from strandkeep.jobs.running import Conclusion, Superseded
from strandkeep.kill_points import reach

#: Version of the JSON in `read_set.facts`; `docs/reference/catalog.md` describes it.
_FACTS_VERSION = 1
#: Version of the JSON in `qc.content`, which `formats/qc.py` makes.
_QC_VERSION = 1

_MESSAGE_LENGTH = 255


def ingest(house: House, job: Row[Any]) -> Conclusion:
    """Examine the files of a read set; what to write of it is the conclusion."""
    read_set, family, files = house.catalog.read(lambda reader: _load(reader, job))
    found = examine(house, job, read_set, family, files)
    reach("ingest.examined")
    if found.problems:
        return lambda tx: _fail(tx, job, read_set, found)
    made = outputs.store(house, read_set.id, files, found)
    content = manifest(house, read_set, files, made, _facts(found))
    house.blobs.put_manifest(manifest_name(read_set.id, read_set.revision), content)
    reach("ingest.manifest")

    def conclude(tx: Transaction) -> None:
        _activate(tx, job, read_set, etag_algorithm(read_set.file_type, family), found)
        outputs.put(tx, house, read_set.id, made)

    return conclude


def tell_read_set(tx: Transaction, job: Row[Any], message: str) -> None:
    """Let a read set say that the server fails on it; its state stays, for nothing is known of its files."""
    moves.remark(tx, RequestContext(**job.context), "readSet", job.subject, "delayed", message[:_MESSAGE_LENGTH])


def _load(reader: Any, job: Row[Any]) -> tuple[Row[Any], str, Any]:
    read_set = read_sets.find(reader, job.account, job.store_id, job.subject)
    store = reader.one(sa.select(tables.sequence_store).where(tables.sequence_store.c.id == job.store_id))
    if read_set is None or store is None or read_set.status != states.PROCESSING_UPLOAD:
        raise Superseded
    return read_set, store.etag_family, stored_files.of(reader, read_set.id)


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
    facts_of_qc = {source: facts.qc for source, facts in found.sources.items() if facts.qc is not None}
    if facts_of_qc:
        qc.put(tx, read_set.id, _QC_VERSION, facts_of_qc)


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
        "sources": {source: _source_facts(facts) for source, facts in found.sources.items()},
        "notes": list(found.notes),
    }


def _source_facts(facts: SourceFacts) -> dict[str, Any]:
    told = asdict(replace(facts, qc=None))
    del told["qc"]
    return told
