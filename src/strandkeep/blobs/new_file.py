"""The temporary file that a blob is written to."""

import errno
import os
from collections import deque
from collections.abc import Sequence
from itertools import islice
from pathlib import Path

from strandkeep.blobs.contract import OutOfSpace
from strandkeep.durable import sync_folder
from strandkeep.kill_points import reach

#: What one writev takes: a slow line brings a megabyte in thousands of chunks.
_CHUNKS_AT_ONCE = os.sysconf("SC_IOV_MAX")

_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC


class NewFile:
    """Bytes on their way to a file at `path`; used by one thread at a time. OutOfSpace when the disk is full.

    After a failed write or fsync the descriptor is never synced again: what the kernel dropped once it would
    then call durable.
    """

    #: Whether it has its bytes already.
    adopted = False

    def __init__(self, path: Path) -> None:
        self._path = path
        self._exists = False
        self._descriptor: int | None = None

    def write(self, chunks: Sequence[bytes]) -> None:
        """Append chunks."""
        with _RoomErrors():
            _write_all(self._opened(), chunks)

    def finish(self, path: Path) -> None:
        """Make the bytes durable, and then their name: `path`, of which no other file is."""
        with _RoomErrors():
            os.fsync(self._opened())
        self._close()
        self._path.rename(path)
        self._exists = False
        reach("blob.named")
        sync_folder(path.parent)

    def discard(self) -> None:
        """Remove the file, unless it has its name."""
        self._close()
        if self._exists:
            self._path.unlink(missing_ok=True)
            self._exists = False

    def _opened(self) -> int:
        """The descriptor; what never gets a byte is no file."""
        if self._descriptor is None:
            self._descriptor = create(self._path)
            self._exists = True
        return self._descriptor

    def _close(self) -> None:
        if self._descriptor is not None:
            descriptor, self._descriptor = self._descriptor, None
            os.close(descriptor)


def create(path: Path) -> int:
    """A descriptor to write a new file with, which is for the server's user alone."""
    return os.open(path, _NEW, 0o600)


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
