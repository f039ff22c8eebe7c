"""Multipart uploads: parts come, are replaced, and become a read set."""

import asyncio
import base64
import hashlib

import pytest
import sqlalchemy as sa

from strandkeep.catalog import blobs, tables
from strandkeep.domain import times
from strandkeep.errors import (
    ConflictException,
    InternalServerException,
    NotSupportedOperationException,
    ResourceNotFoundException,
    ValidationException,
)
from strandkeep.operations.streams import Incoming
from tests.operations.conftest import incoming, with_settings

TOKEN = "the-token"
NEVER = "1234567890123456"


@pytest.fixture
def upload(api, store):
    return api.new_upload(store)


def parts_of(api, store, upload, source="SOURCE1", **members):
    return api("ListReadSetUploadParts", sequenceStoreId=store, uploadId=upload, partSource=source, **members)["parts"]


def upload_ids(api, store):
    return [item["uploadId"] for item in api("ListMultipartReadSetUploads", sequenceStoreId=store)["uploads"]]


def put_async(api, store, upload, content, number=1, source="SOURCE1", body=None):
    place = {"sequenceStoreId": store, "uploadId": upload, "partSource": source, "partNumber": number}
    return api.begin("UploadReadSetPart", body or incoming(content), **place)


def complete_async(api, store, upload, parts):
    return api.begin("CompleteMultipartReadSetUpload", sequenceStoreId=store, uploadId=upload, parts=parts)


def listed(number, content, source="SOURCE1"):
    digest = hashlib.sha256(content).digest()
    return {"partSource": source, "partNumber": number, "checksum": base64.b64encode(digest).decode()}


def unread():
    """A body that may not be touched."""

    async def chunks():
        raise AssertionError("the body was read")
        yield b""

    return chunks()


def check_pointers(api):
    """Law 1 and rule 7: a blob is live exactly as long as a part or a segment points at it, and then has its bytes."""
    pointed = {row.blob for row in api.rows(tables.part)} | {row.blob for row in api.rows(tables.segment)}
    live = {row.name for row in api.rows(tables.blob, state="live")}
    assert pointed == live
    assert live <= {name for names in api.house.blobs.orphans(0) for name in names}
    due = [row.delete_after for row in api.rows(tables.blob, state="condemned")]
    assert None not in due


# The life of an upload


def test_create_multipart_read_set_upload_answers_what_was_given(api, store):
    members = {
        "sourceFileType": "FASTQ",
        "subjectId": "subject",
        "sampleId": "sample",
        "generatedFrom": "machine",
        "name": "HG00146",
        "description": "about it",
        "tags": {"a": "1"},
    }
    answer = api("CreateMultipartReadSetUpload", sequenceStoreId=store, **members)
    assert {**members, "sequenceStoreId": store}.items() <= answer.items()
    assert api("ListMultipartReadSetUploads", sequenceStoreId=store)["uploads"][0]["uploadId"] == answer["uploadId"]
    assert api.events(answer["uploadId"]) == [(None, "OPEN")]


def test_an_empty_reference_arn_is_none(api, store):
    """The Transfer Manager sends one for a FASTQ without a reference."""
    assert api.new_upload(store, referenceArn="")


def test_a_reference_arn_that_does_not_exist_is_not_found(api, store):
    with pytest.raises(ResourceNotFoundException, match="referenceArn"):
        api.new_upload(store, referenceArn="arn:aws:omics:us-east-1:123456789012:referenceStore/1/reference/2")


def test_a_whole_upload_from_create_to_read_set(api, store):
    upload = api.new_upload(store, name="HG00146", tags={"a": "1"}, generatedFrom="machine")
    contents = {("SOURCE1", 2): b"two", ("SOURCE1", 1): b"one", ("SOURCE2", 1): b"mate"}
    parts = [api.put_part(store, upload, n, content, source) for (source, n), content in contents.items()]
    assert parts == [listed(n, content, source) for (source, n), content in contents.items()]
    assert api("ListReadSets", sequenceStoreId=store)["readSets"] == []

    read_set = api.complete(store, upload, parts)

    metadata = api("GetReadSetMetadata", sequenceStoreId=store, id=read_set)
    assert metadata["status"] == "PROCESSING_UPLOAD"
    assert (metadata["name"], metadata["creationType"], metadata["creationJobId"]) == ("HG00146", "UPLOAD", upload)
    assert {source: file["contentLength"] for source, file in metadata["files"].items()} == {"source1": 6, "source2": 4}
    assert not {"etag", "sequenceInformation", "statusMessage"} & metadata.keys()
    assert api.bytes_of(store, read_set) == b"onetwo"
    assert api.bytes_of(store, read_set, file="SOURCE2") == b"mate"
    assert upload_ids(api, store) == [upload]
    assert [part["partNumber"] for part in parts_of(api, store, upload)] == [1, 2]
    names = {row.source: row.file_name for row in api.rows(tables.file, holder_id=read_set)}
    assert names == {"SOURCE1": "HG00146_source1.fastq.gz", "SOURCE2": "HG00146_source2.fastq.gz"}
    arn = api.house.installation.read_set_arn(store, read_set)
    assert api("ListTagsForResource", resourceArn=arn)["tags"]["a"] == "1"
    assert api.events(upload) == [(None, "OPEN"), ("OPEN", "COMPLETING")]
    assert api.events(read_set) == [(None, "PROCESSING_UPLOAD")]
    job = api.rows(tables.job, subject=read_set)[0]
    assert (job.kind, job.state, job.context["principal"]) == ("ingest", "SUBMITTED", api.context.principal)
    assert api.events(job.id) == [(None, "SUBMITTED")]


def test_complete_moves_no_bytes(api, store, upload):
    parts = [api.put_part(store, upload, n, b"x" * n) for n in (1, 2, 3)]
    before = api.part_blobs(upload)
    read_set = api.complete(store, upload, parts)
    segments = sorted(api.rows(tables.segment, holder_id=read_set), key=lambda row: row.start)
    assert [(s.start, s.offset, s.length) for s in segments] == [(0, 0, 1), (1, 0, 2), (3, 0, 3)]
    assert [s.blob for s in segments] == [before["SOURCE1", n] for n in (1, 2, 3)]


def test_an_upload_whose_read_set_is_active_is_no_longer_listed(api, store, upload):
    read_set = api.complete(store, upload, [api.put_part(store, upload, 1, b"x")])
    api.move_read_set(read_set, "PROCESSING_UPLOAD", "ACTIVE")
    assert upload_ids(api, store) == []
    with pytest.raises(ResourceNotFoundException):
        parts_of(api, store, upload)


# Parts


def test_upload_read_set_part_replaces_a_part_and_keeps_its_creation_time(api, store, upload):
    api.put_part(store, upload, 1, b"first, and longer")
    (first,) = parts_of(api, store, upload)
    replaced = api.part_blobs(upload)["SOURCE1", 1]
    api.put_part(store, upload, 1, b"second")
    (second,) = parts_of(api, store, upload)

    assert second["creationTime"] == first["creationTime"]
    assert second["lastUpdatedTime"] > first["lastUpdatedTime"] == first["creationTime"]
    assert second["partSize"] == 6
    assert second["checksum"] == listed(1, b"second")["checksum"]
    assert api.blob_state(replaced) == "condemned"
    assert api.blob_state(api.part_blobs(upload)["SOURCE1", 1]) == "live"


def test_rule_7_a_replaced_part_keeps_its_bytes_for_the_time_to_undo(own, own_house):
    store = own.new_store()
    upload = own.new_upload(store)
    own.put_part(store, upload, 1, b"first")
    replaced = own.part_blobs(upload)["SOURCE1", 1]
    own.put_part(store, upload, 1, b"second")
    (row,) = own.rows(tables.blob, name=replaced)
    assert row.delete_after - row.created >= 7 * times.DAY
    check_pointers(own)


@pytest.mark.parametrize("puts", [2, 12])
def test_the_last_of_many_puts_of_one_part_at_once_wins_and_no_bytes_mix(api, store, upload, puts):
    contents = [bytes([65 + n]) * (100_000 + n) for n in range(puts)]

    async def at_once():
        return await asyncio.gather(*(put_async(api, store, upload, content) for content in contents))

    answers = asyncio.run(at_once())
    assert [a["checksum"] for a in answers] == [listed(1, c)["checksum"] for c in contents]
    (part,) = parts_of(api, store, upload)
    assert part["lastUpdatedTime"] >= part["creationTime"]
    winner = contents[[a["checksum"] for a in answers].index(part["checksum"])]
    read_set = api.complete(store, upload, [listed(1, winner)])
    assert api.bytes_of(store, read_set) == winner


def test_of_many_puts_of_one_part_all_but_one_are_condemned(own):
    store = own.new_store()
    upload = own.new_upload(store)

    async def at_once():
        await asyncio.gather(*(put_async(own, store, upload, bytes([n])) for n in range(12)))

    asyncio.run(at_once())
    states = [row.state for row in own.rows(tables.blob)]
    assert sorted(states) == ["condemned"] * 11 + ["live"]
    check_pointers(own)


def test_source1_and_source2_number_their_parts_apart(api, store, upload):
    api.put_part(store, upload, 1, b"one")
    api.put_part(store, upload, 1, b"mate", "SOURCE2")
    assert [part["partSize"] for part in parts_of(api, store, upload)] == [3]
    assert [part["partSize"] for part in parts_of(api, store, upload, "SOURCE2")] == [4]


@pytest.mark.parametrize(("length", "text"), [(None, "no bytes"), (0, "no bytes"), (104_857_601, "at most 104857600")])
def test_rule_9_a_part_of_a_length_that_may_not_be_is_refused_before_its_body_is_read(api, store, upload, length, text):
    body = Incoming(length, unread(), lambda sha256: None)
    with pytest.raises(ValidationException, match=text):
        asyncio.run(put_async(api, store, upload, b"", body=body))


def test_rule_9_a_part_for_an_upload_that_never_was_is_refused_before_its_body_is_read(api, store):
    for upload in (NEVER, "9" * 36, "1" * 10):
        with pytest.raises(ResourceNotFoundException):
            asyncio.run(put_async(api, store, upload, b"", body=Incoming(1, unread(), lambda sha256: None)))


def test_a_part_for_an_upload_of_another_store_is_not_found(api, store, upload):
    with pytest.raises(ResourceNotFoundException):
        asyncio.run(put_async(api, api.new_store(), upload, b"x"))


def test_a_part_that_was_signed_for_another_body_does_not_count(api, store, upload):
    def refuse(sha256):
        assert sha256 == hashlib.sha256(b"other").hexdigest()
        raise ValidationException("signed for another body")

    body = Incoming(5, incoming(b"other").chunks, refuse)
    with pytest.raises(ValidationException, match="signed"):
        asyncio.run(put_async(api, store, upload, b"", body=body))
    assert parts_of(api, store, upload) == []


def test_a_part_for_which_there_is_no_room_is_the_servers_trouble(api, store, upload):
    blobs_of = type(api.house.blobs)
    full = blobs_of.__new__(blobs_of)
    full.__dict__.update(api.house.blobs.__dict__, _min_free=1 << 62)
    crowded = with_settings(api)
    object.__setattr__(crowded.house, "blobs", full)
    with pytest.raises(InternalServerException, match="no room"):
        crowded.put_part(store, upload, 1, b"x")
    # The catalog and deletes still have room.
    crowded("AbortMultipartReadSetUpload", sequenceStoreId=store, uploadId=upload)


@pytest.mark.parametrize("end", ["AbortMultipartReadSetUpload", "CompleteMultipartReadSetUpload"])
def test_rule_3_a_part_that_finds_the_upload_ended_while_it_came_condemns_its_own_bytes(own, end):
    store = own.new_store()
    upload = own.new_upload(store)
    part = own.put_part(store, upload, 1, b"one")
    request = {"sequenceStoreId": store, "uploadId": upload}
    request |= {"parts": [part]} if end.startswith("Complete") else {}
    expected = NotSupportedOperationException if end.startswith("Complete") else ResourceNotFoundException

    async def race():
        async def body():
            yield b"half"
            await own.begin(end, **request)
            yield b"done"

        with pytest.raises(expected):
            await put_async(own, store, upload, b"", body=Incoming(8, body(), lambda sha256: None))

    asyncio.run(race())
    own_bytes = {row.name: row.state for row in own.rows(tables.blob)}
    assert len(own_bytes) == 2
    late = {name for names in own.house.blobs.orphans(0) for name in names} - {row.blob for row in _parts(own)}
    assert all(own_bytes[name] == "condemned" for name in late)
    check_pointers(own)


def _parts(api):
    return [*api.rows(tables.part), *api.rows(tables.segment)]


def test_rule_1_a_part_whose_name_was_condemned_first_does_not_count_and_can_be_sent_again(own):
    """The sweep comes between the bytes and the row; whoever inserts the name first wins."""
    store = own.new_store()
    upload = own.new_upload(store)

    def sweep_first(sha256):
        (name,) = [name for names in own.house.blobs.orphans(0) for name in names]
        own.house.catalog.write(lambda tx: blobs.insert_condemned(tx, name, "local", tx.now))

    body = Incoming(1, incoming(b"x").chunks, sweep_first)
    with pytest.raises(sa.exc.IntegrityError):
        asyncio.run(put_async(own, store, upload, b"", body=body))
    assert parts_of(own, store, upload) == []
    check_pointers(own)
    assert own.put_part(store, upload, 1, b"x") == listed(1, b"x")


def test_rule_1_a_name_that_counts_cannot_be_condemned_as_an_orphan(own):
    store = own.new_store()
    upload = own.new_upload(store)
    own.put_part(store, upload, 1, b"x")
    name = own.part_blobs(upload)["SOURCE1", 1]
    assert own.house.catalog.write(lambda tx: blobs.insert_condemned(tx, name, "local", tx.now)) is False
    assert own.blob_state(name) == "live"


# Complete


def test_complete_with_the_same_parts_again_answers_the_same_id(api, store, upload):
    parts = [api.put_part(store, upload, n, bytes([n])) for n in (1, 2)]
    read_set = api.complete(store, upload, parts)
    hexed = [{**p, "checksum": base64.b64decode(p["checksum"]).hex()} for p in parts]
    assert api.complete(store, upload, parts) == api.complete(store, upload, hexed[::-1]) == read_set
    api.move_read_set(read_set, "PROCESSING_UPLOAD", "ACTIVE")
    assert api.complete(store, upload, parts) == read_set
    assert len(api("ListReadSets", sequenceStoreId=store)["readSets"]) == 1


def test_complete_with_other_parts_again_is_refused(api, store, upload):
    parts = [api.put_part(store, upload, n, bytes([n])) for n in (1, 2)]
    api.complete(store, upload, parts)
    with pytest.raises(ValidationException, match="completed with other parts"):
        api.complete(store, upload, parts[:1])


def test_many_completes_at_once_make_one_read_set(api, store, upload):
    part = api.put_part(store, upload, 1, b"x")

    async def at_once():
        return await asyncio.gather(*(complete_async(api, store, upload, [part]) for _ in range(20)))

    assert len({answer["readSetId"] for answer in asyncio.run(at_once())}) == 1
    assert len(api("ListReadSets", sequenceStoreId=store)["readSets"]) == 1
    assert len(api.rows(tables.job, store_id=store)) == 1


def test_a_complete_that_is_refused_changes_nothing_and_can_be_mended(api, store, upload):
    part = api.put_part(store, upload, 1, b"one")
    for wrong in (
        [{**part, "checksum": "x"}],
        [part, listed(2, b"two")],
        [part, part],
        [],
        [listed(1, b"m", "SOURCE2")],
    ):
        with pytest.raises(ValidationException, match="parts"):
            api.complete(store, upload, wrong)
    assert len(parts_of(api, store, upload)) == 1
    assert api.events(upload) == [(None, "OPEN")]
    assert api.bytes_of(store, api.complete(store, upload, [part])) == b"one"


def test_parts_that_complete_leaves_out_are_dropped_and_condemned(own):
    store = own.new_store()
    upload = own.new_upload(store)
    parts = [own.put_part(store, upload, n, bytes([n])) for n in (1, 2, 3)]
    mate = own.put_part(store, upload, 1, b"mate", "SOURCE2")
    before = own.part_blobs(upload)
    read_set = own.complete(store, upload, [parts[2], parts[0]])

    assert mate["partSource"] == "SOURCE2"
    assert own.bytes_of(store, read_set) == b"\x01\x03"
    assert [part["partNumber"] for part in parts_of(own, store, upload)] == [1, 3]
    assert parts_of(own, store, upload, "SOURCE2") == []
    dropped = {before["SOURCE1", 2], before["SOURCE2", 1]}
    assert {row.name for row in own.rows(tables.blob, state="condemned")} == dropped
    check_pointers(own)


def test_part_numbers_may_have_gaps(api, store, upload):
    parts = [api.put_part(store, upload, n, bytes([n % 256])) for n in (10_000, 7, 300)]
    assert api.bytes_of(store, api.complete(store, upload, parts)) == bytes([7, 300 % 256, 10_000 % 256])


def test_parts_and_complete_at_once_give_one_of_the_two_and_never_a_mixture(own):
    store = own.new_store()

    async def race(upload, first):
        calls = [put_async(own, store, upload, bytes([65 + n]) * 5) for n in range(3)]
        calls.insert(1, complete_async(own, store, upload, [first]))
        return await asyncio.gather(*calls, return_exceptions=True)

    for _ in range(10):
        upload = own.new_upload(store)
        first = own.put_part(store, upload, 1, b"first")
        outcomes = asyncio.run(race(upload, first))
        completed = outcomes.pop(1)
        if isinstance(completed, dict):
            assert own.bytes_of(store, completed["readSetId"]) == b"first"
            assert all(isinstance(outcome, NotSupportedOperationException) for outcome in outcomes)
        else:
            assert isinstance(completed, ValidationException)
            assert any(isinstance(outcome, dict) for outcome in outcomes)
    check_pointers(own)


def test_parts_and_abort_after_complete_are_not_supported_and_harmless(api, store, upload):
    part = api.put_part(store, upload, 1, b"one")
    read_set = api.complete(store, upload, [part])

    def check():
        with pytest.raises(NotSupportedOperationException, match="completed"):
            api.put_part(store, upload, 1, b"other")
        with pytest.raises(NotSupportedOperationException, match="completed"):
            api("AbortMultipartReadSetUpload", sequenceStoreId=store, uploadId=upload)
        assert api.bytes_of(store, read_set) == b"one"

    check()
    api.move_read_set(read_set, "PROCESSING_UPLOAD", "ACTIVE")
    check()


# Abort


def test_abort_removes_the_upload_and_condemns_its_parts(own):
    store = own.new_store()
    upload = own.new_upload(store)
    part = own.put_part(store, upload, 1, b"one")
    assert own("AbortMultipartReadSetUpload", sequenceStoreId=store, uploadId=upload) == {}

    assert upload_ids(own, store) == []
    assert [row.state for row in own.rows(tables.blob)] == ["condemned"]
    assert own.events(upload) == [(None, "OPEN"), ("OPEN", "ABORTED")]
    check_pointers(own)
    for call in (
        lambda: own.put_part(store, upload, 1, b"one"),
        lambda: own.complete(store, upload, [part]),
        lambda: parts_of(own, store, upload),
        lambda: own("AbortMultipartReadSetUpload", sequenceStoreId=store, uploadId=upload),
    ):
        with pytest.raises(ResourceNotFoundException):
            call()


def test_abort_and_complete_at_once_give_one_of_the_two(own):
    store = own.new_store()

    async def race(upload, part):
        abort = own.begin("AbortMultipartReadSetUpload", sequenceStoreId=store, uploadId=upload)
        calls = [abort, complete_async(own, store, upload, [part])]
        return await asyncio.gather(*calls, return_exceptions=True)

    for _ in range(10):
        upload = own.new_upload(store)
        aborted, completed = asyncio.run(race(upload, own.put_part(store, upload, 1, b"x")))
        if aborted == {}:
            assert isinstance(completed, ResourceNotFoundException)
        else:
            assert isinstance(aborted, NotSupportedOperationException)
            assert own.bytes_of(store, completed["readSetId"]) == b"x"
    check_pointers(own)


# Lists


def test_list_read_set_upload_parts_is_by_number_with_pages(api, store, upload):
    for number in (30, 2, 10_000, 1, 11):
        api.put_part(store, upload, number, bytes(number % 7 + 1))
    request = {"sequenceStoreId": store, "uploadId": upload, "partSource": "SOURCE1"}
    pages = api.pages("ListReadSetUploadParts", "parts", maxResults=2, **request)
    assert [[part["partNumber"] for part in page] for page in pages] == [[1, 2], [11, 30], [10_000]]
    assert [part["partSize"] for page in pages for part in page] == [n % 7 + 1 for n in (1, 2, 11, 30, 10_000)]


def test_list_multipart_read_set_uploads_lists_the_newest_first_with_pages(api, store):
    made = [api.new_upload(store) for _ in range(5)]
    api("AbortMultipartReadSetUpload", sequenceStoreId=store, uploadId=made[3])
    del made[3]
    pages = api.pages("ListMultipartReadSetUploads", "uploads", sequenceStoreId=store, maxResults=3)
    assert [[item["uploadId"] for item in page] for page in pages] == [made[:0:-1], made[:1]]


def test_a_next_token_of_another_upload_source_filter_or_store_is_refused(api, store, upload):
    for number in (1, 2):
        api.put_part(store, upload, number, b"x")
    other = api.new_upload(store)
    request = {"sequenceStoreId": store, "uploadId": upload, "partSource": "SOURCE1", "maxResults": 1}
    token = api("ListReadSetUploadParts", **request)["nextToken"]
    uploads_token = api("ListMultipartReadSetUploads", sequenceStoreId=store, maxResults=1)["nextToken"]
    filters = {"createdAfter": times.to_datetime(0)}
    for changed in ({"uploadId": other}, {"partSource": "SOURCE2"}, {"filter": filters}, {"nextToken": uploads_token}):
        with pytest.raises(ValidationException, match="nextToken"):
            api("ListReadSetUploadParts", **{**request, "nextToken": token, **changed})
    with pytest.raises(ValidationException, match="nextToken"):
        api("ListMultipartReadSetUploads", sequenceStoreId=api.new_store(), nextToken=uploads_token)


# Client tokens


def test_fifty_requests_with_one_client_token_at_once_make_one_upload(api, store):
    members = {"sourceFileType": "FASTQ", "subjectId": "s", "sampleId": "p", "name": "n", "clientToken": TOKEN}

    async def at_once():
        calls = [api.begin("CreateMultipartReadSetUpload", sequenceStoreId=store, **members) for _ in range(50)]
        return await asyncio.gather(*calls)

    assert {answer["uploadId"] for answer in asyncio.run(at_once())} == set(upload_ids(api, store))
    assert len(upload_ids(api, store)) == 1


def test_a_used_client_token_with_other_members_is_a_validation_exception(api, store):
    """The model lists no ConflictException for CreateMultipartReadSetUpload."""
    api.new_upload(store, clientToken=TOKEN)
    with pytest.raises(ValidationException, match="clientToken"):
        api.new_upload(store, clientToken=TOKEN, name="another")
    assert not issubclass(ValidationException, ConflictException)


def test_a_client_token_counts_for_its_store_alone(api, store):
    assert api.new_upload(store, clientToken=TOKEN) != api.new_upload(api.new_store(), clientToken=TOKEN)
