"""A file outside that becomes a blob as it is, by a hard link to it or a reflink of it: no byte is copied."""

import errno
import fcntl
import logging
import os
from collections.abc import Sequence
from pathlib import Path

from strandkeep.blobs.contract import Adoptable
from strandkeep.blobs.new_file import NewFile, create

_log = logging.getLogger(__name__)

#: FICLONE of linux/fs.h: a file shares the blocks of another, until either is written to.
_FICLONE = 0x40049409


def adopted_file(path: Path, source: Adoptable) -> NewFile:
    """A file at `path` that has the bytes of `source`; where it cannot be had, one that they are to be written to."""
    try:
        return _AdoptedFile(path, source)
    except OSError as reason:
        # Whatever stands in the way, a copy is as good; what is wrong with the disk it will meet itself.
        _log.info("blob %s is copied, not adopted by %s: %s", path.name, source.how, reason.strerror)
        path.unlink(missing_ok=True)
        return NewFile(path)


class _AdoptedFile(NewFile):
    """A file that has its bytes already: those that are written to it are the same, and only counted."""

    adopted = True

    def __init__(self, path: Path, source: Adoptable) -> None:
        super().__init__(path)
        make = _link if source.how == "link" else _clone
        self._own = self._descriptor = make(source.descriptor, path)
        self._exists = True
        self._before = _size_and_time(self._own)
        self._length = 0

    def write(self, chunks: Sequence[bytes]) -> None:
        """Count chunks."""
        self._length += sum(map(len, chunks))

    def finish(self, path: Path) -> None:
        """See `NewFile.finish`; ValueError when the file is not the one that was read."""
        now = _size_and_time(self._own)
        if now != self._before:
            raise ValueError("the adopted file changed while it was read")
        if now[0] != self._length:
            raise ValueError(f"{self._length} bytes came, the adopted file has {now[0]}")
        super().finish(path)


def _link(source: int, path: Path) -> int:
    """A descriptor of the file of `source`, which `path` names from now on."""
    if os.fstat(source).st_uid != os.geteuid():
        raise PermissionError(errno.EPERM, "another user owns the file, and could forbid to read it")
    # The name is a whole path, yet without `src_dir_fd` Python would link the link instead of what it leads to.
    os.link(f"/proc/self/fd/{source}", path, src_dir_fd=source, follow_symlinks=True)
    return os.open(path, os.O_RDONLY | os.O_CLOEXEC)


def _clone(source: int, path: Path) -> int:
    """A descriptor of a new file at `path` that shares the blocks of `source`."""
    descriptor = create(path)
    try:
        fcntl.ioctl(descriptor, _FICLONE, source)
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


def _size_and_time(descriptor: int) -> tuple[int, int]:
    found = os.fstat(descriptor)
    return found.st_size, found.st_mtime_ns
