"""Verification: CPU and seconds per GB from StartVerification to COMPLETED, beside `sha256sum` of the same files.

The whole server counts; its files are in the page cache for both. No pace is set that could be felt.
"""

import os
import resource
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any

from bench.figures import Figure, run_alone
from bench.processes import CpuMeter, PeakMemory
from tests.e2e.uploading import new_store, new_upload, send_parts
from tests.server import start_server

_PART = 100 * 1024 * 1024
_PARTS = 5
_ROUNDS = 7
_UNFELT = 1 << 40

#: Of what sha256sum takes.
_MOST_CPU = 1.0
_MOST_MIB = 32


def measure() -> list[Figure]:
    """The figures of verification."""
    print(f"verify: {_PARTS} blobs of 100 MiB, from the page cache; {_ROUNDS} rounds")
    with tempfile.TemporaryDirectory(prefix="strandkeep-bench-") as place, start_server(Path(place) / "data") as server:
        omics, strandkeep = server.client(), server.client("strandkeep")
        store = new_store(omics)
        send_parts(omics, store, new_upload(omics, store), [os.urandom(_PART) for _ in range(_PARTS)])
        files = [path for path in (server.data_dir / "blobs").rglob("*") if path.is_file()]
        ours, peer, memory = [], [], []
        for _ in range(_ROUNDS):
            with PeakMemory(server.process.pid) as watched, CpuMeter(server.process.pid) as meter:
                seconds = _verify(strandkeep)
            memory.append(watched.peak - watched.start)
            ours.append((meter.cpu, seconds))
            peer.append(_sha256sum(files))
    gigabytes = _PARTS * _PART / 1e9
    cpu, wall = ([[pair[i] / gigabytes for pair in side] for side in (ours, peer)] for i in (0, 1))
    return [
        Figure("verify, CPU", "CPU s/GB", cpu[0], _MOST_CPU, cpu[1], "sha256sum", of_ratio=True),
        Figure("verify, time", "s/GB", wall[0], None, wall[1], "sha256sum"),
        Figure("memory that it adds", "MiB PSS", memory, _MOST_MIB),
    ]


def _verify(strandkeep: Any) -> float:
    """Seconds that one verification worked, by its own account of when it began and ended."""
    verification = strandkeep.start_verification(bytesPerSecond=_UNFELT)["id"]
    while (found := strandkeep.get_verification(id=verification))["status"] != "COMPLETED":
        time.sleep(0.2)
    if found["findingCount"] or found["bytesDone"] != _PARTS * _PART:
        raise RuntimeError(f"not what was to be verified: {found}")
    return float((found["completionTime"] - found["startTime"]).total_seconds())


def _sha256sum(files: list[Path]) -> tuple[float, float]:
    """CPU and wall seconds of the peer."""
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    subprocess.run(["sha256sum", *files], check=True, stdout=subprocess.DEVNULL)
    after, wall = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic() - began
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, wall


if __name__ == "__main__":
    run_alone(measure)
