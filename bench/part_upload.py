"""UploadReadSetPart: CPU per GB and peak memory, beside a bare loop of SHA-256 + write + fsync.

Both sides write new files to the same file system, remove them at once, and find pages in circulation.
"""

import base64
import hashlib
import json
import tempfile
from collections.abc import Sequence
from pathlib import Path

from bench.bare_loops import bring_pages_into_circulation, pieces, store_cpu_seconds
from bench.figures import Figure, run_alone
from bench.processes import CpuMeter, PeakMemory
from bench.raw_client import Signer, send_parts
from tests.e2e.uploading import new_store, new_upload
from tests.server import RunningServer, start_server

_MIB_A_PART = 100
_CLIENTS = {1: 2, 8: 8}  # clients: parts of a round
_ROUNDS = 7

_MOST_TIMES_BARE = 2.0
_MOST_MIB = 200


def measure() -> list[Figure]:
    """The figures of UploadReadSetPart."""
    print(f"part_upload: parts of {_MIB_A_PART} MiB; a round is 2 by 1 client, 8 by 8; {_ROUNDS} rounds")
    with tempfile.TemporaryDirectory(prefix="strandkeep-bench-") as place:
        bare = Path(place) / "bare"
        bare.mkdir()
        with start_server(Path(place) / "data") as running:
            sender = _Parts(running)
            return [*(_cpu(sender, bare, clients) for clients in _CLIENTS), _memory(sender)]


class _Parts:
    """Sends parts to one upload, and removes the stored files as a round ends."""

    def __init__(self, running: RunningServer) -> None:
        omics = running.client()
        store = new_store(omics)
        upload = new_upload(omics, store)
        signer = Signer(running)
        self.running = running
        numbers = range(1, max(_CLIENTS.values()) + 1)
        self._heads = [signer.put_part(store, upload, "SOURCE1", n, _MIB_A_PART << 20) for n in numbers]
        digest = hashlib.sha256()
        for piece in pieces(_MIB_A_PART):
            digest.update(piece)
        self._checksums = {digest.hexdigest(), base64.b64encode(digest.digest()).decode()}

    def send(self, parts: int, clients: int) -> None:
        """Send parts; RuntimeError when one was not stored as sent."""
        bodies: list[Sequence[memoryview]] = [list(pieces(_MIB_A_PART))] * parts
        replies = send_parts(self.running.port, self._heads[:parts], bodies, clients)
        if not {json.loads(reply.body)["checksum"] for reply in replies} <= self._checksums:
            raise RuntimeError("a part was not stored as it was sent")

    def clear(self) -> None:
        """Remove what was stored."""
        for blob in (self.running.data_dir / "blobs").glob("*/*"):
            blob.unlink()


def _cpu(sender: _Parts, bare: Path, clients: int) -> Figure:
    parts = _CLIENTS[clients]
    gigabytes = parts * (_MIB_A_PART << 20) / 1e9
    ours, peer = [], []
    for _ in range(_ROUNDS):
        bring_pages_into_circulation(bare, parts * _MIB_A_PART)
        with CpuMeter(sender.running.process.pid) as meter:
            sender.send(parts, clients)
        sender.clear()
        ours.append(meter.cpu / gigabytes)
        bring_pages_into_circulation(bare, parts * _MIB_A_PART)
        peer.append(store_cpu_seconds(bare, parts, _MIB_A_PART) / gigabytes)
    name = f"part upload, {clients} in flight"
    return Figure(name, "CPU s/GB", ours, _MOST_TIMES_BARE, peer, "bare SHA-256+write+fsync", of_ratio=True)


def _memory(sender: _Parts) -> Figure:
    with PeakMemory(sender.running.process.pid) as memory:
        for _ in range(2):
            sender.send(8, 8)
            sender.clear()
    return Figure("memory, 8 parts in flight", "MiB PSS", [memory.peak], _MOST_MIB, [memory.start], "before")


if __name__ == "__main__":
    run_alone(measure)
