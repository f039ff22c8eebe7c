"""What the workers of an examination say, gathered: one loop over all of them, until all is known."""

import json
import logging
import select
import struct
import time
from collections.abc import Callable
from dataclasses import asdict
from typing import Any, Generic, TypeVar

from strandkeep.formats import frames
from strandkeep.formats.facts import LONGEST_TEXT, Problem, Progress, WorkerTrouble, printable
from strandkeep.formats.mates import Mates
from strandkeep.formats.process import WorkerProcess

_log = logging.getLogger(__name__)

#: Bytes of name hashes that one file may be ahead of the other before its worker has to wait: 131,072 reads.
_AHEAD = 1 << 20
#: Once something is known to be at fault, so much longer may a better explanation take to come.
_GRACE_S = 1.0
_TICK_MS = 100

F = TypeVar("F")


class Gathering(Generic[F]):
    """The server's side of an examination: `facts` of sound files and `faults` of others, by source; `mates`.

    `read_facts` makes the facts of a file from what its worker told at its end and from the outputs that it sent
    before, by name; what it raises for a worker's nonsense (ValueError, LookupError, TypeError) is WorkerTrouble.
    """

    def __init__(
        self,
        workers: list[WorkerProcess],
        progress: Callable[[Progress], None] | None,
        read_facts: Callable[[dict[str, Any], dict[str, bytearray]], F],
    ) -> None:
        self.facts: dict[str, F] = {}
        self.faults: dict[str, Problem] = {}
        self.mates = Mates()
        self._workers = workers
        self._tell = progress
        self._read_facts = read_facts
        self._progress = {worker.source: (0, 0, 0) for worker in workers}
        self._outputs: dict[str, dict[str, bytearray]] = {worker.source: {} for worker in workers}
        self._silent: set[int] = set()

    def gather(self) -> None:
        """Listen until all is known, or a fault is and no better one comes soon."""
        deadline: float | None = None
        while self._running():
            if deadline is None and (self.faults or self.mates.fault):
                deadline = time.monotonic() + _GRACE_S
            if deadline is not None and time.monotonic() > deadline:
                break
            self._listen()
            if self._tell:
                self._tell(Progress(*map(sum, zip(*self._progress.values(), strict=True))))

    @property
    def problems(self) -> tuple[Problem, ...]:
        """What is wrong: each source's own fault, then that they are no mates."""
        problems = [self.faults[source] for source in sorted(self.faults)]
        if self.mates.fault:
            problems.append(_problem("SOURCE2", asdict(self.mates.fault)))
        return tuple(problems)

    def _running(self) -> list[WorkerProcess]:
        return [w for w in self._workers if w.source not in self.facts and w.source not in self.faults]

    def _paused(self, worker: WorkerProcess) -> bool:
        return not self.faults and self.mates.waiting(self._workers.index(worker)) > _AHEAD

    def _listen(self) -> None:
        poll = select.poll()
        listeners: dict[int, Callable[[], None]] = {}
        for worker in self._running():
            paused = self._paused(worker)
            worker.check(paused=paused)
            if not paused:
                listeners[worker.stdout] = lambda worker=worker: self._hear(worker)  # type: ignore[misc]
            if worker.stderr not in self._silent:
                listeners[worker.stderr] = lambda worker=worker: self._overhear(worker)  # type: ignore[misc]
        for descriptor in listeners:
            poll.register(descriptor, select.POLLIN)
        for descriptor, _ in poll.poll(_TICK_MS):
            listeners[descriptor]()

    def _overhear(self, worker: WorkerProcess) -> None:
        if not worker.drain_stderr():
            self._silent.add(worker.stderr)

    def _hear(self, worker: WorkerProcess) -> None:
        try:
            for kind, payload in worker.frames():
                self._take(worker, kind, payload)
        except WorkerTrouble:
            _log.error("worker for %s failed: %s", worker.source, worker.complaints)
            raise
        except (ValueError, LookupError, TypeError, struct.error) as error:
            raise WorkerTrouble(f"the worker for {worker.source} said what no worker says") from error

    def _take(self, worker: WorkerProcess, kind: int, payload: bytes) -> None:
        if kind == frames.NAMES:
            self.mates.feed(self._workers.index(worker), payload)
        elif kind == frames.PROGRESS:
            self._progress[worker.source] = frames.PROGRESS_PAYLOAD.unpack(payload)
        elif kind == frames.OUTPUT:
            self._take_output(worker, *frames.parse_output(payload))
        elif kind == frames.FACTS:
            self._take_facts(worker, json.loads(payload))
        elif kind == frames.PROBLEM:
            self.faults[worker.source] = _problem(worker.source, json.loads(payload))
        else:
            raise ValueError(kind)

    def _take_output(self, worker: WorkerProcess, name: str, piece: bytes) -> None:
        outputs = self._outputs[worker.source]
        if sum(map(len, outputs.values())) + len(piece) > worker.limits.outputs:
            raise ValueError(f"outputs of more than {worker.limits.outputs} bytes")
        outputs.setdefault(name, bytearray()).extend(piece)

    def _take_facts(self, worker: WorkerProcess, told: dict[str, Any]) -> None:
        self.facts[worker.source] = self._read_facts(told, self._outputs[worker.source])
        if len(self._workers) > 1:
            self.mates.end(self._workers.index(worker), told["reads"])


def _problem(source: str, told: dict[str, Any]) -> Problem:
    file, record = told.get("file"), told["record"]
    where = ", ".join(
        [source] + [f"{what} {number}" for what, number in (("file", file), ("record", record)) if number]
    )
    text = printable(f"{where}: {told['text']}", LONGEST_TEXT)
    return Problem(source, record, told.get("offset"), str(told["rule"]), text, file)
