"""Verification: which blobs it takes, how far it has come, and when the next one starts by itself."""

from dataclasses import dataclass, replace

from strandkeep.domain import times

#: How often a verification starts by itself: each takes what is due by then, so that the work is spread.
SCHEDULE = times.DAY

_NAMES = 16**8


@dataclass(frozen=True)
class Arc:
    """A stretch of the names of blobs, which are random: from `first` up to `last`, past the end to the beginning."""

    first: str
    last: str

    @property
    def wraps(self) -> bool:
        """Whether it goes past the end of the names."""
        return self.first > self.last


def sample(percent: int, first: int) -> Arc | None:
    """The names of a sample that begins at `first` (any number); None when it is all of them."""
    if percent >= 100:
        return None
    begin = first % _NAMES
    return Arc(f"{begin:08x}", f"{(begin + _NAMES * percent // 100) % _NAMES:08x}")


@dataclass(frozen=True)
class Progress:
    """How far a verification has come; `after` is the name of the last blob that is done.

    `reading` is how many bytes of the next one have been read, `seconds` the time worked so far.
    """

    blobs_total: int
    bytes_total: int
    started: int
    after: str = ""
    blobs: int = 0
    bytes: int = 0
    reading: int = 0
    seconds: float = 0.0

    def past(self, name: str, length: int) -> "Progress":
        """One blob further."""
        return replace(self, after=name, blobs=self.blobs + 1, bytes=self.bytes + length, reading=0)


def next_start(last_ended: int | None, began: int) -> int:
    """When the next verification of an account starts by itself; `began` is when the account did (microseconds)."""
    return (began if last_ended is None else last_ended) + SCHEDULE
