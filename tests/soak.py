"""What a soak did and found: any test marked `soak` adds to one report, printed at the end of the run.

A failed round is run again by its seed: `SOAK_SEEDS=17 make soak`, or `SOAK_SEEDS=17,40-49`.
"""

import os
from collections import Counter, defaultdict


def soak_seeds(default: str) -> list[int]:
    """The seeds that a soak test runs with: SOAK_SEEDS if it is set, else `default`, as in "1-20" or "3,7"."""
    seeds: list[int] = []
    for piece in (os.environ.get("SOAK_SEEDS") or default).split(","):
        first, _, last = piece.partition("-")
        seeds += range(int(first), int(last or first) + 1)
    return seeds


class SoakReport:
    """Counters by kind of round, and the seeds that they came from. What is counted is for the tests to name."""

    def __init__(self) -> None:
        self._counts: dict[str, Counter[str]] = defaultdict(Counter)
        self._seeds: dict[str, list[str]] = defaultdict(list)

    def add(self, kind: str, seed: object, **counts: int) -> None:
        """Add to the counters of a kind, as in `add("random kills", 17, rounds=1, lost=0)`; 0 is shown too."""
        for name, count in counts.items():
            self._counts[kind][name] += count
        if str(seed) not in self._seeds[kind]:
            self._seeds[kind].append(str(seed))

    def lines(self) -> list[str]:
        """The report, a paragraph for each kind; empty when nothing was added."""
        return [line for kind in sorted(self._counts) for line in self._paragraph(kind)]

    def _paragraph(self, kind: str) -> list[str]:
        counts = [f"  {name.replace('_', ' ')}: {count:,}" for name, count in self._counts[kind].items()]
        return [kind, *counts, f"  seeds: {', '.join(self._seeds[kind])}"]
