"""Files beneath a folder: nothing that a name says, and nobody who swaps names meanwhile, leads out of it."""

import errno
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from strandkeep.buckets.contract import BucketAway, BucketError, MissingObject

#: A name is opened as what it is: no link is followed, and nobody is waited for at the other end of a pipe.
_AS_IT_IS = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC

#: What a mount says whose server is gone for a while, or a disk that has no room for a while.
_FOR_A_WHILE = {
    *(errno.EIO, errno.ESTALE, errno.ETIMEDOUT, errno.ENOTCONN, errno.ECONNREFUSED, errno.ECONNRESET),
    *(errno.EHOSTDOWN, errno.EHOSTUNREACH, errno.ENETDOWN, errno.ENETUNREACH, errno.ENODEV, errno.ENXIO),
    *(errno.ENOSPC, errno.EDQUOT, errno.EMFILE, errno.ENFILE),
}

_NO_FOLDER = (
    "The folder of this bucket is not there: is it mounted? Its operator finds in strandkeep.toml which one it is."
)
_FOLDER = "This is a folder in the bucket; name one file in it."
_NO_FILE = "This is no regular file."
_LEADS_OUT = "This name leads out of the bucket's folder."
_FORBIDDEN = "The server may not reach this object; its operator can let it."


@contextmanager
def told() -> Iterator[None]:
    """Say in the words of the contract what the system refuses: BucketError, or BucketAway if only for a while."""
    try:
        yield
    except FileNotFoundError as missing:
        raise MissingObject from missing
    except PermissionError as forbidden:
        raise BucketError(_FORBIDDEN) from forbidden
    except OSError as fault:
        reason = fault.strerror or type(fault).__name__
        if fault.errno in _FOR_A_WHILE:
            raise BucketAway(f"The folder of this bucket does not answer: {reason}.") from fault
        raise BucketError(f"The object cannot be reached: {reason}.") from fault


def way(root: Path, key: str) -> tuple[str, list[str], str]:
    """The root, the folders from there and the name of the file of a key, link for link resolved.

    BucketError when it leads out or names a folder, BucketAway when the root is not there.
    """
    names = key.split("/")
    if not names[-1]:
        raise BucketError(_FOLDER)
    if not all(names) or {".", ".."} & set(names):
        raise BucketError(_LEADS_OUT)
    if "\0" in key or any("\ud800" <= letter <= "\udfff" for letter in key):
        raise MissingObject
    if not root.is_dir():
        raise BucketAway(_NO_FOLDER)
    top = os.path.realpath(root)
    place = os.path.realpath(os.path.join(top, *names))  # noqa: PTH118 - bytes for bytes as the key has it
    if os.path.commonpath([top, place]) != top:
        raise BucketError(_LEADS_OUT)
    if place == top:
        raise BucketError(_FOLDER)
    *folders, name = os.path.relpath(place, top).split("/")
    return top, folders, name


def open_file(root: str, folders: list[str], name: str) -> int:
    """A descriptor of a regular file for reading, each name opened in the folder before it."""
    place = open_folder(root, folders)
    try:
        # Looked at before it is opened: opening a device may do something.
        check_regular(os.stat(name, dir_fd=place, follow_symlinks=False))
        descriptor = os.open(name, _AS_IT_IS, dir_fd=place)
    finally:
        os.close(place)
    try:
        check_regular(os.fstat(descriptor))
    except BucketError:
        os.close(descriptor)
        raise
    return descriptor


def open_folder(root: str, folders: list[str], make: bool = False) -> int:
    """A descriptor of the last folder, each opened in the one before it: none can be swapped for a link.

    With `make` those that are missing are made, and durable.
    """
    place = os.open(root, _AS_IT_IS | os.O_DIRECTORY)
    try:
        for folder in folders:
            if make:
                _make_folder(place, folder)
            inner = os.open(folder, _AS_IT_IS | os.O_DIRECTORY, dir_fd=place)
            os.close(place)
            place = inner
    except BaseException:
        os.close(place)
        raise
    return place


def check_regular(found: os.stat_result) -> None:
    """BucketError unless it is a regular file."""
    if stat.S_ISDIR(found.st_mode):
        raise BucketError(_FOLDER)
    if not stat.S_ISREG(found.st_mode):
        raise BucketError(_NO_FILE)


def _make_folder(place: int, folder: str) -> None:
    with suppress(FileExistsError):
        os.mkdir(folder, dir_fd=place)
        os.fsync(place)
