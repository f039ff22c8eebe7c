"""Start of import jobs of 100 sources, and what 10,000 queued sources cost the API: latency beside an empty queue.

The sources come from a bucket so slow that the first two are still on their way when the benchmark ends; all others
wait behind them. The peer is another server at the same moment that imports the same two and has nothing queued.
"""

import gzip
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from bench.figures import Figure, run_alone
from bench.generated_reads import barely_packed
from bench.imports import S3, Importer, importing
from bench.processes import CpuMeter
from bench.raw_client import Signer, ask_again
from bench.uploads import activate, send_pieces
from tests.e2e.uploading import fastq, new_upload
from tests.fault_proxy import Fault, fault_proxy
from tests.s3_server import BUCKET, running

_JOBS = 100
_SOURCES = 100
_TIMED = 10
_RUNNING = 2

_ROUNDS = 20
_ROUND_S = 0.5
_IDLE_S = 20

_SLOW_BYTES = 64 << 20
_SLOW = Fault(pace=64 << 10)

_MOST_START_S = 0.3
_MOST_TIMES_EMPTY = 1.1


def measure() -> list[Figure]:
    """The figures of starting jobs, and of what waits."""
    print(
        f"import_start: {_JOBS} jobs of {_SOURCES} sources, of which {_RUNNING} run; {_ROUNDS} rounds of {_ROUND_S} s"
    )
    with _slow_bucket() as (endpoint, key), importing(endpoint) as full, importing(endpoint) as empty:
        starts = [_seconds(lambda: full.start([_source(full, key, n) for n in range(_SOURCES)])) for _ in range(_JOBS)]
        empty.start([_source(empty, key, n) for n in range(_RUNNING)])
        name = f"start of a job of {_SOURCES} sources"
        return [
            Figure(name, "s", starts[:_TIMED], _MOST_START_S),
            Figure(f"{name}, {_JOBS - _TIMED} such waiting", "s", starts[-_TIMED:], _MOST_START_S),
            *_latencies(full, empty),
            _idle(full, empty),
        ]


@contextmanager
def _slow_bucket() -> Iterator[tuple[str, str]]:
    """An S3 endpoint that sends 64 KiB a second, and the key of an object there."""
    file = barely_packed(_SLOW_BYTES)
    with tempfile.TemporaryDirectory(prefix="strandkeep-bench-") as place, running(Path(place) / "s3") as s3:
        s3.client().upload_file(str(file), BUCKET, file.name)
        with fault_proxy(s3.endpoint) as proxy:
            proxy.always = _SLOW
            yield proxy.endpoint, file.name


def _source(importer: Importer, key: str, number: int) -> dict[str, Any]:
    """A source of which everything is said that can be."""
    return {
        "sourceFiles": {"source1": f"s3://{S3}/{key}"},
        "sourceFileType": "FASTQ",
        "subjectId": f"subject-{number:04}",
        "sampleId": f"sample-{number:04}",
        "generatedFrom": "NovaSeq X, run 42",
        "referenceArn": importer.reference,
        "name": f"whole genome of subject {number:04}, lane 3",
        "description": "PCR-free library, 350 bp inserts, sequenced twice after a failed first run. " * 3,
        "tags": {f"project-{tag}": f"value {tag} of {number}" for tag in range(10)},
    }


def _seconds(call: Callable[[], object]) -> float:
    begun = time.perf_counter()
    call()
    return time.perf_counter() - begun


def _latencies(full: Importer, empty: Importer) -> Iterator[Figure]:
    """Medians of three operations on both servers, asked in turns."""
    sides = [(importer.server.port, _requests(importer)) for importer in (full, empty)]
    for name in sides[0][1]:
        medians = [[_median_ms(port, requests[name]) for port, requests in sides] for _ in range(_ROUNDS)]
        ours, peer = zip(*medians, strict=True)
        title = f"{name}, {_JOBS * _SOURCES - _RUNNING:,} queued, median"
        yield Figure(title, "ms", ours, _MOST_TIMES_EMPTY, peer, "none queued", of_ratio=True)


def _requests(importer: Importer) -> Mapping[str, bytes]:
    """Operation → a whole request, signed."""
    server, store, signer = importer.server, importer.store, Signer(importer.server)
    content = gzip.compress(fastq(100))
    upload = new_upload(importer.client, store)
    read_set = activate(server, store, upload, send_pieces(server, store, upload, "SOURCE1", [content], clients=1))
    part = signer.put_part(store, new_upload(importer.client, store), "SOURCE1", 1, len(content)) + content
    return {
        "GetReadSetMetadata": signer.get(f"/sequencestore/{store}/readset/{read_set}/metadata"),
        "ListReadSets": signer.post(f"/sequencestore/{store}/readsets", b"{}"),
        "UploadReadSetPart": part,
    }


def _median_ms(port: int, request: bytes) -> float:
    return 1000 * statistics.median(ask_again(port, request, 1, _ROUND_S))


def _idle(full: Importer, empty: Importer) -> Figure:
    """CPU of both servers while nobody asks them for anything."""
    with CpuMeter(full.server.process.pid) as ours, CpuMeter(empty.server.process.pid) as peer:
        time.sleep(_IDLE_S)
    name = f"a server with {_JOBS * _SOURCES - _RUNNING:,} queued that nobody asks"
    return Figure(name, "CPU ms/s", [1000 * ours.cpu / ours.wall], peer=[1000 * peer.cpu / peer.wall], peer_name="none")


if __name__ == "__main__":
    run_alone(measure)
