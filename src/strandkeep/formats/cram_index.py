"""The index of a CRAM file (CRAI): a line for each slice, and for each run of records on a contig in one of several."""

from collections.abc import Sequence

from strandkeep.formats.cram_slices import Slice

#: Records one after the other on a contig: (contig, first place, last place), counted from 1.
Run = tuple[int, int, int]


class CramIndex:
    """The lines so far."""

    def __init__(self) -> None:
        self._lines: list[str] = []

    def add(self, found: Slice, runs: Sequence[Run] | None) -> None:
        """The next slice; `runs` of one whose records are on several contigs."""
        extents = [(found.contig, found.first, found.span)]
        if found.several:
            extents = [(contig, first, last - first + 1) for contig, first, last in runs or ()]
        for contig, first, span in extents:
            self._lines.append(f"{contig}\t{first}\t{span}\t{found.container}\t{found.landmark}\t{found.size}\n")

    def text(self) -> bytes:
        """It before it is compressed."""
        return "".join(self._lines).encode()
