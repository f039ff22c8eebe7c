"""How a file becomes durable under its name: write, fsync, rename, fsync the folder.

Without the first fsync the name may come back empty after a power failure; without the second, not at all.
"""

import os
from collections.abc import Iterable
from itertools import takewhile
from pathlib import Path


def make_folders(folders: Iterable[Path]) -> None:
    """Make folders, and make the new ones durable."""
    parents = set()
    for folder in folders:
        missing = takewhile(lambda above: not above.is_dir(), (folder, *folder.parents))
        for new in reversed(list(missing)):
            new.mkdir(mode=0o700, exist_ok=True)
            parents.add(new.parent)
    for parent in parents:
        sync_folder(parent)


def sync_folder(folder: Path) -> None:
    """Make the names in a folder durable."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def put_durably(temporary: Path, path: Path, content: bytes, mode: int = 0o600) -> None:
    """Put small content under `path`, replacing what is there; whole or not at all."""
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        temporary.rename(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    sync_folder(path.parent)
