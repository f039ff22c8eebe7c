"""Ingest of FASTQ: CPU per GB of text from Complete to ACTIVE, beside `zcat | md5sum` and a count; and its memory.

The whole server counts, the processes that it starts included; nothing is subtracted.
"""

import resource
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path

from bench.figures import Figure, run_alone
from bench.generated_reads import ABOUT, Mates, pair
from bench.processes import CpuMeter, PeakMemory
from bench.uploads import activate, upload_files
from tests.e2e.uploading import new_store
from tests.server import RunningServer, start_server

_READS = 850_000
_FEW_READS = 10_000
_ROUNDS = 4

_MOST_CPU = 4.0
_MOST_MIB = 100

#: The digest and the counts from one inflation: what a careful person would write in a shell.
_PEER = r"""
zcat "$1" | tee >(md5sum >&2) | awk 'NR % 4 == 2 {reads++; bases += length($0)} END {print reads, bases}'
"""


def measure() -> list[Figure]:
    """The figures of FASTQ ingest."""
    large, small = pair(_READS), pair(_FEW_READS)
    stored = sum(file.stat().st_size for file in large.files)
    print(f"fastq_ingest: {large.text_bytes / 1e6:.0f} MB of text in {stored / 1e6:.0f} MB of gzip ({ABOUT})")
    with tempfile.TemporaryDirectory(prefix="strandkeep-bench-") as place, start_server(Path(place) / "data") as server:
        store = new_store(server.client())
        ours, peer = [], []
        for _ in range(_ROUNDS):
            ours.append(_ingest(server, store, large) / (large.text_bytes / 1e9))
            peer.append(sum(map(_shell, large.files)) / (large.text_bytes / 1e9))
        memory = [_memory(name, server, store, mates) for name, mates in (("small", small), ("large", large))]
    return [Figure("FASTQ ingest, MD5", "CPU s/GB of text", ours, _MOST_CPU, peer, "zcat, md5sum, awk"), *memory]


def _sources(mates: Mates) -> Mapping[str, Path]:
    return {"SOURCE1": mates.files[0], "SOURCE2": mates.files[1]}


def _ingest(server: RunningServer, store: str, mates: Mates) -> float:
    """CPU seconds of the server from Complete to ACTIVE."""
    upload, listed = upload_files(server, store, _sources(mates))
    with CpuMeter(server.process.pid) as meter:
        activate(server, store, upload, listed)
    return meter.cpu


def _memory(name: str, server: RunningServer, store: str, mates: Mates) -> Figure:
    upload, listed = upload_files(server, store, _sources(mates))
    with PeakMemory(server.process.pid) as memory:
        activate(server, store, upload, listed)
    added = memory.peak - memory.start
    before = f"{memory.start:.0f} before"
    return Figure(f"memory of ingest, {name} pair", "MiB PSS", [added], _MOST_MIB, peer_name=before)


def _shell(file: Path) -> float:
    """CPU seconds of the shell's way."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    command = ["bash", "-c", _PEER, "bash", str(file)]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


if __name__ == "__main__":
    run_alone(measure)
