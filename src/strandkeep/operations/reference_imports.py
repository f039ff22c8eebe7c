"""Jobs that import references."""

from typing import Any

from sqlalchemy.engine import Row

from strandkeep.catalog import Reader, Transaction, client_tokens, items, jobs, pages
from strandkeep.domain import states
from strandkeep.domain.context import RequestContext
from strandkeep.domain.identifiers import new_id
from strandkeep.domain.paging import DEFAULT_PAGE
from strandkeep.domain.tags import check_tags
from strandkeep.errors import ValidationException
from strandkeep.house import House
from strandkeep.kill_points import reach
from strandkeep.operations import import_jobs
from strandkeep.operations.quotas import check_another_import_job, check_more_references
from strandkeep.operations.reference_stores import require_reference_store
from strandkeep.protocol import shapes

_KIND = "reference-import"

_STORE, _OUTPUT = "referenceStoreId", "referenceId"


async def start_reference_import_job(
    context: RequestContext, house: House, request: shapes.StartReferenceImportJobRequest
) -> shapes.StartReferenceImportJobResponse:
    """StartReferenceImportJob: up to a hundred sources, each of which becomes a reference.

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
        return import_jobs.require_job(tx, context, store_id, _KIND, started)

    row = await house.catalog.write_async(start)
    reach("import.submitted")
    house.wake_jobs()
    # Sent again it gets the first answer, however far the job has come.
    return {**import_jobs.identity(row, _STORE), "status": states.SUBMITTED}  # type: ignore[typeddict-item]


async def get_reference_import_job(
    context: RequestContext, house: House, request: shapes.GetReferenceImportJobRequest
) -> shapes.GetReferenceImportJobResponse:
    """GetReferenceImportJob: how far a job is, and what became of each of its sources."""
    store_id = request["referenceStoreId"]

    def read(reader: Reader) -> dict[str, Any]:
        require_reference_store(reader, context, store_id)
        row = import_jobs.require_job(reader, context, store_id, _KIND, request["id"])
        sources = [{**item.request, **import_jobs.outcome(item, _OUTPUT)} for item in items.of(reader, row.id)]
        return {
            **import_jobs.list_item(row, _STORE),
            "statusMessage": import_jobs.job_message(row),
            "sources": sources,
        }

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
    return {"importJobs": [import_jobs.list_item(row, _STORE) for row in rows], "nextToken": last and pager.token(last)}  # type: ignore
