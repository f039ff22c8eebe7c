"""CompleteMultipartReadSetUpload of 10,000 parts: how long it takes, and that no byte of a part moves.

The peer is the least that rows can cost: the same request decoded, and as many rows read and written in one
transaction by the bare sqlite3 module.
"""

import gzip
import json
import os
import sqlite3
import tempfile
import time
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.figures import Figure, run_alone
from bench.processes import written_bytes
from bench.raw_client import Connection, Signer
from bench.uploads import send_pieces
from tests.e2e.uploading import fastq, new_store, new_upload
from tests.server import RunningServer, start_server, wait_for_read_set

_PARTS = 10_000
_ROUNDS = 1  # sending the parts takes most of a minute

#: The most parts that are sent at once while the 10,000 come in.
_CLIENTS = 8

_MOST_S = 1.0
_MOST_MIB = 20

_PEER_TABLES = """
    PRAGMA journal_mode = WAL;
    PRAGMA synchronous = FULL;
    CREATE TABLE part (number INTEGER PRIMARY KEY, size INTEGER, checksum TEXT, blob TEXT);
    CREATE TABLE segment (start INTEGER PRIMARY KEY, blob TEXT, offset INTEGER, length INTEGER) WITHOUT ROWID;
"""


@dataclass(frozen=True)
class _Completion:
    """Seconds until the answer, MiB that the server wrote until then, seconds of the peer."""

    seconds: float
    written_mib: float
    bare_seconds: float


def measure() -> list[Figure]:
    """The figures of CompleteMultipartReadSetUpload."""
    pieces = _cut(gzip.compress(fastq(2_000), mtime=0))
    print(f"complete: one gzip FASTQ in {_PARTS} parts of {len(pieces[0])} bytes; {_ROUNDS} such upload")
    with tempfile.TemporaryDirectory(prefix="strandkeep-bench-") as place, start_server(Path(place) / "data") as server:
        store = new_store(server.client())
        rounds = [_round(server, store, pieces, Path(place) / f"bare-{n}.sqlite") for n in range(_ROUNDS)]
    seconds, bare = [r.seconds for r in rounds], [r.bare_seconds for r in rounds]
    written = [r.written_mib for r in rounds]
    return [
        Figure(f"complete, {_PARTS} parts", "s", seconds, _MOST_S, bare, "bare sqlite3 rows"),
        Figure("complete, written meanwhile", "MiB", written, _MOST_MIB, peer_name="blob files unchanged"),
    ]


def _cut(content: bytes) -> list[bytes]:
    """The content in 10,000 pieces: all but the last of one length."""
    length = len(content) // _PARTS
    return [content[length * n : length * (n + 1) if n < _PARTS - 1 else None] for n in range(_PARTS)]


def _round(server: RunningServer, store: str, pieces: list[bytes], bare: Path) -> _Completion:
    upload = new_upload(server.client(), store)
    listed = send_pieces(server, store, upload, "SOURCE1", pieces, _CLIENTS)
    body = json.dumps({"parts": listed}).encode()
    request = Signer(server).post(f"/sequencestore/{store}/upload/{upload}/complete", body)
    bare_seconds = _bare(bare, body)
    blobs, written = _blob_files(server), written_bytes(server.process.pid)
    with closing(Connection(server.port)) as connection:
        begun = time.perf_counter()
        reply = connection.ask(request)
        seconds = time.perf_counter() - begun
    written = written_bytes(server.process.pid) - written
    if reply.status // 100 != 2:
        raise RuntimeError(f"status {reply.status}: {reply.body!r}")
    found = wait_for_read_set(server.client(), store, json.loads(reply.body)["readSetId"])
    if found["status"] != "ACTIVE":
        raise RuntimeError(f"the read set is {found['status']}: {found.get('statusMessage')}")
    if _blob_files(server) != blobs:
        raise RuntimeError("files of parts changed")
    return _Completion(seconds, written / (1 << 20), bare_seconds)


def _blob_files(server: RunningServer) -> set[tuple[str, int, int, int]]:
    """Name, inode, length and time of each stored file."""
    found = set()
    for folder in (server.data_dir / "blobs").iterdir():
        with os.scandir(folder) as entries:
            stats = [(entry.name, entry.stat()) for entry in entries]
        found.update((name, stat.st_ino, stat.st_size, stat.st_mtime_ns) for name, stat in stats)
    return found


def _bare(path: Path, body: bytes) -> float:
    """Seconds of the same rows without a server."""
    listed: list[dict[str, Any]] = json.loads(body)["parts"]
    with closing(sqlite3.connect(path)) as database:
        database.executescript(_PEER_TABLES)
        rows = [(part["partNumber"], 1, part["checksum"], f"{n:032x}") for n, part in enumerate(listed)]
        with database:
            database.executemany("INSERT INTO part VALUES (?, ?, ?, ?)", rows)
        begun = time.perf_counter()
        wanted = {part["partNumber"]: part["checksum"] for part in json.loads(body)["parts"]}
        with database:
            stored = database.execute("SELECT number, size, checksum, blob FROM part ORDER BY number").fetchall()
            segments = [(n, blob, 0, size) for n, size, checksum, blob in stored if wanted[n] == checksum]
            database.executemany("INSERT INTO segment VALUES (?, ?, ?, ?)", segments)
        return time.perf_counter() - begun


if __name__ == "__main__":
    run_alone(measure)
