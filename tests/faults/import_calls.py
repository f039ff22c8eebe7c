"""The operations of imports of read sets, as a client calls them."""

from typing import Any

from strandkeep.catalog import tables
from tests.faults.calls import Call, Members, World


def _new_job(world: World) -> Members:
    files = {"source1": "s3://nowhere/reads.fastq.gz"}
    source = {"sourceFiles": files, "sourceFileType": "FASTQ", "subjectId": "subject", "sampleId": "sample"}
    role = f"arn:aws:iam::{world.api.context.account}:role/importer"
    place = {"sequenceStoreId": world.api.new_store(), "roleArn": role}
    return {**place, "sources": [source], "clientToken": world.fresh()}


def _job(world: World) -> Members:
    job = world.api("StartReadSetImportJob", **_new_job(world))
    return {"sequenceStoreId": job["sequenceStoreId"], "id": job["id"]}


def _check_started(world: World, members: Members, answer: Any) -> None:
    found = world.client.list_read_set_import_jobs(sequenceStoreId=members["sequenceStoreId"])["importJobs"]
    assert [job["id"] for job in found] == [answer["id"]]
    assert len(world.api.rows(tables.item, job_id=answer["id"])) == 1


def _check_same(_world: World, members: Members, answer: Any) -> None:
    assert answer["id"] == members["id"]


def _check_one(_world: World, _members: Members, answer: Any) -> None:
    assert len(answer["importJobs"]) == 1


IMPORT_CALLS = [
    Call("start_read_set_import_job", _new_job, _check_started),
    Call("get_read_set_import_job", _job, _check_same),
    Call(
        "list_read_set_import_jobs",
        lambda world: {"sequenceStoreId": _job(world)["sequenceStoreId"]},
        _check_one,
    ),
]
