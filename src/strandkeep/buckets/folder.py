"""A folder as a bucket: keys are the paths of regular files beneath it, and nothing leads out of it."""

import os
import uuid
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from strandkeep.buckets import beneath
from strandkeep.buckets.contract import CHANGED, CHUNK, BucketError, MissingObject, whole

#: Nobody else has a file of this name; one that a crash leaves shows whose it was.
_TEMPORARY = ".strandkeep-{}"


class FolderBucket:
    """`Bucket` over a folder. Links are followed as long as they stay beneath it."""

    def __init__(self, root: Path, adopt: str = "copy") -> None:
        self._root = root
        self._adopt = adopt

    @contextmanager
    def open(self, key: str) -> Iterator["FolderObject"]:
        """See `Bucket.open`."""
        descriptor = self._descriptor(key)
        try:
            yield FolderObject(descriptor, lambda: self._identity(key), self._adopt)
        finally:
            os.close(descriptor)

    def put(self, key: str, chunks: Iterable[bytes], length: int) -> None:
        """See `Bucket.put`. Folders that are missing are made."""
        with beneath.told():
            root, folders, name = beneath.way(self._root, key)
            place = beneath.open_folder(root, folders, make=True)
        try:
            _put_durably(place, name, whole(chunks, length))
        finally:
            os.close(place)

    def size_of(self, key: str) -> int | None:
        """See `Bucket.size_of`."""
        try:
            descriptor = self._descriptor(key)
        except MissingObject:
            return None
        try:
            return os.fstat(descriptor).st_size
        finally:
            os.close(descriptor)

    def _identity(self, key: str) -> str:
        """What the key names now."""
        descriptor = self._descriptor(key)
        try:
            return _identity(descriptor)
        finally:
            os.close(descriptor)

    def _descriptor(self, key: str) -> int:
        with beneath.told():
            return beneath.open_file(*beneath.way(self._root, key))


class FolderObject:
    """`SourceObject` over a descriptor; `look` tells the identity of what has its name by now."""

    def __init__(self, descriptor: int, look: Callable[[], str], adopt: str) -> None:
        self.size = os.fstat(descriptor).st_size
        self.identity = _identity(descriptor)
        self.descriptor: int | None = descriptor
        self.adopt = adopt
        self._descriptor = descriptor
        self._look = look

    def chunks(self, first: int = 0) -> Iterator[bytes]:
        """See `SourceObject.chunks`."""
        at = first
        with suppress(OSError):
            os.posix_fadvise(self._descriptor, first, 0, os.POSIX_FADV_SEQUENTIAL)
        while at < self.size:
            chunk = self._read(at)
            at += len(chunk)
            yield chunk
        try:
            unchanged = self._look() == self.identity
        except BucketError as gone:
            raise BucketError(CHANGED) from gone
        if not unchanged:
            raise BucketError(CHANGED)

    def _read(self, at: int) -> bytes:
        with beneath.told():
            chunk = os.pread(self._descriptor, min(CHUNK, self.size - at), at)
        if not chunk:
            raise BucketError(CHANGED)
        return chunk


def _identity(descriptor: int) -> str:
    found = os.fstat(descriptor)
    return f"{found.st_dev}-{found.st_ino}-{found.st_size}-{found.st_mtime_ns}"


def _put_durably(place: int, name: str, chunks: Iterator[bytes]) -> None:
    """Write a file under a name of its own, and give it the right one when all of it is on the disk."""
    temporary = _TEMPORARY.format(uuid.uuid4().hex)
    try:
        _write(place, temporary, chunks)
        with beneath.told():
            with suppress(FileNotFoundError):
                beneath.check_regular(os.stat(name, dir_fd=place, follow_symlinks=False))
            os.rename(temporary, name, src_dir_fd=place, dst_dir_fd=place)
            os.fsync(place)
    except BaseException:
        with suppress(OSError):
            os.unlink(temporary, dir_fd=place)
        raise


def _write(place: int, name: str, chunks: Iterator[bytes]) -> None:
    with beneath.told():
        descriptor = os.open(name, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666, dir_fd=place)
    try:
        for chunk in chunks:
            _write_all(descriptor, chunk)
        with beneath.told():
            os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _write_all(descriptor: int, chunk: bytes) -> None:
    left = memoryview(chunk)
    with beneath.told():
        while left:
            left = left[os.write(descriptor, left) :]
