"""What the operations of import jobs have in common, of read sets and of references alike."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy.engine import Row

from strandkeep.catalog import Reader, jobs
from strandkeep.domain import states, times
from strandkeep.domain.context import RequestContext
from strandkeep.domain.identifiers import is_id
from strandkeep.domain.import_progress import sentence
from strandkeep.errors import ResourceNotFoundException

#: What a job or an item says of itself when it has nothing of its own to say.
_JOB_MESSAGES = {
    states.SUBMITTED: "The job is submitted and will start soon.",
    states.IN_PROGRESS: "The job is currently in progress.",
    states.CANCELLING: "The job is being cancelled; sources that are in progress let go within seconds.",
    states.COMPLETED: "The job completed successfully.",
}
_ITEM_MESSAGES = {
    states.NOT_STARTED: "The source is queued for the job.",
    states.IN_PROGRESS: "The source job is currently in progress.",
    states.FINISHED: "The source was imported.",
}


def require_job(reader: Reader, context: RequestContext, store_id: str, kind: str, job_id: str) -> Row[Any]:
    """The caller's job of a store; ResourceNotFoundException for any other."""
    row = jobs.find_in_store(reader, context.account, store_id, kind, job_id) if is_id(job_id) else None
    if row is None:
        raise ResourceNotFoundException(f"id: the import job {job_id!r} does not exist in the store {store_id!r}.")
    return row


def identity(row: Row[Any], store_member: str) -> dict[str, Any]:
    """What never changes of a job; `store_member` is what the API calls the id of its store."""
    return {
        "id": row.id,
        store_member: row.store_id,
        "roleArn": row.request["roleArn"],
        "creationTime": times.to_datetime(row.created),
    }


def list_item(row: Row[Any], store_member: str) -> dict[str, Any]:
    """A job as lists have it."""
    ended = times.to_datetime(row.ended) if row.ended else None
    return {**identity(row, store_member), "status": row.state, "completionTime": ended}


def job_message(row: Row[Any]) -> str | None:
    """What a job says of itself."""
    return row.status_message or _JOB_MESSAGES.get(row.state)


def outcome(item: Row[Any], output_member: str) -> Mapping[str, Any]:
    """What became of an item so far. The id of what it makes is known from its beginning on, unless it failed."""
    known = item.state in (states.IN_PROGRESS, states.FINISHED)
    far = sentence(item.progress) if item.state == states.IN_PROGRESS else None
    return {
        "status": item.state,
        "statusMessage": item.status_message or far or _ITEM_MESSAGES.get(item.state),
        output_member: item.output_id if known else None,
    }
