"""Reference stores."""

import asyncio

import pytest

from strandkeep.catalog import tables
from strandkeep.errors import (
    ConflictException,
    ResourceNotFoundException,
    ServiceQuotaExceededException,
    ValidationException,
)
from tests.operations.conftest import NEVER, with_settings
from tests.operations.references import importer, insert_reference, new_reference_store


def test_create_reference_store_answers_what_get_reference_store_does(api):
    made = api("CreateReferenceStore", name="n", description="d", sseConfig={"type": "KMS"}, tags={"a": "1"})
    assert made["arn"] == api.house.installation.reference_store_arn(made["id"])
    assert {k: made[k] for k in ("name", "description", "sseConfig")} == {
        "name": "n",
        "description": "d",
        "sseConfig": {"type": "KMS"},
    }
    assert api("GetReferenceStore", id=made["id"]) == made
    assert api("ListTagsForResource", resourceArn=made["arn"]) == {"tags": {"a": "1"}}
    assert api.events(made["id"]) == [(None, "ACTIVE")]


def test_create_reference_store_with_the_same_token_makes_one_even_at_once(own):
    async def at_once():
        call = {"name": "n", "clientToken": "token"}
        return await asyncio.gather(*(own.begin("CreateReferenceStore", **call) for _ in range(20)))

    made = asyncio.run(at_once())
    assert len({store["id"] for store in made}) == 1
    assert len(own("ListReferenceStores")["referenceStores"]) == 1
    with pytest.raises(ValidationException, match="clientToken"):
        own("CreateReferenceStore", name="other", clientToken="token")
    own("DeleteReferenceStore", id=made[0]["id"])
    assert own("CreateReferenceStore", name="n", clientToken="token")["id"] == made[0]["id"]


def test_create_reference_store_refuses_a_key_that_is_not_mapped_and_tags_of_the_system(api):
    key = "arn:aws:kms:us-east-1:123456789012:key/x"
    with pytest.raises(ValidationException, match="keyArn"):
        api("CreateReferenceStore", name="n", sseConfig={"type": "KMS", "keyArn": key})
    with pytest.raises(ValidationException, match="aws:"):
        api("CreateReferenceStore", name="n", tags={"aws:x": "1"})


def test_get_reference_store_of_nothing_of_another_account_or_of_another_kind_is_not_found(api, other, store):
    theirs = new_reference_store(other)
    for wrong in (theirs, NEVER, "1" * 36, store):
        with pytest.raises(ResourceNotFoundException, match="reference store"):
            api("GetReferenceStore", id=wrong)
    assert other("GetReferenceStore", id=theirs)["id"] == theirs


def test_list_reference_stores_shows_the_callers_own(other, api):
    new_reference_store(api)
    made = [new_reference_store(other, name=f"n{n}") for n in range(5)]
    pages = other.pages("ListReferenceStores", "referenceStores", maxResults=2)
    assert [store["id"] for page in pages for store in page] == made[::-1]
    (named,) = other("ListReferenceStores", filter={"name": "n3"})["referenceStores"]
    assert named == {"description": None, "sseConfig": None, **other("GetReferenceStore", id=made[3])}


def test_delete_reference_store_takes_its_tags_and_hides_it(api):
    store = new_reference_store(api, tags={"a": "1"})
    assert api("DeleteReferenceStore", id=store) == {}
    for operation in ("GetReferenceStore", "DeleteReferenceStore"):
        with pytest.raises(ResourceNotFoundException):
            api(operation, id=store)
    assert api.rows(tables.tag, resource_id=store) == []
    assert api.events(store) == [(None, "ACTIVE"), ("ACTIVE", "DELETED")]


def test_delete_reference_store_is_a_conflict_while_it_has_references_or_unfinished_jobs(api, tmp_path):
    store = new_reference_store(api)
    reference = insert_reference(api, store)
    with pytest.raises(ConflictException, match="references"):
        api("DeleteReferenceStore", id=store)
    api("DeleteReference", referenceStoreId=store, id=reference)
    api("DeleteReferenceStore", id=store)

    mine = importer(api, tmp_path)
    job = mine.start(mine.source("never-there"))["id"]
    with pytest.raises(ConflictException, match="unfinished jobs"):
        api("DeleteReferenceStore", id=mine.store)
    mine.run(job)
    api("DeleteReferenceStore", id=mine.store)


def test_the_quota_of_reference_stores_holds_for_callers_at_once(other):
    limited = with_settings(other, quota_reference_stores=2)

    async def at_once():
        calls = [limited.begin("CreateReferenceStore", name=f"n{n}") for n in range(8)]
        return await asyncio.gather(*calls, return_exceptions=True)

    outcomes = asyncio.run(at_once())
    assert sum(isinstance(outcome, ServiceQuotaExceededException) for outcome in outcomes) == 6
    stores = other("ListReferenceStores")["referenceStores"]
    assert len(stores) == 2
    with pytest.raises(ServiceQuotaExceededException, match="quota of reference stores of an account is 2"):
        limited("CreateReferenceStore", name="one more")
    other("DeleteReferenceStore", id=stores[0]["id"])
    limited("CreateReferenceStore", name="one more")


def test_in_the_profile_aws_there_is_one_reference_store(other):
    aws = with_settings(other, profile="aws")
    aws("CreateReferenceStore", name="the one")
    with pytest.raises(ServiceQuotaExceededException):
        aws("CreateReferenceStore", name="another")
