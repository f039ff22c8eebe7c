"""GetReadSet: CPU per GB, beside a bare loop of pread 1 MiB + CRC-32 + send to the same kind of client."""

import gzip
import hashlib
import tempfile
from pathlib import Path

from bench.bare_loops import sender
from bench.figures import Figure, run_alone
from bench.generated_reads import text
from bench.processes import CpuMeter
from bench.raw_client import Signer, fetch_all
from bench.uploads import PART, activate, upload_files
from tests.e2e.uploading import new_store
from tests.server import RunningServer, start_server

_READS = 320_000  # a little more than one part of text
_FETCHES = 8
_ROUNDS = 7

_MOST_CPU = 0.75


def measure() -> list[Figure]:
    """The figures of GetReadSet."""
    print(f"part_download: one part of 100 MiB, from the page cache, {_FETCHES} times a round; {_ROUNDS} rounds")
    with tempfile.TemporaryDirectory(prefix="strandkeep-bench-") as place, start_server(Path(place) / "data") as server:
        file = Path(place) / "stored.fastq.gz"
        with gzip.GzipFile(file, "wb", compresslevel=0, mtime=0) as stored:
            for piece in text(_READS, mate=1):
                stored.write(piece)
        request = _request(server, file)
        return [_cpu(server, request, file, clients) for clients in (1, 8)]


def _request(server: RunningServer, file: Path) -> bytes:
    """A signed GetReadSet of the file's first part, once boto3 has had the right bytes by it."""
    omics = server.client()
    store = new_store(omics)
    read_set = activate(server, store, *upload_files(server, store, {"SOURCE1": file}))
    payload = omics.get_read_set(sequenceStoreId=store, id=read_set, partNumber=1)["payload"].read()
    with file.open("rb") as original:
        if hashlib.sha256(payload).digest() != hashlib.sha256(original.read(PART)).digest():
            raise RuntimeError("the part that came is not the one that was sent")
    return Signer(server).get(f"/sequencestore/{store}/readset/{read_set}?file=SOURCE1&partNumber=1")


def _cpu(server: RunningServer, request: bytes, file: Path, clients: int) -> Figure:
    ours, peer = [], []
    with sender(file, PART) as bare:
        for _ in range(_ROUNDS):
            ours.append(_cpu_per_gigabyte(server.process.pid, server.port, request, clients))
            peer.append(_cpu_per_gigabyte(bare.pid, bare.port, b"GET", clients))
    return Figure(f"part download, {clients} clients", "CPU s/GB", ours, _MOST_CPU, peer, "bare pread+CRC+send")


def _cpu_per_gigabyte(pid: int, port: int, request: bytes, clients: int) -> float:
    with CpuMeter(pid) as meter:
        got = fetch_all(port, request, _FETCHES, clients)
    return meter.cpu / (got / 1e9)


if __name__ == "__main__":
    run_alone(measure)
