"""Fallback: a failed upload leaves its parts, and why it failed, where its store says. They stay here, too."""

import json
import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy.engine import Row

from strandkeep.blobs import DamagedBlob
from strandkeep.buckets import BucketAway, BucketError
from strandkeep.catalog import Reader, jobs, read_sets, stored_files, uploads
from strandkeep.catalog.damage import mark_damaged
from strandkeep.domain import states, times
from strandkeep.domain.blobs import StoredBlob
from strandkeep.domain.context import RequestContext
from strandkeep.domain.damage import Finding
from strandkeep.domain.fallback import FallbackPlace
from strandkeep.house import House
from strandkeep.jobs.patience import given_up
from strandkeep.jobs.running import Conclusion, Ending, Superseded
from strandkeep.jobs.whole_blobs import whole_blob
from strandkeep.kill_points import reach

_log = logging.getLogger(__name__)

#: Version of `request.json`; `docs/howto/keep-failed-uploads.md` describes it.
_VERSION = 1


def fall_back(house: House, job: Row[Any]) -> Conclusion:
    """Copy the parts of a failed upload that are not there yet, then tell what was asked for and what is wrong."""
    failed = house.catalog.read(lambda reader: _load(reader, job))
    try:
        damaged = _Copy(house, job, failed).run()
    except BucketError as refusal:
        return _ended(failed, states.FAILED, str(refusal))
    except BucketAway as away:
        reason = given_up(house, jobs, job, away)
        if reason is None:
            raise
        return _ended(failed, states.FAILED, f"{reason}.")
    if damaged:
        reason = f"{damaged} of {failed.number} are damaged here and were left out; request.json says which."
        return _ended(failed, states.COMPLETED_WITH_FAILURES, reason)
    return lambda _tx: None


@dataclass(frozen=True)
class _Failed:
    """A failed upload, its read set, the blobs of its parts by source and in order, and what is wrong with them."""

    upload: Row[Any]
    read_set: Row[Any]
    parts: Mapping[str, Sequence[StoredBlob]]
    problems: Sequence[Row[Any]]

    @property
    def number(self) -> int:
        """How many parts there are."""
        return sum(map(len, self.parts.values()))

    @property
    def size(self) -> int:
        """Bytes of all parts together."""
        return sum(blob.length for blobs in self.parts.values() for blob in blobs)


@dataclass
class _Copy:
    """One attempt to have a failed upload at its fallback location. `damaged`: (source, number) → what is wrong."""

    house: House
    job: Row[Any]
    failed: _Failed
    damaged: dict[tuple[str, int], Finding] = field(default_factory=dict)

    def run(self) -> int:
        """Copy everything; how many parts are damaged here. BucketError, BucketAway as buckets raise them."""
        upload, stored = self.failed.upload, 0
        place = FallbackPlace(self.job.request["location"], upload.store_id, upload.id)
        for source, blobs in self.failed.parts.items():
            for number, blob in enumerate(blobs, 1):
                stored += blob.length
                self._check_going_on()
                if self._put_part(place.part(source, number), source, number, blob):
                    reach("fallback.part")
                    self._note(stored)
        self._check_going_on()
        content = _request(self.job, self.failed, self.damaged)
        self.house.buckets.put(place.request, self.job.account, [content], len(content))
        reach("fallback.told")
        return len(self.damaged)

    def _put_part(self, uri: str, source: str, number: int, blob: StoredBlob) -> bool:
        """Send a part; False when it is there, for a part is stored whole or not at all, or cannot be had any more."""
        if self.house.buckets.size_of(uri, self.job.account) == blob.length:
            return False
        try:
            self.house.buckets.put(uri, self.job.account, self._bytes(blob), blob.length)
        except DamagedBlob as damage:
            # The bytes of a read set that was deleted meanwhile may be gone.
            self._check_going_on()
            self._mark(source, number, damage.finding)
            return False
        return True

    def _bytes(self, blob: StoredBlob) -> Iterator[bytes]:
        for chunk in whole_blob(self.house.blobs, blob):
            if self.house.stopping.is_set():
                raise Superseded
            yield chunk

    def _mark(self, source: str, number: int, finding: Finding) -> None:
        self.damaged[source, number] = finding
        context, read_set_id = RequestContext(**self.job.context), self.failed.read_set.id
        self.house.catalog.write(lambda tx: mark_damaged(tx, context, "readSet", read_set_id, source, finding))

    def _note(self, stored: int) -> None:
        noted = {"stored": stored, "size": self.failed.size}
        if not self.house.catalog.write(lambda tx: jobs.put_progress(tx, self.job, noted)):
            raise Superseded

    def _check_going_on(self) -> None:
        if self.house.stopping.is_set() or not self.house.catalog.read(lambda reader: jobs.holds(reader, self.job)):
            raise Superseded


def _load(reader: Reader, job: Row[Any]) -> _Failed:
    upload = uploads.find(reader, job.account, job.store_id, job.subject)
    read_set = upload and read_sets.find(reader, job.account, job.store_id, upload.read_set_id)
    if upload is None or read_set is None or read_set.status != states.UPLOAD_FAILED:
        raise Superseded
    parts = {
        file.source: stored_files.made_of(reader, read_set.id, file.source)
        for file in stored_files.of(reader, read_set.id)
    }
    return _Failed(upload, read_set, parts, read_sets.problems(reader, read_set.id))


def _ended(failed: _Failed, state: str, reason: str) -> Conclusion:
    """An end that somebody should look into, told by its event and in the log: the read set has words of its own."""
    message = f"Parts of read set {failed.read_set.id}, whose upload failed, are not at the fallback location: {reason}"
    _log.warning(message)
    return lambda _tx: Ending(state, message)


def _request(job: Row[Any], failed: _Failed, damaged: Mapping[tuple[str, int], Finding]) -> bytes:
    """What `request.json` tells; the same at each attempt."""
    upload, read_set = failed.upload, failed.read_set
    content = {
        "version": _VERSION,
        "sequenceStoreId": upload.store_id,
        "uploadId": upload.id,
        "readSetId": read_set.id,
        "failed": times.to_datetime(job.created).isoformat(),
        "request": {member: getattr(upload, column) for member, column in uploads.COLUMNS.items()}
        | {"tags": upload.tags},
        "checkedAs": {"sourceFileType": read_set.file_type, "referenceArn": read_set.reference_arn},
        "problems": [
            {"source": p.source, "record": p.record, "offset": p.byte_offset, "rule": p.rule, "text": p.text}
            for p in failed.problems
        ],
        "files": [_file(source, blobs, damaged) for source, blobs in failed.parts.items()],
    }
    return json.dumps(content, indent=1).encode()


def _file(source: str, blobs: Sequence[StoredBlob], damaged: Mapping[tuple[str, int], Finding]) -> dict[str, Any]:
    parts = [
        {"number": number, "size": blob.length, "sha256": blob.sha256}
        | ({"damage": str(damaged[source, number])} if (source, number) in damaged else {})
        for number, blob in enumerate(blobs, 1)
    ]
    return {"source": source, "size": sum(blob.length for blob in blobs), "parts": parts}
