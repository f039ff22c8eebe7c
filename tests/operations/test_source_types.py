"""What an upload is declared as: its type, and the reference that it names."""

import pytest

from strandkeep.errors import ResourceNotFoundException, ValidationException
from tests.operations.conftest import NEVER, list_ids
from tests.operations.references import insert_reference, new_reference_store


@pytest.mark.parametrize("file_type", ["FASTQ", "BAM", "UBAM", "CRAM"])
def test_create_multipart_read_set_upload_with_a_reference(api, store, file_type):
    references = new_reference_store(api)
    arn = api.house.installation.reference_arn(references, insert_reference(api, references))
    upload = api.new_upload(store, sourceFileType=file_type, referenceArn=arn)
    (shown,) = api("ListMultipartReadSetUploads", sequenceStoreId=store)["uploads"]
    assert (shown["uploadId"], shown["sourceFileType"], shown["referenceArn"]) == (upload, file_type, arn)
    read_set = api.complete(store, upload, [api.put_part(store, upload, 1, b"x")])
    assert list_ids(api, store, referenceArn=arn) == [read_set]
    assert list_ids(api, store, referenceArn="") == []
    api.move_read_set(read_set)


def test_an_aligned_upload_needs_a_reference_and_others_do_not(api, store):
    for file_type in ("BAM", "CRAM"):
        for none in ({}, {"referenceArn": ""}):
            with pytest.raises(ValidationException, match=f"referenceArn: it is missing; {file_type}"):
                api.new_upload(store, sourceFileType=file_type, **none)
    for file_type in ("FASTQ", "UBAM"):
        assert api.new_upload(store, sourceFileType=file_type)


@pytest.mark.parametrize("wrong", ["store", "another store's", "never", "another account's", "deleted", "read set"])
def test_a_reference_that_is_not_the_callers_active_one_is_not_found(api, other, store, wrong):
    here, caller = api.house.installation, other if wrong == "another account's" else api
    references = new_reference_store(caller)
    reference = insert_reference(caller, references)
    if wrong == "deleted":
        caller("DeleteReference", referenceStoreId=references, id=reference)
    arn = {
        "store": here.reference_store_arn(references),
        "another store's": here.reference_arn(new_reference_store(api), reference),
        "never": here.reference_arn(references, NEVER),
        "read set": here.read_set_arn(store, api.insert_read_set(store)),
    }.get(wrong, here.reference_arn(references, reference))
    with pytest.raises(ResourceNotFoundException, match="referenceArn"):
        api.new_upload(store, sourceFileType="BAM", referenceArn=arn)
    assert api("ListMultipartReadSetUploads", sequenceStoreId=store)["uploads"] == []
