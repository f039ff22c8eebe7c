"""Sequence stores: their life, lists, tokens, and what keeps one from being deleted."""

import asyncio

import pytest

from strandkeep.catalog import tables
from strandkeep.domain import times
from strandkeep.errors import ConflictException, ResourceNotFoundException, ValidationException
from tests.operations.conftest import new_account

TOKEN = "the-token"


def ids(answer):
    return [item["id"] for item in answer["sequenceStores"]]


def list_stores(api, **filters):
    return ids(api("ListSequenceStores", filter=filters))


def test_create_sequence_store_answers_what_was_given_and_get_sequence_store_the_same(api):
    members = {
        "name": "a name",
        "description": "about it",
        "sseConfig": {"type": "KMS"},
        "fallbackLocation": "s3://bucket/prefix",
        "eTagAlgorithmFamily": "SHA256up",
        "propagatedSetLevelTags": ["a", "b"],
        "s3AccessConfig": {"accessLogLocation": "s3://logs"},
    }
    created = api("CreateSequenceStore", **members)
    got = api("GetSequenceStore", id=created["id"])

    for member in ("name", "description", "sseConfig", "fallbackLocation", "eTagAlgorithmFamily"):
        assert created[member] == got[member] == members[member]
    assert got["propagatedSetLevelTags"] == ["a", "b"]
    assert got["s3Access"]["accessLogLocation"] == "s3://logs"
    assert created["status"] == got["status"] == "ACTIVE"
    assert created["arn"] == got["arn"] == api.house.installation.sequence_store_arn(created["id"])
    assert created["creationTime"] == got["creationTime"] == got["updateTime"]
    assert api.events(created["id"]) == [(None, "ACTIVE")]


def test_create_sequence_store_without_more_than_a_name_has_the_defaults(api):
    got = api("GetSequenceStore", id=api.new_store(name="plain"))
    assert got["eTagAlgorithmFamily"] == "MD5up"
    assert not {"description", "sseConfig", "fallbackLocation", "propagatedSetLevelTags", "statusMessage"} & got.keys()


def test_create_sequence_store_refuses_a_key_that_it_does_not_have(api):
    config = {"type": "KMS", "keyArn": "arn:aws:kms:us-east-1:123456789012:key/1"}
    with pytest.raises(ValidationException, match=r"sseConfig\.keyArn"):
        api("CreateSequenceStore", name="x", sseConfig=config)


def test_create_sequence_store_keeps_its_tags(api):
    store = api.new_store(tags={"a": "1", "b": ""})
    arn = api.house.installation.sequence_store_arn(store)
    assert api("ListTagsForResource", resourceArn=arn) == {"tags": {"a": "1", "b": ""}}


def test_create_sequence_store_refuses_tags_that_may_not_be_and_makes_nothing(api, other):
    with pytest.raises(ValidationException):
        other.new_store(tags={"aws:x": "1"})
    assert list_stores(other) == []


def test_update_sequence_store_changes_what_is_given_and_moves_update_time(api):
    store = api.new_store(name="old", description="stays", fallbackLocation="s3://bucket/a")
    before = api("GetSequenceStore", id=store)
    updated = api("UpdateSequenceStore", id=store, name="new", propagatedSetLevelTags=["k"])

    assert updated["name"] == "new"
    assert updated["description"] == "stays"
    assert updated["fallbackLocation"] == "s3://bucket/a"
    assert updated["propagatedSetLevelTags"] == ["k"]
    assert updated["creationTime"] == before["creationTime"]
    assert updated["updateTime"] > before["updateTime"]
    assert api("GetSequenceStore", id=store) == updated
    assert api.events(store) == [(None, "ACTIVE"), ("ACTIVE", "ACTIVE")]


def test_update_sequence_store_with_an_empty_location_removes_it(api):
    store = api.new_store(fallbackLocation="s3://bucket/a", s3AccessConfig={"accessLogLocation": "s3://logs"})
    updated = api("UpdateSequenceStore", id=store, fallbackLocation="", s3AccessConfig={"accessLogLocation": ""})
    assert "fallbackLocation" not in updated
    assert updated["s3Access"].get("accessLogLocation") is None


def test_get_sequence_store_tells_where_it_is_by_s3_and_always_the_same(api):
    store = api.new_store()
    access = api("GetSequenceStore", id=store)["s3Access"]
    point = f"{api.context.account}-{store}"
    assert access["s3AccessPointArn"].endswith(f":accesspoint/{point}")
    assert access["s3Uri"].startswith(f"s3://{point}-")
    assert access["s3Uri"].endswith(f"-s3alias/{api.context.account}/sequenceStore/{store}/")
    assert api("UpdateSequenceStore", id=store, name="other")["s3Access"] == access


def test_delete_sequence_store_removes_it_and_its_tags(api):
    store = api.new_store(tags={"a": "1"})
    assert api("DeleteSequenceStore", id=store) == {}
    for operation in ("GetSequenceStore", "DeleteSequenceStore", "UpdateSequenceStore"):
        with pytest.raises(ResourceNotFoundException):
            api(operation, id=store)
    assert api.rows(tables.tag, resource_id=store) == []
    assert api.events(store) == [(None, "ACTIVE"), ("ACTIVE", "DELETED")]


@pytest.mark.parametrize("store", ["1234567890123456", "9" * 36, "0000000000000001", "1" * 10])
def test_a_store_that_never_was_is_not_found_whatever_its_id(api, store):
    with pytest.raises(ResourceNotFoundException):
        api("GetSequenceStore", id=store)


@pytest.mark.parametrize("state", ["PROCESSING_UPLOAD", "ACTIVE", "ARCHIVED", "ACTIVATING", "UPLOAD_FAILED"])
def test_rule_4_a_store_with_a_read_set_that_is_not_deleted_is_not_deleted(api, store, state):
    api.insert_read_set(store, state)
    with pytest.raises(ConflictException, match="still has read sets"):
        api("DeleteSequenceStore", id=store)


def test_rule_4_a_store_whose_read_sets_are_all_deleted_is_deleted(api, store):
    api.insert_read_set(store, "DELETED")
    api("DeleteSequenceStore", id=store)


def test_rule_4_a_store_with_an_open_upload_is_not_deleted_until_that_is_aborted(api, store):
    upload = api.new_upload(store)
    with pytest.raises(ConflictException, match="still has open uploads"):
        api("DeleteSequenceStore", id=store)
    api("AbortMultipartReadSetUpload", sequenceStoreId=store, uploadId=upload)
    api("DeleteSequenceStore", id=store)


def test_rule_4_a_store_with_an_unfinished_job_is_not_deleted(api, store):
    upload = api.new_upload(store)
    read_set = api.complete(store, upload, [api.put_part(store, upload, 1, b"x")])
    api.house.catalog.write(
        lambda tx: (
            tx.run(tables.read_set.update().where(tables.read_set.c.id == read_set).values(status="DELETED")),
            tx.run(tables.upload.update().where(tables.upload.c.id == upload).values(state="COMPLETED")),
        )
    )
    with pytest.raises(ConflictException, match="still has unfinished jobs"):
        api("DeleteSequenceStore", id=store)


def test_rule_4_uploads_that_begin_while_a_store_is_deleted_never_are_in_a_deleted_store(api):
    async def race(store):
        members = {"sourceFileType": "FASTQ", "subjectId": "s", "sampleId": "p", "name": "n"}
        calls = [api.begin("CreateMultipartReadSetUpload", sequenceStoreId=store, **members) for _ in range(4)]
        calls.insert(2, api.begin("DeleteSequenceStore", id=store))
        return await asyncio.gather(*calls, return_exceptions=True)

    for _ in range(10):
        store = api.new_store()
        outcomes = asyncio.run(race(store))
        deleted = outcomes.pop(2)
        if isinstance(deleted, ConflictException):
            assert any(isinstance(outcome, dict) for outcome in outcomes)
        else:
            assert deleted == {}
            assert all(isinstance(outcome, ResourceNotFoundException) for outcome in outcomes)


# Lists


def test_list_sequence_stores_lists_the_newest_first(other):
    made = [other.new_store(name=str(n)) for n in range(5)]
    assert list_stores(other) == made[::-1]


def test_list_sequence_stores_pages_give_every_store_once(other):
    made = [other.new_store() for _ in range(7)]
    pages = other.pages("ListSequenceStores", "sequenceStores", maxResults=3)
    assert [len(page) for page in pages] == [3, 3, 1]
    assert [item["id"] for page in pages for item in page] == made[::-1]
    assert len(other.pages("ListSequenceStores", "sequenceStores", maxResults=7)) == 1


def test_list_sequence_stores_leaves_out_deleted_ones(other):
    kept, gone = other.new_store(), other.new_store()
    other("DeleteSequenceStore", id=gone)
    assert list_stores(other) == [kept]
    assert list_stores(other, status="ACTIVE") == [kept]


def test_a_next_token_of_another_filter_or_account_is_refused(api, other):
    for _ in range(3):
        other.new_store(name="x")
    token = other("ListSequenceStores", maxResults=1)["nextToken"]
    assert len(ids(other("ListSequenceStores", maxResults=2, nextToken=token))) == 2
    for caller, filters in ((other, {"name": "x"}), (api, {}), (new_account(api.house), {})):
        with pytest.raises(ValidationException, match="nextToken"):
            caller("ListSequenceStores", maxResults=1, nextToken=token, filter=filters)


# Client tokens


def test_create_sequence_store_with_the_same_client_token_gives_the_same_store(other):
    members = {"name": "x", "tags": {"a": "1", "b": "2"}, "clientToken": TOKEN}
    first = other("CreateSequenceStore", **members)
    again = other("CreateSequenceStore", **{**members, "tags": {"b": "2", "a": "1"}})
    assert again == first
    assert list_stores(other) == [first["id"]]


@pytest.mark.parametrize("change", ["UpdateSequenceStore", "DeleteSequenceStore"])
def test_create_sequence_store_sent_again_gets_the_first_answer_whatever_became_of_the_store(other, change):
    members = {"name": "x", "clientToken": TOKEN}
    first = other("CreateSequenceStore", **members)
    other(change, id=first["id"], **({"description": "new"} if change.startswith("Update") else {}))
    assert other("CreateSequenceStore", **members) == first


def test_fifty_requests_with_one_client_token_at_once_make_one_store(other):
    async def at_once():
        calls = [other.begin("CreateSequenceStore", name="x", clientToken=TOKEN) for _ in range(50)]
        return await asyncio.gather(*calls)

    answers = asyncio.run(at_once())
    assert {answer["id"] for answer in answers} == set(list_stores(other))
    assert len(list_stores(other)) == 1


@pytest.mark.parametrize("changed", [{"name": "y"}, {"description": "d"}, {"tags": {"a": "1"}}])
def test_create_sequence_store_with_a_used_client_token_and_other_members_is_invalid(other, changed):
    """The model lists no ConflictException for CreateSequenceStore."""
    other("CreateSequenceStore", name="x", clientToken=TOKEN)
    with pytest.raises(ValidationException, match="clientToken"):
        other("CreateSequenceStore", **{"name": "x", "clientToken": TOKEN, **changed})
    assert len(list_stores(other)) == 1


def test_a_client_token_counts_for_its_account_alone(api, other):
    another = new_account(other.house)
    first = other("CreateSequenceStore", name="x", clientToken=TOKEN)["id"]
    assert another("CreateSequenceStore", name="y", clientToken=TOKEN)["id"] != first


def test_a_client_token_of_a_request_that_failed_may_be_used_again(other):
    with pytest.raises(ValidationException):
        other("CreateSequenceStore", name="x", clientToken=TOKEN, tags={"#": ""})
    assert other("CreateSequenceStore", name="x", clientToken=TOKEN)["name"] == "x"


def test_update_sequence_store_with_the_same_client_token_is_done_once(other):
    store = other.new_store()
    for _ in range(3):
        other("UpdateSequenceStore", id=store, name="new", clientToken=TOKEN)
    assert other.events(store) == [(None, "ACTIVE"), ("ACTIVE", "ACTIVE")]
    with pytest.raises(ConflictException):
        other("UpdateSequenceStore", id=store, name="newer", clientToken=TOKEN)
    assert other("GetSequenceStore", id=store)["name"] == "new"


def test_creation_and_update_times_are_stored_in_microseconds(other):
    row = other.rows(tables.sequence_store, id=other.new_store())[0]
    assert row.created > 10**15
    assert times.to_microseconds(other("GetSequenceStore", id=row.id)["creationTime"]) == row.created
