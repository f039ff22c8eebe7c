"""Ingest of FASTQ: CPU per GB of text from Complete to ACTIVE, beside `zcat | md5sum` and a count; and its memory.

The whole server counts, the processes that it starts included; nothing is subtracted. The peer is what a person types
on a fresh machine: the digest of each file, then its reads and bases. A careful one inflates each file once for both;
that is told beside it.
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

_READS = 1_400_000
_FEW_READS = 10_000
_ROUNDS = 4

_MOST_CPU = 3.5
_MOST_TIMES_SHELL = 0.4
_MOST_MIB_A_FILE = 64

_COUNT = r"awk 'NR % 4 == 2 {reads++; bases += length($0)} END {print reads, bases}'"
_TWO_PASSES = f'zcat "$1" | md5sum; zcat "$1" | {_COUNT}'
_ONE_PASS = f'zcat "$1" | tee >(md5sum >&2) | {_COUNT}'


def measure() -> list[Figure]:
    """The figures of FASTQ ingest."""
    large, small = pair(_READS), pair(_FEW_READS)
    gigabytes = large.text_bytes / 1e9
    stored = sum(file.stat().st_size for file in large.files)
    print(f"fastq_ingest: {gigabytes:.2f} GB of text in {stored / 1e6:.0f} MB of gzip ({ABOUT})")
    with (
        tempfile.TemporaryDirectory(prefix="strandkeep-bench-") as place,
        start_server(Path(place) / "data", qc="off") as server,
    ):
        store = new_store(server.client())
        ours, two_passes, one_pass = [], [], []
        for _ in range(_ROUNDS):
            ours.append(_ingest(server, store, large) / gigabytes)
            two_passes.append(sum(_shell(_TWO_PASSES, file) for file in large.files) / gigabytes)
            one_pass.append(sum(_shell(_ONE_PASS, file) for file in large.files) / gigabytes)
        memory = [_memory(name, server, store, mates) for name, mates in (("small", small), ("large", large))]
    name, unit = "FASTQ ingest, MD5, QC off", "CPU s/GB of text"
    return [
        Figure(name, unit, ours, _MOST_CPU),
        Figure(name, unit, ours, _MOST_TIMES_SHELL, two_passes, "zcat | md5sum; zcat | awk", of_ratio=True),
        Figure(name, unit, ours, peer=one_pass, peer_name="zcat | tee >(md5sum) | awk"),
        *memory,
    ]


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
    added = (memory.peak - memory.start) / len(mates.files)
    before = f"the server had {memory.start:.0f}"
    return Figure(f"memory per file, {name} pair", "MiB PSS", [added], _MOST_MIB_A_FILE, peer_name=before)


def _shell(script: str, file: Path) -> float:
    """CPU seconds of the shell's way."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    command = ["bash", "-c", script, "bash", str(file)]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


if __name__ == "__main__":
    run_alone(measure)
