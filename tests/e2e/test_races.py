"""Calls that meet each other over HTTP: whoever is first wins, wholly, and the other is told."""

import base64
import hashlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.e2e.rows import rows
from tests.e2e.uploading import MIB, download, fastq, gz, new_store, new_upload, send_parts
from tests.e2e.wire import UNSIGNED, Line, Wire, as_bytes
from tests.server import RunningServer, wait_for_read_set


@pytest.fixture
def omics(server: RunningServer) -> Any:
    return server.client()


@pytest.fixture
def upload(omics: Any) -> dict[str, str]:
    """A new upload of a store of its own."""
    store_id = new_store(omics)
    return {"sequenceStoreId": store_id, "uploadId": new_upload(omics, store_id)}


def outcome(call: Callable[[], Any]) -> str:
    """ "ok", or the error's code."""
    try:
        call()
    except ClientError as error:
        return str(error.response["Error"]["Code"])
    return "ok"


def at_once(*calls: Callable[[], Any]) -> list[str]:
    with ThreadPoolExecutor(len(calls)) as pool:
        return list(pool.map(outcome, calls))


def test_parts_of_one_number_sent_at_once_leave_one_of_them_whole(omics: Any, upload: dict[str, str]) -> None:
    bodies = [gz(fastq(20_000, seed=seed)) for seed in range(6)]
    part = {**upload, "partSource": "SOURCE1", "partNumber": 1}
    sent = at_once(*[lambda body=body: omics.upload_read_set_part(**part, payload=body) for body in bodies])
    assert sent == ["ok"] * 6
    listed = omics.list_read_set_upload_parts(**upload, partSource="SOURCE1")["parts"]
    kept = next(b for b in bodies if base64.b64encode(hashlib.sha256(b).digest()).decode() == listed[0]["checksum"])
    assert [(p["partNumber"], p["partSize"]) for p in listed] == [(1, len(kept))]
    entry = {"partSource": "SOURCE1", "partNumber": 1, "checksum": listed[0]["checksum"]}
    done = omics.complete_multipart_read_set_upload(**upload, parts=[entry])
    assert wait_for_read_set(omics, upload["sequenceStoreId"], done["readSetId"])["status"] == "ACTIVE"
    assert download(omics, upload["sequenceStoreId"], done["readSetId"]) == kept


@pytest.mark.parametrize(("end", "code"), [("abort", "ResourceNotFound"), ("complete", "NotSupportedOperation")])
def test_a_part_in_flight_when_its_upload_ends_does_not_count(
    server: RunningServer, omics: Any, upload: dict[str, str], end: str, code: str
) -> None:
    content = gz(fastq(100))
    listed = send_parts(omics, *upload.values(), [content])
    wire, (store_id, upload_id) = Wire(server), upload.values()
    target = f"/sequencestore/{store_id}/upload/{upload_id}/part?partNumber=1&partSource=SOURCE1"
    headers = {**wire.signed("PUT", target, b"", UNSIGNED), "content-length": str(9 * MIB)}
    with Line(server.port) as line:
        line.send(as_bytes("PUT", target, headers, bytes(8 * MIB)))
        if end == "abort":
            omics.abort_multipart_read_set_upload(**upload)
        else:
            read_set_id = omics.complete_multipart_read_set_upload(**upload, parts=listed)["readSetId"]
        line.send(bytes(MIB))
        reply = line.reply()
    assert reply.error == f"{code}Exception"
    assert rows(server.data_dir, "SELECT * FROM part WHERE upload_id = ? AND size = ?", upload_id, 9 * MIB) == []
    if end == "complete":
        assert wait_for_read_set(omics, store_id, read_set_id)["status"] == "ACTIVE"
        assert download(omics, store_id, read_set_id) == content


def test_completes_sent_at_once_make_one_read_set(omics: Any, upload: dict[str, str]) -> None:
    listed = send_parts(omics, *upload.values(), [gz(fastq(100))])
    ids: list[str] = []
    complete = lambda: ids.append(omics.complete_multipart_read_set_upload(**upload, parts=listed)["readSetId"])  # noqa: E731
    assert at_once(*[complete] * 10) == ["ok"] * 10
    assert len(set(ids)) == 1
    found = omics.list_read_sets(sequenceStoreId=upload["sequenceStoreId"])["readSets"]
    assert [r["id"] for r in found] == ids[:1]


def test_abort_and_complete_sent_at_once_leave_one_outcome(omics: Any) -> None:
    store_id = new_store(omics)
    for _ in range(10):
        upload = {"sequenceStoreId": store_id, "uploadId": new_upload(omics, store_id)}
        listed = send_parts(omics, *upload.values(), [gz(fastq(4))])
        before = len(omics.list_read_sets(sequenceStoreId=store_id)["readSets"])
        completed, aborted = at_once(
            lambda key=upload, parts=listed: omics.complete_multipart_read_set_upload(**key, parts=parts),
            lambda key=upload: omics.abort_multipart_read_set_upload(**key),
        )
        after = len(omics.list_read_sets(sequenceStoreId=store_id)["readSets"])
        if completed == "ok":
            assert aborted in ("NotSupportedOperationException", "ResourceNotFoundException")
            assert after == before + 1
        else:
            assert (completed, aborted) == ("ResourceNotFoundException", "ok")
            assert after == before


def test_a_store_is_not_deleted_under_a_new_upload(omics: Any) -> None:
    for _ in range(10):
        store_id = new_store(omics)
        created, deleted = at_once(
            lambda store_id=store_id: new_upload(omics, store_id),
            lambda store_id=store_id: omics.delete_sequence_store(id=store_id),
        )
        assert (created, deleted) in (("ok", "ConflictException"), ("ResourceNotFoundException", "ok"))


def test_tags_set_at_once_do_not_exceed_their_limit(omics: Any) -> None:
    arn = omics.create_sequence_store(name="store", tags={f"old{n}": "" for n in range(40)})["arn"]
    tagged = at_once(*[lambda n=n: omics.tag_resource(resourceArn=arn, tags={f"new{n}": ""}) for n in range(20)])
    assert sorted(tagged) == ["ValidationException"] * 10 + ["ok"] * 10
    assert len(omics.list_tags_for_resource(resourceArn=arn)["tags"]) == 50
