"""SAM text counted the slow and obvious way: what a worker's facts must agree with."""

from dataclasses import dataclass

from .bam_records import SECONDARY, SUPPLEMENTARY


@dataclass(frozen=True)
class Counts:
    """All records; primary reads, and their bases."""

    records: int
    reads: int
    bases: int


def count(text: bytes) -> Counts:
    """What is in SAM text without header."""
    lines = [line.split(b"\t") for line in text.splitlines()]
    primary = [line for line in lines if not int(line[1]) & (SECONDARY | SUPPLEMENTARY)]
    bases = sum(len(line[9]) for line in primary if line[9] != b"*")
    return Counts(len(lines), len(primary), bases)
