"""References as tests make them: a FASTA in a mapped folder, imported by a job of the test's own process."""

import asyncio
import random
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from strandkeep.bucket_settings import BucketMapping, FolderPlace
from strandkeep.catalog import references, stored_files
from strandkeep.domain.identifiers import new_id
from tests.operations.conftest import Api, file_of, with_settings
from tests.operations.running import run_items

BUCKET = "runs"


def fasta(sequences: int = 3, length: int = 200, width: int = 60, seed: int = 1) -> bytes:
    """A FASTA file: chr1, chr2 … of `length` bases each."""
    rng = random.Random(seed)
    lines = []
    for number in range(1, sequences + 1):
        bases = "".join(rng.choices("ACGTN", k=length))
        lines += [f">chr{number} made by a test", *(bases[at : at + width] for at in range(0, length, width))]
    return "\n".join([*lines, ""]).encode()


@dataclass(frozen=True)
class Importer:
    """A caller with a reference store and a mapped folder."""

    api: Api
    folder: Path
    store: str

    @property
    def role(self) -> str:
        """A role of the caller's account."""
        return f"arn:aws:iam::{self.api.context.account}:role/importer"

    def source(self, key: str, content: bytes | None = None, **members: Any) -> dict[str, Any]:
        """A source of an import job; `content` is put into the folder first."""
        if content is not None:
            path = self.folder / key
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        return {"sourceFile": f"s3://{BUCKET}/{key}", "name": key, **members}

    def start(self, *sources: dict[str, Any], **members: Any) -> dict[str, Any]:
        """The answer of StartReferenceImportJob."""
        request = {"referenceStoreId": self.store, "roleArn": self.role, "sources": list(sources)}
        return self.api("StartReferenceImportJob", **{**request, **members})

    def job(self, job_id: str) -> dict[str, Any]:
        """The answer of GetReferenceImportJob."""
        return self.api("GetReferenceImportJob", referenceStoreId=self.store, id=job_id)

    def run(self, job_id: str) -> None:
        """An attempt of each unfinished source of a job."""
        run_items(self.api.house, job_id)

    def done(self, *sources: dict[str, Any], **members: Any) -> dict[str, Any]:
        """A job that was run to its end."""
        job_id = self.start(*sources, **members)["id"]
        self.run(job_id)
        return self.job(job_id)

    def reference(self, key: str = "ref.fa", content: bytes | None = None, **members: Any) -> str:
        """The id of a reference that was imported."""
        (source,) = self.done(self.source(key, fasta() if content is None else content, **members))["sources"]
        assert source["status"] == "FINISHED", source
        return source["referenceId"]

    def arn(self, reference: str) -> str:
        """The ARN of a reference in the store."""
        return self.api.house.installation.reference_arn(self.store, reference)

    def metadata(self, reference: str) -> dict[str, Any]:
        """The answer of GetReferenceMetadata."""
        return self.api("GetReferenceMetadata", referenceStoreId=self.store, id=reference)

    def delete(self, reference: str) -> None:
        """DeleteReference."""
        self.api("DeleteReference", referenceStoreId=self.store, id=reference)

    def bytes_of(self, reference: str, number: int = 1, **members: Any) -> bytes:
        """What GetReference sends."""
        request = {"referenceStoreId": self.store, "id": reference, "partNumber": number, **members}

        async def collect():
            outgoing = await self.api.begin("GetReference", **request)
            content = b"".join([chunk async for chunk in outgoing.chunks])
            assert len(content) == outgoing.length
            return content

        return asyncio.run(collect())


def importer(api: Api, folder: Path, **mapping: Any) -> Importer:
    """A caller for whom a folder is mapped, with a new reference store."""
    mapped = with_settings(api, buckets=(BucketMapping(BUCKET, FolderPlace(folder), **mapping),))
    return Importer(mapped, folder, new_reference_store(mapped))


def new_reference_store(api: Api, **members: Any) -> str:
    """The id of a new reference store."""
    return api("CreateReferenceStore", **{"name": "references", **members})["id"]


def insert_reference(api: Api, store: str, content: bytes = b">chr1\nACGT\n", **columns: Any) -> str:
    """The id of an ACTIVE reference made by rows."""
    reference = new_id()
    files = {"SOURCE": file_of(api, content)[0], "INDEX": file_of(api, b"chr1\t4\t6\t4\t5\n")[0]}

    def insert(tx):
        row = {"id": reference, "store_id": store, "name": "name", "md5": "0" * 32, "creation_job_id": new_id()}
        known = {"facts": {}, "facts_version": 1}
        sequence = {"name": "chr1", "length": 4, "md5": "0" * 32, "sha512t24u": "x" * 32}
        references.insert(tx, api.context, {**row, **known, **columns}, [sequence])
        for source, segments in files.items():
            size = segments[-1].start + segments[-1].length
            values = {"holder_id": reference, "source": source, "file_name": source, "size": size}
            stored_files.insert(tx, {**values, "media_type": "text/plain"}, segments)

    api.house.catalog.write(insert)
    return reference
