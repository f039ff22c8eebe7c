"""What a benchmark found: both sides of each figure, and whether it keeps its promise."""

import statistics
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass

_WIDTHS = (44, 21, 34, 8, 17)
_TITLES = ("figure", "ours best (median)", "peer best (median)", "ratio", "promise")


@dataclass(frozen=True)
class Figure:
    """One figure: a value for each round of ours and of the peer's, in `unit`; less is better.

    `promise` bounds the best of ours, or with `of_ratio` the best of ours over the best of the peer's. A figure
    without a promise is told for comparison only.
    """

    name: str
    unit: str
    ours: Sequence[float]
    promise: float | None = None
    peer: Sequence[float] = ()
    peer_name: str = ""
    of_ratio: bool = False

    @property
    def ratio(self) -> float | None:
        """Best of ours over best of the peer's."""
        return min(self.ours) / min(self.peer) if self.peer else None

    @property
    def kept(self) -> bool:
        """Whether the promise is kept."""
        judged = self.ratio if self.of_ratio else min(self.ours)
        return self.promise is None or (judged is not None and judged <= self.promise)

    def columns(self) -> tuple[str, ...]:
        """The figure as a line of the table."""
        peer = f"{_best_and_median(self.peer)} {self.peer_name}" if self.peer else self.peer_name or "-"
        ratio = f"{self.ratio:.2f} x" if self.ratio is not None else "-"
        return f"{self.name} [{self.unit}]", _best_and_median(self.ours), peer, ratio, self._verdict()

    def _verdict(self) -> str:
        if self.promise is None:
            return "-"
        return f"{'PASS' if self.kept else 'MISS'} (<= {self.promise:g}{' x' if self.of_ratio else ''})"


def show(figures: Sequence[Figure]) -> None:
    """Print figures as one table."""
    for columns in (_TITLES, *(figure.columns() for figure in figures)):
        cells = zip(columns, _WIDTHS, strict=True)
        print("  ".join(text.ljust(width) for text, width in cells).rstrip(), flush=True)


def run_alone(measure: Callable[[], Sequence[Figure]]) -> None:
    """Run one benchmark as a program: print its table, and exit 1 when a promise is not kept."""
    figures = measure()
    show(figures)
    sys.exit(0 if all(figure.kept for figure in figures) else 1)


def _best_and_median(values: Sequence[float]) -> str:
    return f"{_short(min(values))} ({_short(statistics.median(values))})"


def _short(value: float) -> str:
    return f"{value:.3f}" if value < 10 else f"{value:.1f}"
