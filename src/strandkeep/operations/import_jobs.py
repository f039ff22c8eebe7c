"""What the operations of import jobs have in common, of read sets and of references alike."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy.engine import Row

from strandkeep.catalog import Reader, Transaction, client_tokens, items, jobs, pages
from strandkeep.domain import states, times
from strandkeep.domain.context import RequestContext
from strandkeep.domain.identifiers import is_id, new_id
from strandkeep.domain.import_progress import sentence
from strandkeep.domain.paging import DEFAULT_PAGE
from strandkeep.errors import ResourceNotFoundException, ValidationException
from strandkeep.house import House
from strandkeep.kill_points import reach
from strandkeep.operations.quotas import check_another_import_job

Sources = Sequence[Mapping[str, Any]]

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


@dataclass(frozen=True)
class ImportKind:
    """What import jobs of one kind have of their own.

    `store_member` and `output_member` are what the API calls the ids of their store and of what comes of a source.
    `require_store` raises for a store that is not the caller's; `lock_store` locks it as a start wants it; `admit`
    raises what speaks against further `sources` in it, and locks what they name; `shown` is a source as jobs show it,
    with its name.
    """

    name: str
    store_member: str
    output_member: str
    require_store: Callable[[Reader, RequestContext, str], Any]
    lock_store: Callable[[Transaction, RequestContext, House, str], None]
    admit: Callable[[Transaction, RequestContext, House, str, Sources], None]
    shown: Callable[[Mapping[str, Any]], Mapping[str, Any]]


async def start(
    context: RequestContext, house: House, kind: ImportKind, operation: str, request: Mapping[str, Any]
) -> Row[Any]:
    """The job that an operation asks for, there once and for all; the same clientToken finds it again."""
    store_id = request[kind.store_member]

    def begin(tx: Transaction) -> Row[Any]:
        kind.lock_store(tx, context, house, store_id)

        def make() -> str:
            return insert(tx, context, house, kind, store_id, {"roleArn": request["roleArn"]}, request["sources"])

        job_id = client_tokens.once(tx, context, operation, request, make, scope=store_id, conflict=ValidationException)
        return require_job(tx, context, store_id, kind, job_id)

    return await submit(house, begin)


async def submit(house: House, begin: Callable[[Transaction], Row[Any]]) -> Row[Any]:
    """The job that a transaction begins, handed to whoever runs it."""
    row = await house.catalog.write_async(begin)
    reach("import.submitted")
    house.wake_jobs()
    return row


def insert(
    tx: Transaction,
    context: RequestContext,
    house: House,
    kind: ImportKind,
    store_id: str,
    asked: Mapping[str, Any],
    sources: Sources,
) -> str:
    """The id of a new job in a store that is locked; `asked` is what its row keeps of the request."""
    check_another_import_job(tx, house, store_id, kind.name)
    kind.admit(tx, context, house, store_id, sources)
    job_id = new_id()
    jobs.insert(tx, context, job_id, kind.name, store_id, subject=job_id, request=asked)
    items.insert(tx, context.account, job_id, ((source, new_id()) for source in sources))
    return job_id


async def get(context: RequestContext, house: House, kind: ImportKind, request: Mapping[str, Any]) -> Any:
    """How far a job of a store is, and what became of each of its sources."""
    store_id, now = request[kind.store_member], house.catalog.clock.reading()

    def read(reader: Reader) -> dict[str, Any]:
        kind.require_store(reader, context, store_id)
        row = require_job(reader, context, store_id, kind, request["id"])
        sources = [{**kind.shown(item.request), **outcome(item, kind, now)} for item in items.of(reader, row.id)]
        return {**list_item(row, kind), "statusMessage": job_message(row), "sources": sources}

    return await house.catalog.read_async(read)


async def page(
    context: RequestContext, house: House, kind: ImportKind, operation: str, request: Mapping[str, Any]
) -> Any:
    """A page of the jobs of a store, the newest first, those included that have ended."""
    store_id, filters = request[kind.store_member], request.get("filter", {})
    pager = house.pager(context, operation, store=store_id, filter=filters)
    after, size = pager.position(request.get("nextToken")), request.get("maxResults", DEFAULT_PAGE)

    def read(reader: Reader) -> tuple[pages.Rows, list[Any] | None]:
        kind.require_store(reader, context, store_id)
        return jobs.page(reader, store_id, kind.name, filters, after, size)

    rows, last = await house.catalog.read_async(read)
    return {"importJobs": [list_item(row, kind) for row in rows], "nextToken": last and pager.token(last)}


def require_job(reader: Reader, context: RequestContext, store_id: str, kind: ImportKind, job_id: str) -> Row[Any]:
    """The caller's job of a store; ResourceNotFoundException for any other."""
    row = jobs.find_in_store(reader, context.account, store_id, kind.name, job_id) if is_id(job_id) else None
    if row is None:
        raise ResourceNotFoundException(f"id: the import job {job_id!r} does not exist in the store {store_id!r}.")
    return row


def started(kind: ImportKind, row: Row[Any]) -> dict[str, Any]:
    """What a start answers. Sent again it answers the same, however far the job has come."""
    return {**identity(row, kind), "status": states.SUBMITTED}


def identity(row: Row[Any], kind: ImportKind) -> dict[str, Any]:
    """What never changes of a job."""
    return {
        "id": row.id,
        kind.store_member: row.store_id,
        "roleArn": row.request["roleArn"],
        "creationTime": times.to_datetime(row.created),
    }


def job_message(row: Row[Any]) -> str | None:
    """What a job says of itself."""
    return row.status_message or _JOB_MESSAGES.get(row.state)


def outcome(item: Row[Any], kind: ImportKind, now: int) -> Mapping[str, Any]:
    """What became of an item so far. The id of what it makes is known from its beginning on, unless it failed.

    `now` is of the clock by which progress is noted.
    """
    known = item.state in (states.IN_PROGRESS, states.FINISHED)
    far = sentence(item.progress, item.run_after, now) if item.state == states.IN_PROGRESS else None
    return {
        "status": item.state,
        "statusMessage": item.status_message or far or _ITEM_MESSAGES.get(item.state),
        kind.output_member: item.output_id if known else None,
    }


def list_item(row: Row[Any], kind: ImportKind) -> dict[str, Any]:
    """A job as lists have it."""
    ended = times.to_datetime(row.ended) if row.ended else None
    return {**identity(row, kind), "status": row.state, "completionTime": ended}
