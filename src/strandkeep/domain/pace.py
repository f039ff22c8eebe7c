"""Pace: work that may take so many bytes a second, and no more."""

#: Seconds of work that may be made up for after a time in which less was done.
_BURST_S = 0.25


class Pace:
    """Keeps work to `bytes_per_second`; whoever works gives the time (seconds, of any clock that never goes back)."""

    def __init__(self, bytes_per_second: int) -> None:
        self._bytes_per_second = bytes_per_second
        self._free_at: float | None = None

    def pause(self, size: int, now: float) -> float:
        """Seconds to wait, `size` bytes having been worked on by `now`, before the next ones."""
        free_at = now if self._free_at is None else max(self._free_at, now - _BURST_S)
        self._free_at = free_at + size / self._bytes_per_second
        return max(0.0, self._free_at - now)
