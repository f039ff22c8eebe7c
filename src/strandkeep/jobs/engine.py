"""Runs what the job rows say is to be done, by DBOS Transact in this process.

The row is written in the transaction that asks for the work; the reconciler then hands every unfinished row to DBOS
under an id made from the row, so that handing it over twice runs it once. Losing DBOS's own database loses nothing.
"""

import logging
import threading
from collections.abc import Callable, Collection
from typing import Any

from dbos import DBOS, DBOSConfig, SetEnqueueOptions, SetWorkflowID

from strandkeep.catalog import Catalog, jobs
from strandkeep.kill_points import reach

_log = logging.getLogger(__name__)

_QUEUE = "jobs"

#: Constant: DBOS does not recover the workflows of another version, and ours carry nothing but a row's id.
_VERSION = "strandkeep-jobs-1"

_RECONCILE_S = 2.0
_POLL_S = 0.25
_STOP_S = 5

_ENDED = ["SUCCESS", "ERROR", "CANCELLED", "MAX_RECOVERY_ATTEMPTS_EXCEEDED"]
_FORGET_MOST = 100


class JobEngine:
    """Hands unfinished jobs to DBOS and runs them, `workers` at once.

    Jobs of the kinds in `apart` take long: of each such kind one runs at a time, and no other job waits behind it.
    """

    def __init__(
        self, catalog: Catalog, database_url: str, workers: int, apart: Collection[str], run: Callable[[str], None]
    ) -> None:
        self._catalog = catalog
        self._database_url = database_url
        self._workers = workers
        self._apart = apart
        self._run = run
        self._handed_over: set[str] = set()
        self._awake = threading.Event()
        self._stopping = False

    def start(self) -> None:
        """Begin to run jobs, those first that a dead process left. Called outside of an event loop."""
        DBOS(
            config=DBOSConfig(
                name="strandkeep",
                system_database_url=self._database_url,
                application_version=_VERSION,
                executor_id="strandkeep",
                log_level="WARNING",
            )
        )
        self._workflow: Any = DBOS.workflow(name="run_job")(_as_function(self._run_one))
        DBOS.launch()
        for queue, workers in ((_QUEUE, self._workers), *((kind, 1) for kind in self._apart)):
            DBOS.register_queue(queue, worker_concurrency=workers, polling_interval_sec=_POLL_S)
        self._reconciler = threading.Thread(target=self._reconcile_always, name="job-reconciler", daemon=True)
        self._reconciler.start()

    def wake(self) -> None:
        """Say that there may be a new row."""
        self._awake.set()

    def stop(self) -> None:
        """Take no more jobs. One that runs has been told to stop, and is left to the next start."""
        self._stopping = True
        self._awake.set()
        self._reconciler.join()
        DBOS.destroy(workflow_completion_timeout_sec=_STOP_S)

    def _reconcile_always(self) -> None:
        while not self._stopping:
            try:
                self._reconcile()
            except Exception:
                _log.exception("jobs could not be handed over; trying again")
            self._awake.wait(_RECONCILE_S)
            self._awake.clear()

    def _reconcile(self) -> None:
        self._forget_ended()
        for job in self._catalog.write(lambda tx: jobs.unfinished(tx, tx.now)):
            # A retry has an id of its own: DBOS would give the old one's outcome again.
            workflow_id = f"{job.id}-{job.failures}" if job.failures else job.id
            if workflow_id not in self._handed_over and not self._stopping:
                self._handed_over.add(workflow_id)
                with SetWorkflowID(workflow_id), SetEnqueueOptions(app_version=_VERSION):
                    queue = job.kind if job.kind in self._apart else _QUEUE
                    DBOS.enqueue_workflow(queue, self._workflow, job.id)
                reach("job.handed_over")

    def _forget_ended(self) -> None:
        """Drop what DBOS keeps of workflows that have ended.

        One may have ended without ending its row, when the catalog was out of reach: the row is handed over again.
        """
        ended = DBOS.list_workflows(status=_ENDED, limit=_FORGET_MOST, load_input=False, load_output=False)
        for workflow in ended:
            DBOS.delete_workflow(workflow.workflow_id)
            self._handed_over.discard(workflow.workflow_id)

    def _run_one(self, job_id: str) -> None:
        try:
            self._run(job_id)
        except Exception:
            _log.exception("job %s could not be run", job_id)


def _as_function(method: Callable[[str], None]) -> Callable[[str], None]:
    """DBOS marks what it wraps, and a method cannot be marked."""

    def run_job(job_id: str) -> None:
        method(job_id)

    return run_job
