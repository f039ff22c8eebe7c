"""The data folder: made at the first start, held by one server at a time."""

import fcntl
import json
import os
import time
from pathlib import Path
from typing import Any

from strandkeep.durable import make_folders

_LOCK = "lock"
_HANDOVER_S = 3.0


class FolderInUse(Exception):
    """Another server holds the folder; the message names it."""


class DataFolder:
    """A data folder. `hold` locks it for as long as this process lives."""

    def __init__(self, path: Path) -> None:
        self.path = path.absolute()
        self._lock: int | None = None

    def prepare(self) -> None:
        """Make the folder, for its owner alone."""
        make_folders([self.path])

    def check_free(self) -> None:
        """Raise FolderInUse when another server holds the folder; waits a little for one that is just ending."""
        descriptor = self._open()
        try:
            self._lock_soon(descriptor)
        finally:
            os.close(descriptor)

    def hold(self, about: dict[str, Any]) -> None:
        """Lock the folder and note who holds it; waits a little for a server that is just ending."""
        self._lock = self._open()
        self._lock_soon(self._lock)
        os.ftruncate(self._lock, 0)
        os.pwrite(self._lock, json.dumps(about).encode(), 0)

    def holder(self) -> dict[str, Any]:
        """What the server that holds the folder, or held it last, noted of itself; empty when none ever did."""
        try:
            return dict(json.loads((self.path / _LOCK).read_bytes()))
        except (FileNotFoundError, ValueError):
            return {}

    def _lock_soon(self, descriptor: int) -> None:
        """Lock the folder by a descriptor. A process that was killed holds it until the kernel has put it away."""
        deadline = time.monotonic() + _HANDOVER_S
        while True:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                return
            except BlockingIOError:
                if time.monotonic() > deadline:
                    raise FolderInUse(self._holder_in_words()) from None
                time.sleep(0.05)

    def _open(self) -> int:
        return os.open(self.path / _LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)

    def _holder_in_words(self) -> str:
        holder = self.holder()
        return (
            f"{self.path} is held by the server with pid {holder.get('pid', '?')} at {holder.get('url', '?')}; "
            "stop it first, or give another folder with --data-dir"
        )
