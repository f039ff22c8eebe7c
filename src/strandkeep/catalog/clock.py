"""The one clock: microseconds since 1970, never going back within a process, movable in tests."""

import threading
import time


class Clock:
    """Integer microseconds; strictly increasing, so that two transactions of a process never share a time."""

    def __init__(self) -> None:
        self.moved = 0
        self._last = 0
        self._lock = threading.Lock()

    def stamp(self, reading: int | None = None) -> int:
        """The time of a new transaction, from `reading` (the database's) or else the system's clock."""
        base = time.time_ns() // 1000 if reading is None else reading
        with self._lock:
            self._last = max(self._last + 1, base + self.moved)
            return self._last

    def reading(self) -> int:
        """What the system's clock says, for what no transaction dates. Nothing is put in order by it."""
        return time.time_ns() // 1000 + self.moved

    def move(self, microseconds: int) -> None:
        """Move the clock by so much, for tests that would otherwise wait for days."""
        self.moved += microseconds

    def not_before(self, microseconds: int) -> None:
        """Never give a time at or before this one: what a start read of the last run."""
        self._last = max(self._last, microseconds)
