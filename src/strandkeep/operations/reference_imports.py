"""Jobs that import references."""

from typing import Any

from sqlalchemy.engine import Row

from strandkeep.catalog import Reader, Transaction, client_tokens, items, jobs, pages
from strandkeep.domain import states, times
from strandkeep.domain.context import RequestContext
from strandkeep.domain.identifiers import is_id, new_id
from strandkeep.domain.paging import DEFAULT_PAGE
from strandkeep.domain.tags import check_tags
from strandkeep.errors import ResourceNotFoundException, ValidationException
from strandkeep.house import House
from strandkeep.kill_points import reach
from strandkeep.operations.quotas import check_another_import_job, check_more_references
from strandkeep.operations.reference_stores import require_reference_store
from strandkeep.protocol import shapes

_KIND = "reference-import"

#: What a job or an item says of itself when it has nothing of its own to say.
_JOB_MESSAGES = {
    states.SUBMITTED: "The job is submitted and will start soon.",
    states.IN_PROGRESS: "The job is currently in progress.",
    states.COMPLETED: "The job completed successfully.",
}
_ITEM_MESSAGES = {
    states.NOT_STARTED: "The source is queued for the job.",
    states.IN_PROGRESS: "The source job is currently in progress.",
    states.FINISHED: "The source was imported.",
}


async def start_reference_import_job(
    context: RequestContext, house: House, request: shapes.StartReferenceImportJobRequest
) -> shapes.StartReferenceImportJobResponse:
    """StartReferenceImportJob: up to a hundred sources, imported one after the other.

    The same clientToken starts one job.
    """
    store_id = request["referenceStoreId"]
    for source in request["sources"]:
        check_tags(source.get("tags", {}))

    def start(tx: Transaction) -> Row[Any]:
        require_reference_store(tx, context, store_id, lock="exclusive")

        def make() -> str:
            check_another_import_job(tx, house, store_id, _KIND)
            check_more_references(tx, house, store_id, len(request["sources"]))
            job_id = new_id()
            asked = {"roleArn": request["roleArn"]}
            jobs.insert(tx, context, job_id, _KIND, store_id, subject=job_id, request=asked)
            items.insert(tx, job_id, ((source, new_id()) for source in request["sources"]))
            return job_id

        started = client_tokens.once(
            tx, context, "StartReferenceImportJob", request, make, scope=store_id, conflict=ValidationException
        )
        return _require_job(tx, context, store_id, started)

    row = await house.catalog.write_async(start)
    reach("import.submitted")
    house.wake_jobs()
    # Sent again it gets the first answer, however far the job has come.
    return {**_identity(row), "status": states.SUBMITTED}  # type: ignore[typeddict-item]


async def get_reference_import_job(
    context: RequestContext, house: House, request: shapes.GetReferenceImportJobRequest
) -> shapes.GetReferenceImportJobResponse:
    """GetReferenceImportJob: how far a job is, and what became of each of its sources."""
    store_id = request["referenceStoreId"]

    def read(reader: Reader) -> dict[str, Any]:
        require_reference_store(reader, context, store_id)
        row = _require_job(reader, context, store_id, request["id"])
        message = row.status_message or _JOB_MESSAGES.get(row.state)
        sources = [_source(item) for item in items.of(reader, row.id)]
        return {**_list_item(row), "statusMessage": message, "sources": sources}

    found = await house.catalog.read_async(read)
    return found  # type: ignore[return-value]


async def list_reference_import_jobs(
    context: RequestContext, house: House, request: shapes.ListReferenceImportJobsRequest
) -> shapes.ListReferenceImportJobsResponse:
    """ListReferenceImportJobs: a store's jobs, the newest first, those included that have ended."""
    store_id, filters = request["referenceStoreId"], request.get("filter", {})
    pager = house.pager(context, "ListReferenceImportJobs", store=store_id, filter=filters)
    after, size = pager.position(request.get("nextToken")), request.get("maxResults", DEFAULT_PAGE)

    def read(reader: Reader) -> tuple[pages.Rows, list[Any] | None]:
        require_reference_store(reader, context, store_id)
        return jobs.page(reader, store_id, _KIND, filters, after, size)

    rows, last = await house.catalog.read_async(read)
    return {"importJobs": [_list_item(row) for row in rows], "nextToken": last and pager.token(last)}  # type: ignore


def _require_job(reader: Reader, context: RequestContext, store_id: str, job_id: str) -> Row[Any]:
    row = jobs.find_in_store(reader, context.account, store_id, _KIND, job_id) if is_id(job_id) else None
    if row is None:
        raise ResourceNotFoundException(
            f"id: the import job {job_id!r} does not exist in reference store {store_id!r}."
        )
    return row


def _identity(row: Row[Any]) -> dict[str, Any]:
    return {
        "id": row.id,
        "referenceStoreId": row.store_id,
        "roleArn": row.request["roleArn"],
        "creationTime": times.to_datetime(row.created),
    }


def _list_item(row: Row[Any]) -> dict[str, Any]:
    ended = times.to_datetime(row.ended) if row.ended else None
    return {**_identity(row), "status": row.state, "completionTime": ended}


def _source(item: Row[Any]) -> dict[str, Any]:
    """A source with what became of it; the id of its reference is known while it is being imported."""
    known = item.state in (states.IN_PROGRESS, states.FINISHED)
    return {
        **item.request,
        "status": item.state,
        "statusMessage": item.status_message or _ITEM_MESSAGES.get(item.state),
        "referenceId": item.output_id if known else None,
    }
