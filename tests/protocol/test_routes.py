import pytest

from strandkeep.errors import UnknownOperationException, ValidationException
from strandkeep.protocol.service import load_service

SERVICE = load_service()
STORE_ARN = "arn:aws:omics:eu-central-1:123456789012:sequenceStore/1234567890/readSet/5555555555"


def test_the_41_operations_are_known_with_what_the_edge_needs_of_them():
    assert sum(operation.service == "omics" for operation in SERVICE.operations.values()) == 41
    part, get = SERVICE.operations["UploadReadSetPart"], SERVICE.operations["GetReadSet"]
    assert (part.function, part.status, part.unsigned_payload) == ("upload_read_set_part", 200, True)
    assert (part.streams_in, part.streams_out, get.streams_in, get.streams_out) == (True, False, False, True)
    assert SERVICE.operations["TagResource"].status == 204
    assert "ConflictException" in get.errors
    assert "ConflictException" not in SERVICE.operations["GetReference"].errors
    assert SERVICE.operations["DeleteS3AccessPolicy"].function == "delete_s3_access_policy"
    unsigned = [operation.name for operation in SERVICE.operations.values() if operation.unsigned_payload]
    assert unsigned == ["UploadReadSetPart"]


@pytest.mark.parametrize(
    ("method", "path", "name", "labels"),
    [
        ("POST", "/sequencestore", "CreateSequenceStore", {}),
        ("GET", "/sequencestore/12", "GetSequenceStore", {"id": "12"}),
        ("GET", "/sequencestore/1/readset/2", "GetReadSet", {"sequenceStoreId": "1", "id": "2"}),
        ("GET", "/sequencestore/1/readset/2%2F3", "GetReadSet", {"sequenceStoreId": "1", "id": "2/3"}),
        ("POST", "/sequencestore/1/readset/batch/delete", "BatchDeleteReadSet", {"sequenceStoreId": "1"}),
        (
            "GET",
            "/sequencestore/1/readset/batch/metadata",
            "GetReadSetMetadata",
            {"sequenceStoreId": "1", "id": "batch"},
        ),
        ("GET", "/sequencestore//readset/a+b%2b%C3%A9", "GetReadSet", {"sequenceStoreId": "", "id": "a+b+é"}),
    ],
)
def test_a_path_names_an_operation(method, path, name, labels):
    operation, found = SERVICE.route(method, path)
    assert (operation.name, found) == (name, labels)


@pytest.mark.parametrize("path", [STORE_ARN, STORE_ARN.replace(":", "%3A").replace("/", "%2F"), STORE_ARN + "/"])
@pytest.mark.parametrize(
    ("method", "prefix", "name"),
    [
        ("GET", "/tags/", "ListTagsForResource"),
        ("POST", "/tags/", "TagResource"),
        ("DELETE", "/tags/", "UntagResource"),
        ("GET", "/s3accesspolicy/", "GetS3AccessPolicy"),
        ("PUT", "/s3accesspolicy/", "PutS3AccessPolicy"),
    ],
)
def test_an_arn_may_come_encoded_or_not(method, prefix, name, path):
    operation, labels = SERVICE.route(method, prefix + path)
    assert operation.name == name
    assert list(labels.values()) == [STORE_ARN + "/" * path.endswith("/")]


@pytest.mark.parametrize(
    "path",
    ["", "/", "x", "//", "/nope", "/sequencestore/1/readset/2/metadata/x", "/Tags/arn:x", "/tags", "sequencestore"],
)
def test_an_unknown_path_is_named(path):
    with pytest.raises(UnknownOperationException) as refused:
        SERVICE.route("GET", path)
    assert "GET" in refused.value.message
    assert repr(path) in refused.value.message


def test_another_method_is_told_which_ones_the_path_takes():
    with pytest.raises(UnknownOperationException, match="takes DELETE, GET, PATCH, not 'POST'"):
        SERVICE.route("POST", "/sequencestore/1234567890")
    with pytest.raises(UnknownOperationException):
        SERVICE.route("get", "/sequencestore/1234567890")


@pytest.mark.parametrize("segment", ["%", "%4", "%zz", "%ff", "%ED%A0%80", "\u00e9", "%C3"])
def test_a_broken_escape_is_a_validation_error(segment):
    with pytest.raises(ValidationException, match="path: "):
        SERVICE.route("GET", "/sequencestore/" + segment)
