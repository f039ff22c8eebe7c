import json
from datetime import UTC, datetime, timedelta, timezone

import pytest

from strandkeep.protocol.service import load_service

OPERATIONS = load_service().operations
GET = OPERATIONS["GetReadSetMetadata"]


def test_nothing_of_an_answer_that_is_none_is_sent():
    answer = {"id": "1", "description": None, "files": {"source1": {"partSize": 1}, "source2": None}}
    assert GET.serialise(answer) == b'{"id":"1","files":{"source1":{"partSize":1}}}'


def test_times_are_cut_to_milliseconds_in_utc():
    moment = datetime(2026, 1, 2, 3, 4, 5, 999_999, timezone(timedelta(hours=2)))
    assert GET.serialise({"creationTime": moment}) == b'{"creationTime":"2026-01-02T01:04:05.999Z"}'
    assert (
        GET.serialise({"creationTime": datetime(26, 1, 2, tzinfo=UTC)})
        == b'{"creationTime":"0026-01-02T00:00:00.000Z"}'
    )


def test_an_empty_answer_is_an_object_or_nothing():
    assert OPERATIONS["DeleteSequenceStore"].serialise({}) == b"{}"
    assert OPERATIONS["TagResource"].serialise({}) == b""


def test_text_is_sent_in_utf8_and_a_policy_as_a_string():
    assert GET.serialise({"name": "Zoë"}) == '{"name":"Zoë"}'.encode()
    body = OPERATIONS["GetS3AccessPolicy"].serialise({"s3AccessPolicy": '{"Version":"2012-10-17"}'})
    assert json.loads(body) == {"s3AccessPolicy": '{"Version":"2012-10-17"}'}


@pytest.mark.parametrize(
    "answer",
    [
        {"bogus": 1},
        {"bogus": None},
        {"files": {"source3": {}}},
        {"id": 7},
        {"files": {"source1": {"partSize": "7"}}},
        {"files": {"source1": {"partSize": True}}},
        {"creationTime": datetime(2026, 1, 2)},
        {"creationTime": "2026-01-02T03:04:05Z"},
        {"status": "BOGUS"},
        {"etag": []},
    ],
)
def test_an_answer_that_the_model_lacks_is_our_bug(answer):
    with pytest.raises((TypeError, ValueError, AttributeError)):
        GET.serialise(answer)


def test_an_answer_to_no_content_is_checked_as_well():
    with pytest.raises(TypeError):
        OPERATIONS["TagResource"].serialise({"tags": {}})
