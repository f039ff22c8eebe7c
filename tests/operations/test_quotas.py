"""Quotas: the last place is taken once, by whoever is first, and given back; off in the profile `lab`."""

import asyncio

import pytest

from strandkeep.domain.quotas import Tally
from strandkeep.errors import ApiError, ServiceQuotaExceededException
from strandkeep.operations import quotas
from strandkeep.protocol.service import load_service
from tests.operations.conftest import incoming, new_account, with_settings


def at_once(api, operation, *requests):
    """The outcomes of calls that meet: "ok" or the error's code."""

    async def outcome(request):
        try:
            await api.begin(operation, **request)
        except ApiError as error:
            return error.code
        return "ok"

    async def run():
        return await asyncio.gather(*map(outcome, requests))

    return sorted(asyncio.run(run()))


def ready_upload(api, store):
    """An upload with its one part, and what completes it."""
    upload = api.new_upload(store)
    part = api.put_part(store, upload, 1, b"bytes")
    return {"sequenceStoreId": store, "uploadId": upload, "parts": [part]}


def exceeded(quota):
    return pytest.raises(ServiceQuotaExceededException, match=f"raise quota_{quota}")


def test_every_operation_that_checks_a_quota_can_say_so_on_the_wire():
    operations = load_service().operations
    for name in (
        "CreateSequenceStore",
        "CreateMultipartReadSetUpload",
        "UploadReadSetPart",
        "CompleteMultipartReadSetUpload",
        "BatchUndeleteReadSet",
    ):
        assert "ServiceQuotaExceededException" in operations[name].errors


# Sequence stores


def test_create_sequence_store_up_to_the_quota_of_the_account(other):
    limited = with_settings(other, quota_sequence_stores=2)
    first, _ = limited.new_store(), limited.new_store()
    with exceeded("sequence_stores"):
        limited.new_store()
    new_account(limited.house).new_store()
    limited("DeleteSequenceStore", id=first)
    limited.new_store()
    with exceeded("sequence_stores"):
        limited.new_store()


def test_create_sequence_store_at_once_takes_the_last_place_once(other):
    limited = with_settings(other, quota_sequence_stores=3)
    outcomes = at_once(limited, "CreateSequenceStore", *[{"name": "store"}] * 12)
    assert outcomes == ["ServiceQuotaExceededException"] * 9 + ["ok"] * 3


def test_create_sequence_store_sent_again_is_answered_although_the_account_is_full(other):
    limited = with_settings(other, quota_sequence_stores=1)
    first = limited.new_store(clientToken="token")
    assert limited.new_store(clientToken="token") == first
    with exceeded("sequence_stores"):
        limited.new_store(clientToken="another")


def test_the_profile_aws_allows_twenty_stores_and_a_setting_goes_over_it(other):
    aws = with_settings(other, profile="aws")
    for _ in range(20):
        aws.new_store()
    with exceeded("sequence_stores"):
        aws.new_store()
    with_settings(other, profile="aws", quota_sequence_stores=0).new_store()
    other.new_store()


# Uploads


def test_create_multipart_read_set_upload_up_to_the_quota_of_the_store(api, store):
    limited = with_settings(api, quota_open_uploads=2)
    first, second = limited.new_upload(store), ready_upload(limited, store)
    with exceeded("open_uploads"):
        limited.new_upload(store)
    limited.new_upload(api.new_store())
    limited("AbortMultipartReadSetUpload", sequenceStoreId=store, uploadId=first)
    limited.new_upload(store)
    with exceeded("open_uploads"):
        limited.new_upload(store)
    limited("CompleteMultipartReadSetUpload", **second)
    limited.new_upload(store)


def test_create_multipart_read_set_upload_at_once_takes_the_last_place_once(api, store):
    limited = with_settings(api, quota_open_uploads=3)
    members = {"sourceFileType": "FASTQ", "subjectId": "s", "sampleId": "s", "name": "n", "sequenceStoreId": store}
    outcomes = at_once(limited, "CreateMultipartReadSetUpload", *[members] * 12)
    assert outcomes == ["ServiceQuotaExceededException"] * 9 + ["ok"] * 3


# The size of a file


def test_upload_read_set_part_that_makes_a_file_too_large_is_refused_before_its_body(api, store):
    limited = with_settings(api, quota_file_size=10)
    upload = limited.new_upload(store)
    limited.put_part(store, upload, 1, b"12345678")
    limited.put_part(store, upload, 1, b"1234567890")
    limited.put_part(store, upload, 1, b"1234567890", "SOURCE2")
    unread = incoming(b"x")
    with exceeded("file_size"):
        limited("UploadReadSetPart", unread, sequenceStoreId=store, uploadId=upload, partSource="SOURCE1", partNumber=2)
    assert asyncio.run(anext(unread.chunks)) == b"x"
    limited.put_part(store, upload, 1, b"123456789")
    limited.put_part(store, upload, 2, b"x")


def test_complete_multipart_read_set_upload_of_a_file_that_is_too_large_leaves_the_upload_open(api, store):
    upload = api.new_upload(store)
    parts = [api.put_part(store, upload, number, b"12345") for number in (1, 2)]
    limited = with_settings(api, quota_file_size=9)
    with exceeded("file_size"):
        limited.complete(store, upload, parts)
    assert api("ListReadSets", sequenceStoreId=store)["readSets"] == []
    limited.complete(store, upload, parts[:1])


# Read sets


def test_complete_multipart_read_set_upload_up_to_the_quota_of_the_store(api, store):
    limited = with_settings(api, quota_read_sets_per_store=2)
    first, _, third = [ready_upload(limited, store) for _ in range(3)]
    kept = api.insert_read_set(store)
    read_set = limited("CompleteMultipartReadSetUpload", **first)["readSetId"]
    with exceeded("read_sets_per_store"):
        limited("CompleteMultipartReadSetUpload", **third)
    assert limited("CompleteMultipartReadSetUpload", **first)["readSetId"] == read_set
    limited("BatchDeleteReadSet", sequenceStoreId=store, ids=[kept])
    limited("CompleteMultipartReadSetUpload", **third)


def test_complete_multipart_read_set_upload_at_once_takes_the_last_place_once(api, store):
    limited = with_settings(api, quota_read_sets_per_store=3)
    requests = [ready_upload(limited, store) for _ in range(10)]
    outcomes = at_once(limited, "CompleteMultipartReadSetUpload", *requests)
    assert outcomes == ["ServiceQuotaExceededException"] * 7 + ["ok"] * 3


def test_complete_multipart_read_set_upload_at_once_takes_the_last_place_once_when_the_store_seemed_far_from_full(
    api, store, monkeypatch
):
    """As after a time in which other servers have filled it."""
    monkeypatch.setattr(quotas, "_MARGIN", 4)
    limited = with_settings(api, quota_read_sets_per_store=8)
    limited("CompleteMultipartReadSetUpload", **ready_upload(limited, store))
    assert not quotas_filling(limited, store)
    for _ in range(6):
        api.insert_read_set(store)
    requests = [ready_upload(limited, store) for _ in range(6)]
    outcomes = at_once(limited, "CompleteMultipartReadSetUpload", *requests)
    assert outcomes == ["ServiceQuotaExceededException"] * 5 + ["ok"]


def test_batch_undelete_read_set_brings_back_no_more_than_the_quota_allows(api, store):
    limited = with_settings(api, quota_read_sets_per_store=2)
    first, second, third = (api.insert_read_set(store, state) for state in ("ACTIVE", "DELETED", "DELETED"))
    with exceeded("read_sets_per_store"):
        limited("BatchUndeleteReadSet", sequenceStoreId=store, ids=[second, third])
    assert limited("BatchUndeleteReadSet", sequenceStoreId=store, ids=[first, second]) == {}
    assert limited("BatchUndeleteReadSet", sequenceStoreId=store, ids=[first, second]) == {}
    with exceeded("read_sets_per_store"):
        limited("BatchUndeleteReadSet", sequenceStoreId=store, ids=[third])


def test_a_store_far_from_its_quota_is_counted_once(api, store, monkeypatch):
    counted = []
    count = quotas.read_sets.count
    monkeypatch.setattr(quotas.read_sets, "count", lambda *args: counted.append(args) or count(*args))
    aws = with_settings(api, profile="aws")
    for _ in range(3):
        aws("CompleteMultipartReadSetUpload", **ready_upload(aws, store))
    assert len(counted) == 1
    api("CompleteMultipartReadSetUpload", **ready_upload(api, store))
    assert len(counted) == 1


@pytest.mark.parametrize(
    ("rows", "came_since", "filling"), [(0, 0, False), (89, 1, False), (90, 1, True), (0, 9, False), (0, 10, True)]
)
def test_a_store_is_filling_within_the_margin_or_when_much_came(api, store, monkeypatch, rows, came_since, filling):
    monkeypatch.setattr(quotas, "_MARGIN", 10)
    limited = with_settings(api, quota_read_sets_per_store=100)
    last = api.house.catalog.write(lambda tx: tx.now)
    limited.house.tallies[store] = Tally(rows, last)
    for _ in range(came_since):
        api.insert_read_set(store)
    assert quotas_filling(limited, store) == filling


def quotas_filling(api, store):
    return api.house.catalog.read(lambda reader: quotas.is_filling(reader, api.house, store))
