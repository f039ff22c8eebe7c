"""GetReadSetMetadata: CPU per signed request, beside the same server answering a constant."""

import statistics
import tempfile
import time
from collections.abc import Iterable
from pathlib import Path

from bench.figures import Figure, run_alone
from bench.processes import CpuMeter
from bench.raw_client import Signer, ask_again
from tests.e2e.uploading import new_store, pair, upload
from tests.server import RunningServer, start_server, wait_for_read_set

_ROUNDS = 5
_ROUND_S = 1.5

#: The audit trail of a round is written within a second; it belongs to what the requests cost.
_AFTERWARDS_S = 1.2

_MOST_CPU_MS = 1.2


def measure() -> list[Figure]:
    """The figures of GetReadSetMetadata."""
    print(f"metadata: one ACTIVE pair, signed once; {_ROUNDS} rounds of {_ROUND_S:g} s, until its audit is written")
    with tempfile.TemporaryDirectory(prefix="strandkeep-bench-") as place, start_server(Path(place) / "data") as server:
        omics = server.client()
        store = new_store(omics)
        read_set = upload(omics, store, pair(1000))
        wait_for_read_set(omics, store, read_set)
        signer = Signer(server)
        request, constant = signer.get(f"/sequencestore/{store}/readset/{read_set}/metadata"), signer.get("/live")
        return [figure for clients in (1, 8) for figure in _figures(server, request, constant, clients)]


def _figures(server: RunningServer, request: bytes, constant: bytes, clients: int) -> Iterable[Figure]:
    sides = [request, constant]
    rounds = [[_Round(server, side, clients) for side in sides] for _ in range(_ROUNDS)]
    ours, peer = zip(*rounds, strict=True)
    cpu = [[r.cpu_ms for r in side] for side in (ours, peer)]
    yield Figure(f"metadata, {clients} clients", "CPU ms/request", cpu[0], _MOST_CPU_MS, cpu[1], "GET /live")
    median = [[r.median_ms for r in side] for side in (ours, peer)]
    yield Figure(f"metadata, {clients} clients, median", "ms", median[0], None, median[1], "GET /live")
    late = [[r.p99_ms for r in side] for side in (ours, peer)]
    yield Figure(f"metadata, {clients} clients, 99th percentile", "ms", late[0], None, late[1], "GET /live")


class _Round:
    """What a round of one request over and over took, in ms."""

    def __init__(self, server: RunningServer, request: bytes, clients: int) -> None:
        with CpuMeter(server.process.pid) as meter:
            took = list(ask_again(server.port, request, clients, _ROUND_S))
            time.sleep(_AFTERWARDS_S)
        self.cpu_ms = 1000 * meter.cpu / len(took)
        self.median_ms = 1000 * statistics.median(took)
        self.p99_ms = 1000 * statistics.quantiles(took, n=100)[98]


if __name__ == "__main__":
    run_alone(measure)
