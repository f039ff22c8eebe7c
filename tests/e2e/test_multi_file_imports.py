"""Lanes by the real server and boto3: many files become one source, come back as they were, and outlive a kill."""

import gzip
import hashlib
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.rows import rows
from tests.e2e.uploading import download, fastq, gz, new_store
from tests.server import RunningServer, start_server

LANES = 12


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A data folder whose server reads from the folder `run` beside it, as `s3://run/…`."""
    data_dir = tmp_path / "data"
    data_dir.mkdir(mode=0o700)
    (data_dir / "strandkeep.toml").write_text(f'[buckets.run]\nurl = "file://{tmp_path / "run"}"\n')
    return data_dir


def sequenced(folder: Path) -> Mapping[str, bytes]:
    """Name → content of the files of a run, in order, with their md5sum.txt."""
    folder.mkdir(parents=True)
    contents = {
        f"s_L{lane:03}_R{mate}_001.fastq.gz": gz(fastq(50 + lane, 100, mate, lane))
        for mate in (1, 2)
        for lane in range(1, LANES + 1)
    }
    for name, content in contents.items():
        (folder / name).write_bytes(content)
    lines = [f"{hashlib.md5(content).hexdigest()}  ./{name}\n" for name, content in contents.items()]
    (folder / "md5sum.txt").write_text("".join(lines))
    return contents


def of_mate(contents: Mapping[str, bytes], mate: int) -> list[str]:
    return [name for name in contents if f"_R{mate}_" in name]


def start(server: RunningServer, store: str, contents: Mapping[str, bytes]) -> str:
    """The id of a job that imports them as one read set."""
    account = server.client().get_sequence_store(id=store)["arn"].split(":")[4]
    files = {f"source{mate}": [f"s3://run/230101/{name}" for name in of_mate(contents, mate)] for mate in (1, 2)}
    source = {"sourceFiles": files, "sourceFileType": "FASTQ", "subjectId": "s", "sampleId": "p", "name": "all lanes"}
    role = f"arn:aws:iam::{account}:role/importer"
    return str(
        server.client("strandkeep").import_read_sets(sequenceStoreId=store, roleArn=role, sources=[source])["id"]
    )


def ended(omics: Any, store: str, job_id: str, seconds: float = 60) -> dict[str, Any]:
    """The job, once it has ended."""
    deadline = time.monotonic() + seconds
    while True:
        job = omics.get_read_set_import_job(sequenceStoreId=store, id=job_id)
        if "completionTime" in job or time.monotonic() > deadline:
            return dict(job)
        time.sleep(0.1)


def check_read_set(server: RunningServer, store: str, read_set: str, contents: Mapping[str, bytes]) -> None:
    """It is all of the files, and each of them can be read by itself."""
    omics, strandkeep = server.client(), server.client("strandkeep")
    key = {"sequenceStoreId": store, "id": read_set}
    etag = omics.get_read_set_metadata(**key)["etag"]
    pages = strandkeep.get_paginator("list_read_set_originals").paginate(**key, maxResults=5)
    listed = [original for page in pages for original in page["originals"]]
    assert [original["name"] for original in listed] == list(contents)
    for mate in (1, 2):
        source, names = f"SOURCE{mate}", of_mate(contents, mate)
        text = b"".join(gzip.decompress(contents[name]) for name in names)
        assert etag[source.lower()] == hashlib.md5(text).hexdigest()
        assert download(omics, store, read_set, source) == b"".join(contents[name] for name in names)
    for original in listed:
        content, which = contents[original["name"]], {"number": original["number"], "source": original["source"]}
        assert strandkeep.get_read_set_original(**key, **which)["payload"].read() == content
        assert original["md5"] == hashlib.md5(content).hexdigest()
        answer = strandkeep.get_read_set_original(**key, **which, range="bytes=10-19")
        assert answer["payload"].read() == content[10:20]


def test_twelve_lanes_become_one_read_set_and_each_file_comes_back(place: Path, tmp_path: Path) -> None:
    contents = sequenced(tmp_path / "run" / "230101")
    with start_server(place) as server:
        omics = server.client()
        store = new_store(omics)
        job = ended(omics, store, start(server, store, contents))
        assert (job["status"], job["sources"][0]["status"]) == ("COMPLETED", "FINISHED"), job
        assert job["sources"][0]["sourceFiles"]["source1"] == "s3://run/230101/s_L001_R1_001.fastq.gz"
        check_read_set(server, store, job["sources"][0]["readSetId"], contents)

        sums = tmp_path / "run" / "230101" / "md5sum.txt"
        name = "s_L007_R2_001.fastq.gz"
        sums.write_text(sums.read_text().replace(hashlib.md5(contents[name]).hexdigest(), "0" * 32))
        job = ended(omics, store, start(server, store, contents))
        assert job["status"] == "FAILED"
        message = job["sources"][0]["statusMessage"]
        assert message.startswith(f"{name}: its MD5 is ")
        assert "but md5sum.txt says 00000000…" in message
        assert len(omics.list_read_sets(sequenceStoreId=store)["readSets"]) == 1


def test_after_a_kill_an_import_goes_on_at_the_file_that_it_had_come_to(place: Path, tmp_path: Path) -> None:
    contents = sequenced(tmp_path / "run" / "230101")
    with start_server(place, kill_point="import.stored:10") as server:
        store = new_store(server.client())
        job_id = start(server, store, contents)
        server.process.wait(timeout=30)
    before = {row["blob"] for row in rows(place, "SELECT blob FROM fetched")}
    assert len(before) in (8, 9)
    with start_server(place) as server:
        job = ended(server.client(), store, job_id)
        assert job["status"] == "COMPLETED", job
        read_set = job["sources"][0]["readSetId"]
        check_read_set(server, store, read_set, contents)
        made_of = [row["blob"] for row in rows(place, "SELECT blob FROM segment WHERE holder_id = ?", read_set)]
        assert before < set(made_of)
        assert len(made_of) == len(set(made_of)) == 2 * LANES
        assert rows(place, "SELECT * FROM fetched") == []
