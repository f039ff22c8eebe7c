"""Import of read sets: a source is fetched and examined at once, and becomes an ACTIVE read set, or is refused."""

from collections.abc import Mapping, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass
from typing import Any

from sqlalchemy.engine import Row

from strandkeep.catalog import Transaction, moves, originals, read_sets, sequence_stores, stored_files
from strandkeep.catalog.locks import lock_store
from strandkeep.catalog.originals import Original
from strandkeep.domain import import_sources, states
from strandkeep.domain.context import RequestContext
from strandkeep.domain.file_types import media_type
from strandkeep.formats.facts import Examination
from strandkeep.house import House
from strandkeep.jobs import checksums, outputs, read_set_facts
from strandkeep.jobs.examination import Reads, examine
from strandkeep.jobs.fetching import Fetch, look_up
from strandkeep.jobs.manifest import manifest
from strandkeep.jobs.originals import originals_of
from strandkeep.jobs.outputs import Output, StoredFile
from strandkeep.jobs.running import Conclusion, Ending, Superseded
from strandkeep.jobs.sources import (
    check_quota,
    check_room,
    check_sound,
    concluded,
    finished,
    put_manifest,
    refuse,
    reporter,
)


@dataclass(frozen=True)
class _Made:
    """A read set that is ready to be there: what was found out, its `row`, source `files`, further `outputs`, and the
    `originals` that its sources were made of.
    """

    reads: Reads
    found: Examination
    row: Mapping[str, Any]
    files: Sequence[StoredFile]
    outputs: Sequence[Output]
    originals: Sequence[Original]


def import_read_set(house: House, item: Row[Any]) -> Conclusion:
    """Import one source of a job; the read set comes with the conclusion."""
    return concluded(house, item, lambda: _take(house, item))


def _take(house: House, item: Row[Any]) -> Conclusion:
    uris = import_sources.uris_of(item.request["sourceFiles"])
    fetches = [Fetch(house, item, source, look_up(house, item, several)) for source, several in uris.items()]
    check_quota(house, "file_size", fetches)
    check_room(house, fetches)
    reads = _reads(house, item)
    found = _examine(house, item, reads, fetches)
    check_sound(found.problems)
    came = originals_of(fetches, found)
    checksums.check(house, item, fetches, came)
    names = import_sources.file_names(uris)
    files = [StoredFile(fetch.source, names[fetch.source], fetch.segments) for fetch in fetches]
    made = _Made(reads, found, _row(house, item), files, outputs.store(house, files, found), came)
    content = manifest(made.row, [*files, *made.outputs], read_set_facts.as_json(found), came)
    put_manifest(house, item, content)
    return lambda tx: _finish(tx, house, item, made)


def _reads(house: House, item: Row[Any]) -> Reads:
    store = house.catalog.read(lambda reader: sequence_stores.find(reader, item.account, item.store_id))
    if store is None:
        raise Superseded
    file_type, context = item.request["sourceFileType"], RequestContext(**item.context)
    return Reads(item.output_id, item.store_id, file_type, item.reference_arn, store.etag_family, context)


def _examine(house: House, item: Row[Any], reads: Reads, fetches: Sequence[Fetch]) -> Examination:
    sizes = {f.source: [original.size for original in f.originals] for f in fetches if len(f.originals) > 1}
    with ExitStack() as stack:
        sources = {fetch.source: stack.enter_context(closing(fetch.chunks())) for fetch in fetches}
        report = reporter(house, item, sum(fetch.size for fetch in fetches))
        return examine(house, reads, sources, report, sizes)


def _row(house: House, item: Row[Any]) -> dict[str, Any]:
    """The read set as its row will be, but for what was found out about its files."""
    request, now = item.request, house.catalog.write(lambda tx: tx.now)
    key = {"id": item.output_id, "account": item.account, "store_id": item.store_id, "revision": 1, "created": now}
    reads = {"subject_id": request["subjectId"], "sample_id": request["sampleId"]}
    about = {"name": import_sources.read_set_name(request), "description": request.get("description")}
    origin = {"creation_type": "IMPORT", "creation_job_id": item.job_id, "generated_from": request.get("generatedFrom")}
    return {
        **{**key, **reads, **about, **origin},
        **{"file_type": request["sourceFileType"], "reference_arn": item.reference_arn},
    }


def _finish(tx: Transaction, house: House, item: Row[Any], made: _Made) -> Ending:
    """Let the read set be there, unless its store has come to be full."""
    quota = house.quota("read_sets_per_store")
    lock_store(tx, item.account, item.store_id, shared=not quota)
    if quota and read_sets.count(tx, item.store_id)[1] >= quota:
        message = f"The store has {quota} read sets, as many as it may (quota_read_sets_per_store)."
        return refuse(tx, house, item, message)
    _insert(tx, made)
    outputs.put(tx, house, made.reads.id, made.outputs)
    return finished(tx, item)


def _insert(tx: Transaction, made: _Made) -> None:
    reads, found = made.reads, made.found
    columns = {**made.row, **read_set_facts.columns(reads, found)}
    moves.begin(tx, reads.context, "readSet", states.ACTIVE, columns)
    for file in made.files:
        values = {"holder_id": reads.id, "source": file.source, "file_name": file.name, "size": file.size}
        stored_files.insert(tx, {**values, "media_type": media_type(reads.file_type)}, file.segments)
    read_set_facts.put(tx, reads, found)
    originals.insert(tx, reads.id, made.originals)
