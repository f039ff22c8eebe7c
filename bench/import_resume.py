"""A kill at 90 % of an import of 1 GiB from S3: how much comes once more after the restart.

A proxy before the S3 server counts what it sends. What it sent of the object in all, less the object, came twice.
"""

import tempfile
import time
from pathlib import Path

from bench.figures import Figure, run_alone
from bench.generated_reads import barely_packed
from bench.imports import S3, Importer, Reads, importer, map_buckets
from tests.fault_proxy import FaultProxy, fault_proxy
from tests.s3_server import BUCKET, running
from tests.server import start_server

_SIZE = 1 << 30
_KILLED_AT = 0.9
_LOOK_EVERY_S = 0.002
_LONGEST_S = 300

_MOST_MIB = 256


def measure() -> list[Figure]:
    """The figure of an import that was killed."""
    file = barely_packed(_SIZE)
    reads = Reads("FASTQ", [file], 0, {"sourceFileType": "FASTQ"})
    print(f"import_resume: one gzip FASTQ of {reads.stored_bytes} bytes, killed at {_KILLED_AT:.0%} of it")
    with tempfile.TemporaryDirectory(prefix="strandkeep-bench-") as place, running(Path(place) / "s3") as s3:
        s3.client().upload_file(str(file), BUCKET, file.name)
        with fault_proxy(s3.endpoint) as proxy:
            again = _fetched_again(Path(place) / "data", proxy, reads) / (1 << 20)
    return [Figure("fetched again after a kill at 90 % of 1 GiB", "MiB", [again], _MOST_MIB)]


def _fetched_again(data: Path, proxy: FaultProxy, reads: Reads) -> int:
    """Bytes that were sent twice because of the kill."""
    map_buckets(data, proxy.endpoint)
    with start_server(data) as server:
        killed = importer(server)
        job = killed.start([reads.source(S3)])
        _wait_for_bytes(proxy, reads)
        server.kill()
    with start_server(data) as server:
        Importer(server, killed.store, killed.reference).wait(job)
    return proxy.fetched(reads.files[0].name) - reads.stored_bytes


def _wait_for_bytes(proxy: FaultProxy, reads: Reads) -> None:
    deadline = time.monotonic() + _LONGEST_S
    while proxy.fetched(reads.files[0].name) < _KILLED_AT * reads.stored_bytes:
        if time.monotonic() > deadline:
            raise RuntimeError("the object does not come")
        time.sleep(_LOOK_EVERY_S)


if __name__ == "__main__":
    run_alone(measure)
