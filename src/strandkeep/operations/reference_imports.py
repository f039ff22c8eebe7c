"""Jobs that import references."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy.engine import Row

from strandkeep.catalog import Reader, Transaction, items, jobs, pages
from strandkeep.domain.context import RequestContext
from strandkeep.domain.paging import DEFAULT_PAGE
from strandkeep.domain.tags import check_tags
from strandkeep.house import House
from strandkeep.operations import import_jobs
from strandkeep.operations.import_jobs import ImportKind, Sources
from strandkeep.operations.quotas import check_more_references
from strandkeep.operations.reference_stores import require_reference_store
from strandkeep.protocol import shapes


async def start_reference_import_job(
    context: RequestContext, house: House, request: shapes.StartReferenceImportJobRequest
) -> shapes.StartReferenceImportJobResponse:
    """StartReferenceImportJob: up to a hundred sources, each of which becomes a reference.

    The same clientToken starts one job.
    """
    for source in request["sources"]:
        check_tags(source.get("tags", {}))
    row = await import_jobs.start(context, house, REFERENCES, "StartReferenceImportJob", request)
    return import_jobs.started(REFERENCES, row)  # type: ignore[return-value]


async def get_reference_import_job(
    context: RequestContext, house: House, request: shapes.GetReferenceImportJobRequest
) -> shapes.GetReferenceImportJobResponse:
    """GetReferenceImportJob: how far a job is, and what became of each of its sources."""
    store_id, now = request["referenceStoreId"], house.catalog.clock.reading()

    def read(reader: Reader) -> dict[str, Any]:
        require_reference_store(reader, context, store_id)
        row = import_jobs.require_job(reader, context, store_id, REFERENCES, request["id"])
        sources = [_source(item, now) for item in items.of(reader, row.id)]
        return {
            **import_jobs.list_item(row, REFERENCES.store_member),
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
        return jobs.page(reader, store_id, REFERENCES.name, filters, after, size)

    rows, last = await house.catalog.read_async(read)
    listed = [import_jobs.list_item(row, REFERENCES.store_member) for row in rows]
    return {"importJobs": listed, "nextToken": last and pager.token(last)}  # type: ignore[typeddict-item]


def _lock_store(tx: Transaction, context: RequestContext, _house: House, store_id: str) -> None:
    require_reference_store(tx, context, store_id, lock="exclusive")


def _admit(tx: Transaction, _context: RequestContext, house: House, store_id: str, sources: Sources) -> None:
    check_more_references(tx, house, store_id, len(sources))


def _name(request: Mapping[str, Any]) -> str:
    return str(request["name"])


REFERENCES = ImportKind("reference-import", "referenceStoreId", "referenceId", _lock_store, _admit, _name)


def _source(item: Row[Any], now: int) -> dict[str, Any]:
    return {**item.request, **import_jobs.outcome(item, REFERENCES.output_member, now)}
