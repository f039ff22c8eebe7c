"""Writing one blob to a temporary file, with its digest and the CRC of each block as the bytes pass."""

import errno
import hashlib
import os
from collections import deque
from collections.abc import Sequence
from itertools import islice
from pathlib import Path

from isal import isal_zlib

from strandkeep.blobs.contract import OutOfSpace
from strandkeep.domain.blobs import BLOCK

#: What one writev takes: a slow line brings a megabyte in thousands of chunks.
_CHUNKS_AT_ONCE = os.sysconf("SC_IOV_MAX")


class BlobWriter:
    """Bytes on their way to a temporary; used by one thread at a time. OutOfSpace when the disk is full.

    After a failed write or fsync the descriptor is never synced again: what the kernel dropped once it would
    then call durable.
    """

    def __init__(self, path: Path) -> None:
        self.sha256 = hashlib.sha256()
        self.block_crcs = bytearray()
        self._path = path
        self._crc = 0
        self.length = 0
        self._descriptor: int | None = None

    def write(self, chunks: Sequence[bytes]) -> None:
        """Append chunks."""
        for chunk in chunks:
            self.sha256.update(chunk)
            self._add_to_crcs(chunk)
        with _RoomErrors():
            if self._descriptor is None:
                self._descriptor = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
            _write_all(self._descriptor, chunks)

    def finish(self, length: int) -> None:
        """Make the bytes durable; ValueError unless there are `length` of them, and any at all."""
        if self._descriptor is None or not 0 < self.length == length:
            raise ValueError(f"{self.length} bytes came, {length} were announced")
        if self.length % BLOCK:
            self._end_block()
        with _RoomErrors():
            os.fsync(self._descriptor)
        self._close()

    def discard(self) -> None:
        """Remove the temporary, if it is there."""
        self._close()
        self._path.unlink(missing_ok=True)

    def _close(self) -> None:
        if self._descriptor is not None:
            descriptor, self._descriptor = self._descriptor, None
            os.close(descriptor)

    def _add_to_crcs(self, chunk: bytes) -> None:
        view = memoryview(chunk)
        while len(view):
            room = BLOCK - self.length % BLOCK
            piece, view = view[:room], view[room:]
            self._crc = isal_zlib.crc32(piece, self._crc)
            self.length += len(piece)
            if len(piece) == room:
                self._end_block()

    def _end_block(self) -> None:
        self.block_crcs += self._crc.to_bytes(4, "big")
        self._crc = 0


def _write_all(descriptor: int, chunks: Sequence[bytes]) -> None:
    """Write every byte: a call may take only some, and no more than so many chunks."""
    views = deque(memoryview(chunk) for chunk in chunks)
    while views:
        written = os.writev(descriptor, list(islice(views, _CHUNKS_AT_ONCE)))
        while views and written >= len(views[0]):
            written -= len(views.popleft())
        if written:
            views[0] = views[0][written:]


class _RoomErrors:
    """Turns the kernel's "no room" errors into OutOfSpace."""

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
            raise OutOfSpace("the disk is full") from error
