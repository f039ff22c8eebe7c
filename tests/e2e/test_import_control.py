"""Import jobs followed, cancelled and taken up again through boto3 and the real server, while they run."""

import gzip
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.uploading import fastq, new_store
from tests.server import RunningServer, start_server

#: A member of gzip of 20,000 reads, little on disk; of so many a file takes far longer to read than the test.
_READS, _MEMBERS = b"@r\n" + b"ACGT" * 40 + b"\n+\n" + b"I" * 160 + b"\n", 1500

#: Seconds until what is cancelled must have let go.
_LET_GO_S = 10.0


@dataclass(frozen=True)
class Place:
    """A server with a mapped folder and a store."""

    server: RunningServer
    folder: Path
    omics: Any
    strandkeep: Any
    store: str

    def start(self, *keys: str) -> str:
        """The id of a job that imports these files."""
        account = self.omics.get_sequence_store(id=self.store)["arn"].split(":")[4]
        about = {"sourceFileType": "FASTQ", "subjectId": "s", "sampleId": "s"}
        sources = [{"sourceFiles": {"source1": f"s3://runs/{key}"}, **about} for key in keys]
        role = f"arn:aws:iam::{account}:role/importer"
        job = self.omics.start_read_set_import_job(sequenceStoreId=self.store, roleArn=role, sources=sources)
        return str(job["id"])

    def progress_when(self, job: str, holds: Callable[[dict[str, Any]], Any], seconds: float = 60) -> dict[str, Any]:
        """The first answer of GetJobProgress for which something holds."""
        deadline = time.monotonic() + seconds
        while True:
            found = self.strandkeep.get_job_progress(id=job)
            if holds(found):
                return dict(found)
            assert time.monotonic() < deadline, found
            time.sleep(0.05)


def ended(progress: dict[str, Any]) -> bool:
    return bool(progress["status"] not in ("SUBMITTED", "IN_PROGRESS", "CANCELLING"))


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    root = tmp_path_factory.mktemp("control")
    folder, data_dir = root / "runs", root / "data"
    folder.mkdir()
    data_dir.mkdir(mode=0o700)
    (data_dir / "strandkeep.toml").write_text(f'[buckets.runs]\nurl = "file://{folder}"\n')
    (folder / "big.fastq.gz").write_bytes(gzip.compress(20_000 * _READS) * _MEMBERS)
    (folder / "small.fastq.gz").write_bytes(gzip.compress(fastq(100)))
    with start_server(data_dir, import_workers="2") as server:
        omics = server.client()
        yield Place(server, folder, omics, server.client("strandkeep"), new_store(omics))


def test_an_import_is_cancelled_while_it_is_read_and_its_sources_are_retried(place: Place) -> None:
    job = place.start("small.fastq.gz", "big.fastq.gz")
    size = (place.folder / "big.fastq.gz").stat().st_size
    running = place.progress_when(job, lambda found: found["sources"][1]["bytesDone"] > 0)
    source = running["sources"][1]
    assert (running["status"], source["status"], source["attempt"]) == ("IN_PROGRESS", "IN_PROGRESS", 1)
    assert 0 < source["bytesDone"] < source["bytesTotal"] == size
    assert source["bytesPerSecond"] > 0
    assert " % done: " in source["statusMessage"]
    assert running["totals"]["finished"] == 1

    assert place.strandkeep.cancel_job(id=job)["status"] == "CANCELLING"
    found = place.progress_when(job, ended, _LET_GO_S)

    assert found["status"] == "CANCELLED"
    assert [source["status"] for source in found["sources"]] == ["FINISHED", "FAILED"]
    assert found["totals"]["bytesPerSecond"] == 0
    (kept,) = place.omics.list_read_sets(sequenceStoreId=place.store)["readSets"]
    assert kept["id"] == found["sources"][0]["readSetId"]
    aws = place.omics.get_read_set_import_job(sequenceStoreId=place.store, id=job)
    assert (aws["status"], aws["completionTime"]) == ("CANCELLED", found["completionTime"])
    with pytest.raises(place.strandkeep.exceptions.ConflictException, match="is COMPLETED"):
        place.strandkeep.cancel_job(id=finished(place))

    (place.folder / "big.fastq.gz").write_bytes(gzip.compress(fastq(50, 50, 2, 7)))
    again = place.strandkeep.retry_failed_items(id=job)
    assert (again["retryOf"], again["sources"], again["status"]) == (job, 1, "SUBMITTED")
    done = place.progress_when(again["id"], ended)
    assert (done["status"], done["retryOf"], done["totals"]["percent"]) == ("COMPLETED", job, 100)


def finished(place: Place) -> str:
    """The id of a job that was imported wholly."""
    job = place.start("small.fastq.gz")
    place.progress_when(job, ended)
    return job
