"""Multipart read set uploads: parts come in, Complete makes a read set of them."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy.engine import Row

from strandkeep.blobs import OutOfSpace
from strandkeep.catalog import (
    Reader,
    Transaction,
    blobs,
    client_tokens,
    jobs,
    moves,
    pages,
    stored_files,
    tables,
    tags,
    uploads,
)
from strandkeep.catalog.locks import lock_upload
from strandkeep.domain import states, times
from strandkeep.domain.blobs import StoredBlob
from strandkeep.domain.context import RequestContext
from strandkeep.domain.file_names import uploaded_file_name
from strandkeep.domain.file_types import media_type
from strandkeep.domain.identifiers import is_id, new_id
from strandkeep.domain.layout import consecutive
from strandkeep.domain.paging import DEFAULT_PAGE
from strandkeep.domain.parts import (
    ListedPart,
    Part,
    check_part_length,
    check_part_source,
    check_upload_open,
    fingerprint,
    plan_completion,
    upload_not_found,
)
from strandkeep.domain.tags import check_tags
from strandkeep.errors import (
    ApiError,
    InternalServerException,
    ValidationException,
)
from strandkeep.house import House
from strandkeep.kill_points import reach
from strandkeep.operations import quotas
from strandkeep.operations.sequence_stores import require_store
from strandkeep.operations.source_types import check_type, lock_named_reference
from strandkeep.operations.streams import Incoming
from strandkeep.protocol import shapes

_INHERITED = (
    "file_type",
    "subject_id",
    "sample_id",
    "generated_from",
    "reference_arn",
    "name",
    "description",
)


async def create_multipart_read_set_upload(
    context: RequestContext, house: House, request: shapes.CreateMultipartReadSetUploadRequest
) -> shapes.CreateMultipartReadSetUploadResponse:
    """CreateMultipartReadSetUpload: an open upload; the same clientToken gives the same one."""
    check_type(request["sourceFileType"], request.get("referenceArn"))
    check_tags(request.get("tags", {}))
    store_id = request["sequenceStoreId"]

    def create(tx: Transaction) -> Row[Any]:
        require_store(tx, context, store_id, lock="exclusive" if house.quota("open_uploads") else "shared")

        def make() -> str:
            lock_named_reference(tx, context, house.installation, request.get("referenceArn"))
            quotas.check_another_upload(tx, house, store_id)
            upload_id = new_id()
            values = {column: request.get(member) or None for member, column in uploads.COLUMNS.items()}
            key = {"id": upload_id, "account": context.account, "store_id": store_id, "created": tx.now}
            moves.begin(tx, context, "upload", states.OPEN, {**key, **values, "tags": request.get("tags", {})})
            return upload_id

        made = client_tokens.once(
            tx,
            context,
            "CreateMultipartReadSetUpload",
            request,
            make,
            scope=store_id,
            conflict=ValidationException,
        )
        return _require_upload(tx, context, store_id, made)

    upload = await house.catalog.write_async(create)
    reach("upload.committed")
    return _answer(upload)  # type: ignore[return-value]


async def upload_read_set_part(
    context: RequestContext, house: House, request: shapes.UploadReadSetPartRequest, payload: Incoming
) -> shapes.UploadReadSetPartResponse:
    """UploadReadSetPart: bytes first, made durable; then one transaction that makes them count.

    A part that may not come is refused before its body is read.
    """
    store_id, upload_id = request["sequenceStoreId"], request["uploadId"]
    check_part_length(payload.length)
    length = payload.length or 0

    def admit(reader: Reader) -> None:
        upload = _require_upload(reader, context, store_id, upload_id)
        check_upload_open(upload_id, upload.state)
        check_part_source(upload.file_type, request["partSource"])
        quotas.check_another_part(reader, house, upload_id, request["partSource"], request["partNumber"], length)

    await house.catalog.read_async(admit)
    blob = await _store(house, payload, length)
    reach("part.stored")
    part = Part(request["partSource"], request["partNumber"], length, blob.sha256, blob.name, 0, 0)
    refusal = await house.catalog.write_async(
        lambda tx: _commit_part(tx, context, house, store_id, upload_id, part, blob)
    )
    if refusal is not None:
        raise refusal
    reach("part.committed")
    return {"checksum": part.checksum}


async def list_read_set_upload_parts(
    context: RequestContext, house: House, request: shapes.ListReadSetUploadPartsRequest
) -> shapes.ListReadSetUploadPartsResponse:
    """ListReadSetUploadParts: the parts of one source by number, until the read set is ACTIVE or has failed."""
    store_id, upload_id, source = request["sequenceStoreId"], request["uploadId"], request["partSource"]
    filters = request.get("filter", {})
    pager = house.pager(context, "ListReadSetUploadParts", upload=upload_id, source=source, filter=filters)
    after, size = pager.position(request.get("nextToken")), request.get("maxResults", DEFAULT_PAGE)
    bounds = pages.time_bounds(tables.part.c.created, filters, "created")

    def read(reader: Reader) -> tuple[list[Part], list[Any] | None]:
        upload = _require_upload(reader, context, store_id, upload_id)
        if upload.state not in states.LISTED_UPLOADS:
            raise upload_not_found(upload_id)
        return uploads.page_of_parts(reader, upload_id, source, bounds, after, size)

    parts, last = await house.catalog.read_async(read)
    return {"parts": [_part_item(part) for part in parts], "nextToken": last and pager.token(last)}  # type: ignore


async def list_multipart_read_set_uploads(
    context: RequestContext, house: House, request: shapes.ListMultipartReadSetUploadsRequest
) -> shapes.ListMultipartReadSetUploadsResponse:
    """ListMultipartReadSetUploads: open ones, and those whose read set is still being checked."""
    store_id = request["sequenceStoreId"]
    pager = house.pager(context, "ListMultipartReadSetUploads", store=store_id)
    after, size = pager.position(request.get("nextToken")), request.get("maxResults", DEFAULT_PAGE)

    def read(reader: Reader) -> tuple[pages.Rows, list[Any] | None]:
        require_store(reader, context, store_id)
        return uploads.page(reader, store_id, after, size)

    rows, last = await house.catalog.read_async(read)
    return {"uploads": [_answer(row) for row in rows], "nextToken": last and pager.token(last)}  # type: ignore


async def complete_multipart_read_set_upload(
    context: RequestContext, house: House, request: shapes.CompleteMultipartReadSetUploadRequest
) -> shapes.CompleteMultipartReadSetUploadResponse:
    """CompleteMultipartReadSetUpload: the listed parts become a read set in PROCESSING_UPLOAD; no byte moves.

    Asked again with the same parts it answers the same id.
    """
    store_id, upload_id = request["sequenceStoreId"], request["uploadId"]
    listed = [ListedPart(p["partSource"], p["partNumber"], p["checksum"]) for p in request["parts"]]
    # Of twenty thousand parts it takes longer than others should wait.
    mark = await asyncio.to_thread(fingerprint, listed)

    def complete(tx: Transaction) -> str:
        filling = quotas.is_filling(tx, house, store_id)
        require_store(tx, context, store_id, lock="exclusive" if filling else "shared")
        upload = _require_upload(tx, context, store_id, upload_id, lock="exclusive")
        if upload.read_set_id is not None:
            return _completed_before(upload, mark)
        check_upload_open(upload_id, upload.state)
        stored = uploads.parts(tx, upload_id)
        files = plan_completion(listed, stored, upload.file_type)
        quotas.check_files(house, files)
        if filling:
            quotas.check_more_read_sets(tx, house, store_id, 1)
        listed_blobs = {part.blob for parts in files.values() for part in parts}
        unlisted = [part for part in stored if part.blob not in listed_blobs]
        uploads.drop_unlisted(tx, upload_id, unlisted, house.delete_after)
        read_set_id = _make_read_set(tx, context, upload, files, mark)
        reach("complete.in_transaction")
        return read_set_id

    read_set_id = await house.catalog.write_async(complete)
    reach("complete.committed")
    house.wake_jobs()
    reach("complete.woken")
    return {"readSetId": read_set_id}


async def abort_multipart_read_set_upload(
    context: RequestContext, house: House, request: shapes.AbortMultipartReadSetUploadRequest
) -> shapes.AbortMultipartReadSetUploadResponse:
    """AbortMultipartReadSetUpload: an open upload goes with its parts; a completed one is not harmed."""
    store_id, upload_id = request["sequenceStoreId"], request["uploadId"]

    def abort(tx: Transaction) -> None:
        upload = _require_upload(tx, context, store_id, upload_id, lock="exclusive")
        check_upload_open(upload_id, upload.state)
        uploads.end_open(tx, context, upload_id, states.ABORTED, house.delete_after)
        reach("abort.in_transaction")

    await house.catalog.write_async(abort)
    reach("abort.committed")
    return {}


async def _store(house: House, payload: Incoming, length: int) -> StoredBlob:
    try:
        house.blobs.check_room(length)
        blob = await house.blobs.put(payload.chunks, length)
    except OutOfSpace as full:
        raise InternalServerException(
            "The server has no room for this part, and has stored nothing of it. "
            "Send it again once its operator has made room."
        ) from full
    payload.check(blob.sha256)
    return blob


def _commit_part(
    tx: Transaction,
    context: RequestContext,
    house: House,
    store_id: str,
    upload_id: str,
    part: Part,
    blob: StoredBlob,
) -> ApiError | None:
    """Make a part count; or condemn its bytes and return why it may not, when the upload ended meanwhile."""
    upload = lock_upload(tx, context.account, store_id, upload_id, shared=True)
    try:
        check_upload_open(upload_id, upload and upload.state)
    except ApiError as refusal:
        blobs.insert_condemned(tx, blob.name, blob.place, tx.now)
        reach("part.too_late")
        return refusal
    blobs.insert_live(tx, blob)
    replaced = uploads.put_part(tx, upload_id, part)
    if replaced is not None:
        blobs.condemn(tx, [replaced], tx.now + house.delete_after)
        reach("replace.in_transaction")
    reach("part.in_transaction")
    return None


def _completed_before(upload: Row[Any], mark: str) -> str:
    if upload.parts_fingerprint != mark:
        raise ValidationException(
            f"parts: the upload {upload.id} was completed with other parts, as read set {upload.read_set_id}; "
            "list the same parts to get its id again."
        )
    return str(upload.read_set_id)


def _make_read_set(
    tx: Transaction,
    context: RequestContext,
    upload: Row[Any],
    files: Mapping[str, Sequence[Part]],
    mark: str,
) -> str:
    read_set_id = new_id()
    row = {column: getattr(upload, column) for column in _INHERITED}
    key = {"id": read_set_id, "account": upload.account, "store_id": upload.store_id, "revision": 1}
    origin = {"creation_type": "UPLOAD", "creation_job_id": upload.id, "created": tx.now}
    moves.begin(tx, context, "readSet", states.PROCESSING_UPLOAD, {**key, **row, **origin})
    for source, parts in files.items():
        name = uploaded_file_name(upload.name, upload.file_type, source)
        size = sum(part.size for part in parts)
        values = {"holder_id": read_set_id, "source": source, "file_name": name, "size": size}
        layout = consecutive((part.blob, part.size) for part in parts)
        stored_files.insert(tx, {**values, "media_type": media_type(upload.file_type)}, layout)
    tags.put(tx, read_set_id, upload.tags)
    changes = {"read_set_id": read_set_id, "parts_fingerprint": mark}
    moves.move(tx, context, "upload", upload.id, states.OPEN, states.COMPLETING, **changes)
    jobs.insert(tx, context, new_id(), "ingest", upload.store_id, read_set_id)
    return read_set_id


def _require_upload(
    reader: Reader, context: RequestContext, store_id: str, upload_id: str, *, lock: str = ""
) -> Row[Any]:
    row = None
    if is_id(store_id) and is_id(upload_id):
        if lock and isinstance(reader, Transaction):
            row = lock_upload(reader, context.account, store_id, upload_id, shared=lock == "shared")
        else:
            row = uploads.find(reader, context.account, store_id, upload_id)
    if row is None:
        raise upload_not_found(upload_id)
    return row


def _part_item(part: Part) -> dict[str, Any]:
    return {
        "partNumber": part.number,
        "partSize": part.size,
        "partSource": part.source,
        "checksum": part.checksum,
        "creationTime": times.to_datetime(part.created),
        "lastUpdatedTime": times.to_datetime(part.updated),
    }


def _answer(upload: Row[Any]) -> dict[str, Any]:
    members = {member: getattr(upload, column) for member, column in uploads.COLUMNS.items()}
    identity = {"sequenceStoreId": upload.store_id, "uploadId": upload.id}
    return {
        **identity,
        **members,
        "tags": upload.tags or None,
        "creationTime": times.to_datetime(upload.created),
    }
