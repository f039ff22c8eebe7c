"""CPU, memory and writes of a process with all its children, from /proc."""

import os
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType

_TICKS = os.sysconf("SC_CLK_TCK")
_SAMPLE_S = 0.05

#: Places in /proc/<pid>/stat after the name: utime, stime, and those of children that ended and were waited for.
_TIMES = slice(11, 15)


def tree(root: int) -> Iterator[int]:
    """The pids of a process and its descendants. One that ends meanwhile is left out."""
    yield root
    try:
        lists = [path.read_text() for path in Path(f"/proc/{root}/task").glob("*/children")]
    except OSError:
        return
    for child in " ".join(lists).split():
        yield from tree(int(child))


def cpu_seconds(root: int) -> float:
    """User and system seconds of a tree so far, those of its ended children included."""
    ticks = 0
    for pid in tree(root):
        fields = _read(pid, "stat").rpartition(")")[2].split()
        ticks += sum(map(int, fields[_TIMES]))
    return ticks / _TICKS


def pss(root: int) -> float:
    """Proportional resident memory of a tree, MiB: what processes share is counted once."""
    return sum(_kib(_read(pid, "smaps_rollup"), "Pss:") for pid in tree(root)) / 1024


def written_bytes(root: int) -> int:
    """Bytes that the living processes of a tree have made dirty for a disk."""
    texts = [_read(pid, "io") for pid in tree(root)]
    return sum(int(text.partition("\nwrite_bytes: ")[2].split()[0]) for text in texts if text)


class PeakMemory:
    """Watches a tree's memory for the time of a `with`: MiB at the `start`, and the `peak`."""

    def __init__(self, root: int) -> None:
        self._root = root
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> "PeakMemory":
        self.start = self.peak = pss(self._root)
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._stop.wait(_SAMPLE_S):
            self.peak = max(self.peak, pss(self._root))


class CpuMeter:
    """CPU and wall seconds of a tree over a `with`: `cpu` and `wall`."""

    def __init__(self, root: int) -> None:
        self._root = root

    def __enter__(self) -> "CpuMeter":
        self._cpu, self._wall = cpu_seconds(self._root), time.monotonic()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.cpu = cpu_seconds(self._root) - self._cpu
        self.wall = time.monotonic() - self._wall


def _read(pid: int, name: str) -> str:
    """A file of a process; empty when it has ended."""
    try:
        return Path(f"/proc/{pid}/{name}").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return ""


def _kib(text: str, label: str) -> int:
    return int(text.partition(f"\n{label}")[2].split()[0]) if text else 0
