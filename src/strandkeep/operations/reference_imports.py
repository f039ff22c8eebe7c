"""Jobs that import references."""

from strandkeep.catalog import Transaction
from strandkeep.domain.context import RequestContext
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
    return await import_jobs.get(context, house, REFERENCES, request)  # type: ignore[no-any-return]


async def list_reference_import_jobs(
    context: RequestContext, house: House, request: shapes.ListReferenceImportJobsRequest
) -> shapes.ListReferenceImportJobsResponse:
    """ListReferenceImportJobs: a store's jobs, the newest first, those included that have ended."""
    return await import_jobs.page(  # type: ignore[no-any-return]
        context, house, REFERENCES, "ListReferenceImportJobs", request
    )


def _lock_store(tx: Transaction, context: RequestContext, _house: House, store_id: str) -> None:
    require_reference_store(tx, context, store_id, lock="exclusive")


def _admit(tx: Transaction, _context: RequestContext, house: House, store_id: str, sources: Sources) -> None:
    check_more_references(tx, house, store_id, len(sources))


REFERENCES = ImportKind(
    "reference-import", "referenceStoreId", "referenceId", require_reference_store, _lock_store, _admit, dict
)
