"""Import jobs of both kinds, followed, cancelled, and started once more with what failed of them."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy.engine import Row

from strandkeep.catalog import Reader, Transaction, client_tokens, items, jobs, moves
from strandkeep.domain import states, times
from strandkeep.domain.context import RequestContext
from strandkeep.domain.identifiers import is_id
from strandkeep.domain.import_progress import Distance, distance, together
from strandkeep.errors import ConflictException, ResourceNotFoundException
from strandkeep.house import House
from strandkeep.operations import import_jobs
from strandkeep.operations.import_jobs import ImportKind
from strandkeep.operations.read_set_imports import READ_SETS
from strandkeep.operations.reference_imports import REFERENCES
from strandkeep.protocol import strandkeep_shapes as shapes

_KINDS: Mapping[str, ImportKind] = {kind.name: kind for kind in (READ_SETS, REFERENCES)}


async def cancel_job(
    context: RequestContext, house: House, request: shapes.CancelJobRequest
) -> shapes.CancelJobResponse:
    """CancelJob: what waits ends at once, what runs lets go within seconds; what has finished stays."""

    def cancel(tx: Transaction) -> Row[Any]:
        row = _require(tx, context, request["id"])
        if not items.cancel(tx, context, row.id):
            ended = _require(tx, context, row.id)
            raise ConflictException(f"id: the import job {row.id} is {ended.state}; it has ended already.")
        return _require(tx, context, row.id)

    row = await house.catalog.write_async(cancel)
    house.wake_jobs()
    return {"id": row.id, "kind": _kind(row), "status": row.state}


async def get_job_progress(
    context: RequestContext, house: House, request: shapes.GetJobProgressRequest
) -> shapes.GetJobProgressResponse:
    """GetJobProgress: how far each source is, and the job as a whole."""
    now = house.catalog.clock.reading()

    def read(reader: Reader) -> dict[str, Any]:
        row = _require(reader, context, request["id"])
        return _progress(row, items.of(reader, row.id), now)

    found = await house.catalog.read_async(read)
    return found  # type: ignore[return-value]


async def retry_failed_items(
    context: RequestContext, house: House, request: shapes.RetryFailedItemsRequest
) -> shapes.RetryFailedItemsResponse:
    """RetryFailedItems: a new job with those sources of an ended one that failed or were cancelled.

    The same clientToken starts one.
    """

    def begin(tx: Transaction) -> Row[Any]:
        before = _require(tx, context, request["id"])
        kind = _KINDS[before.kind]
        kind.lock_store(tx, context, house, before.store_id)

        def make() -> str:
            asked = {"roleArn": before.request["roleArn"], "retryOf": before.id}
            return import_jobs.insert(tx, context, house, kind, before.store_id, asked, _failed_sources(tx, before))

        job_id = client_tokens.once(tx, context, "RetryFailedItems", request, make, scope=before.store_id)
        return import_jobs.require_job(tx, context, before.store_id, kind, job_id)

    row = await import_jobs.submit(house, begin)
    sources = await house.catalog.read_async(lambda reader: items.count(reader, row.id))
    answer = import_jobs.started(_KINDS[row.kind], row)
    return {**answer, "kind": _kind(row), "retryOf": row.request["retryOf"], "sources": sources}  # type: ignore


def _require(reader: Reader, context: RequestContext, job_id: str) -> Row[Any]:
    """The caller's import job of either kind; ResourceNotFoundException for any other."""
    row = jobs.find(reader, job_id) if is_id(job_id) else None
    if row is None or row.account != context.account or row.kind not in _KINDS:
        raise ResourceNotFoundException(f"id: the import job {job_id!r} does not exist.")
    return row


def _failed_sources(reader: Reader, job: Row[Any]) -> list[Mapping[str, Any]]:
    """What was asked for and did not come of a job; ConflictException unless it has ended, and not wholly well."""
    if job.state not in states.ENDED_JOBS:
        raise ConflictException(
            f"id: the import job {job.id} is {job.state}; its failed sources can be retried once it has ended."
        )
    failed = [item.request for item in items.of(reader, job.id) if item.state == states.FAILED]
    if not failed:
        raise ConflictException(f"id: the import job {job.id} is {job.state}; none of its sources failed.")
    return failed


def _kind(row: Row[Any]) -> Any:
    """The kind of a job as events tell it."""
    return moves.JOB_EVENTS[row.kind]


def _progress(row: Row[Any], sources: Sequence[Row[Any]], now: int) -> dict[str, Any]:
    kind = _KINDS[row.kind]
    far = [(item, distance(item.state, item.progress, item.run_after, now)) for item in sources]
    outcomes = Counter(item.state for item in sources)
    return {
        **import_jobs.list_item(row, kind),
        "kind": _kind(row),
        "statusMessage": import_jobs.job_message(row),
        "retryOf": row.request.get("retryOf"),
        "totals": {
            "sources": len(sources),
            "notStarted": outcomes[states.NOT_STARTED],
            "inProgress": outcomes[states.IN_PROGRESS],
            "finished": outcomes[states.FINISHED],
            "failed": outcomes[states.FAILED],
            **_distance(together([(item.state, of_it) for item, of_it in far])),
        },
        "sources": [_source(kind, item, of_it, now) for item, of_it in far],
    }


def _source(kind: ImportKind, item: Row[Any], far: Distance, now: int) -> dict[str, Any]:
    put_off = item.state == states.IN_PROGRESS and item.run_after > now
    return {
        "position": item.position,
        "name": kind.shown(item.request)["name"],
        **import_jobs.outcome(item, kind, now),
        **_distance(far),
        "attempt": item.attempt,
        "failures": item.failures,
        "nextAttemptTime": times.to_datetime(item.run_after) if put_off else None,
    }


def _distance(far: Distance) -> dict[str, Any]:
    return {
        "bytesDone": far.done,
        "bytesTotal": far.total,
        "bytesPerSecond": far.rate,
        "reads": far.reads,
        "percent": far.percent,
    }
