"""Read sets are deleted in two steps, so that there is a way back: hidden at once, purged later."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from sqlalchemy.engine import Row

from strandkeep.catalog import Transaction, jobs, moves, read_sets
from strandkeep.catalog.locks import lock_read_sets
from strandkeep.domain import states
from strandkeep.domain.context import RequestContext
from strandkeep.domain.deletion import way_back
from strandkeep.domain.identifiers import is_id
from strandkeep.errors import ApiError, ConflictException, ResourceNotFoundException
from strandkeep.house import House
from strandkeep.kill_points import reach
from strandkeep.operations import quotas
from strandkeep.operations.sequence_stores import require_store
from strandkeep.protocol import shapes, strandkeep_shapes


async def batch_delete_read_set(
    context: RequestContext, house: House, request: shapes.BatchDeleteReadSetRequest
) -> shapes.BatchDeleteReadSetResponse:
    """BatchDeleteReadSet: hidden at once, removed after the time to bring them back; failures are listed by id."""

    def delete(tx: Transaction) -> list[dict[str, Any]]:
        rows = _lock_all(tx, context, request["sequenceStoreId"], request["ids"])
        busy = read_sets.in_use(tx, [row.id for row in rows.values() if row is not None])
        failures = _failures(rows.items(), lambda row: _delete_one(tx, context, house, row, row.id in busy))
        reach("delete.in_transaction")
        return failures

    errors = await house.catalog.write_async(delete)
    reach("delete.committed")
    return {"errors": errors or None}  # type: ignore[typeddict-item]


async def batch_undelete_read_set(
    context: RequestContext, house: House, request: strandkeep_shapes.BatchUndeleteReadSetRequest
) -> strandkeep_shapes.BatchUndeleteReadSetResponse:
    """BatchUndeleteReadSet: back in the state in which each was deleted; one that is not deleted stays as it is."""
    store_id = request["sequenceStoreId"]

    def undelete(tx: Transaction) -> list[dict[str, Any]]:
        filling = quotas.is_filling(tx, house, store_id)
        rows = _lock_all(tx, context, store_id, request["ids"], store="exclusive" if filling else "shared")
        if filling:
            back = [row for row in rows.values() if row is not None and row.status == states.DELETED]
            quotas.check_more_read_sets(tx, house, store_id, len(back))
        failures = _failures(rows.items(), lambda row: _undelete_one(tx, context, row))
        reach("undelete.in_transaction")
        return failures

    errors = await house.catalog.write_async(undelete)
    reach("undelete.committed")
    return {"errors": errors or None}  # type: ignore[typeddict-item]


def _lock_all(
    tx: Transaction, context: RequestContext, store_id: str, ids: Sequence[str], *, store: str = "shared"
) -> dict[str, Row[Any] | None]:
    """Every id that was asked for, in that order, with its locked row if there is one."""
    require_store(tx, context, store_id, lock=store)
    found = lock_read_sets(tx, context.account, store_id, [i for i in ids if is_id(i)])
    return {i: found.get(i) for i in ids}


def _failures(
    rows: Iterable[tuple[str, Row[Any] | None]], work: Callable[[Row[Any]], ApiError | None]
) -> list[dict[str, Any]]:
    outcomes = [(i, _not_found() if row is None else work(row)) for i, row in rows]
    return [{"id": i, "code": e.code, "message": e.message} for i, e in outcomes if e is not None]


def _delete_one(tx: Transaction, context: RequestContext, house: House, row: Row[Any], busy: bool) -> ApiError | None:
    if row.status == states.DELETED:
        return ResourceNotFoundException(f"The read set was deleted before. {way_back(row.purge_after)}")
    if busy:
        return ConflictException(
            f"The read set is {row.status}: a job still works on it. Delete it when that has ended."
        )
    # What keeps a failed upload at its fallback location: its caller does not want it to be kept.
    jobs.cancel_all(tx, context, row.creation_job_id)
    purge_after = tx.now + house.delete_after
    moves.move(
        tx, context, "readSet", row.id, row.status, states.DELETED, purge_after=purge_after, deleted_from=row.status
    )
    return None


def _undelete_one(tx: Transaction, context: RequestContext, row: Row[Any]) -> ApiError | None:
    # Sent again after an answer that was lost, it finds its work done.
    if row.status != states.DELETED:
        return None
    if row.purge_after <= tx.now:
        return ResourceNotFoundException("The time to bring the read set back is over; it is being removed.")
    moves.move(tx, context, "readSet", row.id, states.DELETED, row.deleted_from, purge_after=None, deleted_from=None)
    return None


def _not_found() -> ResourceNotFoundException:
    return ResourceNotFoundException("The read set does not exist.")
