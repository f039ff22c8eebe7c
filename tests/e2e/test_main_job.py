"""The main job through boto3: parts go up, a verified read set comes out, the same bytes come back."""

import gzip
import hashlib
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.e2e.uploading import MIB, download, fastq, gz, new_store, new_upload, pair, send_parts, upload
from tests.server import RunningServer, wait_for_read_set


@pytest.fixture
def omics(server: RunningServer) -> Any:
    return server.client()


@pytest.mark.parametrize(("family", "algorithm"), [("MD5up", "md5"), ("SHA256up", "sha256"), ("SHA512up", "sha512")])
def test_a_pair_becomes_active_with_etag_and_counts(omics: Any, family: str, algorithm: str) -> None:
    store_id = new_store(omics, eTagAlgorithmFamily=family)
    sources = pair(3000, 150)
    read_set_id = upload(omics, store_id, sources, part_size=100_000, generatedFrom="run 42", tags={"lab": "west"})
    found = wait_for_read_set(omics, store_id, read_set_id)

    assert found["status"] == "ACTIVE", found
    assert found["etag"] == {
        "algorithm": f"FASTQ_{family}",
        "source1": hashlib.new(algorithm, gzip.decompress(sources["SOURCE1"])).hexdigest(),
        "source2": hashlib.new(algorithm, gzip.decompress(sources["SOURCE2"])).hexdigest(),
    }
    assert found["sequenceInformation"] == {
        "totalReadCount": 6000,
        "totalBaseCount": 900_000,
        "generatedFrom": "run 42",
        "alignment": "UNALIGNED",
    }
    assert found["creationType"] == "UPLOAD"
    place = omics.get_sequence_store(id=store_id)["s3Access"]["s3Uri"]
    assert found["files"]["source2"] == {
        "totalParts": 1,
        "partSize": 100 * MIB,
        "contentLength": len(sources["SOURCE2"]),
        "s3Access": {"s3Uri": f"{place}readSet/{read_set_id}/{found['name']}_source2.fastq.gz"},
    }
    assert download(omics, store_id, read_set_id, "SOURCE1") == sources["SOURCE1"]
    assert download(omics, store_id, read_set_id, "SOURCE2") == sources["SOURCE2"]
    tags = omics.list_tags_for_resource(resourceArn=found["arn"])["tags"]
    assert tags == {"lab": "west", "aws:omics:subjectId": "subject", "aws:omics:sampleId": "sample"}


def test_the_timeline_of_one_upload(omics: Any) -> None:
    store_id = new_store(omics)
    upload_id = new_upload(omics, store_id)
    content = gz(fastq(20_000, 100))
    parts = [content[at : at + 300_000] for at in range(0, len(content), 300_000)]
    listed = send_parts(omics, store_id, upload_id, parts)
    key = {"sequenceStoreId": store_id, "uploadId": upload_id}

    assert [u["uploadId"] for u in omics.list_multipart_read_set_uploads(sequenceStoreId=store_id)["uploads"]] == [
        upload_id
    ]
    assert omics.list_read_sets(sequenceStoreId=store_id)["readSets"] == []
    omics.upload_read_set_part(**key, partSource="SOURCE1", partNumber=2, payload=parts[1])
    second = omics.list_read_set_upload_parts(**key, partSource="SOURCE1")["parts"][1]
    assert second["lastUpdatedTime"] > second["creationTime"]
    read_set_id = omics.complete_multipart_read_set_upload(**key, parts=listed)["readSetId"]
    assert omics.complete_multipart_read_set_upload(**key, parts=list(reversed(listed)))["readSetId"] == read_set_id
    with pytest.raises(omics.exceptions.NotSupportedOperationException):
        omics.abort_multipart_read_set_upload(**key)
    assert download(omics, store_id, read_set_id) == content
    found = wait_for_read_set(omics, store_id, read_set_id)
    assert found["status"] == "ACTIVE"
    assert omics.list_multipart_read_set_uploads(sequenceStoreId=store_id)["uploads"] == []
    with pytest.raises(omics.exceptions.ResourceNotFoundException):
        omics.list_read_set_upload_parts(**key, partSource="SOURCE1")
    assert omics.complete_multipart_read_set_upload(**key, parts=listed)["readSetId"] == read_set_id


def test_complete_multipart_read_set_upload_can_be_mended(omics: Any) -> None:
    store_id = new_store(omics)
    upload_id = new_upload(omics, store_id)
    content = gz(fastq(100))
    listed = send_parts(omics, store_id, upload_id, [content])
    key = {"sequenceStoreId": store_id, "uploadId": upload_id}
    wrong = [
        ([], "parts"),
        ([{**listed[0], "checksum": "AAAA"}], "part 1 of SOURCE1"),
        ([*listed, {**listed[0], "partNumber": 7}], "part 7 of SOURCE1"),
        ([*listed, *listed], "part 1 of SOURCE1 is listed twice"),
        ([{**listed[0], "partSource": "SOURCE2"}], "part 1 of SOURCE2"),
    ]
    for parts, named in wrong:
        with pytest.raises(omics.exceptions.ValidationException, match=named):
            omics.complete_multipart_read_set_upload(**key, parts=parts)
    read_set_id = omics.complete_multipart_read_set_upload(**key, parts=listed)["readSetId"]
    assert wait_for_read_set(omics, store_id, read_set_id)["status"] == "ACTIVE"


def test_get_read_set_reads_the_grid_whatever_the_parts_were(omics: Any) -> None:
    store_id = new_store(omics)
    body = gz(fastq(500)) + bytes(0)
    store = new_upload(omics, store_id)
    pieces = [body[:1], body[1:2], body[2:5000], body[5000:]]
    listed = send_parts(omics, store_id, store, pieces)
    key = {"sequenceStoreId": store_id, "uploadId": store}
    read_set_id = omics.complete_multipart_read_set_upload(**key, parts=listed)["readSetId"]
    assert wait_for_read_set(omics, store_id, read_set_id)["status"] == "ACTIVE"
    assert download(omics, store_id, read_set_id) == body
    with pytest.raises(ClientError, match="RangeNotSatisfiable"):
        omics.get_read_set(sequenceStoreId=store_id, id=read_set_id, partNumber=2)
    with pytest.raises(omics.exceptions.ResourceNotFoundException, match="SOURCE2"):
        omics.get_read_set(sequenceStoreId=store_id, id=read_set_id, partNumber=1, file="SOURCE2")


def test_batch_delete_read_set_hides_at_once(omics: Any) -> None:
    store_id = new_store(omics)
    read_set_id = upload(omics, store_id, {"SOURCE1": gz(fastq(10))})
    wait_for_read_set(omics, store_id, read_set_id)
    answer = omics.batch_delete_read_set(sequenceStoreId=store_id, ids=[read_set_id, "1234567890123456"])
    assert [(e["id"], e["code"]) for e in answer["errors"]] == [("1234567890123456", "ResourceNotFoundException")]
    assert omics.list_read_sets(sequenceStoreId=store_id)["readSets"] == []
    shown = omics.list_read_sets(sequenceStoreId=store_id, filter={"status": "DELETED"})["readSets"]
    assert [r["id"] for r in shown] == [read_set_id]
    with pytest.raises(omics.exceptions.ResourceNotFoundException):
        omics.get_read_set(sequenceStoreId=store_id, id=read_set_id, partNumber=1)
    omics.delete_sequence_store(id=store_id)


def test_get_sequence_store_shows_what_was_made_and_changed(omics: Any) -> None:
    location = "s3://lab-bucket/failed/"
    made = omics.create_sequence_store(name="one", description="first", fallbackLocation=location)
    omics.update_sequence_store(id=made["id"], name="two", fallbackLocation="")
    found = omics.get_sequence_store(id=made["id"])
    assert (found["name"], found["description"], found["status"]) == ("two", "first", "ACTIVE")
    assert "fallbackLocation" not in found
    assert found["arn"] == made["arn"]
    assert found["updateTime"] > found["creationTime"] == made["creationTime"]


def test_abort_multipart_read_set_upload_ends_an_open_upload(omics: Any) -> None:
    store_id = new_store(omics)
    upload_id = new_upload(omics, store_id)
    send_parts(omics, store_id, upload_id, [b"abc"])
    key = {"sequenceStoreId": store_id, "uploadId": upload_id}
    omics.abort_multipart_read_set_upload(**key)
    assert omics.list_multipart_read_set_uploads(sequenceStoreId=store_id)["uploads"] == []
    with pytest.raises(omics.exceptions.ResourceNotFoundException):
        omics.upload_read_set_part(**key, partSource="SOURCE1", partNumber=2, payload=b"d")


def test_untag_resource_and_list_tags_for_resource(omics: Any) -> None:
    made = omics.create_sequence_store(name="tagged", tags={"lab": "west", "köln": "ä b"})
    arn = made["arn"]
    omics.tag_resource(resourceArn=arn, tags={"lab": "east", "more": ""})
    omics.untag_resource(resourceArn=arn, tagKeys=["köln", "never there"])
    assert omics.list_tags_for_resource(resourceArn=arn)["tags"] == {"lab": "east", "more": ""}
    with pytest.raises(omics.exceptions.ValidationException, match="aws:"):
        omics.untag_resource(resourceArn=arn, tagKeys=["aws:x"])


def test_list_tags_for_resource_of_a_thing_elsewhere_is_not_found(omics: Any) -> None:
    arn = omics.create_sequence_store(name="here")["arn"]
    for other in (arn.replace("us-east-1", "eu-west-1"), arn.rsplit("/", 1)[0] + "/1234567890123456"):
        with pytest.raises(omics.exceptions.ResourceNotFoundException):
            omics.list_tags_for_resource(resourceArn=other)
