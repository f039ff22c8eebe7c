"""Reference stores."""

from typing import Any

from sqlalchemy.engine import Row

from strandkeep.catalog import Reader, Transaction, client_tokens, reference_stores, tables, tags
from strandkeep.catalog.locks import lock_reference_store
from strandkeep.catalog.moves import move
from strandkeep.domain import states, times
from strandkeep.domain.context import RequestContext
from strandkeep.domain.encryption import check_encryption
from strandkeep.domain.identifiers import is_id, new_id
from strandkeep.domain.paging import DEFAULT_PAGE
from strandkeep.domain.tags import check_tags
from strandkeep.errors import ConflictException, ResourceNotFoundException, ValidationException
from strandkeep.house import House
from strandkeep.kill_points import reach
from strandkeep.operations.quotas import check_another_reference_store
from strandkeep.protocol import shapes


async def create_reference_store(
    context: RequestContext, house: House, request: shapes.CreateReferenceStoreRequest
) -> shapes.CreateReferenceStoreResponse:
    """CreateReferenceStore: a store, ACTIVE at once; the same clientToken gives the same store."""
    check_encryption(request.get("sseConfig"))
    new_tags = request.get("tags", {})
    check_tags(new_tags)

    def create(tx: Transaction) -> Row[Any]:
        def make() -> str:
            check_another_reference_store(tx, context, house)
            store_id = new_id()
            about = {"description": request.get("description"), "sse_config": request.get("sseConfig")}
            reference_stores.insert(tx, context, store_id, {"name": request["name"], **about})
            tags.put(tx, store_id, new_tags)
            return store_id

        made = client_tokens.once(tx, context, "CreateReferenceStore", request, make, conflict=ValidationException)
        # Sent again it gets the first answer, even when the store was deleted since.
        return tx.connection.execute(tables.reference_store.select().where(tables.reference_store.c.id == made)).one()

    created = await house.catalog.write_async(create)
    reach("reference_store.committed")
    return _answer(house, created)  # type: ignore[return-value]


async def get_reference_store(
    context: RequestContext, house: House, request: shapes.GetReferenceStoreRequest
) -> shapes.GetReferenceStoreResponse:
    """GetReferenceStore."""
    row = await house.catalog.read_async(lambda reader: require_reference_store(reader, context, request["id"]))
    return _answer(house, row)  # type: ignore[return-value]


async def list_reference_stores(
    context: RequestContext, house: House, request: shapes.ListReferenceStoresRequest
) -> shapes.ListReferenceStoresResponse:
    """ListReferenceStores: the account's stores, the newest first."""
    filters = request.get("filter", {})
    pager = house.pager(context, "ListReferenceStores", filter=filters)
    after, size = pager.position(request.get("nextToken")), request.get("maxResults", DEFAULT_PAGE)
    rows, last = await house.catalog.read_async(
        lambda reader: reference_stores.page(reader, context.account, filters, after, size)
    )
    items = [_answer(house, row) for row in rows]
    return {"referenceStores": items, "nextToken": last and pager.token(last)}  # type: ignore[typeddict-item]


async def delete_reference_store(
    context: RequestContext, house: House, request: shapes.DeleteReferenceStoreRequest
) -> shapes.DeleteReferenceStoreResponse:
    """DeleteReferenceStore: only one that nothing uses; its tags go with it."""
    store_id = request["id"]

    def delete(tx: Transaction) -> None:
        require_reference_store(tx, context, store_id, lock="exclusive")
        holders = reference_stores.in_use_by(tx, store_id)
        if holders is not None:
            raise ConflictException(
                f"id: the reference store {store_id} still has {holders}; delete them, or wait until they have ended."
            )
        move(tx, context, "referenceStore", store_id, states.ACTIVE, states.DELETED)
        tags.clear(tx, store_id)

    await house.catalog.write_async(delete)
    reach("reference_store.deleted")
    return {}


def require_reference_store(reader: Reader, context: RequestContext, store_id: str, *, lock: str = "") -> Row[Any]:
    """The caller's store; ResourceNotFoundException for one that is not there, or not the caller's.

    `lock` ("shared" or "exclusive") locks its row; the reader is a Transaction then.
    """
    row = None
    if is_id(store_id):
        if lock and isinstance(reader, Transaction):
            row = lock_reference_store(reader, context.account, store_id, shared=lock == "shared")
        else:
            row = reference_stores.find(reader, context.account, store_id)
    if row is None:
        raise ResourceNotFoundException(f"The reference store {store_id!r} does not exist.")
    return row


def _answer(house: House, row: Row[Any]) -> dict[str, Any]:
    return {
        "id": row.id,
        "arn": house.installation.reference_store_arn(row.id),
        "name": row.name,
        "description": row.description,
        "sseConfig": row.sse_config,
        "creationTime": times.to_datetime(row.created),
    }
