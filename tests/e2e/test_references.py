"""References by the real server, with boto3 and the AWS CLI: imported from a mapped folder, read, named, deleted."""

import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.e2e.uploading import new_store
from tests.formats.bgzf_files import bgzf
from tests.operations.references import fasta
from tests.server import start_server


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """(server, its mapped folder)."""
    root = tmp_path_factory.mktemp("references")
    folder, data_dir = root / "genomes", root / "data"
    folder.mkdir()
    data_dir.mkdir(mode=0o700)
    (data_dir / "strandkeep.toml").write_text(f'[buckets.genomes]\nurl = "file://{folder}"\n')
    with start_server(data_dir) as server:
        yield server, folder


def role(store) -> str:
    return f"arn:aws:iam::{store['arn'].split(':')[4]}:role/importer"


def imported(omics, store, folder: Path, **contents: bytes):
    """The job that imports these, once it has ended."""
    sources = []
    for name, content in contents.items():
        (folder / f"{name}.fa").write_bytes(content)
        sources.append({"sourceFile": f"s3://genomes/{name}.fa", "name": name, "tags": {"made": "by a test"}})
    job = omics.start_reference_import_job(referenceStoreId=store["id"], roleArn=role(store), sources=sources)
    waiter = omics.get_waiter("reference_import_job_completed")
    waiter.wait(referenceStoreId=store["id"], id=job["id"], WaiterConfig={"Delay": 1, "MaxAttempts": 30})
    return omics.get_reference_import_job(referenceStoreId=store["id"], id=job["id"])


def test_a_reference_is_imported_read_in_ranges_named_and_deleted(place):
    server, folder = place
    omics = server.client()
    store = omics.create_reference_store(name="references", description="for tests")
    content = bgzf(fasta(sequences=40, length=5000))

    job = imported(omics, store, folder, hg38=content)

    assert [source["status"] for source in job["sources"]] == ["FINISHED"]
    key = {"referenceStoreId": store["id"], "id": job["sources"][0]["referenceId"]}
    found = omics.get_reference_metadata(**key)
    assert (found["status"], found["creationType"], found["creationJobId"]) == ("ACTIVE", "IMPORT", job["id"])
    assert found["files"]["source"]["contentLength"] == len(content)
    assert omics.list_references(referenceStoreId=store["id"], filter={"md5": found["md5"]})["references"]
    assert omics.list_tags_for_resource(resourceArn=found["arn"])["tags"] == {"made": "by a test"}

    whole = omics.get_reference(**key, partNumber=1)["payload"].read()
    assert hashlib.sha256(whole).digest() == hashlib.sha256(content).digest()
    pieces = []
    for first in range(0, len(content), 10_007):
        answer = omics.get_reference(**key, partNumber=1, range=f"bytes={first}-{first + 10_006}")
        assert answer["ResponseMetadata"]["HTTPStatusCode"] == 200
        pieces.append(answer["payload"].read())
    assert b"".join(pieces) == content
    index = omics.get_reference(**key, partNumber=1, file="INDEX")["payload"].read()
    assert len(index) == found["files"]["index"]["contentLength"]
    for wrong in ({"range": f"bytes={len(content)}-"}, {"range": "bytes=1-0"}):
        with pytest.raises(omics.exceptions.RangeNotSatisfiableException):
            omics.get_reference(**key, partNumber=1, **wrong)
    with pytest.raises(omics.exceptions.RangeNotSatisfiableException):
        omics.get_reference(**key, partNumber=2)

    reads = new_store(omics)
    about = {"subjectId": "s", "sampleId": "s", "name": "n", "sourceFileType": "BAM"}
    open_one = omics.create_multipart_read_set_upload(sequenceStoreId=reads, referenceArn=found["arn"], **about)
    for operation, members in ((omics.delete_reference, key), (omics.delete_reference_store, {"id": store["id"]})):
        with pytest.raises(omics.exceptions.ConflictException):
            operation(**members)
    omics.abort_multipart_read_set_upload(sequenceStoreId=reads, uploadId=open_one["uploadId"])
    omics.delete_reference(**key)
    omics.delete_reference_store(id=store["id"])
    with pytest.raises(omics.exceptions.ResourceNotFoundException):
        omics.get_reference(**key, partNumber=1)


def test_the_waiter_tells_of_a_job_that_failed(place):
    server, folder = place
    omics = server.client()
    store = omics.create_reference_store(name="failing")
    with pytest.raises(Exception, match="Waiter ReferenceImportJobCompleted failed"):
        imported(omics, store, folder, good=fasta(), bad=b"@no\nFASTA\n+\nIIIII\n")
    (job,) = omics.list_reference_import_jobs(referenceStoreId=store["id"])["importJobs"]
    assert job["status"] == "COMPLETED_WITH_FAILURES"


def test_references_by_the_aws_cli(place):
    server, folder = place
    (folder / "cli.fa").write_bytes(fasta(seed=9))

    def aws(*arguments: str):
        command = [str(Path(sys.executable).with_name("aws")), "omics", *arguments, "--output", "json"]
        environment = {**os.environ, **server.environment}
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
        return json.loads(done.stdout) if done.stdout.strip() else None

    store = aws("create-reference-store", "--name", "by the CLI")
    place_ = ("--reference-store-id", store["id"])
    sources = ("--sources", "sourceFile=s3://genomes/cli.fa,name=cli")
    job = aws("start-reference-import-job", *place_, "--role-arn", role(store), *sources)
    server.client().get_waiter("reference_import_job_completed").wait(
        referenceStoreId=store["id"], id=job["id"], WaiterConfig={"Delay": 1, "MaxAttempts": 30}
    )
    (reference,) = aws("list-references", *place_, "--filter", "name=cli")["references"]
    target = folder / "got.fa"
    aws("get-reference", *place_, "--id", reference["id"], "--part-number", "1", "--range", "bytes=1-", str(target))
    assert target.read_bytes() == fasta(seed=9)[1:]
    aws("delete-reference", *place_, "--id", reference["id"])
    aws("delete-reference-store", "--id", store["id"])


def test_events_of_references_have_the_form_of_eventbridge(place):
    server, folder = place
    omics = server.client()
    store = omics.create_reference_store(name="told")
    job = imported(omics, store, folder, told=fasta(seed=3))
    omics.delete_reference(referenceStoreId=store["id"], id=job["sources"][0]["referenceId"])
    omics.delete_reference_store(id=store["id"])
    command = [sys.executable, "-m", "strandkeep", "events", "--data-dir", str(server.data_dir), "--eventbridge"]
    lines = subprocess.run([*command, "--limit", "0"], capture_output=True, text=True, check=True).stdout.splitlines()
    mine = [event for event in map(json.loads, lines) if store["id"] in str(event)]
    assert [(event["detail-type"], event["detail"]["status"]) for event in mine[::-1]] == [
        ("Reference Store Status Change", "ACTIVE"),
        ("Reference Import Job Status Change", "SUBMITTED"),
        ("Reference Import Job Status Change", "IN_PROGRESS"),
        ("Reference Status Change", "ACTIVE"),
        ("Reference Import Job Status Change", "COMPLETED"),
        ("Reference Status Change", "DELETED"),
        ("Reference Store Status Change", "DELETED"),
    ]
    of_job, of_reference = mine[2]["detail"], mine[1]["detail"]
    assert of_job == {
        "omicsVersion": "1.0.0",
        "referenceStoreId": store["id"],
        "id": job["id"],
        "status": "COMPLETED",
    }
    assert of_reference["creationJobId"] == job["id"]
    assert of_reference["referenceStoreId"] == store["id"]


def test_damage_of_a_reference_is_found_and_told(place):
    server, folder = place
    omics, strandkeep = server.client(), server.client("strandkeep")
    store = omics.create_reference_store(name="damaged")
    content = fasta(seed=4)
    reference = imported(omics, store, folder, damaged=content)["sources"][0]["referenceId"]
    (path,) = (p for p in (server.data_dir / "blobs").glob("*/*") if p.read_bytes() == content)
    path.write_bytes(content[:-1] + b"?")
    try:
        command = [sys.executable, "-m", "strandkeep", "verify", "--data-dir", str(server.data_dir)]
        shown = subprocess.run(command, capture_output=True, text=True, check=False)
        assert shown.returncode == 1
        assert f"Reference {reference} of reference store {store['id']}" in shown.stdout
        run = strandkeep.list_verifications()["verifications"][0]
        (finding,) = strandkeep.list_verification_findings(id=run["id"])["findings"]
        assert (finding["referenceStoreId"], finding["referenceId"]) == (store["id"], reference)
        assert (finding["source"], finding["damage"]) == ("SOURCE", "BLOCK_DIFFERS")
        assert not {"readSetId", "uploadId", "sequenceStoreId"} & finding.keys()
    finally:
        path.write_bytes(content)


def test_a_bucket_whose_secret_is_not_there_keeps_the_server_from_starting(tmp_path):
    data_dir = tmp_path / "data"
    data_dir.mkdir(mode=0o700)
    keys = f'access_key_id = "AKIA"\nsecret_access_key_file = "{tmp_path / "nowhere"}"\n'
    (data_dir / "strandkeep.toml").write_text(f'[buckets.lab]\nurl = "s3://lab/prefix"\n{keys}')
    command = [sys.executable, "-m", "strandkeep", "serve", "--data-dir", str(data_dir), "--port", "0"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 1
    assert f"the secret in {tmp_path / 'nowhere'} cannot be read" in done.stderr
