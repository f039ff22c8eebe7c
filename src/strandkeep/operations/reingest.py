"""A read set whose upload failed is checked once more; its bytes stayed here."""

from typing import Any

from sqlalchemy.engine import Row

from strandkeep.catalog import Transaction, client_tokens, jobs, moves, read_sets, stored_files
from strandkeep.catalog.locks import lock_read_sets
from strandkeep.domain import states
from strandkeep.domain.context import RequestContext
from strandkeep.domain.file_names import uploaded_file_name
from strandkeep.domain.identifiers import is_id, new_id
from strandkeep.domain.parts import check_part_source
from strandkeep.errors import ConflictException, ResourceNotFoundException
from strandkeep.house import House
from strandkeep.kill_points import reach
from strandkeep.operations.sequence_stores import require_store
from strandkeep.operations.source_types import check_type, lock_named_reference
from strandkeep.protocol import strandkeep_shapes as shapes


async def reingest_read_set(
    context: RequestContext, house: House, request: shapes.ReingestReadSetRequest
) -> shapes.ReingestReadSetResponse:
    """ReingestReadSet: from UPLOAD_FAILED back to PROCESSING_UPLOAD, as another type or with another reference.

    The same clientToken starts one ingest only.
    """
    store_id, read_set_id = request["sequenceStoreId"], request["id"]

    def reingest(tx: Transaction) -> Row[Any]:
        require_store(tx, context, store_id, lock="shared")

        def start() -> str:
            lock_named_reference(tx, context, house.installation, request.get("referenceArn"))
            _start(tx, context, _require_failed(tx, context, store_id, read_set_id), request)
            reach("reingest.in_transaction")
            return read_set_id

        client_tokens.once(tx, context, "ReingestReadSet", request, start, scope=store_id)
        return _lock(tx, context, store_id, read_set_id)

    row = await house.catalog.write_async(reingest)
    reach("reingest.committed")
    house.wake_jobs()
    return {
        "id": row.id,
        "sequenceStoreId": row.store_id,
        "status": row.status,
        "sourceFileType": row.file_type,
        "referenceArn": row.reference_arn,
    }


def _lock(tx: Transaction, context: RequestContext, store_id: str, read_set_id: str) -> Row[Any]:
    rows = lock_read_sets(tx, context.account, store_id, [read_set_id] if is_id(read_set_id) else [])
    if read_set_id not in rows:
        raise ResourceNotFoundException(f"The read set {read_set_id!r} does not exist in sequence store {store_id!r}.")
    return rows[read_set_id]


def _require_failed(tx: Transaction, context: RequestContext, store_id: str, read_set_id: str) -> Row[Any]:
    row = _lock(tx, context, store_id, read_set_id)
    if row.status != states.UPLOAD_FAILED:
        raise ConflictException(
            f"The read set {read_set_id} is {row.status}; only one in UPLOAD_FAILED can be checked once more."
        )
    return row


def _start(tx: Transaction, context: RequestContext, row: Row[Any], request: shapes.ReingestReadSetRequest) -> None:
    file_type = request.get("sourceFileType", row.file_type)
    reference_arn = request.get("referenceArn", row.reference_arn)
    check_type(file_type, reference_arn)
    names = {}
    for file in stored_files.of(tx, row.id):
        check_part_source(file_type, file.source)
        names[file.source] = uploaded_file_name(row.name, file_type, file.source)
    # Nobody has been given these names: a read set shows its files by name only once it is ACTIVE.
    stored_files.rename(tx, row.id, names)
    read_sets.drop_problems(tx, row.id)
    # What keeps the failed upload at its fallback location: nobody knows any more whether it is one.
    jobs.cancel_all(tx, context, row.creation_job_id)
    changes = {"file_type": file_type, "reference_arn": reference_arn or None, "status_message": None}
    moves.move(tx, context, "readSet", row.id, states.UPLOAD_FAILED, states.PROCESSING_UPLOAD, **changes)
    jobs.insert(tx, context, new_id(), "ingest", row.store_id, row.id)
