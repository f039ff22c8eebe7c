"""Jobs that import read sets from buckets."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy.engine import Row

from strandkeep.catalog import Transaction
from strandkeep.domain.context import RequestContext
from strandkeep.domain.import_sources import check_source_files, read_set_name, shown_source_files
from strandkeep.domain.tags import check_tags
from strandkeep.house import House
from strandkeep.operations import import_jobs
from strandkeep.operations.import_jobs import ImportKind, Sources
from strandkeep.operations.quotas import check_room_for_read_sets
from strandkeep.operations.sequence_stores import require_store
from strandkeep.operations.source_types import check_type, lock_named_reference
from strandkeep.protocol import shapes, strandkeep_shapes


async def start_read_set_import_job(
    context: RequestContext, house: House, request: shapes.StartReadSetImportJobRequest
) -> shapes.StartReadSetImportJobResponse:
    """StartReadSetImportJob: up to a hundred sources, each of which becomes a read set; one clientToken, one job."""
    row = await start(context, house, "StartReadSetImportJob", request)
    return import_jobs.started(READ_SETS, row)  # type: ignore[return-value]


async def import_read_sets(
    context: RequestContext, house: House, request: strandkeep_shapes.ImportReadSetsRequest
) -> strandkeep_shapes.ImportReadSetsResponse:
    """ImportReadSets: as StartReadSetImportJob, but each source is made of one file or of several, in order."""
    row = await start(context, house, "ImportReadSets", request)
    return import_jobs.started(READ_SETS, row)  # type: ignore[return-value]


async def get_read_set_import_job(
    context: RequestContext, house: House, request: shapes.GetReadSetImportJobRequest
) -> shapes.GetReadSetImportJobResponse:
    """GetReadSetImportJob: how far a job is, and what became of each of its sources."""
    return await import_jobs.get(context, house, READ_SETS, request)  # type: ignore[no-any-return]


async def list_read_set_import_jobs(
    context: RequestContext, house: House, request: shapes.ListReadSetImportJobsRequest
) -> shapes.ListReadSetImportJobsResponse:
    """ListReadSetImportJobs: a store's jobs, the newest first, those included that have ended."""
    return await import_jobs.page(  # type: ignore[no-any-return]
        context, house, READ_SETS, "ListReadSetImportJobs", request
    )


async def start(context: RequestContext, house: House, operation: str, request: Mapping[str, Any]) -> Row[Any]:
    """The job that an operation asks for, there once and for all; the same clientToken finds it again."""
    for number, source in enumerate(request["sources"], 1):
        _check(source, f"sources.{number}.member")
    return await import_jobs.start(context, house, READ_SETS, operation, request)


def _check(source: Mapping[str, Any], where: str) -> None:
    check_source_files(source["sourceFileType"], source["sourceFiles"], f"{where}.sourceFiles")
    check_type(source["sourceFileType"], source.get("referenceArn"))
    check_tags(source.get("tags", {}))


def _lock_store(tx: Transaction, context: RequestContext, house: House, store_id: str) -> None:
    # Alone when it counts: nobody else may take the place that it finds.
    alone = house.quota("concurrent_import_jobs") or house.quota("read_sets_per_store")
    require_store(tx, context, store_id, lock="exclusive" if alone else "shared")


def _admit(tx: Transaction, context: RequestContext, house: House, store_id: str, sources: Sources) -> None:
    # In one order, for others lock references too.
    for arn in sorted({source.get("referenceArn") or "" for source in sources}):
        lock_named_reference(tx, context, house.installation, arn)
    check_room_for_read_sets(tx, house, store_id, len(sources))


def _shown(request: Mapping[str, Any]) -> dict[str, Any]:
    files = shown_source_files(request["sourceFiles"])
    return {**request, "sourceFiles": files, "name": read_set_name(request)}


READ_SETS = ImportKind("read-set-import", "sequenceStoreId", "readSetId", require_store, _lock_store, _admit, _shown)
