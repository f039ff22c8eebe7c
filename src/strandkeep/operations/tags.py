"""Tags on sequence stores and read sets."""

from typing import Any

from strandkeep.catalog import Reader, Transaction, read_sets, tags
from strandkeep.catalog.locks import lock_read_sets
from strandkeep.domain.context import RequestContext
from strandkeep.domain.identifiers import is_id
from strandkeep.domain.states import DELETED
from strandkeep.domain.tags import check_tag_key, check_tags, system_tags
from strandkeep.errors import ResourceNotFoundException
from strandkeep.house import House
from strandkeep.kill_points import reach
from strandkeep.operations.sequence_stores import require_store
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
    """The id of the caller's store or read set that an ARN names, and its system tags.

    In a transaction its row is locked, so that two callers together do not set more tags than there may be.
    """
    resource = house.installation.parse_arn(arn)
    writing = isinstance(reader, Transaction)
    if resource.read_set_id is None:
        return str(require_store(reader, context, resource.store_id, lock="exclusive" if writing else "").id), {}
    row = None
    if is_id(resource.store_id) and is_id(resource.read_set_id):
        if isinstance(reader, Transaction):
            rows = lock_read_sets(reader, context.account, resource.store_id, [resource.read_set_id])
            row = rows.get(resource.read_set_id)
        else:
            row = read_sets.find(reader, context.account, resource.store_id, resource.read_set_id)
    if row is None or row.status == DELETED:
        raise ResourceNotFoundException(f"resourceArn: {arn!r} does not exist.")
    return str(row.id), system_tags(row.subject_id, row.sample_id)
