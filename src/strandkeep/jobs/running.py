"""One attempt of a job, or of an item of one: claim it, do it, and end it in one fenced transaction."""

import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from sqlalchemy.engine import Row

from strandkeep import logs, metrics
from strandkeep.blobs import OutOfSpace
from strandkeep.buckets import BucketAway
from strandkeep.catalog import Transaction, items, jobs
from strandkeep.domain import states, times
from strandkeep.house import House
from strandkeep.kill_points import reach

_log = logging.getLogger(__name__)


class Rows(Protocol):
    """Where the rows of what runs are kept: `catalog.jobs`, or `catalog.items` for parts of a job."""

    def claim(self, tx: Transaction, work_id: str, /) -> Row[Any] | None:
        """Begin the next attempt; None when there is nothing left to do."""

    def end(self, tx: Transaction, work: Row[Any], /, state: str, message: str | None = None) -> bool:
        """End it by the attempt in its row; False when another attempt counts."""

    def note_away(self, tx: Transaction, work: Row[Any], /) -> int | None:
        """Note that a bucket does not answer: since when, or None when another attempt counts."""

    def put_off(self, tx: Transaction, work: Row[Any], /, run_after: int, message: str) -> bool:
        """Leave it to a later attempt; False when another attempt counts."""


@dataclass(frozen=True)
class Ending:
    """The state in which a job or an item ends, and what it says of itself."""

    state: str = states.COMPLETED
    message: str | None = None


#: What was done, brought into the catalog by the transaction that ends it; COMPLETED when it does not say otherwise.
Conclusion = Callable[[Transaction], Ending | None]
Kind = Callable[[House, Row[Any]], Conclusion]

#: Failures of the server after which the user is told that it is ours.
TELL_AFTER = 5

_LONGEST_PAUSE_S = 600


class Superseded(Exception):
    """This attempt's work is dropped: another one counts now, or the server stops and its next start begins anew."""


def run_job(
    house: House,
    kinds: Mapping[str, Kind],
    tell: Callable[[Transaction, Row[Any], str], None],
    work_id: str,
) -> None:
    """Run one attempt of a job, or of an item, whose id is `<job>.<position>`.

    An exception of its kind is no fault of what it works on: it is tried again, later. `tell` lets the thing that waits
    for it say so, once the server has failed often.
    """
    rows: Rows = items if "." in work_id else jobs
    with logs.about(job_id=work_id):
        work = house.catalog.write(lambda tx: rows.claim(tx, work_id))
        if work is None:
            return
        reach("job.claimed")
        began, outcome = time.monotonic(), "failed"
        with logs.about(request_id=work.context["request_id"]):
            try:
                outcome = _attempt(house, kinds, tell, rows, work)
            finally:
                metrics.JOBS.labels(work.kind, outcome).inc()
                metrics.JOB_SECONDS.labels(work.kind).observe(time.monotonic() - began)


def _attempt(
    house: House,
    kinds: Mapping[str, Kind],
    tell: Callable[[Transaction, Row[Any], str], None],
    rows: Rows,
    work: Row[Any],
) -> str:
    """Do what is claimed; how it ended, as the metrics name it."""
    try:
        conclusion = kinds[work.kind](house, work)
        ending = house.catalog.write(lambda tx: _conclude(tx, rows, work, conclusion))
        reach("job.committed")
    except Superseded:
        _log.info("attempt %s of %s was dropped", work.attempt, work.id)
        return "dropped"
    except Exception as trouble:
        _log_trouble(work, trouble)
        message = _message(trouble, work.failures + 1)
        house.catalog.write(lambda tx: _put_off(tx, rows, work, message, tell))
        reach("job.put_off")
        return "failed"
    return "refused" if ending.state == states.FAILED else "completed"


def _conclude(tx: Transaction, rows: Rows, work: Row[Any], conclusion: Conclusion) -> Ending:
    ending = conclusion(tx) or Ending()
    if not rows.end(tx, work, ending.state, ending.message):
        raise Superseded
    reach("job.in_transaction")
    return ending


def _log_trouble(work: Row[Any], trouble: Exception) -> None:
    """A line of what may befall any server, for thousands may wait for the same bucket; all of what nobody foresaw."""
    if isinstance(trouble, (BucketAway, OutOfSpace)):
        _log.warning("attempt %s of %s is put off: %s", work.attempt, work.id, trouble)
    else:
        _log.exception("attempt %s of %s failed by no fault of what it works on", work.attempt, work.id)


def _message(trouble: Exception, failures: int) -> str:
    """What whoever waits is told of what kept an attempt from its end."""
    if isinstance(trouble, BucketAway):
        return f"{trouble} It is tried again."
    if isinstance(trouble, OutOfSpace):
        return "The server has no room for it; it goes on once its operator has made room."
    return (
        f"The server could not do this yet ({failures} tries failed by its own fault, not the file's) and goes on "
        "trying; the log has the reason."
    )


def _put_off(
    tx: Transaction, rows: Rows, work: Row[Any], message: str, tell: Callable[[Transaction, Row[Any], str], None]
) -> None:
    failures = work.failures + 1
    pause = min(2**failures, _LONGEST_PAUSE_S) * times.SECOND
    if rows.put_off(tx, work, tx.now + pause, message) and failures >= TELL_AFTER:
        tell(tx, work, message)
