"""References."""

from typing import Any

from sqlalchemy.engine import Row

from strandkeep.catalog import Reader, Transaction, references
from strandkeep.catalog.locks import lock_reference
from strandkeep.catalog.moves import move
from strandkeep.domain import states, times
from strandkeep.domain.context import RequestContext
from strandkeep.domain.identifiers import is_id
from strandkeep.domain.paging import DEFAULT_PAGE
from strandkeep.errors import ConflictException, ResourceNotFoundException
from strandkeep.house import House
from strandkeep.kill_points import reach
from strandkeep.operations.file_parts import Piece, file_information, locate, outgoing, sizes_of
from strandkeep.operations.reference_stores import require_reference_store
from strandkeep.operations.streams import Outgoing
from strandkeep.protocol import shapes


async def list_references(
    context: RequestContext, house: House, request: shapes.ListReferencesRequest
) -> shapes.ListReferencesResponse:
    """ListReferences: a store's references, the newest first."""
    store_id, filters = request["referenceStoreId"], request.get("filter", {})
    pager = house.pager(context, "ListReferences", store=store_id, filter=filters)
    after, size = pager.position(request.get("nextToken")), request.get("maxResults", DEFAULT_PAGE)

    def read(reader: Reader) -> tuple[list[dict[str, Any]], list[Any] | None]:
        require_reference_store(reader, context, store_id)
        rows, last = references.page(reader, store_id, filters, after, size)
        return [_summary(house, row) for row in rows], last

    items, last = await house.catalog.read_async(read)
    return {"references": items, "nextToken": last and pager.token(last)}  # type: ignore[typeddict-item]


async def get_reference_metadata(
    context: RequestContext, house: House, request: shapes.GetReferenceMetadataRequest
) -> shapes.GetReferenceMetadataResponse:
    """GetReferenceMetadata: what is known of a reference, and the grid of parts that its files are read by."""

    def read(reader: Reader) -> dict[str, Any]:
        row = _require_reference(reader, context, request["referenceStoreId"], request["id"])
        files = {source.lower(): file_information(size) for source, size in sizes_of(reader, row.id).items()}
        origin = {"creationType": "IMPORT", "creationJobId": row.creation_job_id}
        return {**_summary(house, row), "files": files if row.status == states.ACTIVE else None, **origin}

    found = await house.catalog.read_async(read)
    return found  # type: ignore[return-value]


async def get_reference(context: RequestContext, house: House, request: shapes.GetReferenceRequest) -> Outgoing:
    """GetReference: one part of a file by the 100 MiB grid, or a range of that part; every block is checked."""
    store_id, reference_id = request["referenceStoreId"], request["id"]
    source, number = request.get("file", "SOURCE"), request["partNumber"]

    def read(reader: Reader) -> Piece:
        row = _require_reference(reader, context, store_id, reference_id)
        if row.status == states.DELETED:
            raise ResourceNotFoundException(f"The reference {reference_id} was deleted.")
        return locate(reader, "reference", reference_id, source, number, request.get("range"))

    return outgoing(context, house, await house.catalog.read_async(read))


async def delete_reference(
    context: RequestContext, house: House, request: shapes.DeleteReferenceRequest
) -> shapes.DeleteReferenceResponse:
    """DeleteReference: only one that no read set, upload or job names; its bytes go after the time of all deletions."""
    store_id, reference_id = request["referenceStoreId"], request["id"]

    def delete(tx: Transaction) -> None:
        require_reference_store(tx, context, store_id, lock="shared")
        row = lock_reference(tx, context.account, store_id, reference_id, shared=False) if is_id(reference_id) else None
        if row is None or row.status == states.DELETED:
            raise _not_found(store_id, reference_id)
        holders = references.in_use_by(tx, house.installation.reference_arn(store_id, reference_id))
        if holders is not None:
            raise ConflictException(
                f"id: {holders} name the reference {reference_id}, deleted read sets included until they are purged; "
                "it can go when none does."
            )
        changes = {"updated": tx.now, "purge_after": tx.now + house.delete_after}
        move(tx, context, "reference", reference_id, states.ACTIVE, states.DELETED, **changes)

    await house.catalog.write_async(delete)
    reach("reference.deleted")
    return {}


def _require_reference(reader: Reader, context: RequestContext, store_id: str, reference_id: str) -> Row[Any]:
    """The caller's reference, a deleted one included; ResourceNotFoundException for any other."""
    row = None
    if is_id(store_id) and is_id(reference_id):
        row = references.find(reader, context.account, store_id, reference_id)
    if row is None:
        raise _not_found(store_id, reference_id)
    return row


def _not_found(store_id: str, reference_id: str) -> ResourceNotFoundException:
    return ResourceNotFoundException(f"The reference {reference_id!r} does not exist in reference store {store_id!r}.")


def _summary(house: House, row: Row[Any]) -> dict[str, Any]:
    return {
        "id": row.id,
        "arn": house.installation.reference_arn(row.store_id, row.id),
        "referenceStoreId": row.store_id,
        "md5": row.md5,
        "status": row.status,
        "name": row.name,
        "description": row.description,
        "creationTime": times.to_datetime(row.created),
        "updateTime": times.to_datetime(row.updated),
    }
