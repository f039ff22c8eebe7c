"""Tags on stores, read sets and references."""

from typing import Any

from sqlalchemy.engine import Row

from strandkeep.catalog import Reader, Transaction, read_sets, reference_stores, references, sequence_stores, tags
from strandkeep.catalog.locks import lock_read_sets, lock_reference, lock_reference_store, lock_store
from strandkeep.domain.context import RequestContext
from strandkeep.domain.identifiers import is_id
from strandkeep.domain.states import DELETED
from strandkeep.domain.tags import check_tag_key, check_tags, system_tags
from strandkeep.errors import ResourceNotFoundException
from strandkeep.house import House
from strandkeep.kill_points import reach
from strandkeep.protocol import shapes


async def tag_resource(context: RequestContext, house: House, request: shapes.TagResourceRequest) -> dict[str, Any]:
    """TagResource: adds tags; a key that is there gets the new value."""
    added = request["tags"]

    def put(tx: Transaction) -> None:
        resource_id, _ = _require_resource(tx, context, house, request["resourceArn"])
        check_tags(added, tags.load(tx, resource_id))
        tags.put(tx, resource_id, added)

    await house.catalog.write_async(put)
    reach("tag.committed")
    return {}


async def untag_resource(context: RequestContext, house: House, request: shapes.UntagResourceRequest) -> dict[str, Any]:
    """UntagResource: removes tags by key; keys that are not there do not matter."""
    keys = request["tagKeys"]
    for key in keys:
        check_tag_key(key)

    def remove(tx: Transaction) -> None:
        resource_id, _ = _require_resource(tx, context, house, request["resourceArn"])
        tags.remove(tx, resource_id, keys)

    await house.catalog.write_async(remove)
    reach("untag.committed")
    return {}


async def list_tags_for_resource(
    context: RequestContext, house: House, request: shapes.ListTagsForResourceRequest
) -> shapes.ListTagsForResourceResponse:
    """ListTagsForResource: the tags that were set, and the system's own (`aws:omics:…`) of a read set."""

    def read(reader: Reader) -> dict[str, str]:
        resource_id, own = _require_resource(reader, context, house, request["resourceArn"])
        return {**tags.load(reader, resource_id), **own}

    return {"tags": await house.catalog.read_async(read)}


def _require_resource(reader: Reader, context: RequestContext, house: House, arn: str) -> tuple[str, dict[str, str]]:
    """The id of the caller's thing that an ARN names, and its system tags.

    In a transaction its row is locked, so that two callers together do not set more tags than there may be.
    """
    named = house.installation.parse_arn(arn)
    row = None
    if is_id(named.store_id) and is_id(named.id):
        place = (context.account, named.store_id, named.id)
        row = (
            _lock(reader, named.kind, *place) if isinstance(reader, Transaction) else _find(reader, named.kind, *place)
        )
    if row is None or row.status == DELETED:
        raise ResourceNotFoundException(f"resourceArn: {arn!r} does not exist.")
    return str(row.id), system_tags(row.subject_id, row.sample_id) if named.kind == "readSet" else {}


def _find(reader: Reader, kind: str, account: str, store_id: str, thing_id: str) -> Row[Any] | None:
    if kind == "sequenceStore":
        return sequence_stores.find(reader, account, store_id)
    if kind == "referenceStore":
        return reference_stores.find(reader, account, store_id)
    find = read_sets.find if kind == "readSet" else references.find
    return find(reader, account, store_id, thing_id)


def _lock(tx: Transaction, kind: str, account: str, store_id: str, thing_id: str) -> Row[Any] | None:
    if kind == "sequenceStore":
        return lock_store(tx, account, store_id, shared=False)
    if kind == "referenceStore":
        return lock_reference_store(tx, account, store_id, shared=False)
    if kind == "reference":
        return lock_reference(tx, account, store_id, thing_id, shared=False)
    return lock_read_sets(tx, account, store_id, [thing_id]).get(thing_id)
