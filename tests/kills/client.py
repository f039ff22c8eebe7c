"""A client that notes in the model what it asked for, and what was acknowledged."""

import contextlib
import time
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from tests.kills.model import (
    ABSENT,
    DELETED,
    OPEN,
    READ_SET,
    THERE,
    Imported,
    Model,
    Outcome,
    Reads,
    ReadsImport,
    References,
    Store,
    checksum,
)
from tests.server import RunningServer

ACCOUNT = "123456789012"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/importer"

#: The bucket that is mapped, to a folder beside the data folder.
BUCKET = "outside"

#: The sweep may take the bytes of a part for orphans while it comes; the part is answered with a 500, and sent again.
_TRIES = 5


class Gone(Exception):
    """The server gave no answer: it is not there any more."""


class Client:
    """Calls of one thread. Each raises Gone when the server is; any error that it answers with is a defect."""

    def __init__(self, server: RunningServer, model: Model) -> None:
        self.model = model
        self._services = server.client(), server.client("strandkeep")

    def ask(self, operation: str, **members: Any) -> dict[str, Any]:
        """Call an operation that changes nothing."""
        try:
            (service,) = (service for service in self._services if hasattr(service, operation))
            return dict(getattr(service, operation)(**members))
        except BotoCoreError as gone:
            raise Gone from gone

    def change(self, operation: str, **members: Any) -> dict[str, Any]:
        """Call an operation that changes something; the model keeps the id of the answered request."""
        answer = self.ask(operation, **members)
        self.model.acknowledged.append(answer["ResponseMetadata"]["RequestId"])
        return answer

    def pages(self, operation: str, member: str, **members: Any) -> list[dict[str, Any]]:
        """All items of a list."""
        try:
            pages = self._services[0].get_paginator(operation).paginate(**members, PaginationConfig={"PageSize": 20})
            return [item for page in pages for item in page[member]]
        except BotoCoreError as gone:
            raise Gone from gone

    def new_store(self) -> Store:
        """A new store, with a name and a clientToken of its own."""
        store = Store(str(uuid.uuid4()))
        self.model.stores.append(store)
        with store.state.becomes(THERE):
            self.create(store)
        return store

    def create(self, store: Store) -> None:
        """Ask for a store, as often as it takes."""
        made = self.change("create_sequence_store", name=store.name, clientToken=store.name)
        store.id, store.arn = made["id"], made["arn"]

    def keep_failed(self, store: Store, folder: Path) -> None:
        """Let a store keep failed uploads in the mapped folder."""
        self.change("update_sequence_store", id=store.id, fallbackLocation=f"s3://{BUCKET}/failed/")
        store.fallback = folder / "failed"

    def delete_store(self, store: Store) -> None:
        """Delete a store that is empty."""
        with store.state.becomes(ABSENT):
            self.change("delete_sequence_store", id=store.id)

    def new_upload(self, store: Store, *, sound: bool = True) -> Reads:
        """A new upload, with a name and a clientToken of its own; `sound` tells whether its bytes will be."""
        reads = Reads(store, str(uuid.uuid4()), sound)
        store.reads.append(reads)
        with reads.state.becomes(OPEN):
            self.begin(reads)
        return reads

    def begin(self, reads: Reads) -> None:
        """Ask for an upload, as often as it takes."""
        about = {"sourceFileType": "FASTQ", "subjectId": "subject", "sampleId": "sample", "name": reads.name}
        key = {"sequenceStoreId": reads.store.id, "clientToken": reads.name}
        reads.upload_id = self.change("create_multipart_read_set_upload", **key, **about)["uploadId"]

    def put(self, reads: Reads, number: int, content: bytes, source: str = "SOURCE1") -> None:
        """Send a part, and again as long as the server fails on it."""
        part = reads.parts.setdefault((source, number), Outcome(None))
        with part.becomes(content):
            answer = self._put(reads, partSource=source, partNumber=number, payload=content)
        assert answer["checksum"] == checksum(content)
        self.model.acknowledged_bytes.append(len(content))

    def complete(self, reads: Reads) -> None:
        """Complete an upload with all its parts."""
        with reads.state.becomes(READ_SET):
            self.conclude(reads)

    def conclude(self, reads: Reads) -> None:
        """Ask for the read set of an upload, as often as it takes."""
        listed = [
            {"partSource": source, "partNumber": number, "checksum": checksum(content)}
            for (source, number), content in reads.stored().items()
        ]
        key = {"sequenceStoreId": reads.store.id, "uploadId": reads.upload_id}
        reads.read_set_id = self.change("complete_multipart_read_set_upload", **key, parts=listed)["readSetId"]

    def abort(self, reads: Reads) -> None:
        """Abort an upload."""
        key = {"sequenceStoreId": reads.store.id, "uploadId": reads.upload_id}
        with reads.state.becomes(ABSENT):
            self.change("abort_multipart_read_set_upload", **key)

    def delete(self, reads: Reads) -> None:
        """Delete a read set that no job works on."""
        with reads.state.becomes(DELETED):
            answer = self.change("batch_delete_read_set", sequenceStoreId=reads.store.id, ids=[reads.read_set_id])
            assert not answer.get("errors"), answer["errors"]

    def undelete(self, reads: Reads) -> None:
        """Bring a deleted read set back."""
        with reads.state.becomes(READ_SET):
            answer = self.change("batch_undelete_read_set", sequenceStoreId=reads.store.id, ids=[reads.read_set_id])
            assert not answer.get("errors"), answer["errors"]

    def reingest(self, reads: Reads) -> None:
        """Have a read set that failed checked once more: it fails again."""
        self.change("reingest_read_set", sequenceStoreId=reads.store.id, id=reads.read_set_id, clientToken=reads.name)

    def import_reads(
        self, store: Store, folder: Path, *sources: Mapping[str, bytes], sound: bool = True
    ) -> ReadsImport:
        """Import read sets from the mapped folder, each of the files of its sources; `sound` as for an upload."""
        asked = [Reads(store, str(uuid.uuid4()), sound) for _ in sources]
        for reads, files in zip(asked, sources, strict=True):
            reads.parts = {(source, 1): Outcome[bytes | None](content) for source, content in files.items()}
            reads.state.possible.add(READ_SET)
            for source, content in files.items():
                (folder / f"{reads.name}.{source}").write_bytes(content)
        job = ReadsImport(store, str(uuid.uuid4()), asked)
        store.imports.append(job)
        store.reads += asked
        with job.state.becomes(THERE):
            self.ask_for_reads(job)
        return job

    def ask_for_reads(self, job: ReadsImport) -> None:
        """Ask for an import of read sets, as often as it takes."""
        about = {"sourceFileType": "FASTQ", "subjectId": "subject", "sampleId": "sample"}
        sources = [{"name": reads.name, "sourceFiles": _uris(reads), **about} for reads in job.reads]
        key = {"sequenceStoreId": job.store.id, "clientToken": job.name}
        job.id = self.change("start_read_set_import_job", **key, roleArn=ROLE, sources=sources)["id"]

    def reads_import(self, job: ReadsImport) -> dict[str, Any]:
        """How far an import of read sets is; once it has ended, its read sets are known."""
        found = self.ask("get_read_set_import_job", sequenceStoreId=job.store.id, id=job.id)
        if found["status"] not in ("SUBMITTED", "IN_PROGRESS"):
            for reads, source in zip(job.reads, found["sources"], strict=True):
                reads.read_set_id = source.get("readSetId")
            job.ended()
        return found

    def new_references(self) -> References:
        """A new reference store, with a name and a clientToken of its own."""
        store = References(str(uuid.uuid4()))
        self.model.references.append(store)
        with store.state.becomes(THERE):
            self.create_references(store)
        return store

    def create_references(self, store: References) -> None:
        """Ask for a reference store, as often as it takes."""
        store.id = self.change("create_reference_store", name=store.name, clientToken=store.name)["id"]

    def delete_references(self, store: References) -> None:
        """Delete a reference store that is empty."""
        with store.state.becomes(ABSENT):
            self.change("delete_reference_store", id=store.id)

    def start_import(self, store: References, folder: Path, *contents: bytes) -> None:
        """Import references from the mapped folder; a job that was asked for ends, and all its references are there."""
        asked = [Imported(str(uuid.uuid4()), content) for content in contents]
        for reference in asked:
            (folder / reference.name).write_bytes(reference.content)
            reference.state.possible.add(THERE)
        store.imported += asked
        self.ask_for_import(store)
        for reference in asked:
            reference.state.possible = {THERE}

    def ask_for_import(self, store: References) -> None:
        """Ask for the job of a store, as often as it takes."""
        sources = [{"sourceFile": f"s3://{BUCKET}/{one.name}", "name": one.name} for one in store.imported]
        key = {"referenceStoreId": store.id, "clientToken": store.name}
        store.job_id = self.change("start_reference_import_job", **key, roleArn=ROLE, sources=sources)["id"]

    def import_ended(self, store: References, seconds: float = 60) -> dict[str, Any]:
        """The job of a store once it has ended."""
        deadline = time.monotonic() + seconds
        key = {"referenceStoreId": store.id, "id": store.job_id}
        while (found := self.ask("get_reference_import_job", **key))["status"] in ("SUBMITTED", "IN_PROGRESS"):
            if time.monotonic() > deadline:
                break
            time.sleep(0.05)
        for reference, source in zip(store.imported, found["sources"], strict=True):
            reference.id = source.get("referenceId")
        return found

    def delete_reference(self, store: References, reference: Imported) -> None:
        """Delete a reference that nothing names."""
        with reference.state.becomes(ABSENT):
            self.change("delete_reference", referenceStoreId=store.id, id=reference.id)

    def reference_bytes(self, store: References, reference: Imported) -> bytes:
        """The bytes of a reference; those of a test fit into one part of the grid."""
        answer = self.ask("get_reference", referenceStoreId=store.id, id=reference.id, partNumber=1)
        try:
            return bytes(answer["payload"].read())
        except BotoCoreError as gone:
            raise Gone from gone

    def tag(self, thing: Store | Reads, **added: str) -> None:
        """Add tags to a store or a read set."""
        with thing.tags.becomes(frozenset((dict(thing.tags.value) | added).items())):
            self.change("tag_resource", resourceArn=thing.arn, tags=added)

    def untag(self, thing: Store | Reads, *keys: str) -> None:
        """Remove tags from a store or a read set."""
        with thing.tags.becomes(frozenset(pair for pair in thing.tags.value if pair[0] not in keys)):
            self.change("untag_resource", resourceArn=thing.arn, tagKeys=list(keys))

    def checked(self, reads: Reads, seconds: float = 60) -> str:
        """The status of a read set once it has been checked."""
        deadline = time.monotonic() + seconds
        while (found := self.metadata(reads))["status"] == "PROCESSING_UPLOAD" and time.monotonic() < deadline:
            time.sleep(0.05)
        reads.arn = found["arn"]
        return str(found["status"])

    def metadata(self, reads: Reads) -> dict[str, Any]:
        """What is known of a read set."""
        return self.ask("get_read_set_metadata", sequenceStoreId=reads.store.id, id=reads.read_set_id)

    def download(self, reads: Reads, source: str) -> bytes:
        """The bytes of one source; those of a test fit into one part of the grid."""
        key = {"sequenceStoreId": reads.store.id, "id": reads.read_set_id, "file": source, "partNumber": 1}
        answer = self.ask("get_read_set", **key)
        try:
            return bytes(answer["payload"].read())
        except BotoCoreError as gone:
            raise Gone from gone

    def _put(self, reads: Reads, **part: Any) -> dict[str, Any]:
        key = {"sequenceStoreId": reads.store.id, "uploadId": reads.upload_id}
        for _ in range(_TRIES - 1):
            with contextlib.suppress(self._services[0].exceptions.InternalServerException):
                return self.change("upload_read_set_part", **key, **part)
        return self.change("upload_read_set_part", **key, **part)


def _uris(reads: Reads) -> dict[str, str]:
    """Where the files of a source of an import lie, as it names them."""
    return {source.lower(): f"s3://{BUCKET}/{reads.name}.{source}" for source, _ in reads.parts}


def code(error: ClientError) -> str:
    """The name of the error that the server answered with."""
    return str(error.response["Error"]["Code"])
