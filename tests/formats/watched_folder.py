"""Whether anybody opens what lies in a folder, by the kernel's word (inotify)."""

import ctypes
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_OPEN_OR_ACCESS = 0x20 | 0x1
_EVENT_HEAD = 16


@contextmanager
def watched(folder: Path) -> Iterator[list[str]]:
    """The names of the files that were opened or read while the context lasted, filled when it ends."""
    libc = ctypes.CDLL(None, use_errno=True)
    descriptor = libc.inotify_init1(os.O_NONBLOCK)
    if descriptor < 0 or libc.inotify_add_watch(descriptor, os.fsencode(folder), _OPEN_OR_ACCESS) < 0:
        raise OSError(ctypes.get_errno(), "inotify")
    seen: list[str] = []
    try:
        yield seen
        seen += _names(descriptor)
    finally:
        os.close(descriptor)


def _names(descriptor: int) -> Iterator[str]:
    try:
        events = os.read(descriptor, 1 << 16)
    except BlockingIOError:
        return
    while events:
        length = int.from_bytes(events[12:16], "little")
        yield events[_EVENT_HEAD : _EVENT_HEAD + length].rstrip(b"\0").decode()
        events = events[_EVENT_HEAD + length :]
