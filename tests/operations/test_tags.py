"""Tags on stores, read sets and references."""

import asyncio

import pytest

from strandkeep.errors import ResourceNotFoundException, ValidationException
from tests.operations.references import insert_reference, new_reference_store


@pytest.fixture(params=["store", "read set", "reference store", "reference"])
def thing(request, api, store):
    """(ARN, the system's own tags)."""
    here = api.house.installation
    if request.param == "store":
        return here.sequence_store_arn(store), {}
    if request.param == "reference store":
        return here.reference_store_arn(new_reference_store(api)), {}
    if request.param == "reference":
        references = new_reference_store(api)
        return here.reference_arn(references, insert_reference(api, references)), {}
    read_set = api.insert_read_set(store, "ACTIVE", subject_id="su", sample_id="sa")
    own = {"aws:omics:subjectId": "su", "aws:omics:sampleId": "sa"}
    return api.house.installation.read_set_arn(store, read_set), own


def tags_of(api, arn):
    return api("ListTagsForResource", resourceArn=arn)["tags"]


def test_tag_resource_adds_and_replaces_and_untag_resource_removes(api, thing):
    arn, system = thing
    assert tags_of(api, arn) == system
    assert api("TagResource", resourceArn=arn, tags={"a": "1", "A": "2", "b": ""}) == {}
    assert api("TagResource", resourceArn=arn, tags={"b": "3"}) == {}
    assert tags_of(api, arn) == {**system, "a": "1", "A": "2", "b": "3"}
    assert api("UntagResource", resourceArn=arn, tagKeys=["a", "never set"]) == {}
    assert tags_of(api, arn) == {**system, "A": "2", "b": "3"}


def test_at_most_fifty_tags_may_be_on_a_resource(api, thing):
    arn, system = thing
    fifty = {f"k{n}": str(n) for n in range(50)}
    api("TagResource", resourceArn=arn, tags=fifty)
    api("TagResource", resourceArn=arn, tags={"k0": "again"})
    with pytest.raises(ValidationException, match="51"):
        api("TagResource", resourceArn=arn, tags={"k1": "changed", "one more": ""})
    assert tags_of(api, arn) == {**system, **fifty, "k0": "again"}


def test_callers_at_once_do_not_set_more_than_fifty_together(api, thing):
    arn, system = thing

    async def at_once():
        sets = [{f"k{n}-{m}": "" for m in range(20)} for n in range(5)]
        calls = [api.begin("TagResource", resourceArn=arn, tags=tags) for tags in sets]
        return await asyncio.gather(*calls, return_exceptions=True)

    outcomes = asyncio.run(at_once())
    assert sorted(type(outcome) is dict for outcome in outcomes) == [False, False, False, True, True]
    assert len(tags_of(api, arn)) == 40 + len(system)


@pytest.mark.parametrize("key", ["aws:x", "AWS:x", "aws:omics:subjectId", "a*b"])
def test_keys_of_the_system_and_of_other_characters_are_refused(api, thing, key):
    arn, system = thing
    with pytest.raises(ValidationException, match="tags"):
        api("TagResource", resourceArn=arn, tags={key: "x", "fine": "y"})
    with pytest.raises(ValidationException, match="tags"):
        api("UntagResource", resourceArn=arn, tagKeys=[key])
    assert tags_of(api, arn) == system


def test_the_systems_tags_are_listed_and_a_users_value_never_covers_them(api, store):
    arn = api.house.installation.read_set_arn(store, api.insert_read_set(store, "ACTIVE"))
    assert tags_of(api, arn) == {"aws:omics:subjectId": "subject", "aws:omics:sampleId": "sample"}


def test_tags_of_anothers_references_are_not_found(api, other):
    store = new_reference_store(other)
    here = api.house.installation
    for arn in (here.reference_store_arn(store), here.reference_arn(store, insert_reference(other, store))):
        with pytest.raises(ResourceNotFoundException):
            tags_of(api, arn)
        assert tags_of(other, arn) == {}


@pytest.mark.parametrize("change", ["account", "region", "partition", "store", "read set", "kind", "deleted"])
def test_an_arn_that_names_nothing_here_is_not_found(api, store, change):
    here = api.house.installation
    read_set = api.insert_read_set(store, "DELETED" if change == "deleted" else "ACTIVE")
    arn = {
        "account": here.read_set_arn(store, read_set).replace(here.account, "000000000001"),
        "region": here.read_set_arn(store, read_set).replace(here.region, "eu-west-1"),
        "partition": here.sequence_store_arn(store).replace("arn:aws:", "arn:aws-cn:"),
        "store": here.read_set_arn(api.new_store(), read_set),
        "read set": here.read_set_arn(store, "1234567890123456"),
        "kind": here.sequence_store_arn(store).replace("sequenceStore", "referenceStore"),
        "deleted": here.read_set_arn(store, read_set),
    }[change]
    for operation, members in (
        ("TagResource", {"tags": {"a": "b"}}),
        ("UntagResource", {"tagKeys": ["a"]}),
        ("ListTagsForResource", {}),
    ):
        with pytest.raises(ResourceNotFoundException):
            api(operation, resourceArn=arn, **members)
