"""One attempt of a job: claim it, do it, and end it in one fenced transaction."""

import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy.engine import Row

from strandkeep import logs, metrics
from strandkeep.catalog import Transaction, jobs
from strandkeep.domain import states, times
from strandkeep.house import House
from strandkeep.kill_points import reach

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Ending:
    """The state in which a job ends, and what it says of itself."""

    state: str = states.COMPLETED
    message: str | None = None


#: What a job did, brought into the catalog by the transaction that ends it; COMPLETED when it does not say otherwise.
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
    job_id: str,
) -> None:
    """Run one attempt of a job. An exception of its kind is the server's trouble: it is tried again, later.

    `tell` lets the thing that waits for the job say so, once the server has failed often.
    """
    with logs.about(job_id=job_id):
        job = house.catalog.write(lambda tx: jobs.claim(tx, job_id))
        if job is None:
            return
        reach("job.claimed")
        began, outcome = time.monotonic(), "failed"
        with logs.about(request_id=job.context["request_id"]):
            try:
                outcome = _attempt(house, kinds, tell, job)
            finally:
                metrics.JOBS.labels(job.kind, outcome).inc()
                metrics.JOB_SECONDS.labels(job.kind).observe(time.monotonic() - began)


def _attempt(
    house: House, kinds: Mapping[str, Kind], tell: Callable[[Transaction, Row[Any], str], None], job: Row[Any]
) -> str:
    """Do a job that is claimed; how it ended, as the metrics name it."""
    try:
        conclusion = kinds[job.kind](house, job)
        house.catalog.write(lambda tx: _conclude(tx, job, conclusion))
        reach("job.committed")
    except Superseded:
        _log.info("attempt %s of job %s was dropped", job.attempt, job.id)
        return "dropped"
    except Exception:
        _log.exception("attempt %s of job %s failed by the server's fault", job.attempt, job.id)
        house.catalog.write(lambda tx: _put_off(tx, job, tell))
        reach("job.put_off")
        return "failed"
    return "completed"


def _conclude(tx: Transaction, job: Row[Any], conclusion: Conclusion) -> None:
    ending = conclusion(tx) or Ending()
    if not jobs.end(tx, job, ending.state, ending.message):
        raise Superseded
    reach("job.in_transaction")


def _put_off(tx: Transaction, job: Row[Any], tell: Callable[[Transaction, Row[Any], str], None]) -> None:
    failures = job.failures + 1
    message = (
        f"The server could not do this yet ({failures} tries failed by its own fault, not the file's) and goes on "
        "trying; the log has the reason."
    )
    pause = min(2**failures, _LONGEST_PAUSE_S) * times.SECOND
    if jobs.put_off(tx, job, tx.now + pause, message) and failures >= TELL_AFTER:
        tell(tx, job, message)
