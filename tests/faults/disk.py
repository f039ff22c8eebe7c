"""A disk that fails: operating-system calls of a place for bytes, of which the n-th fails."""

import errno
import os
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from unittest import mock

#: Every call by which bytes are written, named, read or removed. Closing is watched, and does not fail.
CALLS = ("open", "writev", "fsync", "rename", "unlink", "pread", "statvfs", "scandir")

FULL, BROKEN, SHORT = "disk full", "input/output error", "short"

_ERRORS = {FULL: errno.ENOSPC, BROKEN: errno.EIO}


@dataclass
class Disk:
    """Counts the calls on what lies below `root`, and makes some of them fail.

    `made` counts them by name since the last `fail`; `fired` those that failed. `synced_again` lists the files whose
    descriptor was synced after a sync of it had failed.
    """

    root: Path
    made: Counter[str] = field(default_factory=Counter)
    fired: int = 0
    synced_again: list[str] = field(default_factory=list)
    _fault: str = ""
    _first: int = 0
    _last: float = 0
    _which: tuple[str, ...] = ()
    _unsynced: set[tuple[int, str]] = field(default_factory=set)
    _lock: Any = field(default_factory=threading.Lock)

    def fail(self, fault: str, at: int, times: float = 1, which: tuple[str, ...] = CALLS) -> None:
        """Let the calls number `at` to `at + times - 1` of those in `which` fail."""
        with self._lock:
            self.made.clear()
            self.fired = 0
            self._fault, self._first, self._last, self._which = fault, at, at + times - 1, which

    def heal(self) -> None:
        """Let nothing fail any more."""
        self._first, self._last = 0, 0

    def open_files(self) -> list[str]:
        """The files below the root that this process has open, locks aside."""
        return [name for name in map(_named, map(int, os.listdir("/proc/self/fd"))) if self._is_bytes(name)]

    def _is_bytes(self, name: str) -> bool:
        return any(name.startswith(f"{self.root}/{folder}") for folder in ("blobs", "tmp", "manifests")) and (
            not name.endswith("/lock")
        )

    def _perform(self, name: str, real: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        where = _named(args[0]) if isinstance(args[0], int) else str(args[0])
        if not self._is_bytes(where) and where != str(self.root):
            return real(*args, **kwargs)
        if name == "fsync":
            self._watch(args[0], where)
        if not self._is_due(name):
            return real(*args, **kwargs)
        if self._fault == SHORT:
            return _SHORTENED[name](real, *args)
        if name == "fsync":
            self._unsynced.add((args[0], where))
        raise OSError(_ERRORS[self._fault], os.strerror(_ERRORS[self._fault]), where)

    def _is_due(self, name: str) -> bool:
        with self._lock:
            if name not in self._which:
                return False
            self.made[name] += 1
            due = self._first <= self.made.total() <= self._last
            self.fired += due
            return due

    def _watch(self, descriptor: int, where: str) -> None:
        if (descriptor, where) in self._unsynced:
            self.synced_again.append(where)

    def _close(self, real: Callable[[int], None], descriptor: int) -> None:
        self._unsynced = {known for known in self._unsynced if known[0] != descriptor}
        real(descriptor)


@contextmanager
def failing_disk(root: Path) -> Iterator[Disk]:
    """A `Disk` for the time of a `with`."""
    disk = Disk(root)

    def wrapped(name: str) -> Callable[..., Any]:
        real = getattr(os, name)
        return lambda *args, **kwargs: disk._perform(name, real, *args, **kwargs)

    close = os.close
    changed = {name: wrapped(name) for name in CALLS}
    with mock.patch.multiple(os, **changed, close=lambda descriptor: disk._close(close, descriptor)):
        yield disk


def _named(descriptor: int) -> str:
    try:
        return os.readlink(f"/proc/self/fd/{descriptor}")
    except OSError:
        return ""


def _short_write(real: Callable[..., int], descriptor: int, views: list[memoryview]) -> int:
    return real(descriptor, [views[0][: -(-len(views[0]) // 2)]])


def _short_read(real: Callable[..., bytes], descriptor: int, length: int, offset: int) -> bytes:
    return real(descriptor, -(-length // 2), offset)


_SHORTENED = {"writev": _short_write, "pread": _short_read}
