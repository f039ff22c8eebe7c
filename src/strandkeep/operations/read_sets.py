"""Read sets."""

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy.engine import Row

from strandkeep.blobs import DamagedBlob
from strandkeep.catalog import Reader, read_sets, stored_files
from strandkeep.domain import layout, states, times
from strandkeep.domain.blobs import Span
from strandkeep.domain.context import RequestContext
from strandkeep.domain.deletion import way_back
from strandkeep.domain.file_types import alignment
from strandkeep.domain.identifiers import is_id
from strandkeep.domain.paging import DEFAULT_PAGE
from strandkeep.domain.parts import PART_SIZE
from strandkeep.errors import ConflictException, ResourceNotFoundException
from strandkeep.house import House
from strandkeep.operations.sequence_stores import require_store
from strandkeep.operations.streams import Outgoing
from strandkeep.protocol import shapes


@dataclass(frozen=True)
class _Piece:
    """What a part of a file is made of: `length` bytes, as stretches of blobs."""

    length: int
    spans: Sequence[Span]


async def list_read_sets(
    context: RequestContext, house: House, request: shapes.ListReadSetsRequest
) -> shapes.ListReadSetsResponse:
    """ListReadSets: a store's read sets, the newest first; deleted ones only when asked for by status."""
    store_id, filters = request["sequenceStoreId"], request.get("filter", {})
    pager = house.pager(context, "ListReadSets", store=store_id, filter=filters)
    after, size = pager.position(request.get("nextToken")), request.get("maxResults", DEFAULT_PAGE)

    def read(reader: Reader) -> tuple[list[dict[str, Any]], list[Any] | None]:
        require_store(reader, context, store_id)
        rows, last = read_sets.page(reader, store_id, filters, after, size)
        etags = stored_files.etags(reader, [row.id for row in rows if row.etag_algorithm])
        return [_summary(house, row, etags.get(row.id, {})) for row in rows], last

    items, last = await house.catalog.read_async(read)
    return {"readSets": items, "nextToken": last and pager.token(last)}  # type: ignore[typeddict-item]


async def get_read_set_metadata(
    context: RequestContext, house: House, request: shapes.GetReadSetMetadataRequest
) -> shapes.GetReadSetMetadataResponse:
    """GetReadSetMetadata: what is known of a read set, and the grid of parts that its files are read by."""

    def read(reader: Reader) -> dict[str, Any]:
        row = require_read_set(reader, context, request["sequenceStoreId"], request["id"])
        rows = stored_files.with_etags(reader, row.id)
        files = {file.source.lower(): _file_information(house, row, file) for file in rows}
        summary = _summary(house, row, {file.source: file.etag for file in rows})
        # An archived read set shows none: clients fetch every part that they are told of.
        shown = files if row.status != states.ARCHIVED else {}
        return {**summary, "files": shown or None, "creationJobId": row.creation_job_id}

    found = await house.catalog.read_async(read)
    return found  # type: ignore[return-value]


async def get_read_set(context: RequestContext, house: House, request: shapes.GetReadSetRequest) -> Outgoing:
    """GetReadSet: one part of a file by the 100 MiB grid, every block checked before it leaves."""
    store_id, read_set_id = request["sequenceStoreId"], request["id"]
    source, number = request.get("file", "SOURCE1"), request["partNumber"]

    def read(reader: Reader) -> _Piece:
        row = require_read_set(reader, context, store_id, read_set_id)
        _check_readable(row, source)
        return _locate(reader, read_set_id, source, number)

    piece = await house.catalog.read_async(read)
    return Outgoing(piece.length, _stream(context, house, read_set_id, source, piece))


def require_read_set(reader: Reader, context: RequestContext, store_id: str, read_set_id: str) -> Row[Any]:
    """The caller's read set, a deleted one included; ResourceNotFoundException for any other."""
    row = None
    if is_id(store_id) and is_id(read_set_id):
        row = read_sets.find(reader, context.account, store_id, read_set_id)
    if row is None:
        raise ResourceNotFoundException(f"The read set {read_set_id!r} does not exist in sequence store {store_id!r}.")
    return row


def _check_readable(row: Row[Any], source: str) -> None:
    if row.status == states.DELETED:
        raise ResourceNotFoundException(f"The read set {row.id} was deleted. {way_back(row.purge_after)}")
    if row.status not in states.READABLE:
        why = f" {row.status_message}" if row.status == states.UPLOAD_FAILED else ""
        raise ConflictException(f"The read set {row.id} is {row.status}; only an ACTIVE one can be read.{why}")
    if source == "INDEX" and row.status == states.PROCESSING_UPLOAD:
        raise ConflictException(f"The read set {row.id} is still {row.status}; it has no index yet.")


def _locate(reader: Reader, read_set_id: str, source: str, number: int) -> _Piece:
    sizes = {file.source: file.size for file in stored_files.of(reader, read_set_id)}
    if source not in sizes:
        raise ResourceNotFoundException(
            f"file: the read set {read_set_id} has no {source}; it has {', '.join(sorted(sizes))}."
        )
    first, length = layout.part_range(sizes[source], number)
    return _Piece(length, stored_files.spans(reader, read_set_id, source, first, length))


async def _stream(
    context: RequestContext, house: House, read_set_id: str, source: str, piece: _Piece
) -> AsyncIterator[bytes]:
    """The bytes of a piece, as far as they are what was stored; damage is noted, and ends them."""
    try:
        async for chunk in house.blobs.stream(piece.spans):
            yield chunk
    except DamagedBlob as damage:
        finding = damage.finding
        await house.catalog.write_async(lambda tx: read_sets.mark_damaged(tx, context, read_set_id, source, finding))
        raise


def _summary(house: House, row: Row[Any], etag: Mapping[str, str]) -> dict[str, Any]:
    return {
        "id": row.id,
        "arn": house.installation.read_set_arn(row.store_id, row.id),
        "sequenceStoreId": row.store_id,
        "subjectId": row.subject_id,
        "sampleId": row.sample_id,
        "status": row.status,
        "name": row.name,
        "description": row.description,
        "referenceArn": row.reference_arn,
        "fileType": row.file_type,
        "sequenceInformation": _sequence_information(row),
        "creationTime": times.to_datetime(row.created),
        "statusMessage": _status_message(row),
        "creationType": row.creation_type,
        "etag": _etag(row.etag_algorithm, etag),
    }


def _status_message(row: Row[Any]) -> str | None:
    if row.status == states.DELETED:
        return f"Deleted. {way_back(row.purge_after)}"
    return str(row.status_message) if row.status_message else None


def _sequence_information(row: Row[Any]) -> dict[str, Any] | None:
    """The counts, once ingest has made them."""
    if not row.facts:
        return None
    return {
        "totalReadCount": row.facts["totalReadCount"],
        "totalBaseCount": row.facts["totalBaseCount"],
        "generatedFrom": row.generated_from,
        "alignment": alignment(row.file_type),
    }


def _etag(algorithm: str | None, values: Mapping[str, str]) -> dict[str, Any] | None:
    if algorithm is None:
        return None
    return {"algorithm": algorithm, "source1": values.get("SOURCE1"), "source2": values.get("SOURCE2")}


def _file_information(house: House, row: Row[Any], file: Row[Any]) -> dict[str, Any]:
    """The grid of parts that a file is read by; once it is ACTIVE, also where it is by S3."""
    access = None
    if row.status == states.ACTIVE:
        access = {"s3Uri": house.place(row.account, row.store_id).file_uri(row.id, file.file_name)}
    parts = layout.total_parts(file.size)
    return {"totalParts": parts, "partSize": PART_SIZE, "contentLength": file.size, "s3Access": access}
