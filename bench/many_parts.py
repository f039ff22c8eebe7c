"""GetReadSet of a file in 10,000 parts of 1 KiB, beside the same bytes in one part: seconds until all has come."""

import gzip
import hashlib
import tempfile
import time
from contextlib import closing
from pathlib import Path

from bench.figures import Figure, run_alone
from bench.generated_reads import text
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
        many, one = (_request(server, content, parts) for parts in (pieces, [content]))
        rounds = [(_seconds(server, many), _seconds(server, one)) for _ in range(_ROUNDS)]
    ours, peer = zip(*rounds, strict=True)
    return [Figure(f"download of {_PARTS} parts of 1 KiB", "s", ours, _MOST_SLOWER, peer, "in one part", True)]


def _stored() -> bytes:
    """FASTQ in gzip, as long as 10,000 parts of 1 KiB: its header's file name fills it up."""
    stored = gzip.compress(b"".join(text(_READS, mate=1)), compresslevel=0, mtime=0)
    missing = _PARTS * _PART - len(stored)
    head = stored[:3] + bytes([stored[3] | 8]) + stored[4:10]
    return head + b"f" * (missing - 1) + b"\0" + stored[10:]


def _request(server: RunningServer, content: bytes, parts: list[bytes]) -> bytes:
    """A signed GetReadSet of a new read set, once boto3 has had the right bytes by it."""
    omics = server.client()
    store = new_store(omics)
    upload = new_upload(omics, store)
    read_set = activate(server, store, upload, send_pieces(server, store, upload, "SOURCE1", parts, _CLIENTS))
    payload = omics.get_read_set(sequenceStoreId=store, id=read_set, partNumber=1)["payload"].read()
    if hashlib.sha256(payload).digest() != hashlib.sha256(content).digest():
        raise RuntimeError("the bytes that came are not those that were sent")
    return Signer(server).get(f"/sequencestore/{store}/readset/{read_set}?file=SOURCE1&partNumber=1")


def _seconds(server: RunningServer, request: bytes) -> float:
    with closing(Connection(server.port)) as connection:
        begun = time.perf_counter()
        connection.fetch(request)
        return time.perf_counter() - begun


if __name__ == "__main__":
    run_alone(measure)
