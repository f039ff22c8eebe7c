"""Events in the form that AWS gives them to EventBridge."""

import uuid
from datetime import UTC, datetime, timedelta, timezone

import pytest

from strandkeep.domain.eventbridge import as_eventbridge

STORE_ARN = "arn:aws:omics:us-west-2:123456789012:sequenceStore/1234567890"
READ_SET_ARN = f"{STORE_ARN}/readSet/3456789012"

#: AWS's own sample, but for its id.
SAMPLE = {
    "version": "0",
    "detail-type": "Read Set Status Change",
    "source": "aws.omics",
    "account": "123456789012",
    "time": "2023-04-04T17:53:06Z",
    "region": "us-west-2",
    "resources": [READ_SET_ARN],
    "detail": {
        "omicsVersion": "1.0.0",
        "arn": READ_SET_ARN,
        "sequenceStoreId": "1234567890",
        "id": "3456789012",
        "status": "PROCESSING_UPLOAD",
    },
}


def event(**members):
    """The event behind AWS's sample, as ListEvents answers it."""
    return {
        "id": 7,
        "creationTime": datetime(2023, 4, 4, 17, 53, 6, 999_999, UTC),
        "resourceKind": "readSet",
        "resourceId": "3456789012",
        "resourceArn": READ_SET_ARN,
        "sequenceStoreId": "1234567890",
        "version": 1,
        "kind": "state",
        "after": "PROCESSING_UPLOAD",
        "principal": "arn:aws:iam::123456789012:root",
        "requestId": "request",
        **members,
    }


def store_event(**members):
    return event(resourceKind="sequenceStore", resourceId="1234567890", resourceArn=STORE_ARN, **members)


def test_a_move_of_a_read_set_has_the_form_of_awss_sample():
    given = as_eventbridge(event())
    assert uuid.UUID(given.pop("id"))
    assert given == SAMPLE
    assert list(as_eventbridge(event())) == ["version", "id", *list(SAMPLE)[1:]]


def test_message_and_job_are_in_the_detail_when_there_are_any():
    detail = as_eventbridge(event(after="UPLOAD_FAILED", statusMessage="no reads", creationJobId="9"))["detail"]
    assert detail == {**SAMPLE["detail"], "status": "UPLOAD_FAILED", "statusMessage": "no reads", "creationJobId": "9"}


def test_the_same_event_has_the_same_id_wherever_it_is_read_and_no_other_has_it():
    elsewhere = READ_SET_ARN.replace("123456789012", "999999999999")
    ids = [as_eventbridge(e)["id"] for e in (event(), event(), event(id=8), event(resourceArn=elsewhere))]
    assert len({ids[0], *ids[2:]}) == 3
    assert ids[0] == ids[1]


def test_the_time_is_in_utc_whatever_zone_it_is_given_in():
    local = datetime(2023, 4, 4, 19, 53, 6, tzinfo=timezone(timedelta(hours=2)))
    assert as_eventbridge(event(creationTime=local))["time"] == SAMPLE["time"]


@pytest.mark.parametrize(
    ("before", "after", "status"),
    [(None, "ACTIVE", "ACTIVE"), ("ACTIVE", "ACTIVE", "UPDATED"), ("ACTIVE", "DELETED", "DELETED")],
)
def test_a_move_of_a_store_is_told(before, after, status):
    given = as_eventbridge(store_event(before=before, after=after))
    assert (given["detail-type"], given["resources"]) == ("Sequence Store Status Change", [STORE_ARN])
    assert given["detail"] == {"omicsVersion": "1.0.0", "arn": STORE_ARN, "id": "1234567890", "status": status}


def test_a_move_of_a_reference_is_told():
    store = STORE_ARN.replace("sequenceStore", "referenceStore")
    about = {"resourceKind": "reference", "resourceArn": f"{store}/reference/3456789012", "creationJobId": "9"}
    given = as_eventbridge(event(**about, referenceStoreId="1234567890", sequenceStoreId=None, after="DELETED"))
    assert (given["detail-type"], given["resources"]) == ("Reference Status Change", [about["resourceArn"]])
    assert given["detail"] == {
        "omicsVersion": "1.0.0",
        "arn": about["resourceArn"],
        "referenceStoreId": "1234567890",
        "id": "3456789012",
        "creationJobId": "9",
        "status": "DELETED",
    }


def test_a_move_of_an_import_job_is_told_without_an_arn_in_the_detail():
    store = STORE_ARN.replace("sequenceStore", "referenceStore")
    about = {"resourceKind": "referenceImportJob", "resourceArn": store, "referenceStoreId": "1234567890"}
    given = as_eventbridge(event(**about, before="IN_PROGRESS", after="FAILED", statusMessage="why"))
    assert (given["detail-type"], given["resources"]) == ("Reference Import Job Status Change", [store])
    assert (given["account"], given["region"]) == ("123456789012", "us-west-2")
    assert given["detail"] == {
        "omicsVersion": "1.0.0",
        "referenceStoreId": "1234567890",
        "id": "3456789012",
        "status": "FAILED",
        "statusMessage": "why",
    }


def test_a_move_of_a_reference_store_is_told():
    store = STORE_ARN.replace("sequenceStore", "referenceStore")
    given = as_eventbridge(
        event(resourceKind="referenceStore", resourceId="1234567890", resourceArn=store, after="ACTIVE")
    )
    assert given["detail-type"] == "Reference Store Status Change"
    assert given["detail"] == {"omicsVersion": "1.0.0", "arn": store, "id": "1234567890", "status": "ACTIVE"}


@pytest.mark.parametrize(
    "other",
    [
        event(kind="delayed"),
        event(resourceKind="upload", resourceArn=None),
        event(resourceKind="job", resourceArn=None),
        event(resourceArn=None),
    ],
)
def test_what_eventbridge_does_not_know_is_left_out(other):
    assert as_eventbridge(other) is None
