"""Rows of jobs: the truth about durable work. The engine only runs them."""

from collections.abc import Collection, Mapping
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Row

from strandkeep.catalog import attempts, moves, pages, tables
from strandkeep.catalog.transaction import Reader, Transaction, count_rows
from strandkeep.domain import states
from strandkeep.domain.context import RequestContext
from strandkeep.domain.import_jobs import Waiting

_JOB = tables.job


def insert(
    tx: Transaction,
    context: RequestContext,
    job_id: str,
    kind: str,
    store_id: str,
    subject: str,
    request: Mapping[str, Any] | None = None,
) -> None:
    """Add a job; it runs as soon as its transaction is durable. `request` is what its caller asked for, if one did."""
    values = {
        "id": job_id,
        "account": context.account,
        "kind": kind,
        "store_id": store_id,
        "subject": subject,
        "request": request and dict(request),
    }
    counters = {"attempt": 0, "failures": 0, "run_after": tx.now, "created": tx.now}
    moves.begin(tx, context, "job", states.SUBMITTED, {**values, **counters, "context": context.as_json()})


def find(reader: Reader, job_id: str) -> Row[Any] | None:
    """A job in any state."""
    return reader.one(sa.select(_JOB).where(_JOB.c.id == job_id))


def find_in_store(reader: Reader, account: str, store_id: str, kind: str, job_id: str) -> Row[Any] | None:
    """A job of a kind that an account started in a store."""
    place = (_JOB.c.store_id == store_id, _JOB.c.kind == kind, _JOB.c.account == account)
    return reader.one(sa.select(_JOB).where(_JOB.c.id == job_id, *place))


def page(
    reader: Reader, store_id: str, kind: str, filters: Mapping[str, Any], after: list[Any] | None, size: int
) -> tuple[pages.Rows, list[Any] | None]:
    """A page of a store's jobs of a kind by the filter of the lists of jobs."""
    conditions = [_JOB.c.store_id == store_id, _JOB.c.kind == kind]
    conditions += pages.time_bounds(_JOB.c.created, filters, "created", after)
    shown = [filters["status"]] if "status" in filters else (*states.UNENDED_JOBS, *states.ENDED_JOBS)
    return pages.newest_of_states(reader, _JOB.c.state, shown, conditions, after, size)


def count_unended(reader: Reader, store_id: str, kind: str) -> int:
    """How many jobs of a kind a store has that have not ended."""
    query = sa.select(_JOB.c.id).where(_JOB.c.store_id == store_id, _JOB.c.kind == kind)
    return count_rows(reader, query.where(_JOB.c.state.in_(states.UNENDED_JOBS)))


def claim(tx: Transaction, job_id: str) -> Row[Any] | None:
    """Begin the next attempt of a job; its row with the new `attempt`, or None when it has ended.

    The attempt is the fence: whoever began an earlier one can no longer end the job.
    """
    row = tx.one(sa.select(_JOB).where(_JOB.c.id == job_id).with_for_update())
    if row is None or row.state in states.ENDED_JOBS:
        return None
    context = RequestContext(**row.context)
    moves.move(tx, context, "job", job_id, row.state, states.IN_PROGRESS, attempt=row.attempt + 1)
    return find(tx, job_id)


def end(tx: Transaction, job: Row[Any], state: str, message: str | None = None) -> bool:
    """End a job by the attempt in `job`; False when that attempt is no longer the one that counts."""
    current = tx.one(sa.select(_JOB).where(_JOB.c.id == job.id).with_for_update())
    if current is None or current.state != states.IN_PROGRESS or current.attempt != job.attempt:
        return False
    context = RequestContext(**current.context)
    changes = {"status_message": message, "ended": tx.now}
    return moves.move(tx, context, "job", job.id, states.IN_PROGRESS, state, **changes)


def cancel(tx: Transaction, context: RequestContext, job_id: str) -> bool:
    """End a job because its caller asks for it; False when it has ended already. An attempt of it notices by itself."""
    row = tx.one(sa.select(_JOB).where(_JOB.c.id == job_id).with_for_update())
    if row is None or row.state in states.ENDED_JOBS:
        return False
    return moves.move(tx, context, "job", job_id, row.state, states.CANCELLED, ended=tx.now)


def cancel_all(tx: Transaction, context: RequestContext, subject: str) -> None:
    """End all jobs about a subject that have not ended, because a caller asks for what makes them void."""
    query = sa.select(_JOB.c.id).where(_JOB.c.subject == subject, _JOB.c.state.in_(states.UNENDED_JOBS))
    for row in tx.all(query.order_by(_JOB.c.id)):
        cancel(tx, context, row.id)


def holds(reader: Reader, job: Row[Any]) -> bool:
    """Whether the attempt in `job` is the one that counts."""
    return attempts.hold(reader, _JOB, _mine(job))


def put_off(tx: Transaction, job: Row[Any], run_after: int, message: str) -> bool:
    """See `attempts.put_off`."""
    return attempts.put_off(tx, _JOB, _mine(job), run_after, message)


def put_progress(tx: Transaction, job: Row[Any], progress: Mapping[str, Any]) -> bool:
    """See `attempts.put_progress`."""
    return attempts.put_progress(tx, _JOB, _mine(job), progress)


def note_away(tx: Transaction, job: Row[Any]) -> int | None:
    """See `attempts.note_away`."""
    return attempts.note_away(tx, _JOB, _mine(job))


def unended(reader: Reader) -> dict[str, tuple[int, int]]:
    """State → (number of jobs, when the oldest of them was asked for), of the states that are not the end."""
    query = sa.select(_JOB.c.state, sa.func.count().label("number"), sa.func.min(_JOB.c.created).label("oldest"))
    rows = reader.all(query.where(_JOB.c.state.in_(states.UNENDED_JOBS)).group_by(_JOB.c.state))
    return {row.state: (row.number, row.oldest) for row in rows}


def accounts_waiting(
    reader: Reader, kinds: Collection[str], job_states: Collection[str] = states.UNENDED_JOBS
) -> list[str]:
    """The accounts that have unfinished jobs of some kinds."""
    query = sa.select(_JOB.c.account).where(_JOB.c.state.in_(job_states), _JOB.c.kind.in_(kinds))
    return [row.account for row in reader.all(query.distinct().order_by(_JOB.c.account))]


def waiting(
    reader: Reader, kinds: Collection[str], now: int, most: int, job_states: Collection[str] = states.UNENDED_JOBS
) -> list[Waiting]:
    """Jobs of some kinds that have not ended and may run now.

    Of each account up to `most`, first what may run for the longest: what was put off goes behind what waits.
    """
    query = (
        sa.select(_JOB.c.id, _JOB.c.account, _JOB.c.run_after)
        .where(_JOB.c.kind.in_(kinds), _JOB.c.state.in_(job_states), _JOB.c.run_after <= now)
        .order_by(_JOB.c.run_after, _JOB.c.id)
        .limit(most)
    )
    return [
        Waiting(row.id, row.account, row.run_after)
        for account in accounts_waiting(reader, kinds, job_states)
        for row in reader.all(query.where(_JOB.c.account == account))
    ]


def _mine(job: Row[Any]) -> tuple[sa.ColumnElement[bool], ...]:
    """The fence: the job as long as the attempt of this row is the one that counts."""
    return _JOB.c.id == job.id, _JOB.c.attempt == job.attempt, _JOB.c.state == states.IN_PROGRESS
