"""Imports of sources that are made of several files: what may be asked for, and what becomes of it."""

import gzip
import hashlib

import pytest

from strandkeep.catalog import tables
from strandkeep.errors import ResourceNotFoundException, ValidationException
from strandkeep.jobs import import_read_sets
from strandkeep.jobs.fetching import Fetch
from tests.e2e.uploading import fastq, gz
from tests.operations.conftest import NEVER
from tests.operations.imports import ReadsImporter, outcomes, reads_importer, several


@pytest.fixture
def mine(api, tmp_path) -> ReadsImporter:
    """A caller with a mapped folder, in the shared house."""
    return reads_importer(api, tmp_path)


def test_import_read_sets_makes_one_read_set_of_many_files(mine):
    (first, ones), (second, twos) = mine.lanes(4), mine.lanes(4, mate=2)
    answer = mine.start_many(several(first, second, name="lanes", tags={"k": "v"}))
    assert (answer["status"], answer["sequenceStoreId"], answer["roleArn"]) == ("SUBMITTED", mine.store, mine.role)
    assert set(answer) == {"id", "sequenceStoreId", "roleArn", "status", "creationTime"}

    mine.run(answer["id"])

    job = mine.job(answer["id"])
    assert (job["status"], outcomes(job)) == ("COMPLETED", [("FINISHED", "The source was imported.")])
    assert job["sources"][0]["sourceFiles"] == {"source1": first[0], "source2": second[0]}
    listed = mine.api("ListReadSetImportJobs", sequenceStoreId=mine.store)["importJobs"]
    assert [one["id"] for one in listed] == [answer["id"]]
    read_set = job["sources"][0]["readSetId"]
    assert (mine.bytes_of(read_set), mine.bytes_of(read_set, file="SOURCE2")) == (b"".join(ones), b"".join(twos))
    found = mine.metadata(read_set)
    assert found["etag"]["source1"] == hashlib.md5(b"".join(map(gzip.decompress, ones))).hexdigest()
    assert found["sequenceInformation"]["totalReadCount"] == 2 * sum(range(10, 14))
    assert (found["name"], found["creationType"]) == ("lanes", "IMPORT")


def test_import_read_sets_names_a_read_set_by_its_first_file(mine):
    uris, _ = mine.lanes(2)
    read_set = mine.done_many(several(uris))["sources"][0]["readSetId"]
    found = mine.metadata(read_set)
    assert found["name"] == "s_L001_R1_001.fastq.gz"
    assert found["files"]["source1"]["s3Access"]["s3Uri"].endswith("/s_L001_R1_001.fastq.gz")


def test_import_read_sets_sent_again_makes_one_job(mine):
    uris, _ = mine.lanes(2)
    first = mine.start_many(several(uris), clientToken="t" + mine.store)
    assert mine.start_many(several(uris), clientToken="t" + mine.store) == first
    with pytest.raises(ValidationException):
        mine.start_many(several(uris[::-1]), clientToken="t" + mine.store)
    with pytest.raises(ResourceNotFoundException):
        mine.api("ImportReadSets", sequenceStoreId=NEVER, roleArn=mine.role, sources=[several(uris)])


@pytest.mark.parametrize("file_type", ["BAM", "CRAM", "UBAM"])
def test_import_read_sets_takes_one_file_of_what_cannot_stand_in_a_row(mine, file_type):
    arn = {"referenceArn": "arn:aws:omics:us-east-1:1:referenceStore/1/reference/1"} if file_type != "UBAM" else {}
    with pytest.raises(ValidationException, match=r"sources\.2\.member\.sourceFiles\.source1: .* merge them first"):
        mine.start_many(
            several(["s3://runs/ok"]), several(["s3://runs/a", "s3://runs/b"], sourceFileType=file_type, **arn)
        )


def test_import_read_sets_takes_each_file_once(mine):
    with pytest.raises(ValidationException, match=r"s3://runs/a is named twice"):
        mine.start_many(several(["s3://runs/a", "s3://runs/b", "s3://runs/a"]))
    with pytest.raises(ValidationException, match=r"s3://runs/b is named twice"):
        mine.start_many(several(["s3://runs/a", "s3://runs/b"], ["s3://runs/b"]))


def test_a_fault_names_the_file_in_which_it_is(mine):
    uris, contents = mine.lanes(3)
    mine.put("run/s_L002_R1_001.fastq.gz", contents[1][:-9])
    job = mine.done_many(several(uris))
    ((status, message),) = outcomes(job)
    assert (job["status"], status) == ("FAILED", "FAILED")
    assert message.startswith("SOURCE1, file 2")
    assert mine.api.rows(tables.fetched, job_id=job["id"]) == []
    assert mine.api.rows(tables.original, read_set_id=job["sources"][0].get("readSetId") or "") == []


def test_a_file_that_is_missing_fails_the_source_and_no_other(mine):
    uris, _ = mine.lanes(2)
    job = mine.done_many(several([*uris, "s3://runs/run/none.fastq.gz"]), several(uris))
    assert outcomes(job) == [
        ("FAILED", "none.fastq.gz: There is no such object in the bucket."),
        ("FINISHED", "The source was imported."),
    ]


def test_a_file_that_changes_meanwhile_is_named(mine, monkeypatch):
    uris, _ = mine.lanes(3)
    plain = import_read_sets.look_up

    def and_then_changed(house, item, looked_up):
        found = plain(house, item, looked_up)
        mine.put("run/s_L002_R1_001.fastq.gz", b"longer than that by far" * 500)
        return found

    monkeypatch.setattr(import_read_sets, "look_up", and_then_changed)
    ((status, message),) = outcomes(mine.done_many(several(uris)))
    assert status == "FAILED"
    assert message.startswith("s_L002_R1_001.fastq.gz: The object changed while it was read.")


def test_what_is_here_of_many_files_is_not_read_from_the_bucket_again(mine, monkeypatch):
    uris, contents = mine.lanes(5)
    job_id = mine.start_many(several(uris))["id"]
    fetched_now = []
    plain = Fetch._from_bucket

    def watched(self, number, original, start):
        fetched_now.append(number)
        if number == 4 and len(fetched_now) == 4:
            raise OSError("the mount is gone")
        yield from plain(self, number, original, start)

    monkeypatch.setattr(Fetch, "_from_bucket", watched)
    mine.run(job_id)
    assert fetched_now == [1, 2, 3, 4]
    assert outcomes(mine.job(job_id))[0][0] == "IN_PROGRESS"
    mine.run(job_id)
    assert fetched_now == [1, 2, 3, 4, 4, 5]
    assert mine.bytes_of(mine.job(job_id)["sources"][0]["readSetId"]) == b"".join(contents)


def test_hundreds_of_files_are_one_source(mine):
    contents = [gz(fastq(1, 40, 1, n)) for n in range(300)]
    uris = [mine.put(f"chunks/{n}.fastq.gz", content) for n, content in enumerate(contents)]
    read_set = mine.done_many(several(uris))["sources"][0]["readSetId"]
    assert mine.bytes_of(read_set) == b"".join(contents)
    assert len(mine.api.rows(tables.original, read_set_id=read_set)) == 300
