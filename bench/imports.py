"""Imports for benchmarks: a server, what its buckets hold, and jobs that are waited for."""

import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from bench.generated_bam import bam
from bench.generated_reads import kept_folder, pair
from bench.processes import CpuMeter, PeakMemory
from bench.uploads import activate, upload_files
from tests.e2e.references import import_reference
from tests.e2e.uploading import new_store
from tests.s3_server import BUCKET, KEY_ID, SECRET
from tests.server import RunningServer, start_server

#: The names under which the folder of generated reads and the bucket of the S3 server are mapped.
FOLDER, S3 = "reads", "lab"

_READS = 1_400_000
_MEGABYTES = 1020

_LONGEST_S = 300
_ASK_EVERY_S = 1.0


@dataclass(frozen=True)
class Reads:
    """The files of a read set, in the folder for generated reads, and `members` that are said of them."""

    title: str
    files: Sequence[Path]
    text_bytes: int
    members: Mapping[str, str]

    @property
    def stored_bytes(self) -> int:
        """Bytes of the files as they are."""
        return sum(file.stat().st_size for file in self.files)

    def source(self, bucket: str) -> dict[str, Any]:
        """A source of an import job: the same files in a bucket."""
        files = {f"source{number}": f"s3://{bucket}/{file.name}" for number, file in enumerate(self.files, 1)}
        return {"sourceFiles": files, "subjectId": "subject", "sampleId": "sample", **self.members}


@dataclass(frozen=True)
class Importer:
    """A server with a store and a reference, to whose jobs buckets are mapped."""

    server: RunningServer
    store: str
    reference: str

    @cached_property
    def client(self) -> Any:
        """A client of the server."""
        return self.server.client()

    @property
    def role(self) -> str:
        """A role that may read the buckets."""
        return f"arn:aws:iam::{self.reference.split(':')[4]}:role/importer"

    def fastq(self) -> Reads:
        """A pair of 1 GB of text."""
        mates = pair(_READS)
        return Reads("FASTQ pair", mates.files, mates.text_bytes, {"sourceFileType": "FASTQ"})

    def bam(self) -> Reads:
        """A BAM of 1 GB of text."""
        made = bam(_MEGABYTES)
        return Reads("BAM", [made.file], made.text_bytes, {"sourceFileType": "BAM", "referenceArn": self.reference})

    def ingest_cpu(self, reads: Reads) -> float:
        """CPU seconds of the server from Complete to ACTIVE, of the files uploaded."""
        files = {f"SOURCE{number}": file for number, file in enumerate(reads.files, 1)}
        upload, listed = upload_files(self.server, self.store, files, **reads.members)
        with CpuMeter(self.server.process.pid) as meter:
            activate(self.server, self.store, upload, listed)
        return meter.cpu

    def import_cpu(self, reads: Reads, bucket: str) -> float:
        """CPU seconds of the server from Start until the job has ended."""
        with CpuMeter(self.server.process.pid) as meter:
            self.run([reads.source(bucket)])
        return meter.cpu

    def import_memory(self, reads: Reads, bucket: str) -> tuple[float, float]:
        """MiB of the server before, and at most while one source is imported."""
        with PeakMemory(self.server.process.pid) as memory:
            self.run([reads.source(bucket)])
        return memory.start, memory.peak

    def start(self, sources: Sequence[Mapping[str, Any]]) -> str:
        """Start a job; its id."""
        key = {"sequenceStoreId": self.store, "roleArn": self.role}
        return str(self.client.start_read_set_import_job(**key, sources=sources)["id"])

    def run(self, sources: Sequence[Mapping[str, Any]], ask_every_s: float = _ASK_EVERY_S) -> None:
        """Start a job and wait until it has ended."""
        self.wait(self.start(sources), ask_every_s)

    def wait(self, job_id: str, ask_every_s: float = _ASK_EVERY_S) -> None:
        """Wait until a job has ended; asked for seldom, because asking costs the server too.

        RuntimeError unless all of it was imported.
        """
        deadline = time.monotonic() + _LONGEST_S
        while True:
            job = self.client.get_read_set_import_job(sequenceStoreId=self.store, id=job_id)
            if job["status"] == "COMPLETED":
                return
            if job["status"] not in ("SUBMITTED", "IN_PROGRESS") or time.monotonic() > deadline:
                raise RuntimeError(f"the import is {job['status']}: {job['sources'][0].get('statusMessage')}")
            time.sleep(ask_every_s)


@contextmanager
def importing(endpoint: str = "", **settings: Any) -> Iterator[Importer]:
    """A server without QC that imports from the folder of generated reads, and from an S3 server at an endpoint."""
    with tempfile.TemporaryDirectory(prefix="strandkeep-bench-") as place:
        data = Path(place) / "data"
        map_buckets(data, endpoint)
        with start_server(data, qc="off", **settings) as server:
            yield importer(server)


def map_buckets(data: Path, endpoint: str) -> None:
    """Map the folder of generated reads, and the bucket of an S3 server, for a server that is started next."""
    tables = [f'[buckets.{FOLDER}]\nurl = "file://{kept_folder()}"\n']
    if endpoint:
        keys = f'access_key_id = "{KEY_ID}"\nsecret_access_key = "{SECRET}"\n'
        tables.append(f'[buckets.{S3}]\nurl = "s3://{BUCKET}"\nendpoint = "{endpoint}"\n{keys}')
    data.mkdir()
    (data / "strandkeep.toml").write_text("\n".join(tables))


def importer(server: RunningServer) -> Importer:
    """What imports into a new store of a server."""
    omics = server.client()
    reference = import_reference(omics, bam(_MEGABYTES).fasta.name, bucket=FOLDER)
    return Importer(server, new_store(omics), reference)
