"""A server, its store and a reference, for benchmarks of what is ingested beside one."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from bench.generated_bam import Bam
from bench.processes import CpuMeter, PeakMemory
from bench.uploads import activate, upload_files
from tests.e2e.references import import_reference, map_folder
from tests.e2e.uploading import new_store
from tests.server import RunningServer, start_server


@dataclass(frozen=True)
class Place:
    """A server with a store, and a reference that files of one type lie on."""

    server: RunningServer
    store: str
    reference: str
    file_type: str

    def upload(self, file: Bam) -> "Upload":
        """Send a file; it is not completed yet."""
        members = {"sourceFileType": self.file_type, "referenceArn": self.reference}
        return Upload(self, *upload_files(self.server, self.store, {"SOURCE1": file.file}, **members))

    def cpu(self, file: Bam) -> float:
        """CPU seconds of the server from Complete to ACTIVE."""
        upload = self.upload(file)
        with CpuMeter(self.server.process.pid) as meter:
            upload.activate()
        return meter.cpu

    def memory(self, file: Bam) -> tuple[float, float]:
        """MiB of the server before, and at most while a file is checked."""
        upload = self.upload(file)
        with PeakMemory(self.server.process.pid) as memory:
            upload.activate()
        return memory.start, memory.peak


@dataclass(frozen=True)
class Upload:
    """What is uploaded, but not completed."""

    place: Place
    upload: str
    parts: list[dict[str, object]]

    def complete(self) -> str:
        """Complete it; the read set's id."""
        key = {"sequenceStoreId": self.place.store, "uploadId": self.upload}
        answer = self.place.server.client().complete_multipart_read_set_upload(**key, parts=self.parts)
        return str(answer["readSetId"])

    def activate(self) -> None:
        """Complete it and wait until it is ACTIVE."""
        activate(self.place.server, self.place.store, self.upload, self.parts)


@contextmanager
def serving(file: Bam, file_type: str) -> Iterator[Place]:
    """A server without QC, and the reference of a file imported into it."""
    with tempfile.TemporaryDirectory(prefix="strandkeep-bench-") as folder:
        data = Path(folder) / "data"
        map_folder(data, file.fasta.parent)
        with start_server(data, qc="off") as server:
            omics = server.client()
            yield Place(server, new_store(omics), import_reference(omics, file.fasta.name), file_type)
