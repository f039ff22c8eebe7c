"""Sequence stores."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy.engine import Row

from strandkeep.catalog import Reader, Transaction, client_tokens, sequence_stores, tables, tags
from strandkeep.catalog.locks import lock_store
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
from strandkeep.operations.quotas import check_another_store
from strandkeep.protocol import shapes

_DEFAULTS = {"eTagAlgorithmFamily": "MD5up"}


async def create_sequence_store(
    context: RequestContext, house: House, request: shapes.CreateSequenceStoreRequest
) -> shapes.CreateSequenceStoreResponse:
    """CreateSequenceStore: a store, ACTIVE at once; the same clientToken gives the same store."""
    check_encryption(request.get("sseConfig"))
    new_tags = request.get("tags", {})
    check_tags(new_tags)

    def create(tx: Transaction) -> Row[Any]:
        def make() -> str:
            check_another_store(tx, context, house)
            store_id = new_id()
            sequence_stores.insert(tx, context, store_id, _columns({**_DEFAULTS, **request}))
            tags.put(tx, store_id, new_tags)
            return store_id

        made = client_tokens.once(tx, context, "CreateSequenceStore", request, make, conflict=ValidationException)
        return _row(tx, made)

    created = await house.catalog.write_async(create)
    reach("store.committed")
    # Sent again it gets the first answer, whatever became of the store since.
    answer = _answer(house, {**created._asdict(), **_first_values(request)})
    answer.pop("updateTime")
    return answer  # type: ignore[return-value]


async def get_sequence_store(
    context: RequestContext, house: House, request: shapes.GetSequenceStoreRequest
) -> shapes.GetSequenceStoreResponse:
    """GetSequenceStore."""
    row = await house.catalog.read_async(lambda reader: require_store(reader, context, request["id"]))
    return _answer(house, row._asdict())  # type: ignore[return-value]


async def list_sequence_stores(
    context: RequestContext, house: House, request: shapes.ListSequenceStoresRequest
) -> shapes.ListSequenceStoresResponse:
    """ListSequenceStores: the account's stores, the newest first."""
    filters = request.get("filter", {})
    pager = house.pager(context, "ListSequenceStores", filter=filters)
    after, size = pager.position(request.get("nextToken")), request.get("maxResults", DEFAULT_PAGE)
    rows, last = await house.catalog.read_async(
        lambda reader: sequence_stores.page(reader, context.account, filters, after, size)
    )
    items = [_list_item(house, row._asdict()) for row in rows]
    return {"sequenceStores": items, "nextToken": last and pager.token(last)}  # type: ignore[typeddict-item]


async def update_sequence_store(
    context: RequestContext, house: House, request: shapes.UpdateSequenceStoreRequest
) -> shapes.UpdateSequenceStoreResponse:
    """UpdateSequenceStore: name, description, fallback location, propagated tags, access log location."""
    store_id = request["id"]

    def update(tx: Transaction) -> Row[Any]:
        require_store(tx, context, store_id, lock="exclusive")

        def make() -> str:
            sequence_stores.update(tx, context, store_id, _columns(request))
            return store_id

        return _row(tx, client_tokens.once(tx, context, "UpdateSequenceStore", request, make, scope=store_id))

    return _answer(house, (await house.catalog.write_async(update))._asdict())  # type: ignore[return-value]


async def delete_sequence_store(
    context: RequestContext, house: House, request: shapes.DeleteSequenceStoreRequest
) -> shapes.DeleteSequenceStoreResponse:
    """DeleteSequenceStore: only one that nothing uses; its tags go with it."""
    store_id = request["id"]

    def delete(tx: Transaction) -> None:
        require_store(tx, context, store_id, lock="exclusive")
        holders = sequence_stores.in_use_by(tx, store_id)
        if holders is not None:
            raise ConflictException(
                f"id: the sequence store {store_id} still has {holders}; delete or abort them first."
            )
        move(tx, context, "sequenceStore", store_id, states.ACTIVE, states.DELETED, updated=tx.now)
        tags.clear(tx, store_id)

    await house.catalog.write_async(delete)
    reach("store.deleted")
    return {}


def require_store(reader: Reader, context: RequestContext, store_id: str, *, lock: str = "") -> Row[Any]:
    """The caller's store; ResourceNotFoundException for one that is not there, or not the caller's.

    `lock` ("shared" or "exclusive") locks its row; the reader is a Transaction then.
    """
    row = None
    if is_id(store_id):
        if lock and isinstance(reader, Transaction):
            row = lock_store(reader, context.account, store_id, shared=lock == "shared")
        else:
            row = sequence_stores.find(reader, context.account, store_id)
    if row is None:
        raise ResourceNotFoundException(f"The sequence store {store_id!r} does not exist.")
    return row


def _row(tx: Transaction, store_id: str) -> Row[Any]:
    row = tx.one(tables.sequence_store.select().where(tables.sequence_store.c.id == store_id))
    if row is None:
        raise ResourceNotFoundException(f"The sequence store {store_id!r} does not exist.")
    return row


def _columns(request: Mapping[str, Any]) -> dict[str, Any]:
    """What a request sets. An empty location removes the one that was set."""
    values = {column: request[member] for member, column in sequence_stores.COLUMNS.items() if member in request}
    if "s3AccessConfig" in request:
        values["access_log_location"] = request["s3AccessConfig"].get("accessLogLocation")
    for column in ("fallback_location", "access_log_location"):
        if column in values:
            values[column] = values[column] or None
    return values


def _first_values(request: Mapping[str, Any]) -> dict[str, Any]:
    """The columns of a store at the moment when it was made."""
    unset = dict.fromkeys((*sequence_stores.COLUMNS.values(), "access_log_location"))
    return {**unset, **_columns({**_DEFAULTS, **request}), "status": states.ACTIVE, "status_message": None}


def _list_item(house: House, row: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "arn": house.installation.sequence_store_arn(row["id"]),
        "id": row["id"],
        "name": row["name"],
        "description": row["description"],
        "sseConfig": row["sse_config"],
        "creationTime": times.to_datetime(row["created"]),
        "fallbackLocation": row["fallback_location"],
        "eTagAlgorithmFamily": row["etag_family"],
        "status": row["status"],
        "statusMessage": row["status_message"],
        "updateTime": times.to_datetime(row["updated"]),
    }


def _answer(house: House, row: Mapping[str, Any]) -> dict[str, Any]:
    place = house.place(row["account"], row["id"])
    access = {
        "s3Uri": place.uri,
        "s3AccessPointArn": house.installation.access_point_arn(place.access_point),
        "accessLogLocation": row["access_log_location"],
    }
    return {**_list_item(house, row), "propagatedSetLevelTags": row["propagated_tags"], "s3Access": access}
