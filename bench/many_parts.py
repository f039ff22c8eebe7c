"""GetReadSet of a file in 10,000 parts of 1 KiB, beside the same bytes in one part: seconds until all has come.

By boto3, as a user reads it; and by a client that costs next to nothing, which shows the server alone.
"""

import gzip
import tempfile
import time
from contextlib import closing
from pathlib import Path
from typing import Any

from bench.figures import Figure, run_alone
from bench.generated_reads import text
from bench.processes import CpuMeter
from bench.raw_client import Connection, Signer
from bench.uploads import activate, send_pieces
from tests.e2e.uploading import new_store, new_upload
from tests.server import RunningServer, start_server

_PARTS = 10_000
_PART = 1024
_READS = 27_850  # a little less than 10,000 KiB of text

#: The most parts that are sent at once while the 10,000 come in.
_CLIENTS = 8

_ROUNDS = 15

_MOST_SLOWER = 10


def measure() -> list[Figure]:
    """The figures of small parts."""
    content = _stored()
    pieces = [content[at : at + _PART] for at in range(0, len(content), _PART)]
    print(f"many_parts: one gzip FASTQ of {len(content)} bytes in {len(pieces)} parts and in one; {_ROUNDS} rounds")
    with tempfile.TemporaryDirectory(prefix="strandkeep-bench-") as place, start_server(Path(place) / "data") as server:
        omics = server.client()
        store = new_store(omics)
        many, one = (_read_set(server, store, parts) for parts in (pieces, [content]))
        by_boto3 = [[_by_boto3(omics, store, read_set, content) for read_set in (many, one)] for _ in range(_ROUNDS)]
        alone = [[_alone(server, store, read_set) for read_set in (many, one)] for _ in range(_ROUNDS)]
        cpu = [_cpu(server, store, read_set) for read_set in (many, one)]
    name = f"download of {_PARTS} parts of 1 KiB"
    ours, peer = zip(*by_boto3, strict=True)
    bare_ours, bare_peer = zip(*alone, strict=True)
    return [
        Figure(f"{name}, by boto3", "s", ours, _MOST_SLOWER, peer, "in one part", True),
        Figure(f"{name}, raw sockets", "s", bare_ours, _MOST_SLOWER, bare_peer, "in one part", True),
        Figure(f"{name}, the server's CPU", "s", [cpu[0]], _MOST_SLOWER, [cpu[1]], "in one part", True),
    ]


def _stored() -> bytes:
    """FASTQ in gzip, as long as 10,000 parts of 1 KiB: its header's file name fills it up."""
    stored = gzip.compress(b"".join(text(_READS, mate=1)), compresslevel=0, mtime=0)
    missing = _PARTS * _PART - len(stored)
    head = stored[:3] + bytes([stored[3] | 8]) + stored[4:10]
    return head + b"f" * (missing - 1) + b"\0" + stored[10:]


def _read_set(server: RunningServer, store: str, parts: list[bytes]) -> str:
    upload = new_upload(server.client(), store)
    return activate(server, store, upload, send_pieces(server, store, upload, "SOURCE1", parts, _CLIENTS))


def _by_boto3(omics: Any, store: str, read_set: str, content: bytes) -> float:
    begun = time.perf_counter()
    got = omics.get_read_set(sequenceStoreId=store, id=read_set, partNumber=1)["payload"].read()
    seconds = time.perf_counter() - begun
    if got != content:
        raise RuntimeError("the bytes that came are not those that were sent")
    return seconds


def _cpu(server: RunningServer, store: str, read_set: str) -> float:
    with CpuMeter(server.process.pid) as meter:
        for _ in range(_ROUNDS):
            _alone(server, store, read_set)
    return meter.cpu / _ROUNDS


def _alone(server: RunningServer, store: str, read_set: str) -> float:
    request = Signer(server).get(f"/sequencestore/{store}/readset/{read_set}?file=SOURCE1&partNumber=1")
    with closing(Connection(server.port)) as connection:
        begun = time.perf_counter()
        connection.fetch(request)
        return time.perf_counter() - begun


if __name__ == "__main__":
    run_alone(measure)
