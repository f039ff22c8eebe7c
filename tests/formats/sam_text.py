"""SAM text counted the slow and obvious way: what a worker's facts must agree with."""

from collections import Counter
from dataclasses import dataclass
from typing import Any

from .bam_records import (
    DUPLICATE,
    FIRST,
    MATE_UNMAPPED,
    PAIRED,
    PROPER,
    QC_FAIL,
    SECOND,
    SECONDARY,
    SUPPLEMENTARY,
    UNMAPPED,
)


@dataclass(frozen=True)
class Counts:
    """All records, primary reads and their bases, and how many records have each FLAG."""

    records: int
    reads: int
    bases: int
    flags: dict[int, int]


def count(text: bytes) -> Counts:
    """What is in SAM text without header."""
    lines = [line.split(b"\t") for line in text.splitlines()]
    primary = [line for line in lines if not int(line[1]) & (SECONDARY | SUPPLEMENTARY)]
    bases = sum(len(line[9]) for line in primary if line[9] != b"*")
    return Counts(len(lines), len(primary), bases, dict(Counter(int(line[1]) for line in lines)))


def flagstat(told: dict[str, Any]) -> dict[str, dict[str, int]]:
    """The counts of `samtools flagstat -O json`, without shares, from the facts of alignments."""
    flags = {int(flag): records for flag, records in told["flags"].items()}
    return {
        "QC-passed reads": _half(flags, told["elsewhere"], 0),
        "QC-failed reads": _half(flags, told["elsewhere"], QC_FAIL),
    }


def _half(flags: dict[int, int], elsewhere: Any, quality: int) -> dict[str, int]:
    def some(wanted: int, without: int = 0) -> int:
        return sum(n for flag, n in flags.items() if flag & wanted == wanted and not flag & without)

    flags = {flag: n for flag, n in flags.items() if flag & QC_FAIL == quality}
    not_primary = SECONDARY | SUPPLEMENTARY
    primary = some(0, not_primary)
    return {
        "total": some(0),
        "primary": primary,
        "secondary": some(SECONDARY),
        "supplementary": some(SUPPLEMENTARY, SECONDARY),
        "duplicates": some(DUPLICATE),
        "primary duplicates": some(DUPLICATE, not_primary),
        "mapped": some(0, UNMAPPED),
        "primary mapped": some(0, UNMAPPED | not_primary),
        "paired in sequencing": some(PAIRED, not_primary),
        "read1": some(PAIRED | FIRST, not_primary),
        "read2": some(PAIRED | SECOND, not_primary),
        "properly paired": some(PAIRED | PROPER, UNMAPPED | not_primary),
        "with itself and mate mapped": some(PAIRED, UNMAPPED | MATE_UNMAPPED | not_primary),
        "singletons": some(PAIRED | MATE_UNMAPPED, UNMAPPED | not_primary),
        "with mate mapped to a different chr": elsewhere[0][bool(quality)],
        "with mate mapped to a different chr (mapQ >= 5)": elsewhere[1][bool(quality)],
    }
