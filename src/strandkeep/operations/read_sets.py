"""Read sets."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy.engine import Row

from strandkeep.catalog import Reader, read_sets, stored_files
from strandkeep.domain import states, times
from strandkeep.domain.context import RequestContext
from strandkeep.domain.deletion import way_back
from strandkeep.domain.file_types import alignment, has_header
from strandkeep.domain.identifiers import is_id
from strandkeep.domain.paging import DEFAULT_PAGE
from strandkeep.errors import ConflictException, ResourceNotFoundException
from strandkeep.house import House
from strandkeep.operations.file_parts import Piece, file_information, locate, outgoing
from strandkeep.operations.sequence_stores import require_store
from strandkeep.operations.streams import Outgoing
from strandkeep.protocol import shapes


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

    def read(reader: Reader) -> Piece:
        row = require_read_set(reader, context, store_id, read_set_id)
        check_readable(house, row, source)
        return locate(reader, "readSet", read_set_id, source, number)

    return outgoing(context, house, await house.catalog.read_async(read))


def require_read_set(reader: Reader, context: RequestContext, store_id: str, read_set_id: str) -> Row[Any]:
    """The caller's read set, a deleted one included; ResourceNotFoundException for any other."""
    row = None
    if is_id(store_id) and is_id(read_set_id):
        row = read_sets.find(reader, context.account, store_id, read_set_id)
    if row is None:
        raise ResourceNotFoundException(f"The read set {read_set_id!r} does not exist in sequence store {store_id!r}.")
    return row


def check_readable(house: House, row: Row[Any], source: str) -> None:
    """ResourceNotFoundException, ConflictException for a read set of which this source cannot be read."""
    if row.status == states.DELETED:
        raise ResourceNotFoundException(f"The read set {row.id} was deleted. {way_back(row.purge_after)}")
    if row.status not in states.READABLE:
        why = f" {row.status_message}" if row.status == states.UPLOAD_FAILED else ""
        raise ConflictException(f"The read set {row.id} is {row.status}; only an ACTIVE one can be read.{why}")
    if source == "INDEX" and row.status == states.PROCESSING_UPLOAD:
        raise ConflictException(f"The read set {row.id} is still {row.status}; it has no index yet.")
    if row.status == states.PROCESSING_UPLOAD and _gets_line(house, row):
        # Parts that are read before and after it is there would be of two files.
        raise ConflictException(
            f"The read set {row.id} is still {row.status}: its header is being written; read it when it is ACTIVE."
        )


def _gets_line(house: House, row: Row[Any]) -> bool:
    """Whether ingest adds its line to the header of a read set's file."""
    return house.settings.provenance_header == "on" and has_header(row.file_type)


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
    return {**file_information(file.size), "s3Access": access}
