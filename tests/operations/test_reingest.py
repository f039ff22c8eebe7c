"""A read set whose upload failed is checked once more, without sending its bytes again."""

import asyncio
import gzip

import pytest

from strandkeep.catalog import tables
from strandkeep.errors import (
    ApiError,
    ConflictException,
    ResourceNotFoundException,
    ValidationException,
)
from strandkeep.jobs.ingest import ingest, tell_read_set
from strandkeep.jobs.running import run_job
from tests.operations.conftest import NEVER, file_of
from tests.operations.references import insert_reference, new_reference_store

READS = gzip.compress(b"@read\nACGT\n+\nIIII\n" * 7)


def failed(api, store, content=READS, *sources, **columns):
    """A read set in UPLOAD_FAILED, with what a failed ingest leaves."""
    files = {source: file_of(api, content)[0] for source in ("SOURCE1", *sources)}
    read_set = api.insert_read_set(store, "UPLOAD_FAILED", files=files, status_message="it failed", **columns)
    problem = {"read_set_id": read_set, "position": 1, "source": "SOURCE1", "rule": "old", "text": "it failed"}
    api.house.catalog.write(lambda tx: tx.run(tables.problem.insert(), problem))
    return read_set


def reingest(api, store, read_set, **members):
    return api("ReingestReadSet", sequenceStoreId=store, id=read_set, **members)


def run_jobs(api, read_set):
    for job in api.rows(tables.job, subject=read_set):
        run_job(api.house, {"ingest": ingest}, tell_read_set, job.id)


def metadata(api, store, read_set):
    return api("GetReadSetMetadata", sequenceStoreId=store, id=read_set)


def test_reingest_read_set_of_what_was_declared_as_another_type_makes_it_active(api, store):
    read_set = failed(api, store, file_type="BAM")

    answer = reingest(api, store, read_set, sourceFileType="FASTQ")

    assert answer == {
        "id": read_set,
        "sequenceStoreId": store,
        "status": "PROCESSING_UPLOAD",
        "sourceFileType": "FASTQ",
    }
    assert "statusMessage" not in metadata(api, store, read_set)
    run_jobs(api, read_set)
    found = metadata(api, store, read_set)
    assert (found["status"], found["fileType"]) == ("ACTIVE", "FASTQ")
    assert found["sequenceInformation"]["totalReadCount"] == 7
    assert api.bytes_of(store, read_set) == READS
    assert [row.file_name for row in api.rows(tables.file, holder_id=read_set)] == ["name_source1.fastq.gz"]
    assert api.rows(tables.problem, read_set_id=read_set) == []
    assert api.events(read_set)[-2:] == [("UPLOAD_FAILED", "PROCESSING_UPLOAD"), ("PROCESSING_UPLOAD", "ACTIVE")]


def test_reingest_of_what_really_failed_fails_again_and_says_why(api, store):
    upload = api.new_upload(store)
    read_set = api.complete(store, upload, [api.put_part(store, upload, 1, b"no FASTQ")])
    run_jobs(api, read_set)
    before = metadata(api, store, read_set)
    problems = api.rows(tables.problem, read_set_id=read_set)
    assert (before["status"], len(problems)) == ("UPLOAD_FAILED", 1)

    reingest(api, store, read_set)
    assert metadata(api, store, read_set)["status"] == "PROCESSING_UPLOAD"
    run_jobs(api, read_set)

    assert metadata(api, store, read_set) == before
    assert api.rows(tables.problem, read_set_id=read_set) == problems
    assert [row.state for row in api.rows(tables.job, subject=read_set)] == ["COMPLETED", "COMPLETED"]
    assert [row.state for row in api.rows(tables.upload, id=upload)] == ["FAILED"]


@pytest.mark.parametrize("state", ["PROCESSING_UPLOAD", "ACTIVE", "ARCHIVED", "ACTIVATING", "DELETED"])
def test_reingest_of_a_read_set_that_did_not_fail_is_refused(api, store, state):
    read_set = api.insert_read_set(store, state)
    with pytest.raises(ConflictException, match=f"{state}; only one in UPLOAD_FAILED"):
        reingest(api, store, read_set)
    assert api.rows(tables.job, subject=read_set) == []


@pytest.mark.parametrize(
    ("members", "refusal"),
    [
        ({"sourceFileType": "BAM"}, ValidationException),
        ({"referenceArn": "arn:aws:omics:us-east-1:1:referenceStore/1/reference/1"}, ResourceNotFoundException),
    ],
)
def test_reingest_as_what_cannot_be_changes_nothing(api, store, members, refusal):
    read_set = failed(api, store)
    before = metadata(api, store, read_set)
    with pytest.raises(refusal):
        reingest(api, store, read_set, **members)
    assert metadata(api, store, read_set) == before
    assert len(api.rows(tables.problem, read_set_id=read_set)) == 1


def test_reingest_with_a_reference_names_it_and_keeps_it(api, store):
    references = new_reference_store(api)
    reference = insert_reference(api, references)
    arn = api.house.installation.reference_arn(references, reference)
    read_set = failed(api, store)

    answer = reingest(api, store, read_set, sourceFileType="CRAM", referenceArn=arn)

    assert (answer["sourceFileType"], answer["referenceArn"]) == ("CRAM", arn)
    assert metadata(api, store, read_set)["referenceArn"] == arn
    with pytest.raises(ConflictException, match="read sets"):
        api("DeleteReference", referenceStoreId=references, id=reference)


def test_reingest_of_what_never_was_is_not_found(api, store):
    for where, what in ((store, NEVER), (NEVER, NEVER), (store, "9" * 36)):
        with pytest.raises(ResourceNotFoundException):
            reingest(api, where, what)


def test_the_same_token_starts_one_ingest(api, store):
    read_set = failed(api, store)
    first = reingest(api, store, read_set, clientToken="once")
    run_jobs(api, read_set)
    again = reingest(api, store, read_set, clientToken="once")
    assert again == {**first, "status": "ACTIVE"}
    assert len(api.rows(tables.job, subject=read_set)) == 1
    with pytest.raises(ConflictException, match="clientToken"):
        reingest(api, store, read_set, clientToken="once", sourceFileType="FASTQ")


def test_of_reingests_at_once_one_starts(api, store):
    read_set = failed(api, store)

    async def at_once():
        calls = [api.begin("ReingestReadSet", sequenceStoreId=store, id=read_set) for _ in range(5)]
        return await asyncio.gather(*calls, return_exceptions=True)

    answers = asyncio.run(at_once())
    assert sorted(type(answer) is ConflictException for answer in answers) == [False, True, True, True, True]
    assert not any(isinstance(answer, Exception) and not isinstance(answer, ApiError) for answer in answers)
    assert len(api.rows(tables.job, subject=read_set)) == 1


def test_rule_4_a_read_set_that_is_checked_once_more_is_not_deleted_meanwhile(api, store):
    read_set = failed(api, store)
    reingest(api, store, read_set)
    errors = api("BatchDeleteReadSet", sequenceStoreId=store, ids=[read_set])["errors"]
    assert [error["code"] for error in errors] == ["ConflictException"]
    run_jobs(api, read_set)
    assert api("BatchDeleteReadSet", sequenceStoreId=store, ids=[read_set]) == {}


def test_files_of_a_pair_get_the_names_of_their_sources(api, store):
    read_set = failed(api, store, READS, "SOURCE2", file_type="BAM")
    reingest(api, store, read_set, sourceFileType="FASTQ")
    names = sorted(row.file_name for row in api.rows(tables.file, holder_id=read_set))
    assert names == ["name_source1.fastq.gz", "name_source2.fastq.gz"]
