"""Named moments at which a test can have the server killed, to see what the next start makes of them.

For tests only, by the setting `kill_point`. SIGKILL shows that no order of steps leaves a half state. It does not show
that bytes reach the disk: what was written to a file outlives the process that wrote it, fsync or not.
"""

import os
import re
import signal
import threading
from collections.abc import Mapping
from typing import NamedTuple


class KillPoint(NamedTuple):
    """What stands at a moment, and what must hold once the server was killed there and has started again."""

    stands: str
    holds: str


_ORPHAN = "The part is not there; the sweep removes the bytes."
_OPEN = "The upload is open, with all its parts."
_AGAIN = "The next attempt begins anew and ends it, once."
_IMPORTED = "The next attempt ends it, once; what was fetched and counts is not fetched again."
_KEPT = "The next attempt sends what is not at the fallback location yet, and tells it there."

POINTS: Mapping[str, KillPoint] = {
    "blob.streaming": KillPoint("Some of the bytes are in a temporary.", "The part and its bytes are not there."),
    "blob.written": KillPoint("All bytes are in a temporary.", "The part and its bytes are not there."),
    "blob.named": KillPoint("The bytes have their name, which no row knows.", _ORPHAN),
    "part.stored": KillPoint("The bytes are durable under their name, which no row knows.", _ORPHAN),
    "part.in_transaction": KillPoint("The blob and the part have their rows, not committed.", _ORPHAN),
    "part.committed": KillPoint("The part counts, and nobody was told.", "The part is there, with its bytes."),
    "part.too_late": KillPoint("The upload has ended; the bytes are condemned, not committed.", _ORPHAN),
    "replace.in_transaction": KillPoint(
        "The part points at the new bytes and the old ones are condemned, not committed.",
        "The old part is there, with its bytes; the new bytes go.",
    ),
    "upload.committed": KillPoint(
        "The upload is there, and nobody was told.", "There is one; the same clientToken finds it."
    ),
    "complete.in_transaction": KillPoint("The read set and its job have their rows, not committed.", _OPEN),
    "complete.committed": KillPoint(
        "The read set is there; neither the job engine nor the client was told.",
        "The same Complete tells its id; it becomes ACTIVE.",
    ),
    "complete.woken": KillPoint(
        "The job engine was told, the client was not.", "The same Complete tells its id; it becomes ACTIVE."
    ),
    "abort.in_transaction": KillPoint("The upload and its parts are given up, not committed.", _OPEN),
    "abort.committed": KillPoint("The upload has ended, and nobody was told.", "It is gone, and so are its bytes."),
    "job.handed_over": KillPoint("The job engine has the job; no attempt has begun.", _AGAIN),
    "job.put_off": KillPoint("The server failed; the next attempt has its time.", "It comes then, and ends it, once."),
    "job.claimed": KillPoint("An attempt has its number; nothing was read.", _AGAIN),
    "ingest.streaming": KillPoint("The workers have read some of the bytes.", _AGAIN),
    "ingest.examined": KillPoint("The verdict is known to the process alone.", _AGAIN),
    "ingest.stored": KillPoint("What was made of the files is stored; nothing points at it.", _AGAIN),
    "ingest.manifest": KillPoint("The manifest lies beside the bytes; the read set is not ACTIVE.", _AGAIN),
    "job.in_transaction": KillPoint("A job, or an item of one, has ended with what it made, not committed.", _AGAIN),
    "job.committed": KillPoint("It has ended; the job engine does not know.", "Nothing is done a second time."),
    "fallback.part": KillPoint("A part is at the fallback location, and its job does not know.", _KEPT),
    "fallback.told": KillPoint("All of it is at the fallback location; its job has not ended.", _KEPT),
    "delete.in_transaction": KillPoint("The read set is DELETED, not committed.", "It is there, with its bytes."),
    "delete.committed": KillPoint("The read set is DELETED, and nobody was told.", "It stays so until it is purged."),
    "undelete.in_transaction": KillPoint("The read set is back, not committed.", "It is DELETED, with its bytes."),
    "undelete.committed": KillPoint("The read set is back, and nobody was told.", "It is there, with its bytes."),
    "reingest.in_transaction": KillPoint("A failed read set has a new job, not committed.", "It is UPLOAD_FAILED."),
    "reingest.committed": KillPoint("A failed read set has a new job; the engine was not told.", _AGAIN),
    "reference_store.committed": KillPoint(
        "The reference store is there, and nobody was told.", "There is one; the same clientToken finds it."
    ),
    "reference_store.deleted": KillPoint("The reference store is deleted, and nobody was told.", "It is gone."),
    "import.submitted": KillPoint(
        "An import job is there; neither the job engine nor the client was told.",
        "The same clientToken finds it; it ends, once.",
    ),
    "import.begun": KillPoint("A source is in progress; nothing was read of it.", _IMPORTED),
    "import.stored": KillPoint(
        "Some bytes of a source are durable under a name that no row knows.",
        "The next attempt fetches them again; the sweep removes those of the first.",
    ),
    "import.fetched": KillPoint("Some bytes of a source count; no file is made of them.", _IMPORTED),
    "import.examined": KillPoint("What a source is, is known to the process alone.", _IMPORTED),
    "import.manifest": KillPoint("The manifest lies beside the bytes; no row knows what it is of.", _IMPORTED),
    "import.in_transaction": KillPoint("The read set or reference has its rows, not committed.", _IMPORTED),
    "reference.deleted": KillPoint("The reference is DELETED, and nobody was told.", "It stays so until it is purged."),
    "expiry.in_transaction": KillPoint("An upload has expired, not committed.", "The next round ends it."),
    "expiry.committed": KillPoint("An upload has expired; its bytes are there.", "The next round removes them."),
    "purge.in_transaction": KillPoint("What was deleted has no rows, not committed.", "The next round purges it."),
    "purge.committed": KillPoint("What was deleted is gone; its bytes are there.", "The next round removes them."),
    "sweep.condemned": KillPoint("An orphan's name is condemned; its bytes are there.", "The next round removes them."),
    "sweep.removing": KillPoint("Some bytes of a batch are gone.", "The next round removes the others."),
    "sweep.removed": KillPoint("All bytes of a batch are gone, its rows are not.", "The next round drops the rows."),
    "tag.committed": KillPoint("The tags are set, and nobody was told.", "They are set, all of them."),
    "untag.committed": KillPoint("The tags are removed, and nobody was told.", "They are removed, all of them."),
    "store.committed": KillPoint(
        "The store is there, and nobody was told.", "There is one; the same clientToken finds it."
    ),
    "store.deleted": KillPoint("The store is deleted, and nobody was told.", "It is gone."),
    "audit.recorded": KillPoint("The call is done and recorded, and nobody was told.", "It is done, and on record."),
}


class _Armed:
    """Kills this process and its parent the nth time that one point is reached."""

    def __init__(self, name: str, count: int, parent: int) -> None:
        self._name = name
        self._left = count
        self._parent = parent
        self._lock = threading.Lock()

    def reach(self, name: str) -> None:
        """Die, if this is the point and the time."""
        if name != self._name:
            return
        with self._lock:
            self._left -= 1
            if self._left == 0:
                # The parent first: it would bring this process back.
                os.kill(self._parent, signal.SIGKILL)
                os.kill(os.getpid(), signal.SIGKILL)


_armed: _Armed | None = None


def arm(setting: str, parent: int) -> None:
    """Have the server killed as `kill_point` says: `name`, or `name:3` for the third time; not at all when empty.

    `parent` is the process that started this one, and is killed with it. ValueError names the points that there are.
    """
    global _armed
    if not setting:
        _armed = None
        return
    found = re.fullmatch(r"([\w.]+)(?::([1-9][0-9]{0,5}))?", setting, re.ASCII)
    if found is None or found[1] not in POINTS:
        raise ValueError(
            f"kill_point is {setting!r}; it must be the name of a kill point, or name:3 for the third time that it is "
            f"reached. There are {', '.join(POINTS)}"
        )
    _armed = _Armed(found[1], int(found[2] or 1), parent)


def reach(name: str) -> None:
    """Stand at a point: nothing happens, unless a test has armed it."""
    if _armed is not None:
        _armed.reach(name)
