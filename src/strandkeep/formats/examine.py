"""Examining the files of a read set: a worker for each, their answers gathered and, for mates, compared."""

import json
import logging
import select
import struct
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import ExitStack
from dataclasses import asdict
from typing import Any, Literal

from strandkeep.formats import frames
from strandkeep.formats.facts import (
    LONGEST_TEXT,
    Examination,
    Limits,
    Problem,
    Progress,
    SourceFacts,
    WorkerTrouble,
    printable,
)
from strandkeep.formats.mates import NEVER_AGREE, Mates
from strandkeep.formats.process import WorkerProcess
from strandkeep.formats.read_name import run_of

_log = logging.getLogger(__name__)

#: Bytes of name hashes that one file may be ahead of the other before its worker has to wait: 131,072 reads.
_AHEAD = 1 << 20
#: Once something is known to be at fault, so much longer may a better explanation take to come.
_GRACE_S = 1.0
_TICK_MS = 100
_LONGEST_NAME = 1024


def examine_fastq(
    sources: Mapping[str, Iterable[bytes]],
    *,
    algorithm: Literal["md5", "sha256", "sha512"],
    limits: Limits = Limits(),  # noqa: B008 - frozen
    progress: Callable[[Progress], None] | None = None,
) -> Examination:
    """Check and count gzipped FASTQ: SOURCE1 alone, or SOURCE1 and SOURCE2 as mates.

    Each value gives the stored bytes of a file in order, in chunks of any size, and is iterated in a thread of its
    own; what it raises ends the workers and is raised here. A chunk that is on its way is waited for, whatever
    happens. `progress` is called in the calling thread, a few times a second.

    Which fault is told first: SOURCE1's own, SOURCE2's own, then that they are no mates. A fault ends the examination
    within a second of finding it, so a second fault is told only when it was found by then.

    Raises WorkerTrouble for what is not the file's fault. Must be called in a thread that lives until it returns.
    """
    order = {"algorithm": algorithm, "names": len(sources) > 1}
    with ExitStack() as stack:
        workers = [
            stack.enter_context(WorkerProcess(source, chunks, format_="fastq", order=order, limits=limits))
            for source, chunks in sorted(sources.items())
        ]
        return _Gathering(workers, progress).outcome()


class _Gathering:
    """The server's side of an examination: one loop over what all workers say."""

    def __init__(self, workers: list[WorkerProcess], progress: Callable[[Progress], None] | None) -> None:
        self._workers = workers
        self._tell = progress
        self._progress = {worker.source: (0, 0, 0) for worker in workers}
        self._facts: dict[str, SourceFacts] = {}
        self._problems: dict[str, Problem] = {}
        self._silent: set[int] = set()
        self._mates = Mates()

    def outcome(self) -> Examination:
        """Listen until all is known, or a fault is and no better one comes soon."""
        deadline: float | None = None
        while self._running():
            if deadline is None and (self._problems or self._mates.fault):
                deadline = time.monotonic() + _GRACE_S
            if deadline is not None and time.monotonic() > deadline:
                break
            before = dict(self._progress)
            self._listen()
            if self._tell and self._progress != before:
                stored, text, reads = (sum(column) for column in zip(*self._progress.values(), strict=True))
                self._tell(Progress(stored, text, reads))
        return self._examination()

    def _running(self) -> list[WorkerProcess]:
        return [w for w in self._workers if w.source not in self._facts and w.source not in self._problems]

    def _paused(self, worker: WorkerProcess) -> bool:
        return not self._problems and self._mates.waiting(self._workers.index(worker)) > _AHEAD

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
        except (ValueError, KeyError, TypeError, struct.error) as error:
            raise WorkerTrouble(f"the worker for {worker.source} said what no worker says") from error

    def _take(self, worker: WorkerProcess, kind: int, payload: bytes) -> None:
        if kind == frames.NAMES:
            self._mates.feed(self._workers.index(worker), payload)
        elif kind == frames.PROGRESS:
            self._progress[worker.source] = frames.PROGRESS_PAYLOAD.unpack(payload)
        elif kind == frames.FACTS:
            self._take_facts(worker, json.loads(payload))
        elif kind == frames.PROBLEM:
            self._problems[worker.source] = _problem(worker.source, json.loads(payload))
        else:
            raise ValueError(kind)

    def _take_facts(self, worker: WorkerProcess, told: dict[str, Any]) -> None:
        facts = SourceFacts(**{**told, "first_name": printable(told["first_name"], _LONGEST_NAME)})
        self._facts[worker.source] = facts
        self._progress[worker.source] = (facts.stored_length, facts.text_length, facts.reads)
        if len(self._workers) > 1:
            self._mates.end(self._workers.index(worker), facts.reads)

    def _examination(self) -> Examination:
        problems = [self._problems[source] for source in sorted(self._problems)]
        if self._mates.fault:
            problems.append(_problem("SOURCE2", asdict(self._mates.fault)))
        notes = (NEVER_AGREE,) if self._mates.never_agree else ()
        first = self._facts.get(self._workers[0].source)
        return Examination(self._facts, tuple(problems), notes, run_of(first.first_name) if first else None)


def _problem(source: str, told: dict[str, Any]) -> Problem:
    where = f"{source}, record {told['record']}" if told["record"] else source
    text = printable(f"{where}: {told['text']}", LONGEST_TEXT)
    return Problem(source, told["record"], told.get("offset"), str(told["rule"]), text)
