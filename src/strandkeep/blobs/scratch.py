"""Temporaries of one run, in a folder that the run holds locked; what dead runs left is cleaned at the start."""

import fcntl
import os
import secrets
import shutil
from pathlib import Path

_LOCK = "lock"


class Scratch:
    """A folder of temporaries under `parent`, locked for as long as this process lives."""

    def __init__(self, parent: Path) -> None:
        for folder in parent.iterdir():
            _clean_if_dead(folder)
        self._folder = parent / secrets.token_hex(8)
        self._folder.mkdir(mode=0o700)
        self._lock = os.open(self._folder / _LOCK, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600)
        fcntl.flock(self._lock, fcntl.LOCK_EX)

    def path(self, name: str) -> Path:
        """Where the temporary of this name lies."""
        return self._folder / name

    def close(self) -> None:
        """Remove the folder."""
        os.close(self._lock)
        shutil.rmtree(self._folder, ignore_errors=True)


def _clean_if_dead(folder: Path) -> None:
    try:
        lock = os.open(folder / _LOCK, os.O_WRONLY | os.O_CLOEXEC)
    except NotADirectoryError:
        return
    except FileNotFoundError:
        # A run makes its lock before anything else: a folder without one is what a cleaning that was killed left.
        shutil.rmtree(folder, ignore_errors=True)
        return
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return
    else:
        shutil.rmtree(folder, ignore_errors=True)
    finally:
        os.close(lock)
