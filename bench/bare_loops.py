"""The peers: the bare work, without any server around it, each in a process of its own.

`python -m bench.bare_loops store FOLDER FILES MIB` stores files and prints its CPU seconds;
`python -m bench.bare_loops send FILE LENGTH` sends bytes of a file to whoever connects, and prints its port.
"""

import hashlib
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from isal import isal_zlib

PIECE = 1024 * 1024
PATTERN = memoryview(bytes(range(256)) * (4 * PIECE // 256))
"""What parts are made of: 4 MiB, again and again, so that the sender's own memory costs little."""

_COMMAND = [sys.executable, "-m", "bench.bare_loops"]


def pieces(mib: int) -> Iterator[memoryview]:
    """The bytes of a part, MiB by MiB."""
    for number in range(mib):
        at = number * PIECE % len(PATTERN)
        yield PATTERN[at : at + PIECE]


def store_cpu_seconds(folder: Path, files: int, mib: int) -> float:
    """CPU seconds of storing `files` new files of `mib` MiB: SHA-256, write, fsync. They are removed again."""
    command = [*_COMMAND, "store", str(folder), str(files), str(mib)]
    return float(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def bring_pages_into_circulation(folder: Path, mib: int) -> None:
    """Touch as many page-cache pages as `mib` MiB need, and free them, right before a side is measured.

    A virtual machine gives freed memory back to its host within seconds, and touching it again then costs many
    times the copy into it; which side would pay for that is chance.
    """
    path = folder / "recycled"
    with path.open("wb", buffering=0) as file:
        for piece in pieces(mib):
            file.write(piece)
    path.unlink()


@dataclass(frozen=True)
class Sender:
    """A process that sends bytes of a file to whoever connects, once for each byte it gets."""

    pid: int
    port: int


@contextmanager
def sender(file: Path, length: int) -> Iterator[Sender]:
    """A sender for the time of a `with`."""
    process = subprocess.Popen([*_COMMAND, "send", str(file), str(length)], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    try:
        yield Sender(process.pid, int(process.stdout.readline()))
    finally:
        process.kill()
        process.wait()


def _store(folder: Path, files: int, mib: int) -> float:
    begun = time.process_time()
    for number in range(files):
        digest = hashlib.sha256()
        descriptor = os.open(folder / str(number), os.O_WRONLY | os.O_CREAT | os.O_EXCL)
        for piece in pieces(mib):
            digest.update(piece)
            os.write(descriptor, piece)
        os.fsync(descriptor)
        os.close(descriptor)
    spent = time.process_time() - begun
    for number in range(files):
        (folder / str(number)).unlink()
    return spent


def _send(file: Path, length: int) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        print(listener.getsockname()[1], flush=True)
        while True:
            connection, _ = listener.accept()
            threading.Thread(target=_answer, args=(connection, file, length), daemon=True).start()


def _answer(connection: socket.socket, file: Path, length: int) -> None:
    descriptor = os.open(file, os.O_RDONLY)
    with connection:
        while connection.recv(64 * 1024):
            connection.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % length)
            for at in range(0, length, PIECE):
                piece = os.pread(descriptor, min(PIECE, length - at), at)
                isal_zlib.crc32(piece)
                connection.sendall(piece)
    os.close(descriptor)


if __name__ == "__main__":
    if sys.argv[1] == "store":
        print(_store(Path(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4])))
    else:
        _send(Path(sys.argv[2]), int(sys.argv[3]))
