"""Jobs that import read sets: what may be asked for, what becomes of each source, and what is left of the refused."""

import gzip
import hashlib
import json

import pytest

from strandkeep.catalog import tables
from tests.e2e.uploading import fastq, gz
from tests.operations.imports import ReadsImporter, outcomes, reads_importer


@pytest.fixture
def mine(api, tmp_path) -> ReadsImporter:
    """A caller with a mapped folder, in the shared house."""
    return reads_importer(api, tmp_path)


@pytest.fixture
def own_mine(own, tmp_path) -> ReadsImporter:
    """A caller with a mapped folder, in a house of the test's own."""
    folder = tmp_path / "bucket"
    folder.mkdir()
    return reads_importer(own, folder)


def test_start_read_set_import_job_answers_at_once_and_the_job_makes_read_sets(mine):
    one, two = gz(fastq(20, 50, 1, 7)), gz(fastq(20, 50, 2, 7))
    source = mine.source(one, two, name="pair", description="d", generatedFrom="g", tags={"k": "v"})

    answer = mine.start(source)

    assert {name for name, value in answer.items() if value is not None} == {
        *("id", "sequenceStoreId", "roleArn", "status", "creationTime")
    }
    assert (answer["status"], answer["roleArn"], answer["sequenceStoreId"]) == ("SUBMITTED", mine.role, mine.store)
    waiting = mine.job(answer["id"])
    assert waiting["statusMessage"] == "The job is submitted and will start soon."
    assert outcomes(waiting) == [("NOT_STARTED", "The source is queued for the job.")]
    assert waiting["sources"][0]["readSetId"] is None

    mine.run(answer["id"])

    done = mine.job(answer["id"])
    assert (done["status"], done["statusMessage"]) == ("COMPLETED", "The job completed successfully.")
    assert done["completionTime"] >= done["creationTime"] == answer["creationTime"]
    assert {name: done["sources"][0][name] for name in source} == source
    assert outcomes(done) == [("FINISHED", "The source was imported.")]
    read_set = done["sources"][0]["readSetId"]
    assert (mine.bytes_of(read_set), mine.bytes_of(read_set, file="SOURCE2")) == (one, two)
    found = mine.metadata(read_set)
    assert (found["status"], found["creationType"], found["creationJobId"]) == ("ACTIVE", "IMPORT", answer["id"])
    assert (found["name"], found["description"], found["subjectId"]) == ("pair", "d", "subject")
    assert found["sequenceInformation"]["totalReadCount"] == 40
    assert found["etag"]["source1"] == hashlib.md5(gzip.decompress(one)).hexdigest()
    assert found["etag"]["source2"] == hashlib.md5(gzip.decompress(two)).hexdigest()
    uris = [found["files"][f"source{n}"]["s3Access"]["s3Uri"].rpartition("/")[2] for n in (1, 2)]
    assert uris == ["r1_reads.fastq.gz", "r2_reads.fastq.gz"]
    arn = mine.api.house.installation.read_set_arn(mine.store, read_set)
    assert mine.api("ListTagsForResource", resourceArn=arn)["tags"]["k"] == "v"
    assert mine.api.rows(tables.fetched, job_id=answer["id"]) == []
    manifest = json.loads((mine.api.house.settings.data_dir / "manifests" / f"{read_set}.1.json").read_bytes())
    assert manifest["readSet"]["creation_type"] == "IMPORT"
