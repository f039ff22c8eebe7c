"""A worker process seen from the server: started, fed by a thread, watched, ended."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterable, Iterator, Mapping
from types import TracebackType
from typing import IO, Any, cast

from strandkeep.formats.facts import Limits, WorkerTrouble
from strandkeep.formats.frames import NO_MEMORY, FrameReader

_PIPE_LENGTH = 1 << 20
#: Bytes of an argument; Linux takes none of more than 128 KiB, and the sizes of 10,000 files are more.
_ARGUMENT = 64 << 10
_READ = 1 << 20
_STDERR_KEPT = 8192
_ENDS_WITHIN_S = 10.0

#: All of a worker's environment. htslib would fetch references by the first two; nothing may be fetched. The last two
#: are glibc's: what one slice of CRAM leaves is kept for the next, instead of being zeroed again by the kernel.
_ENVIRONMENT = {
    "REF_PATH": "/nonexistent/%s",
    "REF_CACHE": "/nonexistent/%s",
    "LC_ALL": "C.UTF-8",
    "MALLOC_MMAP_THRESHOLD_": str(32 << 20),
    "MALLOC_TRIM_THRESHOLD_": str(64 << 20),
}


class Feeder(threading.Thread):
    """Carries chunks to a worker's stdin and closes it after the last.

    At an error of the chunks, `error` is set and stdin stays open, so that the worker never takes what came so far
    for the whole file. `fetching` says that the chunks are being waited for, `moved` (monotonic seconds) when
    something last moved.
    """

    def __init__(self, chunks: Iterable[bytes], stdin: IO[bytes], name: str) -> None:
        super().__init__(name=name, daemon=True)
        self.error: BaseException | None = None
        self.fetching = True
        self.moved = time.monotonic()
        self._chunks = chunks
        self._stdin = stdin
        self._stopped = False

    def run(self) -> None:
        """Feed until the chunks end, the worker ends, or `stop`."""
        try:
            for chunk in self._chunks:
                if self._stopped or not self._write(chunk):
                    return
        except BaseException as error:
            self.error = error
            return
        self.fetching = False
        self._stdin.close()

    def stop(self) -> None:
        """Take no more chunks; one that is being waited for is waited for."""
        self._stopped = True

    def _write(self, chunk: bytes) -> bool:
        self.fetching, self.moved = False, time.monotonic()
        rest = memoryview(chunk)
        try:
            while rest:
                rest = rest[os.write(self._stdin.fileno(), rest) :]
                self.moved = time.monotonic()
        except BrokenPipeError:
            return False
        self.fetching = True
        return True


class WorkerProcess:
    """One file's worker. As a context it leaves no process, thread or descriptor behind.

    The thread that makes it must outlive it: the worker is killed when that thread ends.
    """

    def __init__(
        self, source: str, chunks: Iterable[bytes], *, format_: str, order: Mapping[str, Any], limits: Limits
    ) -> None:
        """Start examining `chunks` within `limits`; `order` is JSON that the module of the format understands."""
        self.source = source
        self.limits = limits
        self._frames = FrameReader()
        self._said = time.monotonic()
        self._complaints = b""
        order = {
            **order,
            "format": format_,
            "parent": os.getpid(),
            "address_space": limits.address_space,
            "cpu_s": limits.cpu_s,
            "cpu_s_per_gb": limits.cpu_s_per_gb,
            "longest_line": limits.longest_line,
            "outputs": limits.outputs,
        }
        self._process = _start(json.dumps(order))
        self._stdin, self._stdout, self._stderr = (
            cast("IO[bytes]", pipe) for pipe in (self._process.stdin, self._process.stdout, self._process.stderr)
        )
        self._feeder = Feeder(chunks, self._stdin, f"feed-{source}")
        self._feeder.start()

    def __enter__(self) -> "WorkerProcess":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._feeder.stop()
        self._process.kill()
        self._process.wait()
        self._feeder.join()
        for pipe in (self._stdin, self._stdout, self._stderr):
            pipe.close()

    @property
    def pid(self) -> int:
        """The process id."""
        return self._process.pid

    @property
    def stdout(self) -> int:
        """The descriptor that `frames` reads."""
        return self._stdout.fileno()

    @property
    def stderr(self) -> int:
        """The descriptor that `drain_stderr` reads."""
        return self._stderr.fileno()

    @property
    def complaints(self) -> str:
        """The end of what it wrote to stderr, for the server's log only: it has paths of the server."""
        return self._complaints.decode("utf-8", "replace")

    def frames(self) -> Iterator[tuple[int, bytes]]:
        """What it said since the last time; call when `stdout` is readable. Raises WorkerTrouble when it has ended."""
        piece = os.read(self.stdout, _READ)
        if not piece:
            raise self._ended()
        self._said = time.monotonic()
        yield from self._frames.feed(piece)

    def drain_stderr(self) -> bool:
        """Keep the end of stderr; call when it is readable. False at its end."""
        piece = os.read(self.stderr, _STDERR_KEPT)
        self._complaints = (self._complaints + piece)[-_STDERR_KEPT:]
        return bool(piece)

    def check(self, *, paused: bool) -> None:
        """Raises what the chunks raised, or WorkerTrouble when the worker does nothing though it could.

        `paused`: the server itself lets the worker wait.
        """
        if self._feeder.error is not None:
            raise self._feeder.error
        now = time.monotonic()
        if paused or self._feeder.fetching:
            self._said = now
        elif now - max(self._said, self._feeder.moved) > self.limits.stall_s:
            raise WorkerTrouble(f"the worker for {self.source} made no progress for {self.limits.stall_s:g} s")

    def _ended(self) -> WorkerTrouble:
        """Why a worker that has closed its stdout gave no verdict."""
        try:
            status = self._process.wait(_ENDS_WITHIN_S)
        except subprocess.TimeoutExpired:
            return WorkerTrouble(f"the worker for {self.source} went silent")
        while self.drain_stderr():
            pass
        return WorkerTrouble(f"the worker for {self.source} {_reason(status)}")


def _start(order: str) -> "subprocess.Popen[bytes]":
    pieces = [order[at : at + _ARGUMENT] for at in range(0, len(order), _ARGUMENT)]
    command = [sys.executable, "-I", "-m", "strandkeep.formats.worker", *pieces]
    pipe = subprocess.PIPE
    try:
        return subprocess.Popen(  # noqa: S603
            command,
            stdin=pipe,
            stdout=pipe,
            stderr=pipe,
            bufsize=0,
            pipesize=_PIPE_LENGTH,
            cwd="/",
            env=_ENVIRONMENT,
            process_group=0,
        )
    except OSError as error:
        raise WorkerTrouble(f"a worker could not be started: {error.strerror}") from error


def _reason(status: int) -> str:
    if status == -signal.SIGXCPU:
        return "used more CPU than it may"
    if status < 0:
        return f"was killed by signal {-status}"
    return "ran out of memory" if status == NO_MEMORY else f"ended without a verdict (status {status})"
