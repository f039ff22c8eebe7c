"""How far the import of a source is, as rows keep it, and as programs and people read it.

Rows keep JSON: bytes taken in (`stored`) of `size`, `reads`, bytes a second (`rate`), and when that was (`at`).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from strandkeep.domain import states, times

_UNITS = ("bytes", "kB", "MB", "GB", "TB")

#: A rate is noted every two seconds while a source is read. One that is older tells of nothing that goes on.
_RATE_HOLDS = 10 * times.SECOND


@dataclass(frozen=True)
class Distance:
    """How far a source is: bytes done, bytes in all if that is known, bytes a second now, reads so far, percent."""

    done: int = 0
    total: int | None = None
    rate: int = 0
    reads: int = 0
    percent: int = 0


def distance(state: str, progress: Mapping[str, Any] | None, since: int, now: int) -> Distance:
    """How far an item is by its state and by what was noted of it.

    It may run since `since`, which is later than now when it is put off: no rate of before counts. Times are in
    microseconds.
    """
    if not progress:
        return Distance(percent=100 if state == states.FINISHED else 0)
    size, reads = progress["size"], progress["reads"]
    if state == states.FINISHED:
        return Distance(size, size, 0, reads, 100)
    fresh = state == states.IN_PROGRESS and progress["at"] > max(since, now - _RATE_HOLDS)
    done = min(progress["stored"], size)
    return Distance(done, size, max(progress["rate"], 0) if fresh else 0, reads, 100 * done // size if size else 0)


def together(sources: Sequence[tuple[str, Distance]]) -> Distance:
    """How far a job is whose items have these states and distances.

    How many bytes a source has is known once it begins: `total` is of those that have. So `percent` is the mean of the
    sources' own, whatever their sizes, and one that failed has nothing left to do.
    """
    each = [far for _, far in sources]
    totals = [far.total for far in each if far.total is not None]
    percents = [100 if state in states.ENDED_ITEMS else far.percent for state, far in sources]
    return Distance(
        done=sum(far.done for far in each),
        total=sum(totals) if totals else None,
        rate=sum(far.rate for far in each),
        reads=sum(far.reads for far in each),
        percent=sum(percents) // len(percents) if percents else 0,
    )


def sentence(progress: Mapping[str, Any] | None, since: int, now: int) -> str | None:
    """`45 % done: 482 of 1,070 MB, at 85 MB/s.`; None before anything is known."""
    far = distance(states.IN_PROGRESS, progress, since, now)
    if not far.total:
        return None
    power, pace = _power(far.total), _power(far.rate)
    speed = f", at {_amount(far.rate, pace)} {_UNITS[pace]}/s" if far.rate else ""
    return f"{far.percent} % done: {_amount(far.done, power)} of {_amount(far.total, power)} {_UNITS[power]}{speed}."


def _power(amount: int) -> int:
    """The unit of an amount: ten thousand of it are told in the next one."""
    return next((n for n in range(len(_UNITS) - 1) if amount < 10_000 * 1000**n), len(_UNITS) - 1)


def _amount(amount: int, power: int) -> str:
    return f"{amount / 1000**power:,.0f}"
