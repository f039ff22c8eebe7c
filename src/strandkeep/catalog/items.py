"""Rows of items: the sources of an import job. Each runs by itself, behind a fence of its own."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Row

from strandkeep.catalog import attempts, fetched, jobs, moves, tables
from strandkeep.catalog.transaction import Reader, Transaction, count_rows
from strandkeep.domain import states
from strandkeep.domain.context import RequestContext
from strandkeep.domain.import_jobs import Waiting, ending
from strandkeep.domain.states import check_move

_ITEM, _JOB = tables.item, tables.job

#: As the index `item_waiting` has it: a database recognises it by its text.
_UNENDED = sa.text("item.state IN ('NOT_STARTED', 'IN_PROGRESS')")

#: What an item says of itself whose job was cancelled.
CANCELLED = "The job was cancelled before this source was imported."

#: An item with what it needs to know of its job; `id` is what runs.
_WITH_JOB = sa.select(
    (_ITEM.c.job_id + "." + sa.cast(_ITEM.c.position, sa.Text)).label("id"),
    _ITEM,
    *(_JOB.c.kind, _JOB.c.account, _JOB.c.store_id, _JOB.c.context),
    *(_JOB.c.state.label("job_state"), _JOB.c.request.label("job_request")),
    _ITEM.c.output_id.label("subject"),
).join_from(_ITEM, _JOB, _JOB.c.id == _ITEM.c.job_id)


def insert(tx: Transaction, account: str, job_id: str, requests: Iterable[tuple[Mapping[str, Any], str]]) -> None:
    """Add the items of a job in their order: what was asked for, and the id of what each is to make."""
    check_move("item", None, states.NOT_STARTED)
    rows = [
        {
            **{"job_id": job_id, "position": n, "account": account, "state": states.NOT_STARTED, "run_after": tx.now},
            **{"request": dict(request), "output_id": output_id},
            "reference_arn": request.get("referenceArn") or None,
        }
        for n, (request, output_id) in enumerate(requests, 1)
    ]
    tx.run(sa.insert(_ITEM), rows)


def of(reader: Reader, job_id: str) -> Sequence[Row[Any]]:
    """The items of a job in their order."""
    return reader.all(sa.select(_ITEM).where(_ITEM.c.job_id == job_id).order_by(_ITEM.c.position))


def count(reader: Reader, job_id: str) -> int:
    """How many items a job has."""
    return count_rows(reader, sa.select(_ITEM.c.position).where(_ITEM.c.job_id == job_id))


def waiting(
    reader: Reader, kinds: Collection[str], now: int, most: int, job_states: Collection[str] = states.UNENDED_JOBS
) -> list[Waiting]:
    """Items of jobs of some kinds and states that have not ended and may run now.

    Of each account up to `most`, first what may run for the longest: what was put off goes behind what waits.
    """
    query = (
        sa.select(_ITEM.c.job_id, _ITEM.c.position, _ITEM.c.run_after)
        .join_from(_ITEM, _JOB, _JOB.c.id == _ITEM.c.job_id)
        .where(_JOB.c.kind.in_(kinds), _JOB.c.state.in_(job_states))
        .where(_UNENDED, _ITEM.c.run_after <= now)
        .order_by(_ITEM.c.run_after, _ITEM.c.job_id, _ITEM.c.position)
        .limit(most)
    )
    return [
        Waiting(f"{row.job_id}.{row.position}", account, row.run_after)
        for account in jobs.accounts_waiting(reader, kinds, job_states)
        for row in reader.all(query.where(_ITEM.c.account == account))
    ]


def claim(tx: Transaction, work_id: str) -> Row[Any] | None:
    """Begin the next attempt of an item; its row with the new `attempt`, or None when it has ended.

    The attempt is the fence, as with jobs. `job_state` tells whether its job is being cancelled.
    """
    job_id, _, position = work_id.partition(".")
    job = _locked_job(tx, job_id)
    if job is None or job.state in states.ENDED_JOBS:
        return None
    item = tx.one(_WITH_JOB.where(_ITEM.c.job_id == job_id, _ITEM.c.position == int(position)))
    if item is None or item.state in states.ENDED_ITEMS:
        return None
    _move(tx, item, states.IN_PROGRESS, attempt=item.attempt + 1)
    if job.state == states.SUBMITTED:
        moves.move(tx, RequestContext(**job.context), "job", job_id, states.SUBMITTED, states.IN_PROGRESS)
    return tx.one(_WITH_JOB.where(*_key(item)))


def end(tx: Transaction, item: Row[Any], state: str, message: str | None = None) -> bool:
    """End an item by the attempt in `item`, and its job if it was the last; False when another attempt counts now."""
    job = _locked_job(tx, item.job_id)
    if job is None or not holds(tx, item):
        return False
    _move(tx, item, state, status_message=message)
    if state == states.FAILED:
        fetched.drop(tx, item)
    _end_job(tx, job)
    return True


def holds(reader: Reader, item: Row[Any]) -> bool:
    """Whether the attempt in `item` is the one that counts; in a transaction, until it ends."""
    if isinstance(reader, Transaction):
        # In the order of locks a job comes before its items.
        _locked_job(reader, item.job_id)
    return attempts.hold(reader, _ITEM, _mine(item))


def put_off(tx: Transaction, item: Row[Any], run_after: int, message: str) -> bool:
    """See `attempts.put_off`."""
    return attempts.put_off(tx, _ITEM, _mine(item), run_after, message)


def put_progress(tx: Transaction, item: Row[Any], progress: Mapping[str, Any]) -> bool:
    """See `attempts.put_progress`."""
    return attempts.put_progress(tx, _ITEM, _mine(item), progress)


def note_away(tx: Transaction, item: Row[Any]) -> int | None:
    """See `attempts.note_away`."""
    return attempts.note_away(tx, _ITEM, _mine(item))


def note_answer(tx: Transaction, item: Row[Any]) -> bool:
    """See `attempts.note_answer`."""
    return attempts.note_answer(tx, _ITEM, _mine(item))


def cancel(tx: Transaction, context: RequestContext, job_id: str) -> bool:
    """Let a job end as soon as nobody works on it; False when it has ended otherwise already.

    What waits ends now. What runs notices at the fence that it is to let go, and ends with its next attempt. A job that
    is cancelled already is left to that.
    """
    job = _locked_job(tx, job_id)
    if job is None or job.state not in states.CANCELLABLE_JOBS:
        return job is not None and job.state in states.CANCELLED_JOBS
    moves.move(tx, context, "job", job_id, job.state, states.CANCELLING)
    for item in of(tx, job_id):
        if item.state == states.NOT_STARTED:
            _move(tx, item, states.FAILED, status_message=CANCELLED)
    mine = (_ITEM.c.job_id == job_id, _ITEM.c.state == states.IN_PROGRESS)
    tx.run(sa.update(_ITEM).where(*mine).values(attempt=_ITEM.c.attempt + 1, run_after=tx.now))
    _end_job(tx, _locked_job(tx, job_id))
    return True


def _locked_job(tx: Transaction, job_id: str) -> Row[Any] | None:
    return tx.one(sa.select(_JOB).where(_JOB.c.id == job_id).with_for_update())


def _end_job(tx: Transaction, job: Row[Any] | None) -> None:
    """End a job, whose row is locked, once none of its items is left."""
    if job is None:
        return
    # Not their rows: what was asked for may be megabytes, and others wait for this transaction.
    query = sa.select(_ITEM.c.state).where(_ITEM.c.job_id == job.id)
    outcomes = [item.state for item in tx.all(query)]
    if all(outcome in states.ENDED_ITEMS for outcome in outcomes):
        state, message = ending(outcomes, cancelled=job.state == states.CANCELLING)
        changes = {"status_message": message, "ended": tx.now}
        moves.move(tx, RequestContext(**job.context), "job", job.id, job.state, state, **changes)


def _move(tx: Transaction, item: Row[Any], after: str, **changes: Any) -> None:
    check_move("item", item.state, after)
    tx.run(sa.update(_ITEM).where(*_key(item)).values(state=after, **changes))


def _key(item: Row[Any]) -> tuple[sa.ColumnElement[bool], ...]:
    return _ITEM.c.job_id == item.job_id, _ITEM.c.position == item.position


def _mine(item: Row[Any]) -> tuple[sa.ColumnElement[bool], ...]:
    """The fence: the item as long as the attempt of this row is the one that counts."""
    return (*_key(item), _ITEM.c.attempt == item.attempt, _ITEM.c.state == states.IN_PROGRESS)
