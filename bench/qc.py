"""QC facts: what they add to an examination, on against off in the same run; CPU seconds per GB of text."""

from collections.abc import Callable

from bench.fastq_ingest_worker import children_cost, chunks
from bench.figures import Figure, run_alone
from bench.generated_bam import ABOUT as ABOUT_BAM
from bench.generated_bam import bam
from bench.generated_reads import ABOUT, pair
from strandkeep.formats.examine import examine_alignments, examine_fastq

_FASTQ_READS = 1_400_000
_BAM_MB = 1_020
_ROUNDS = 5

_MOST_ADDED = 0.35


def measure() -> list[Figure]:
    """What QC adds, of FASTQ and of BAM."""
    reads, alignments = pair(_FASTQ_READS), bam(_BAM_MB)
    print(f"qc: one file of {reads.text_bytes / 2e9:.2f} GB of FASTQ ({ABOUT})")
    print(f"qc: {alignments.text_bytes / 1e9:.2f} GB of SAM text ({ABOUT_BAM})")

    def fastq(qc: bool) -> object:
        return examine_fastq({"SOURCE1": chunks(reads.files[0])}, algorithm="md5", qc=qc)

    def alignment(qc: bool) -> object:
        return examine_alignments("BAM", chunks(alignments.file), algorithm="md5", reference=None, qc=qc)

    return [
        *_compare("FASTQ", fastq, reads.text_bytes / 2e9),
        *_compare("BAM", alignment, alignments.text_bytes / 1e9),
    ]


def _compare(name: str, examine: Callable[[bool], object], gigabytes: float) -> list[Figure]:
    on, off = [], []
    for _ in range(_ROUNDS):
        on.append(children_cost(lambda: examine(True))[0] / gigabytes)
        off.append(children_cost(lambda: examine(False))[0] / gigabytes)
    unit = "CPU s/GB of text"
    added = [min(on) - min(off)]
    return [
        Figure(f"{name} worker, QC on", unit, on, peer=off, peer_name="QC off"),
        Figure(f"QC of {name} adds", unit, added, _MOST_ADDED),
    ]


if __name__ == "__main__":
    run_alone(measure)
