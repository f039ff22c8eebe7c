"""Import of FASTQ and BAM from an S3 server: CPU per GB of what is stored there, more than from a folder.

The S3 server is SeaweedFS on the same machine, over plain HTTP; its CPU does not count. All of ours does.
"""

import tempfile
from pathlib import Path

from bench.figures import Figure, run_alone
from bench.imports import FOLDER, S3, Importer, Reads, importing
from tests.s3_server import BUCKET, S3Server, running

_ROUNDS = 4

_MOST_CPU = 2.0
_MOST_MIB = 150


def measure() -> list[Figure]:
    """The figures of imports from S3."""
    print(f"import_s3: 1 GB of text each, as import_folder; {_ROUNDS} rounds")
    with (
        tempfile.TemporaryDirectory(prefix="strandkeep-bench-") as place,
        running(Path(place) / "s3") as s3,
        importing(s3.endpoint) as importer,
    ):
        return [figure for reads in (importer.fastq(), importer.bam()) for figure in _figures(s3, importer, reads)]


def _figures(s3: S3Server, importer: Importer, reads: Reads) -> list[Figure]:
    for file in reads.files:
        s3.client().upload_file(str(file), BUCKET, file.name)
    gigabytes = reads.stored_bytes / 1e9
    before, peak = importer.import_memory(reads, S3)
    ours, peer = [], []
    for _ in range(_ROUNDS):
        peer.append(importer.import_cpu(reads, FOLDER) / gigabytes)
        ours.append(importer.import_cpu(reads, S3) / gigabytes)
    name, unit = f"{reads.title} from S3", "CPU s/GB stored"
    return [
        Figure(f"{name}, more than from a folder", unit, [min(ours) - min(peer)], _MOST_CPU),
        Figure(f"{name}, all of it", unit, ours, peer=peer, peer_name="from a folder"),
        Figure("memory of the running source", "MiB PSS", [peak - before], _MOST_MIB, peer_name=f"{before:.0f} before"),
    ]


if __name__ == "__main__":
    run_alone(measure)
