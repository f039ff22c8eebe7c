"""QC facts counted the slow and obvious way: what `qc.py` must give."""

from collections import Counter
from dataclasses import dataclass
from typing import Any

EVERY, ONE_IN = 1_000_000, 8


@dataclass(frozen=True)
class Read:
    """A read as the machine saw it: letters, and qualities as numbers, or none."""

    letters: str
    qualities: tuple[int, ...] | None


def plain_qc(reads: list[Read], groups: list[tuple[int, int]]) -> dict[str, Any]:
    """The facts, cycles in the `groups` given, but for what alignments alone have."""
    lengths = [len(read.letters) for read in reads]
    qualities = Counter(q for read in reads for q in read.qualities or ())
    rated = sum(qualities.values())
    sampled = [read for number, read in enumerate(reads) if number < EVERY or number % ONE_IN == 0]
    return {
        "reads": len(reads),
        "bases": sum(lengths),
        "readsByCycle": len(sampled),
        "readsWithoutQualities": sum(1 for read in reads if read.letters and read.qualities is None),
        "lengths": {
            "shortest": min(lengths),
            "longest": max(lengths),
            "mean": rounded(sum(lengths), len(lengths)),
            "n50": n50(lengths),
            "bins": sorted((*bin_, n) for bin_, n in Counter(map(length_bin, lengths)).items()),
        },
        "qualities": {
            "q20": rounded(sum(n for q, n in qualities.items() if q >= 20), rated),
            "q30": rounded(sum(n for q, n in qualities.items() if q >= 30), rated),
            "errorProbability": rounded(sum(n * 10 ** (-q / 10) for q, n in sorted(qualities.items())), rated),
            "bases": sorted(qualities.items()),
        },
        "meanQualities": counted(sum(r.qualities) // len(r.qualities) for r in reads if r.qualities),
        "gc": counted(gc_percent(read.letters) for read in reads if read.letters),
        "cycles": [cycle(sampled, first, last) for first, last in groups],
    }


def cycle(reads: list[Read], first: int, last: int) -> list[Any]:
    letters = Counter("".join(read.letters[first - 1 : last] for read in reads).upper().replace("U", "T"))
    qualities = sorted(q for read in reads if read.qualities for q in read.qualities[first - 1 : last])
    quantiles = [qualities[-(-p * len(qualities) // 100) - 1] if qualities else None for p in (10, 25, 50, 75, 90)]
    known = [letters[letter] for letter in "ACGT"]
    mean = rounded(sum(qualities), len(qualities))
    return [first, last, mean, *quantiles, *known, letters.total() - sum(known)]


def n50(lengths: list[int]) -> int:
    seen, bases = 0, sum(lengths)
    for length in sorted(lengths, reverse=True):
        seen += length
        if 2 * seen >= bases:
            return length
    return 0


def length_bin(length: int) -> tuple[int, int]:
    width = 10 ** (len(str(length)) - 2) if length >= 1000 else 1
    return length // width * width, length // width * width + width - 1


def gc_percent(letters: str) -> int:
    found = sum(letters.upper().count(letter) for letter in "GC")
    return int(100 * found / len(letters) + 0.5)


def counted(values: Any) -> list[tuple[int, int]]:
    return sorted(Counter(values).items())


def rounded(part: float, whole: int) -> float | None:
    return float(f"{part / whole:.8g}") if whole else None
