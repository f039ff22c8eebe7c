"""Rule 12: a caller never learns whether another account's thing exists."""

import asyncio

import pytest

from strandkeep.domain.identifiers import new_id
from strandkeep.errors import ApiError
from strandkeep.operations.registry import OPERATIONS
from tests.operations.conftest import incoming
from tests.operations.references import importer, insert_reference, new_reference_store

CHECKSUM = "MVMQk+vB9C3Ge8ADHkbKq752n3BCUzyl41qEkqlOD5M="


def requests(here, store, upload, read_set, verification, reference_store, reference, import_job):
    """A request of every operation that names a thing."""
    of_references, reference_arn = {"referenceStoreId": reference_store}, here.reference_arn(reference_store, reference)
    sources = [{"sourceFile": "s3://runs/a.fa", "name": "a.fa"}]
    start = {**of_references, "roleArn": "arn:aws:iam::123456789012:role/importer", "sources": sources}
    reads = {"sourceFileType": "FASTQ", "subjectId": "s", "sampleId": "p"}
    import_reads = {
        "sequenceStoreId": store,
        "roleArn": start["roleArn"],
        "sources": [{**reads, "sourceFiles": {"source1": "s3://runs/a.fastq.gz"}}],
    }
    import_lanes = {**import_reads, "sources": [{**reads, "sourceFiles": {"source1": ["s3://runs/a.fastq.gz"]}}]}
    place, store_arn, set_arn = {"sequenceStoreId": store}, here.sequence_store_arn(store), here.read_set_arn
    part = {"partSource": "SOURCE1", "partNumber": 1}
    new = {"sourceFileType": "FASTQ", "subjectId": "s", "sampleId": "p", "name": "n"}
    return [
        ("GetSequenceStore", {"id": store}),
        ("UpdateSequenceStore", {"id": store, "name": "stolen"}),
        ("UpdateSequenceStore", {"id": store, "name": "stolen", "clientToken": "t"}),
        ("DeleteSequenceStore", {"id": store}),
        ("CreateMultipartReadSetUpload", {**place, **new}),
        ("CreateMultipartReadSetUpload", {**place, **new, "clientToken": "t"}),
        ("UploadReadSetPart", {**place, "uploadId": upload, **part}),
        ("ListReadSetUploadParts", {**place, "uploadId": upload, "partSource": "SOURCE1"}),
        ("ListMultipartReadSetUploads", place),
        ("CompleteMultipartReadSetUpload", {**place, "uploadId": upload, "parts": [{**part, "checksum": CHECKSUM}]}),
        ("AbortMultipartReadSetUpload", {**place, "uploadId": upload}),
        ("ListReadSets", place),
        ("ListReadSets", {**place, "filter": {"status": "ACTIVE"}}),
        ("GetReadSetMetadata", {**place, "id": read_set}),
        ("GetReadSetQc", {**place, "id": read_set}),
        ("GetReadSet", {**place, "id": read_set, "partNumber": 1}),
        ("GetReadSet", {**place, "id": read_set, "partNumber": 10_000, "file": "INDEX"}),
        ("BatchDeleteReadSet", {**place, "ids": [read_set]}),
        ("BatchUndeleteReadSet", {**place, "ids": [read_set]}),
        ("ReingestReadSet", {**place, "id": read_set}),
        ("ReingestReadSet", {**place, "id": read_set, "clientToken": "t"}),
        ("StartReadSetImportJob", import_reads),
        ("StartReadSetImportJob", {**import_reads, "clientToken": "t"}),
        ("GetReadSetImportJob", {**place, "id": import_job}),
        ("ListReadSetImportJobs", place),
        ("ImportReadSets", import_lanes),
        ("ImportReadSets", {**import_lanes, "clientToken": "t"}),
        ("ListReadSetOriginals", {**place, "id": read_set}),
        ("GetReadSetOriginal", {**place, "id": read_set, "number": 1}),
        ("GetReadSetOriginal", {**place, "id": read_set, "number": 1, "range": "bytes=0-1"}),
        ("StartVerification", place),
        ("StartVerification", {**place, "clientToken": "t"}),
        ("StartVerification", {**place, "readSetId": read_set}),
        ("GetVerification", {"id": verification}),
        ("ListVerificationFindings", {"id": verification}),
        ("CancelVerification", {"id": verification}),
        ("CancelJob", {"id": import_job}),
        ("GetJobProgress", {"id": import_job}),
        ("RetryFailedItems", {"id": import_job}),
        ("RetryFailedItems", {"id": import_job, "clientToken": "t"}),
        ("GetReferenceStore", {"id": reference_store}),
        ("DeleteReferenceStore", {"id": reference_store}),
        ("StartReferenceImportJob", start),
        ("StartReferenceImportJob", {**start, "clientToken": "t"}),
        ("GetReferenceImportJob", {**of_references, "id": import_job}),
        ("ListReferenceImportJobs", of_references),
        ("ListReferences", of_references),
        ("ListReferences", {**of_references, "filter": {"name": "name"}}),
        ("GetReferenceMetadata", {**of_references, "id": reference}),
        ("GetReference", {**of_references, "id": reference, "partNumber": 1}),
        ("GetReference", {**of_references, "id": reference, "partNumber": 1, "range": "bytes=0-1"}),
        ("DeleteReference", {**of_references, "id": reference}),
        ("TagResource", {"resourceArn": reference_arn, "tags": {"a": "b"}}),
        ("TagResource", {"resourceArn": store_arn, "tags": {"a": "b"}}),
        ("TagResource", {"resourceArn": set_arn(store, read_set), "tags": {"a": "b"}}),
        ("UntagResource", {"resourceArn": store_arn, "tagKeys": ["a"]}),
        ("UntagResource", {"resourceArn": set_arn(store, read_set), "tagKeys": ["a"]}),
        ("ListTagsForResource", {"resourceArn": store_arn}),
        ("ListTagsForResource", {"resourceArn": set_arn(store, read_set)}),
    ]


def outcome(api, operation, request, names):
    """Class and words of the refusal, with the ids that were asked for taken out."""
    body = [incoming(b"x")] if operation == "UploadReadSetPart" else []
    try:
        kind, words = "answer", str(asyncio.run(api.begin(operation, *body, **request)))
    except ApiError as refusal:
        kind, words = type(refusal).__name__, refusal.message
    for name, value in names.items():
        words = words.replace(value, name)
    return kind, words


@pytest.mark.parametrize("state", ["ACTIVE", "PROCESSING_UPLOAD", "DELETED"])
def test_rule_12_another_accounts_things_answer_as_things_that_do_not_exist(api, other, store, state, tmp_path):
    here = api.house.installation
    upload = api.new_upload(store)
    api.put_part(store, upload, 1, b"x")
    read_set = api.insert_read_set(store, state)
    verification = api("StartVerification", sequenceStoreId=store)["id"]
    references = importer(api, tmp_path)
    reference = insert_reference(api, references.store)
    job = references.start(references.source("a.fa", b">a\nA\n"))["id"]
    theirs = {"store": store, "upload": upload, "read set": read_set, "verification": verification}
    theirs |= {"reference store": references.store, "reference": reference, "job": job}
    nothing = {name: new_id() for name in theirs}

    asked = requests(here, *theirs.values())
    lists = {"ListSequenceStores", "ListReferenceStores", "ListEvents", "ListAuditRecords", "ListVerifications"}
    creations = {"CreateSequenceStore", "CreateReferenceStore"}
    assert {operation for operation, _ in asked} == set(OPERATIONS) - creations - lists
    for (operation, about_theirs), (_, about_nothing) in zip(asked, requests(here, *nothing.values()), strict=True):
        found = outcome(other, operation, about_theirs, theirs)
        assert found == outcome(other, operation, about_nothing, nothing), operation
        assert found[0] == "ResourceNotFoundException", operation

    # And nothing has happened to them.
    assert api("GetSequenceStore", id=store)["name"] == "store"
    assert api("GetReadSetMetadata", sequenceStoreId=store, id=read_set)["status"] == state
    assert len(api.part_blobs(upload)) == 1
    assert api("GetVerification", id=verification)["status"] == "SUBMITTED"
    api("CancelVerification", id=verification)
    assert references.metadata(reference)["status"] == "ACTIVE"
    assert references.job(job)["status"] == "SUBMITTED"


def test_rule_12_in_a_store_of_its_own_another_accounts_ids_answer_as_ids_that_do_not_exist(api, other, store):
    here, own = api.house.installation, other.new_store()
    upload, read_set = api.new_upload(store), api.insert_read_set(store, "ACTIVE")
    theirs = {"upload": upload, "read set": read_set, "verification": new_id()}
    theirs |= {"reference store": new_id(), "reference": new_id(), "job": new_id()}
    nothing = {name: new_id() for name in theirs}
    asked = zip(requests(here, own, *theirs.values()), requests(here, own, *nothing.values()), strict=True)
    for (operation, about_theirs), (_, about_nothing) in asked:
        if theirs["upload"] in str(about_theirs) or theirs["read set"] in str(about_theirs):
            found = outcome(other, operation, about_theirs, theirs)
            missing = outcome(other, operation, about_nothing, nothing)
            if operation in ("BatchDeleteReadSet", "BatchUndeleteReadSet"):
                found, missing = (
                    str(x).replace(read_set, "").replace(nothing["read set"], "") for x in (found, missing)
                )
                assert "ResourceNotFoundException" in found
            assert found == missing, operation


def test_rule_12_an_upload_may_not_name_another_accounts_reference(api, other):
    reference_store = new_reference_store(api)
    reference = insert_reference(api, reference_store)
    own = other.new_store()

    def naming(store_id, reference_id):
        arn = api.house.installation.reference_arn(store_id, reference_id)
        new = {"sourceFileType": "BAM", "subjectId": "s", "sampleId": "p", "name": "n", "referenceArn": arn}
        names = {"store": store_id, "reference": reference_id}
        return outcome(other, "CreateMultipartReadSetUpload", {"sequenceStoreId": own, **new}, names)

    assert naming(reference_store, reference) == naming(new_id(), new_id())
    assert naming(reference_store, reference)[0] == "ResourceNotFoundException"


def test_rule_12_lists_show_the_callers_own_account_alone(api, other, store):
    own = other.new_store()
    assert [item["id"] for item in other("ListSequenceStores")["sequenceStores"]] == [own]
    pages = api.pages("ListSequenceStores", "sequenceStores")
    listed = {item["id"] for page in pages for item in page}
    assert store in listed
    assert own not in listed
