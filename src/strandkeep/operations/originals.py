"""The files that the sources of an imported read set were made of, as they came."""

from typing import Any

from sqlalchemy.engine import Row

from strandkeep.catalog import Reader, originals
from strandkeep.domain.context import RequestContext
from strandkeep.domain.paging import DEFAULT_PAGE
from strandkeep.errors import ConflictException, ResourceNotFoundException
from strandkeep.house import House
from strandkeep.operations.file_parts import Piece, outgoing, stretch
from strandkeep.operations.read_sets import check_readable, require_read_set
from strandkeep.operations.streams import Outgoing
from strandkeep.protocol import strandkeep_shapes as shapes


async def list_read_set_originals(
    context: RequestContext, house: House, request: shapes.ListReadSetOriginalsRequest
) -> shapes.ListReadSetOriginalsResponse:
    """ListReadSetOriginals: by source, in the order in which they stand there; of a deleted one until it is purged."""
    store_id, read_set_id = request["sequenceStoreId"], request["id"]
    pager = house.pager(context, "ListReadSetOriginals", read_set=read_set_id)
    after, size = pager.position(request.get("nextToken")), request.get("maxResults", DEFAULT_PAGE)

    def read(reader: Reader) -> tuple[Any, list[Any] | None]:
        require_read_set(reader, context, store_id, read_set_id)
        return originals.page(reader, read_set_id, after, size)

    rows, last = await house.catalog.read_async(read)
    return {"originals": [_original(row) for row in rows], "nextToken": last and pager.token(last)}  # type: ignore


async def get_read_set_original(
    context: RequestContext, house: House, request: shapes.GetReadSetOriginalRequest
) -> Outgoing:
    """GetReadSetOriginal: the bytes of one file, or a range of them; every block is checked before it leaves."""
    store_id, read_set_id = request["sequenceStoreId"], request["id"]
    source, number = request.get("source", "SOURCE1"), request["number"]

    def read(reader: Reader) -> Piece:
        check_readable(house, require_read_set(reader, context, store_id, read_set_id), source)
        row = _require(reader, read_set_id, source, number)
        return stretch(reader, "readSet", read_set_id, source, row.start, row.size, request.get("range"))

    return outgoing(context, house, await house.catalog.read_async(read))


def _require(reader: Reader, read_set_id: str, source: str, number: int) -> Row[Any]:
    """An original that can be read as it came."""
    row = originals.find(reader, read_set_id, source, number)
    if row is None:
        raise ResourceNotFoundException(
            f"number: the read set {read_set_id} has no original {number} of {source}; ListReadSetOriginals tells "
            "which it has. Only what was imported has originals."
        )
    if row.start is None:
        raise ConflictException(
            f"number: the header of {row.name} got the line of its store (provenance_header), so it is not here as it "
            "came. GetReadSet reads the file with that line."
        )
    return row


def _original(row: Row[Any]) -> dict[str, Any]:
    told = {name: getattr(row, name) for name in ("source", "number", "name", "md5", "reads")}
    return {**told, "offset": row.start, "contentLength": row.size}
