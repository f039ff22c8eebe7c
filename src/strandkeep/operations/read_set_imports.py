"""Jobs that import read sets from buckets."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy.engine import Row

from strandkeep.catalog import Reader, Transaction, client_tokens, items, jobs, pages
from strandkeep.domain import states
from strandkeep.domain.context import RequestContext
from strandkeep.domain.identifiers import new_id
from strandkeep.domain.import_sources import check_source_files, read_set_name, shown_source_files
from strandkeep.domain.paging import DEFAULT_PAGE
from strandkeep.domain.tags import check_tags
from strandkeep.errors import ValidationException
from strandkeep.house import House
from strandkeep.kill_points import reach
from strandkeep.operations import import_jobs
from strandkeep.operations.quotas import check_another_import_job, check_room_for_read_sets
from strandkeep.operations.sequence_stores import require_store
from strandkeep.operations.source_types import check_type, lock_named_reference
from strandkeep.protocol import shapes, strandkeep_shapes

_KIND = "read-set-import"
_STORE, _OUTPUT = "sequenceStoreId", "readSetId"


async def start_read_set_import_job(
    context: RequestContext, house: House, request: shapes.StartReadSetImportJobRequest
) -> shapes.StartReadSetImportJobResponse:
    """StartReadSetImportJob: up to a hundred sources, each of which becomes a read set; one clientToken, one job."""
    row = await start(context, house, "StartReadSetImportJob", request)
    return _started(row)  # type: ignore[return-value]


async def import_read_sets(
    context: RequestContext, house: House, request: strandkeep_shapes.ImportReadSetsRequest
) -> strandkeep_shapes.ImportReadSetsResponse:
    """ImportReadSets: as StartReadSetImportJob, but each source is made of one file or of several, in order."""
    row = await start(context, house, "ImportReadSets", request)
    return _started(row)  # type: ignore[return-value]


async def get_read_set_import_job(
    context: RequestContext, house: House, request: shapes.GetReadSetImportJobRequest
) -> shapes.GetReadSetImportJobResponse:
    """GetReadSetImportJob: how far a job is, and what became of each of its sources."""
    store_id = request["sequenceStoreId"]

    def read(reader: Reader) -> dict[str, Any]:
        require_store(reader, context, store_id)
        row = import_jobs.require_job(reader, context, store_id, _KIND, request["id"])
        return {
            **import_jobs.list_item(row, _STORE),
            "statusMessage": import_jobs.job_message(row),
            "sources": [_source(item) for item in items.of(reader, row.id)],
        }

    found = await house.catalog.read_async(read)
    return found  # type: ignore[return-value]


async def list_read_set_import_jobs(
    context: RequestContext, house: House, request: shapes.ListReadSetImportJobsRequest
) -> shapes.ListReadSetImportJobsResponse:
    """ListReadSetImportJobs: a store's jobs, the newest first, those included that have ended."""
    store_id, filters = request["sequenceStoreId"], request.get("filter", {})
    pager = house.pager(context, "ListReadSetImportJobs", store=store_id, filter=filters)
    after, size = pager.position(request.get("nextToken")), request.get("maxResults", DEFAULT_PAGE)

    def read(reader: Reader) -> tuple[pages.Rows, list[Any] | None]:
        require_store(reader, context, store_id)
        return jobs.page(reader, store_id, _KIND, filters, after, size)

    rows, last = await house.catalog.read_async(read)
    listed = [import_jobs.list_item(row, _STORE) for row in rows]
    return {"importJobs": listed, "nextToken": last and pager.token(last)}  # type: ignore[typeddict-item]


async def start(context: RequestContext, house: House, operation: str, request: Mapping[str, Any]) -> Row[Any]:
    """The job that an operation asks for, there once and for all; the same clientToken finds it again."""
    store_id, sources = request["sequenceStoreId"], request["sources"]
    for number, source in enumerate(sources, 1):
        _check(source, f"sources.{number}.member")

    def insert(tx: Transaction) -> Row[Any]:
        # Alone when it counts: nobody else may take the place that it finds.
        alone = house.quota("concurrent_import_jobs") or house.quota("read_sets_per_store")
        require_store(tx, context, store_id, lock="exclusive" if alone else "shared")

        def make() -> str:
            return _insert(tx, context, house, request)

        started = client_tokens.once(
            tx, context, operation, request, make, scope=store_id, conflict=ValidationException
        )
        return import_jobs.require_job(tx, context, store_id, _KIND, started)

    row = await house.catalog.write_async(insert)
    reach("import.submitted")
    house.wake_jobs()
    return row


def _started(row: Row[Any]) -> dict[str, Any]:
    """What a start answers. Sent again it gets the first answer, however far the job has come."""
    return {**import_jobs.identity(row, _STORE), "status": states.SUBMITTED}


def _check(source: Mapping[str, Any], where: str) -> None:
    check_source_files(source["sourceFileType"], source["sourceFiles"], f"{where}.sourceFiles")
    check_type(source["sourceFileType"], source.get("referenceArn"))
    check_tags(source.get("tags", {}))


def _insert(tx: Transaction, context: RequestContext, house: House, request: Mapping[str, Any]) -> str:
    store_id, sources = request["sequenceStoreId"], request["sources"]
    # In one order, for others lock references too.
    for arn in sorted({source.get("referenceArn") or "" for source in sources}):
        lock_named_reference(tx, context, house.installation, arn)
    check_another_import_job(tx, house, store_id, _KIND)
    check_room_for_read_sets(tx, house, store_id, len(sources))
    job_id = new_id()
    jobs.insert(tx, context, job_id, _KIND, store_id, subject=job_id, request={"roleArn": request["roleArn"]})
    items.insert(tx, job_id, ((source, new_id()) for source in sources))
    return job_id


def _source(item: Row[Any]) -> dict[str, Any]:
    request = item.request
    return {
        **request,
        "sourceFiles": shown_source_files(request["sourceFiles"]),
        "name": read_set_name(request),
        **import_jobs.outcome(item, _OUTPUT),
    }
