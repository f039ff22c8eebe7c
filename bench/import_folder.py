"""Import of FASTQ and BAM from a mapped folder: CPU from Start to the job's end, beside ingest of the same files alone.

The bytes are copied (`adopt = "copy"`), which ingest need not do: it finds them where the upload left them. The whole
server counts on both sides, the processes that it starts included.
"""

from bench.figures import Figure, run_alone
from bench.generated_bam import ABOUT as ABOUT_BAM
from bench.generated_reads import ABOUT
from bench.imports import FOLDER, Importer, Reads, importing

_ROUNDS = 4

_MOST_TIMES_INGEST = 1.25
_MOST_MIB = 150


def measure() -> list[Figure]:
    """The figures of imports from a folder."""
    print(f"import_folder: 1 GB of text each; FASTQ: {ABOUT}; BAM: {ABOUT_BAM}; {_ROUNDS} rounds")
    with importing() as importer:
        return [figure for reads in (importer.fastq(), importer.bam()) for figure in _figures(importer, reads)]


def _figures(importer: Importer, reads: Reads) -> list[Figure]:
    gigabytes = reads.text_bytes / 1e9
    before, peak = importer.import_memory(reads, FOLDER)
    ours, peer = [], []
    for _ in range(_ROUNDS):
        peer.append(importer.ingest_cpu(reads) / gigabytes)
        ours.append(importer.import_cpu(reads, FOLDER) / gigabytes)
    name, unit = f"{reads.title} from a folder", "CPU s/GB of text"
    return [
        Figure(name, unit, ours, _MOST_TIMES_INGEST, peer, "ingest alone", of_ratio=True),
        Figure("memory of the running source", "MiB PSS", [peak - before], _MOST_MIB, peer_name=f"{before:.0f} before"),
    ]


if __name__ == "__main__":
    run_alone(measure)
