"""QC facts: what the reads of a file are like, from what its kernel counted. `docs/reference/qc.md` defines each."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from strandkeep.formats._qc import Counters

#: The quantiles of qualities at a cycle, percent.
QUANTILES = (10, 25, 50, 75, 90)

_PAIRED, _PROPER_PAIR, _UNMAPPED, _MATE_UNMAPPED, _READ1, _READ2 = 1, 2, 4, 8, 64, 128
_SECONDARY, _FAILED, _DUPLICATE, _SUPPLEMENTARY = 256, 512, 1024, 2048

Elsewhere = tuple[tuple[int, int], tuple[int, int]]

#: The longest read of which each cycle is told by itself.
_LONGEST_BY_CYCLE = 499
#: FastQC shows so many groups of cycles at most, the first nine of one cycle each.
_MOST_GROUPS = 75
_ALONE = 9


def facts(counters: Counters) -> dict[str, Any]:
    """The QC facts of a file, as `docs/reference/catalog.md` describes the JSON; a change of it is a new version."""
    qualities = counters.qualities()
    return {
        "reads": counters.reads,
        "bases": counters.bases,
        "readsByCycle": counters.sampled,
        "readsWithoutQualities": counters.unrated,
        "lengths": {
            "shortest": counters.shortest,
            "longest": counters.longest,
            "mean": _share(counters.bases, counters.reads),
            "n50": counters.n50,
            "bins": counters.lengths(),
        },
        "qualities": {
            "q20": _share(sum(qualities[20:]), sum(qualities)),
            "q30": _share(sum(qualities[30:]), sum(qualities)),
            "errorProbability": _share(sum(n * 10 ** (-q / 10) for q, n in enumerate(qualities)), sum(qualities)),
            "bases": _counted(qualities),
        },
        "meanQualities": _counted(counters.mean_qualities()),
        "gc": _counted(counters.gc()),
        "cycles": [_cycle(counters, first, last) for first, last in cycle_groups(counters.longest)],
    }


def facts_of_alignments(counters: Counters, flags: Mapping[int, int], elsewhere: Elsewhere) -> dict[str, Any]:
    """The QC facts of a BAM or CRAM file; `flags` and `elsewhere` as the kernel's `Records` gives them."""
    alignment = {
        "flagstat": {
            "passed": _flagstat({f: n for f, n in flags.items() if not f & _FAILED}, *[kind[0] for kind in elsewhere]),
            "failed": _flagstat({f: n for f, n in flags.items() if f & _FAILED}, *[kind[1] for kind in elsewhere]),
        },
        "mapqs": _counted(counters.mapqs()),
        "insertSizes": _counted(counters.inserts()),
    }
    return {**facts(counters), "alignment": alignment}


def _flagstat(flags: Mapping[int, int], elsewhere: int, elsewhere_sure: int) -> dict[str, int]:
    """What `samtools flagstat` counts, under its names."""

    def count(*, having: int = 0, lacking: int = 0) -> int:
        return sum(n for flag, n in flags.items() if flag & having == having and not flag & lacking)

    other = _SECONDARY | _SUPPLEMENTARY
    return {
        "total": count(),
        "primary": count(lacking=other),
        "secondary": count(having=_SECONDARY),
        "supplementary": count(having=_SUPPLEMENTARY, lacking=_SECONDARY),
        "duplicates": count(having=_DUPLICATE),
        "primaryDuplicates": count(having=_DUPLICATE, lacking=other),
        "mapped": count(lacking=_UNMAPPED),
        "primaryMapped": count(lacking=_UNMAPPED | other),
        "pairedInSequencing": count(having=_PAIRED, lacking=other),
        "read1": count(having=_PAIRED | _READ1, lacking=other),
        "read2": count(having=_PAIRED | _READ2, lacking=other),
        "properlyPaired": count(having=_PAIRED | _PROPER_PAIR, lacking=_UNMAPPED | other),
        "withItselfAndMateMapped": count(having=_PAIRED, lacking=_UNMAPPED | _MATE_UNMAPPED | other),
        "singletons": count(having=_PAIRED | _MATE_UNMAPPED, lacking=_UNMAPPED | other),
        "withMateMappedToDifferentChr": elsewhere,
        "withMateMappedToDifferentChrMapq5": elsewhere_sure,
    }


def cycle_groups(longest: int) -> Iterator[tuple[int, int]]:
    """(first, last) of the groups of cycles, from 1, that are told of reads up to `longest` bases.

    Each cycle by itself up to 499; of longer reads the groups that FastQC shows, 75 at most.
    """
    step = 1 if longest <= _LONGEST_BY_CYCLE else _step(longest)
    first = 1
    while first <= longest:
        last = first if first <= _ALONE else first // step * step + step - 1
        yield first, min(last, longest)
        first = last + 1


def _step(longest: int) -> int:
    """The smallest of 2, 5, 10, 20, 50 … that makes fewer groups than FastQC allows."""
    scale = 1
    while True:
        for step in (2 * scale, 5 * scale, 10 * scale):
            if _ALONE - (_ALONE - longest) // step < _MOST_GROUPS:
                return step
        scale *= 10


def _cycle(counters: Counters, first: int, last: int) -> list[float | None]:
    """first, last, mean quality, its quantiles (null without qualities), and A, C, G, T and other letters."""
    qualities, (a, c, g, t, every) = counters.cycles(first, last)
    rated = sum(qualities)
    mean = _share(sum(q * n for q, n in enumerate(qualities)), rated)
    quantiles = [_quantile(qualities, rated, percent) for percent in QUANTILES]
    return [first, last, mean, *quantiles, a, c, g, t, every - a - c - g - t]


def _quantile(qualities: Sequence[int], rated: int, percent: int) -> int | None:
    """The least quality such that `percent` of the bases have no higher one."""
    seen = 0
    for quality, bases in enumerate(qualities):
        seen += bases
        if rated and 100 * seen >= percent * rated:
            return quality
    return None


def _counted(counts: Sequence[int]) -> list[tuple[int, int]]:
    """(value, count) of what was counted at all."""
    return [(value, count) for value, count in enumerate(counts) if count]


def _share(part: float, whole: int) -> float | None:
    return float(f"{part / whole:.8g}") if whole else None
