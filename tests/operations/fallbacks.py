"""Uploads that fail, and the folder or bucket that their store leaves them in."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from strandkeep.bucket_settings import BucketMapping, FolderPlace
from strandkeep.catalog import tables
from strandkeep.jobs.fallback import fall_back
from strandkeep.jobs.ingest import ingest, tell_read_set
from strandkeep.jobs.running import run_job
from tests.operations.conftest import Api, with_settings

BUCKET = "failed"
KINDS = {"ingest": ingest, "fallback": fall_back}

#: No FASTQ, in some parts.
PARTS = {"SOURCE1": [b"one", b"two" * 1000, b"three"], "SOURCE2": [b"mate"]}


@dataclass(frozen=True)
class Failing:
    """A caller with a store that keeps failed uploads in a mapped place; a folder unless a test says otherwise."""

    api: Api
    folder: Path
    store: str

    def uploaded(self, parts: dict[str, list[bytes]] | None = None, **members: Any) -> tuple[str, str]:
        """The ids of an upload and its read set, not checked yet. Numbers of parts have gaps."""
        upload = self.api.new_upload(self.store, **members)
        listed = [
            self.api.put_part(self.store, upload, 7 * number, content, source)
            for source, contents in (parts or PARTS).items()
            for number, content in enumerate(contents, 1)
        ]
        return upload, self.api.complete(self.store, upload, listed)

    def failed(self, parts: dict[str, list[bytes]] | None = None, **members: Any) -> tuple[str, str]:
        """The ids of an upload that has failed and its read set; nobody has begun to keep it."""
        upload, read_set = self.uploaded(parts, **members)
        self.check(read_set)
        assert self.metadata(read_set)["status"] == "UPLOAD_FAILED"
        return upload, read_set

    def check(self, read_set: str) -> None:
        """Run the ingest of a read set."""
        for job in self.api.rows(tables.job, subject=read_set):
            run_job(self.api.house, KINDS, tell_read_set, job.id)

    def keep(self, upload: str, api: Api | None = None) -> None:
        """An attempt of the unfinished job that keeps an upload."""
        for job in self.jobs(upload):
            run_job((api or self.api).house, KINDS, tell_read_set, job.id)

    def jobs(self, upload: str) -> Any:
        """The jobs that keep an upload, the oldest first."""
        return sorted(self.api.rows(tables.job, subject=upload), key=lambda row: (row.created, row.id))

    def outcome(self, upload: str) -> tuple[str, str | None]:
        """State and message of the last job that keeps an upload."""
        job = self.jobs(upload)[-1]
        return job.state, job.status_message

    def metadata(self, read_set: str) -> Any:
        """The answer of GetReadSetMetadata."""
        return self.api("GetReadSetMetadata", sequenceStoreId=self.store, id=read_set)

    def kept(self) -> dict[str, bytes]:
        """Path → bytes of all files in the folder."""
        paths = [path for path in self.folder.rglob("*") if path.is_file()]
        return {str(path.relative_to(self.folder)): path.read_bytes() for path in paths}

    def request(self, upload: str, prefix: str = "") -> Any:
        """What `request.json` of an upload tells."""
        return json.loads(self.kept()[f"{prefix}{self.store}/{upload}/request.json"])

    def blob_path(self, read_set: str, source: str, number: int) -> Path:
        """Where the bytes of a part lie here."""
        segments = self.api.rows(tables.segment, holder_id=read_set, source=source)
        blob = sorted(segments, key=lambda row: row.start)[number - 1].blob
        return Path(self.api.house.blobs._path(blob))

    def parts(self, upload: str, contents: dict[str, list[bytes]] | None = None) -> dict[str, bytes]:
        """Path → bytes of the parts of an upload, as they are to lie in the folder."""
        return {
            f"{self.store}/{upload}/{source}/part-{number:05}": content
            for source, blobs in (contents or PARTS).items()
            for number, content in enumerate(blobs, 1)
        }


def failing(api: Api, folder: Path, location: str | None = f"s3://{BUCKET}", **mapping: Any) -> Failing:
    """A caller for whom a folder is mapped, with a new store."""
    mapped = with_settings(api, buckets=(BucketMapping(BUCKET, FolderPlace(folder), **mapping),))
    return Failing(mapped, folder, mapped.new_store(fallbackLocation=location))
