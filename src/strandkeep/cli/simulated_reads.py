"""Reads as a paired Illumina run writes them, made up on the spot: no one's data."""

import gzip
import random
from pathlib import Path

_BASES = "ACGT"
_COMPLEMENT = str.maketrans("ACGT", "TGCA")
_GENOME_LENGTH = 50_000
_READ_LENGTH = 101
_FRAGMENT_LENGTH = 350


def write_pair(folder: Path, pairs: int, seed: int = 1) -> list[Path]:
    """Write `pairs` mates to `sim_R1.fastq.gz` and `sim_R2.fastq.gz`; the two paths. A seed gives one pair of files."""
    chance = random.Random(seed)  # noqa: S311
    genome = "".join(chance.choices(_BASES, k=_GENOME_LENGTH))
    paths = [folder / "sim_R1.fastq.gz", folder / "sim_R2.fastq.gz"]
    with gzip.open(paths[0], "wt", 6) as first, gzip.open(paths[1], "wt", 6) as second:
        for number in range(pairs):
            start = chance.randrange(_GENOME_LENGTH - _FRAGMENT_LENGTH)
            fragment = genome[start : start + _FRAGMENT_LENGTH]
            name = f"SIM01:7:HSIMULATED:2:{1101 + number // 5000}:{chance.randrange(32000)}:{number}"
            mate = fragment[::-1].translate(_COMPLEMENT)
            first.write(_record(chance, f"{name} 1:N:0:ATCACG", fragment[:_READ_LENGTH]))
            second.write(_record(chance, f"{name} 2:N:0:ATCACG", mate[:_READ_LENGTH]))
    return paths


def _record(chance: random.Random, name: str, bases: str) -> str:
    return f"@{name}\n{bases}\n+\n{_qualities(chance)}\n"


def _qualities(chance: random.Random) -> str:
    """Qualities of a few values that fall towards the end, as a recent instrument reports them."""
    good = chance.randrange(60, _READ_LENGTH + 1)
    rest = "".join(chance.choices("F:,#", (6, 2, 1, 1), k=_READ_LENGTH - good))
    return "F" * good + rest
