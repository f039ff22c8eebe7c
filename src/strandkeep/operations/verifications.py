"""Verifications: stored bytes are compared with what they were when they came."""

import secrets
from typing import Any

from sqlalchemy.engine import Row

from strandkeep.catalog import Reader, Transaction, client_tokens, jobs, verifications
from strandkeep.domain import states, times
from strandkeep.domain.context import RequestContext
from strandkeep.domain.damage import Damage, Finding
from strandkeep.domain.identifiers import is_id, new_id
from strandkeep.domain.paging import DEFAULT_PAGE
from strandkeep.domain.verification import Progress
from strandkeep.errors import ConflictException, ResourceNotFoundException, ValidationException
from strandkeep.house import House
from strandkeep.operations.read_sets import require_read_set
from strandkeep.operations.sequence_stores import require_store
from strandkeep.protocol import strandkeep_shapes as shapes

_COLUMNS = {
    "sequenceStoreId": "store_id",
    "readSetId": "read_set_id",
    "samplePercent": "sample_percent",
    "unverifiedDays": "unverified_days",
    "bytesPerSecond": "bytes_per_second",
}

_SAMPLES = 16**8


async def start_verification(
    context: RequestContext, house: House, request: shapes.StartVerificationRequest
) -> shapes.Verification:
    """StartVerification: of all that the account has, of a store or of a read set; it waits until no other one runs.

    The same clientToken starts one.
    """

    def start(tx: Transaction) -> Row[Any]:
        _check_scope(tx, context, request)

        def make() -> str:
            verification_id = new_id()
            values = {column: request.get(member) for member, column in _COLUMNS.items()}
            values["bytes_per_second"] = values["bytes_per_second"] or house.settings.verify_bytes_per_second
            values["sample_first"] = secrets.randbelow(_SAMPLES)
            verifications.insert(tx, context, verification_id, values)
            return verification_id

        return _require(tx, context, client_tokens.once(tx, context, "StartVerification", request, make))

    row = await house.catalog.write_async(start)
    house.wake_jobs()
    return _answer(row)  # type: ignore[return-value]


async def get_verification(
    context: RequestContext, house: House, request: shapes.GetVerificationRequest
) -> shapes.Verification:
    """GetVerification: how far it has come, and how much is damaged."""
    row = await house.catalog.read_async(lambda reader: _require(reader, context, request["id"]))
    return _answer(row)  # type: ignore[return-value]


async def list_verifications(
    context: RequestContext, house: House, request: shapes.ListVerificationsRequest
) -> shapes.ListVerificationsResponse:
    """ListVerifications: the account's, the newest first, those included that started by themselves."""
    pager = house.pager(context, "ListVerifications")
    after, size = pager.position(request.get("nextToken")), request.get("maxResults", DEFAULT_PAGE)
    rows, last = await house.catalog.read_async(lambda reader: verifications.page(reader, context.account, after, size))
    return {"verifications": [_answer(row) for row in rows], "nextToken": last and pager.token(last)}  # type: ignore


async def list_verification_findings(
    context: RequestContext, house: House, request: shapes.ListVerificationFindingsRequest
) -> shapes.ListVerificationFindingsResponse:
    """ListVerificationFindings: what is damaged, by store and read set; it grows while the verification goes on."""
    verification_id = request["id"]
    pager = house.pager(context, "ListVerificationFindings", verification=verification_id)
    after, size = pager.position(request.get("nextToken")), request.get("maxResults", DEFAULT_PAGE)

    def read(reader: Reader) -> tuple[Any, list[Any] | None]:
        _require(reader, context, verification_id)
        return verifications.findings(reader, verification_id, after, size)

    rows, last = await house.catalog.read_async(read)
    return {"findings": [_finding(row) for row in rows], "nextToken": last and pager.token(last)}  # type: ignore


async def cancel_verification(
    context: RequestContext, house: House, request: shapes.CancelVerificationRequest
) -> shapes.CancelVerificationResponse:
    """CancelVerification: it reads no further; what it has found stays."""

    def cancel(tx: Transaction) -> None:
        row = _require(tx, context, request["id"])
        if not jobs.cancel(tx, context, row.id):
            raise ConflictException(f"id: the verification {row.id} is {row.state}; it has ended already.")

    await house.catalog.write_async(cancel)
    return {}


def _check_scope(tx: Transaction, context: RequestContext, request: shapes.StartVerificationRequest) -> None:
    store_id, read_set_id = request.get("sequenceStoreId"), request.get("readSetId")
    if store_id is None:
        if read_set_id is not None:
            raise ValidationException("sequenceStoreId: it is missing; give the store in which the read set is.")
        return
    require_store(tx, context, store_id)
    if read_set_id is not None and require_read_set(tx, context, store_id, read_set_id).status == states.DELETED:
        raise ResourceNotFoundException(f"readSetId: the read set {read_set_id} was deleted.")


def _require(reader: Reader, context: RequestContext, verification_id: str) -> Row[Any]:
    row = verifications.find(reader, context.account, verification_id) if is_id(verification_id) else None
    if row is None:
        raise ResourceNotFoundException(f"id: the verification {verification_id!r} does not exist.")
    return row


def _answer(row: Row[Any]) -> dict[str, Any]:
    return {
        "id": row.id,
        "status": row.state,
        "statusMessage": row.status_message,
        "startedBy": "SCHEDULE" if row.scheduled else "REQUEST",
        **{member: getattr(row, column) for member, column in _COLUMNS.items()},
        **(_progress(Progress(**row.progress)) if row.progress else {}),
        "findingCount": row.finding_count,
        "creationTime": times.to_datetime(row.created),
        "completionTime": times.to_datetime(row.ended) if row.ended else None,
    }


def _progress(progress: Progress) -> dict[str, Any]:
    return {
        "blobsDone": progress.blobs,
        "blobsTotal": progress.blobs_total,
        "bytesDone": progress.bytes + progress.reading,
        "bytesTotal": progress.bytes_total,
        "secondsWorked": round(progress.seconds),
        "startTime": times.to_datetime(progress.started),
    }


def _finding(row: Row[Any]) -> dict[str, Any]:
    in_reference = row.holder_kind == "reference"
    return {
        "referenceStoreId" if in_reference else "sequenceStoreId": row.store_id,
        f"{row.holder_kind}Id": row.holder_id,
        "source": row.source,
        "partNumber": row.number if row.holder_kind == "upload" else None,
        "offset": row.offset,
        "blob": row.blob,
        "block": row.block,
        "damage": row.damage,
        "message": str(Finding(row.blob, Damage(row.damage), row.block)),
    }
