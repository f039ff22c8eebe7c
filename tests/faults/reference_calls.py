"""The operations of reference stores and references, as a client calls them."""

from typing import Any

from strandkeep.catalog import tables
from tests.faults.calls import CONTENT, Call, Members, World
from tests.operations.references import insert_reference, new_reference_store


def _store(world: World) -> Members:
    return {"id": new_reference_store(world.api)}


def _reference(world: World) -> Members:
    store = new_reference_store(world.api)
    return {"referenceStoreId": store, "id": insert_reference(world.api, store, CONTENT)}


def _new_job(world: World) -> Members:
    source = {"sourceFile": "s3://nowhere/ref.fa", "name": f"reference {world.fresh()}"}
    role = f"arn:aws:iam::{world.api.context.account}:role/importer"
    place = {"referenceStoreId": new_reference_store(world.api), "roleArn": role}
    return {**place, "sources": [source], "clientToken": world.fresh()}


def _job(world: World) -> Members:
    job = world.api("StartReferenceImportJob", **_new_job(world))
    return {"referenceStoreId": job["referenceStoreId"], "id": job["id"]}


def _check_store_made(world: World, members: Members, answer: Any) -> None:
    found = world.client.list_reference_stores(filter={"name": members["name"]})["referenceStores"]
    assert [store["id"] for store in found] == [answer["id"]]


def _check_gone(key: str) -> Any:
    def check(world: World, members: Members, _answer: Any) -> None:
        assert world.api.events(members[key]) == [(None, "ACTIVE"), ("ACTIVE", "DELETED")]

    return check


def _check_job_started(world: World, members: Members, answer: Any) -> None:
    found = world.client.list_reference_import_jobs(referenceStoreId=members["referenceStoreId"])["importJobs"]
    assert [job["id"] for job in found] == [answer["id"]]
    assert len(world.api.rows(tables.item, job_id=answer["id"])) == 1


def _check_same(world: World, members: Members, answer: Any) -> None:
    assert answer["id"] == members["id"]


def _check_bytes(_world: World, _members: Members, answer: Any) -> None:
    assert answer["payload"] == CONTENT


def _check_one(member: str) -> Any:
    def check(_world: World, _members: Members, answer: Any) -> None:
        assert len(answer[member]) == 1

    return check


def _in_store(world: World) -> Members:
    return {"referenceStoreId": _reference(world)["referenceStoreId"]}


REFERENCE_CALLS = [
    Call(
        "create_reference_store",
        lambda world: {"name": world.fresh(), "clientToken": world.fresh(), "tags": {"a": "1"}},
        _check_store_made,
    ),
    Call("get_reference_store", _store, _check_same),
    Call(
        "list_reference_stores",
        lambda world: {"filter": {"name": world.client.create_reference_store(name=world.fresh())["name"]}},
        _check_one("referenceStores"),
    ),
    Call("delete_reference_store", _store, _check_gone("id"), gone="ResourceNotFoundException"),
    Call("list_references", _in_store, _check_one("references")),
    Call("get_reference_metadata", _reference, _check_same),
    Call("get_reference", lambda world: {**_reference(world), "partNumber": 1}, _check_bytes),
    Call("delete_reference", _reference, _check_gone("id"), gone="ResourceNotFoundException"),
    Call("start_reference_import_job", _new_job, _check_job_started),
    Call("get_reference_import_job", _job, _check_same),
    Call(
        "list_reference_import_jobs",
        lambda world: {"referenceStoreId": _job(world)["referenceStoreId"]},
        _check_one("importJobs"),
    ),
]
