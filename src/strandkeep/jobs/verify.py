"""Verification: stored bytes are read again, and compared with what they were when they came."""

import hashlib
import time
from collections.abc import Sequence
from dataclasses import asdict, replace
from typing import Any

from sqlalchemy.engine import Row

from strandkeep.blobs import DamagedBlob
from strandkeep.catalog import Transaction, blobs, jobs, verifications
from strandkeep.catalog.damage import mark_restored
from strandkeep.domain.blobs import StoredBlob
from strandkeep.domain.context import RequestContext
from strandkeep.domain.damage import Damage, Finding
from strandkeep.domain.pace import Pace
from strandkeep.domain.verification import Progress
from strandkeep.house import House
from strandkeep.jobs.running import Conclusion, Superseded
from strandkeep.jobs.whole_blobs import whole_blob

#: Blobs that one query brings: each has 4 bytes for each block of it.
_BATCH = 100

_NOTE_S = 1.0


def verify(house: House, job: Row[Any]) -> Conclusion:
    """Walk over the blobs of a verification by their names, from where the last attempt has noted that it was."""
    run = house.catalog.read(lambda reader: verifications.find(reader, job.account, job.id))
    if run is None:
        raise Superseded
    attempt = _Attempt(house, job, run.bytes_per_second, _begin(house, job, run))
    while batch := house.catalog.read(lambda reader: verifications.batch(reader, run, attempt.progress.after, _BATCH)):
        for blob in batch:
            attempt.verify(blob)
    attempt.note()
    return lambda _tx: None


def _begin(house: House, job: Row[Any], run: Row[Any]) -> Progress:
    if job.progress is not None:
        return replace(Progress(**job.progress), reading=0)
    blobs_total, bytes_total = house.catalog.read(lambda reader: verifications.totals(reader, run))

    def begin(tx: Transaction) -> Progress:
        progress = Progress(blobs_total, bytes_total, started=tx.now)
        jobs.put_progress(tx, job, asdict(progress))
        return progress

    return house.catalog.write(begin)


class _Attempt:
    """One attempt of a verification: how far it has come, and which blobs were sound since that was noted."""

    def __init__(self, house: House, job: Row[Any], bytes_per_second: int, progress: Progress) -> None:
        self.progress = progress
        self._house = house
        self._job = job
        self._pace = Pace(bytes_per_second)
        self._sound: list[str] = []
        self._noted = time.monotonic()

    def verify(self, blob: StoredBlob) -> None:
        """Read one blob; what is wrong with it is durable when this returns, what is sound a moment later."""
        finding = self._examine(blob)
        self.progress = self.progress.past(blob.name, blob.length)
        if finding is None:
            self._sound.append(blob.name)
        else:
            self.note([finding])

    def note(self, findings: Sequence[Finding] = ()) -> None:
        """Bring into the catalog what was found, and how far that is; Superseded when another attempt counts now."""
        now = time.monotonic()
        self.progress = replace(self.progress, seconds=self.progress.seconds + now - self._noted)
        self._noted = now

        def put(tx: Transaction) -> None:
            context = RequestContext(**self._job.context)
            mark_restored(tx, context, self._sound)
            for finding in findings:
                verifications.put_finding(tx, context, self._job.id, finding)
            blobs.put_verified(tx, self._sound)
            if not jobs.put_progress(tx, self._job, asdict(self.progress)):
                raise Superseded

        self._house.catalog.write(put)
        self._sound = []

    def _examine(self, blob: StoredBlob) -> Finding | None:
        digest = hashlib.sha256()
        try:
            for chunk in whole_blob(self._house.blobs, blob):
                digest.update(chunk)
                self._go_on(len(chunk))
        except DamagedBlob as damaged:
            return damaged.finding
        return None if digest.hexdigest() == blob.sha256 else Finding(blob.name, Damage.SHA256_DIFFERS)

    def _go_on(self, size: int) -> None:
        """Keep to the pace, and to what has become of the server and of the job meanwhile."""
        self.progress = replace(self.progress, reading=self.progress.reading + size)
        if self._house.stopping.wait(self._pace.pause(size, time.monotonic())):
            raise Superseded
        if time.monotonic() - self._noted >= _NOTE_S:
            self.note()
