"""The provenance line: what a new head of a BAM costs, of a small file and of a large one; and an ingest with it."""

import time
from collections.abc import Callable

from bench.fastq_ingest_worker import children_cost, chunks
from bench.figures import Figure, run_alone
from bench.generated_bam import Bam, bam
from strandkeep.formats.examine import examine_alignments
from strandkeep.formats.splice import spliced

_LINE = "@CO\tstrandkeep: sequenceStoreId=1234567890123456 readSetId=1234567890123456 ingestedAt=2026-11-22T00:00:00Z"
_HEADS = 200
_ROUNDS = 4

#: Both take the same; this is for the clock's noise.
_MOST_TIMES_SMALL = 1.25


def measure() -> list[Figure]:
    """What the line costs."""
    small, large = bam(1), bam(1020)
    heads = [_head(file) for file in (large, small)]
    print(f"provenance: a head of {heads[0]} bytes for {large.file.stat().st_size / 1e6:.0f} MB of BAM")
    of_large, of_small = [], []
    for _ in range(_HEADS):
        of_large.append(_cpu_ms(lambda: _head(large)))
        of_small.append(_cpu_ms(lambda: _head(small)))
    sizes = Figure("head for 1 GB, bytes stored", "B", [heads[0]], 1.0, [heads[1]], "for 1 MB", of_ratio=True)
    cost = Figure("head for 1 GB", "CPU ms", of_large, _MOST_TIMES_SMALL, of_small, "for 1 MB", of_ratio=True)
    return [cost, sizes, _whole(large)]


def _head(file: Bam) -> int:
    """Bytes of a new head for a file; not a byte more of it is read than that takes."""
    splice, _ = spliced(chunks(file.file), "bam", _LINE)
    assert splice is not None
    return len(splice.head)


def _cpu_ms(act: Callable[[], object]) -> float:
    before = time.process_time()
    act()
    return 1000 * (time.process_time() - before)


def _whole(file: Bam) -> Figure:
    """The worker with the line and without."""
    gigabytes = file.text_bytes / 1e9
    costs: dict[str | None, list[float]] = {_LINE: [], None: []}
    for _ in range(_ROUNDS):
        for line, found in costs.items():
            found.append(_worker(file, line) / gigabytes)
    return Figure("BAM worker with the line", "CPU s/GB of text", costs[_LINE], None, costs[None], "without it")


def _worker(file: Bam, line: str | None) -> float:
    """CPU seconds of a worker that adds the line, or none."""

    def examine() -> object:
        return examine_alignments("BAM", chunks(file.file), algorithm="md5", reference=None, qc=False, provenance=line)

    return children_cost(examine)[0]


if __name__ == "__main__":
    run_alone(measure)
