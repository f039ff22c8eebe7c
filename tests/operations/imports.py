"""Imports of read sets as tests make them: files in a mapped folder, imported by jobs of the test's own process."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from strandkeep.bucket_settings import BucketMapping, FolderPlace
from tests.e2e.uploading import fastq, gz
from tests.operations.conftest import Api, with_settings
from tests.operations.running import run_items

BUCKET = "runs"


@dataclass(frozen=True)
class ReadsImporter:
    """A caller with a sequence store and a mapped folder."""

    api: Api
    folder: Path
    store: str

    @property
    def role(self) -> str:
        """A role of the caller's account."""
        return f"arn:aws:iam::{self.api.context.account}:role/importer"

    def put(self, key: str, content: bytes) -> str:
        """The URI of a file that is put into the folder."""
        path = self.folder / key
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        return f"s3://{BUCKET}/{key}"

    def source(self, *contents: bytes, key: str = "reads.fastq.gz", **members: Any) -> dict[str, Any]:
        """A source of an import job, whose contents are put into the folder first; of two, the second are the mates."""
        keys = [key] if len(contents) < 2 else [f"r{n}_{key}" for n in (1, 2)]
        for name, content in zip(keys, contents, strict=False):
            self.put(name, content)
        uris = [f"s3://{BUCKET}/{name}" for name in keys]
        files = {f"source{n}": uri for n, uri in enumerate(uris, 1)}
        given = {"sourceFileType": "FASTQ", "subjectId": "subject", "sampleId": "sample"}
        return {"sourceFiles": files, **given, **members}

    def start(self, *sources: dict[str, Any], **members: Any) -> dict[str, Any]:
        """The answer of StartReadSetImportJob."""
        request = {"sequenceStoreId": self.store, "roleArn": self.role, "sources": list(sources)}
        return self.api("StartReadSetImportJob", **{**request, **members})

    def job(self, job_id: str) -> dict[str, Any]:
        """The answer of GetReadSetImportJob."""
        return self.api("GetReadSetImportJob", sequenceStoreId=self.store, id=job_id)

    def run(self, job_id: str) -> None:
        """An attempt of each unfinished source of a job."""
        run_items(self.api.house, job_id)

    def done(self, *sources: dict[str, Any], **members: Any) -> dict[str, Any]:
        """A job that was run to its end."""
        job_id = self.start(*sources, **members)["id"]
        self.run(job_id)
        return self.job(job_id)

    def start_many(self, *sources: dict[str, Any], **members: Any) -> dict[str, Any]:
        """The answer of ImportReadSets."""
        request = {"sequenceStoreId": self.store, "roleArn": self.role, "sources": list(sources)}
        return self.api("ImportReadSets", **{**request, **members})

    def done_many(self, *sources: dict[str, Any]) -> dict[str, Any]:
        """A job of ImportReadSets that was run to its end."""
        job_id = self.start_many(*sources)["id"]
        self.run(job_id)
        return self.job(job_id)

    def lanes(self, number: int, mate: int = 1) -> tuple[list[str], list[bytes]]:
        """URIs and contents of the files of so many lanes."""
        contents = [gz(fastq(10 + lane, 50, mate, lane)) for lane in range(number)]
        return [self.put(f"run/s_L{n:03}_R{mate}_001.fastq.gz", c) for n, c in enumerate(contents, 1)], contents

    def metadata(self, read_set: str) -> dict[str, Any]:
        """The answer of GetReadSetMetadata."""
        return self.api("GetReadSetMetadata", sequenceStoreId=self.store, id=read_set)

    def bytes_of(self, read_set: str, **members: Any) -> bytes:
        """What GetReadSet sends of the first part."""
        return self.api.bytes_of(self.store, read_set, **members)


def reads_importer(api: Api, folder: Path, **mapping: Any) -> ReadsImporter:
    """A caller for whom a folder is mapped, with a new sequence store."""
    mapped = with_settings(api, buckets=(BucketMapping(BUCKET, FolderPlace(folder), **mapping),))
    return ReadsImporter(mapped, folder, mapped.new_store())


def several(*uris: list[str], **members: Any) -> dict[str, Any]:
    """A source of ImportReadSets: the URIs of SOURCE1 and, for mates, of SOURCE2."""
    files = {f"source{n}": of_source for n, of_source in enumerate(uris, 1)}
    return {"sourceFiles": files, "sourceFileType": "FASTQ", "subjectId": "s", "sampleId": "p", **members}


def outcomes(job: dict[str, Any]) -> list[tuple[str, str | None]]:
    """(status, statusMessage) of each source of a job."""
    return [(source["status"], source.get("statusMessage")) for source in job["sources"]]
