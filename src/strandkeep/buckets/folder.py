"""A folder as a bucket: keys are the paths of regular files beneath it, and nothing leads out of it."""

import os
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from strandkeep.buckets.contract import BucketError

_CHUNK = 1 << 20

#: A name is opened as what it is: no link is followed, and nobody is waited for at the other end of a pipe.
_AS_IT_IS = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC

_NO_FOLDER = "The folder of this bucket is not there; its operator finds in strandkeep.toml which one it is."
_MISSING = "There is no such object in the bucket."
_FOLDER = "This is a folder in the bucket; name one file in it."
_NO_FILE = "This is no regular file."
_LEADS_OUT = "This name leads out of the bucket's folder."
_FORBIDDEN = "The server may not read this object; its operator can let it."
_CHANGED = "The object changed while it was read. Start again when nobody writes to it any more."


class FolderBucket:
    """`Bucket` over a folder. Links are followed as long as they stay beneath it."""

    def __init__(self, root: Path) -> None:
        self._root = root

    @contextmanager
    def open(self, key: str) -> Iterator["FolderObject"]:
        """See `Bucket.open`."""
        descriptor = self._descriptor(key)
        try:
            yield FolderObject(descriptor, lambda: self._identity(key))
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
        if not self._root.is_dir():
            raise BucketError(_NO_FOLDER)
        try:
            root, *folders, name = self._way(key)
            return _open_beneath(root, folders, name)
        except FileNotFoundError as missing:
            raise BucketError(_MISSING) from missing
        except PermissionError as forbidden:
            raise BucketError(_FORBIDDEN) from forbidden
        except OSError as fault:
            raise _unreadable(fault) from fault

    def _way(self, key: str) -> list[str]:
        """The folder and, link for link resolved, the names from there to the object."""
        names = key.split("/")
        if not names[-1]:
            raise BucketError(_FOLDER)
        if not all(names) or {".", ".."} & set(names):
            raise BucketError(_LEADS_OUT)
        if "\0" in key or any("\ud800" <= letter <= "\udfff" for letter in key):
            raise BucketError(_MISSING)
        root = os.path.realpath(self._root)
        place = os.path.realpath(os.path.join(root, *names))  # noqa: PTH118 - bytes for bytes as the key has it
        if os.path.commonpath([root, place]) != root:
            raise BucketError(_LEADS_OUT)
        if place == root:
            raise BucketError(_FOLDER)
        return [root, *os.path.relpath(place, root).split("/")]


class FolderObject:
    """`SourceObject` over a descriptor; `look` tells the identity of what has its name by now."""

    def __init__(self, descriptor: int, look: Callable[[], str]) -> None:
        self.size = os.fstat(descriptor).st_size
        self.identity = _identity(descriptor)
        self._descriptor = descriptor
        self._look = look

    def chunks(self, first: int = 0) -> Iterator[bytes]:
        """See `SourceObject.chunks`."""
        os.lseek(self._descriptor, first, os.SEEK_SET)
        left = self.size - first
        while left:
            chunk = self._read(min(_CHUNK, left))
            left -= len(chunk)
            yield chunk
        try:
            unchanged = self._look() == self.identity
        except BucketError as gone:
            raise BucketError(_CHANGED) from gone
        if not unchanged:
            raise BucketError(_CHANGED)

    def _read(self, most: int) -> bytes:
        try:
            chunk = os.read(self._descriptor, most)
        except OSError as fault:
            raise _unreadable(fault) from fault
        if not chunk:
            raise BucketError(_CHANGED)
        return chunk


def _open_beneath(root: str, folders: list[str], name: str) -> int:
    """A descriptor of a regular file. Each name is opened in the folder before it: none can be swapped for a link."""
    place = os.open(root, _AS_IT_IS | os.O_DIRECTORY)
    try:
        for folder in folders:
            inner = os.open(folder, _AS_IT_IS | os.O_DIRECTORY, dir_fd=place)
            os.close(place)
            place = inner
        # Looked at before it is opened: opening a device may do something.
        _check_regular(os.stat(name, dir_fd=place, follow_symlinks=False))
        descriptor = os.open(name, _AS_IT_IS, dir_fd=place)
    finally:
        os.close(place)
    try:
        _check_regular(os.fstat(descriptor))
    except BucketError:
        os.close(descriptor)
        raise
    return descriptor


def _check_regular(found: os.stat_result) -> None:
    if stat.S_ISDIR(found.st_mode):
        raise BucketError(_FOLDER)
    if not stat.S_ISREG(found.st_mode):
        raise BucketError(_NO_FILE)


def _identity(descriptor: int) -> str:
    found = os.fstat(descriptor)
    return f"{found.st_dev}-{found.st_ino}-{found.st_size}-{found.st_mtime_ns}"


def _unreadable(fault: OSError) -> BucketError:
    return BucketError(f"The object cannot be read: {fault.strerror or type(fault).__name__}.")
