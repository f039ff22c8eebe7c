"""Runs what the job rows say is to be done, by DBOS Transact in this process.

The row is written in the transaction that asks for the work; the reconciler then hands unfinished rows to DBOS, as many
as can soon run, under an id made from the row, so that handing it over twice runs it once. Losing DBOS's own database
loses nothing.
"""

import logging
import threading
from collections import Counter
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Any

from dbos import DBOS, DBOSConfig, SetEnqueueOptions, SetWorkflowID

from strandkeep.catalog import Catalog, Reader, items, jobs
from strandkeep.domain.import_jobs import Waiting, fair_choice
from strandkeep.domain.states import UNENDED_JOBS
from strandkeep.kill_points import reach

_log = logging.getLogger(__name__)

#: One for all: what may run is chosen here, and each queue that DBOS looks at costs CPU whether or not it has anything.
_QUEUE = "jobs"

#: Constant: DBOS does not recover the workflows of another version, and ours carry nothing but a row's id.
_VERSION = "strandkeep-jobs-1"

_RECONCILE_S = 2.0
_POLL_S = 0.25
_STOP_S = 5

_ENDED = ["SUCCESS", "ERROR", "CANCELLED", "MAX_RECOVERY_ATTEMPTS_EXCEEDED"]
_FORGET_MOST = 100


@dataclass(frozen=True)
class Queue:
    """Jobs of the same `kinds` wait for each other: `workers` of them run at once. With `by_item` their items do.

    One account has `share` of them at most. Only jobs in `states` are taken.
    """

    kinds: Collection[str]
    workers: int
    share: int
    by_item: bool = False
    states: Collection[str] = UNENDED_JOBS

    def waiting(self, reader: Reader, now: int, most: int) -> list[Waiting]:
        """What may run now: of each account the oldest, up to `most`."""
        waiting = items.waiting if self.by_item else jobs.waiting
        return waiting(reader, self.kinds, now, most, self.states)


@dataclass(frozen=True)
class _Turn:
    """Work that DBOS has, under the id of a workflow."""

    queue: Queue
    account: str
    workflow_id: str


class JobEngine:
    """Hands unfinished work to DBOS and runs it, queue by queue, each in fair turns of the accounts."""

    def __init__(
        self, catalog: Catalog, database_url: str, queues: Sequence[Queue], run: Callable[[str], None]
    ) -> None:
        self._catalog = catalog
        self._database_url = database_url
        self._queues = queues
        self._run = run
        # By the id of the work.
        self._handed_over: dict[str, _Turn] = {}
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
        workers = sum(queue.workers for queue in self._queues)
        DBOS.register_queue(_QUEUE, worker_concurrency=workers, polling_interval_sec=_POLL_S)
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
        now = self._catalog.write(lambda tx: tx.now)
        for queue in self._queues:
            running = Counter(turn.account for turn in list(self._handed_over.values()) if turn.queue is queue)
            room = queue.workers - running.total()
            if room > 0:
                for work in fair_choice(self._waiting(queue, now), running, room, queue.share):
                    self._hand_over(queue, work)

    def _waiting(self, queue: Queue, now: int) -> list[Waiting]:
        """What may run and was not handed over yet: of each account as much as could run, and no more."""
        found = self._catalog.read(lambda reader: queue.waiting(reader, now, 2 * queue.workers))
        return [work for work in found if work.id not in self._handed_over]

    def _hand_over(self, queue: Queue, work: Waiting) -> None:
        if self._stopping:
            return
        turn = self._handed_over[work.id] = _Turn(queue, work.account, _workflow_id(work))
        with SetWorkflowID(turn.workflow_id), SetEnqueueOptions(app_version=_VERSION):
            DBOS.enqueue_workflow(_QUEUE, self._workflow, work.id)
        reach("job.handed_over")

    def _forget_ended(self) -> None:
        """Drop what DBOS keeps of workflows that have ended.

        One may have ended without ending its row, when the catalog was out of reach: the row is handed over again.
        """
        ended = DBOS.list_workflows(status=_ENDED, limit=_FORGET_MOST, load_input=False, load_output=False)
        for workflow in ended:
            DBOS.delete_workflow(workflow.workflow_id)
            work_id = workflow.workflow_id.partition("-")[0]
            turn = self._handed_over.get(work_id)
            # An earlier turn may be forgotten while the next one runs.
            if turn is not None and turn.workflow_id == workflow.workflow_id:
                self._handed_over.pop(work_id, None)

    def _run_one(self, work_id: str) -> None:
        try:
            self._run(work_id)
        except Exception:
            _log.exception("job %s could not be run", work_id)
        finally:
            self._handed_over.pop(work_id, None)
            self._awake.set()


def _workflow_id(work: Waiting) -> str:
    """Each turn has an id of its own: DBOS would give the outcome of the one before again, or wait for its end."""
    return f"{work.id}-{work.run_after}"


def _as_function(method: Callable[[str], None]) -> Callable[[str], None]:
    """DBOS marks what it wraps, and a method cannot be marked."""

    def run_job(work_id: str) -> None:
        method(work_id)

    return run_job
