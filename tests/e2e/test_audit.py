"""The audit trail: one record for each call, allowed or denied; data reads added up; changes before their answer."""

import time
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.e2e.rows import rows
from tests.e2e.uploading import fastq, gz, new_store, new_upload, send_parts, upload
from tests.e2e.wire import UNSIGNED, Line, Reply, Wire, as_bytes
from tests.server import RunningServer, start_server, wait_for_read_set


@pytest.fixture
def omics(server: RunningServer) -> Any:
    return server.client()


def records(server: RunningServer, request_id: str, seconds: float = 10) -> list[dict[str, Any]]:
    """The records of one request, once there are any."""
    deadline = time.monotonic() + seconds
    query = "SELECT * FROM audit WHERE request_id = ?"
    while not (found := rows(server.data_dir, query, request_id)) and time.monotonic() < deadline:
        time.sleep(0.05)
    return found


def record(server: RunningServer, answer: dict[str, Any] | Reply) -> dict[str, Any]:
    """The one record of an answered request."""
    if isinstance(answer, Reply):
        request_id = answer.headers["x-amzn-requestid"]
    else:
        request_id = answer["ResponseMetadata"]["RequestId"]
    found = records(server, request_id)
    assert len(found) == 1
    return found[0]


def test_each_allowed_call_leaves_one_record_of_who_did_what(server: RunningServer, omics: Any) -> None:
    made = omics.create_sequence_store(name="store")
    store = {"sequenceStoreId": made["id"]}
    about = {"sourceFileType": "FASTQ", "subjectId": "s", "sampleId": "s", "name": "n"}
    created = omics.create_multipart_read_set_upload(**store, **about)
    key = {**store, "uploadId": created["uploadId"]}
    part = omics.upload_read_set_part(**key, partSource="SOURCE1", partNumber=1, payload=gz(fastq(10)))
    listed = [{"partSource": "SOURCE1", "partNumber": 1, "checksum": part["checksum"]}]
    completed = omics.complete_multipart_read_set_upload(**key, parts=listed)
    read_set_arn = f"{made['arn']}/readSet/{completed['readSetId']}"
    answers = {
        ("CreateSequenceStore", "*"): made,
        ("CreateMultipartReadSetUpload", made["arn"]): created,
        ("UploadReadSetPart", made["arn"]): part,
        ("CompleteMultipartReadSetUpload", made["arn"]): completed,
        ("ListSequenceStores", "*"): omics.list_sequence_stores(),
        ("GetSequenceStore", made["arn"]): omics.get_sequence_store(id=made["id"]),
        ("ListReadSets", made["arn"]): omics.list_read_sets(**store),
        ("GetReadSetMetadata", read_set_arn): omics.get_read_set_metadata(**store, id=completed["readSetId"]),
        ("TagResource", made["arn"]): omics.tag_resource(resourceArn=made["arn"], tags={"a": "b"}),
        ("ListTagsForResource", made["arn"]): omics.list_tags_for_resource(resourceArn=made["arn"]),
    }
    account = made["arn"].split(":")[4]
    for (operation, resource), answer in answers.items():
        found = record(server, answer)
        assert found["action"] == f"omics:{operation}"
        assert (found["resource"], found["decision"], found["outcome"]) == (resource, "allowed", "ok"), operation
        assert (found["account"], found["principal"]) == (account, f"arn:aws:iam::{account}:root")
        assert found["access_key_id"] == server.environment["AWS_ACCESS_KEY_ID"]
        assert found["source_address"] == "127.0.0.1"
        assert found["count"] == 1
        assert abs(found["time"] / 1e6 - time.time()) < 600
    for answer in answers.values():
        record(server, answer)


def test_a_change_is_on_record_when_it_is_answered(server: RunningServer, omics: Any) -> None:
    for _ in range(20):
        answer = omics.create_sequence_store(name="store")
        assert len(records(server, answer["ResponseMetadata"]["RequestId"], seconds=0)) == 1


def test_each_refused_call_leaves_one_record(server: RunningServer, omics: Any) -> None:
    wire = Wire(server)
    store_id = new_store(omics)
    elsewhere = "/sequencestore/1234567890123456"
    calls = [
        (wire.send("POST", "/sequencestores", {}), "ListSequenceStores", "MissingAuthenticationTokenException"),
        (wire.call("POST", "/sequencestores", secret="wrong"), "ListSequenceStores", "InvalidSignatureException"),
        (wire.call("POST", "/sequencestores", key_id="AKIA"), "ListSequenceStores", "UnrecognizedClientException"),
        (wire.call("GET", "/nothing"), "Unknown", "UnknownOperationException"),
        (wire.send("GET", "/nothing", {}), "Unknown", "MissingAuthenticationTokenException"),
        (wire.call("GET", elsewhere), "GetSequenceStore", "ResourceNotFoundException"),
        (wire.call("DELETE", elsewhere), "DeleteSequenceStore", "ResourceNotFoundException"),
        (wire.call("GET", "/sequencestore/1"), "GetSequenceStore", "ValidationException"),
        (
            wire.call("GET", elsewhere + "/exportjob/1234567890"),
            "GetReadSetExportJob",
            "NotSupportedOperationException",
        ),
        (wire.call("GET", f"/sequencestore/{store_id}/%zz"), "Unknown", "ValidationException"),
    ]
    for reply, operation, error in calls:
        found = record(server, reply)
        assert reply.error == error
        assert (found["action"], found["outcome"]) == (f"omics:{operation}", error)
        proved = reply.status != 403
        assert found["decision"] == ("allowed" if proved and operation != "Unknown" else found["decision"])
        assert proved or found["decision"] == "denied"


def test_a_part_that_breaks_off_is_on_record(server: RunningServer, omics: Any) -> None:
    store_id = new_store(omics)
    upload_id = new_upload(omics, store_id)
    target = f"/sequencestore/{store_id}/upload/{upload_id}/part?partNumber=1&partSource=SOURCE1"
    headers = {**Wire(server).signed("PUT", target, b"", UNSIGNED), "content-length": "1000"}
    with Line(server.port) as line:
        line.send(as_bytes("PUT", target, headers, b"A" * 10))
    query = "SELECT outcome FROM audit WHERE action = 'omics:UploadReadSetPart' AND resource LIKE ?"
    deadline = time.monotonic() + 10
    while not (found := rows(server.data_dir, query, f"%{store_id}")) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert [row["outcome"] for row in found] == ["Disconnected"]


def test_reads_of_data_are_added_up(server: RunningServer, omics: Any) -> None:
    store_id = new_store(omics)
    content = gz(fastq(100))
    read_set_id = upload(omics, store_id, {"SOURCE1": content})
    wait_for_read_set(omics, store_id, read_set_id)
    key = {"sequenceStoreId": store_id, "id": read_set_id}
    for _ in range(50):
        assert omics.get_read_set(**key, partNumber=1)["payload"].read() == content
    for _ in range(3):
        with pytest.raises(ClientError):
            omics.get_read_set(**key, partNumber=2)
    query = "SELECT outcome, sum(count) AS calls, sum(bytes) AS bytes, count(*) AS records FROM audit"
    where = "WHERE action = 'omics:GetReadSet' AND resource LIKE ? GROUP BY outcome ORDER BY calls DESC"

    def found() -> dict[str, dict[str, Any]]:
        return {row["outcome"]: row for row in rows(server.data_dir, f"{query} {where}", f"%/readSet/{read_set_id}")}

    deadline = time.monotonic() + 10
    while sum(row["calls"] for row in found().values()) < 53 and time.monotonic() < deadline:
        time.sleep(0.05)
    ok, failed = found()["ok"], found()["RangeNotSatisfiableException"]
    assert (ok["calls"], ok["bytes"]) == (50, 50 * len(content))
    assert ok["records"] < 50
    assert (failed["calls"], failed["bytes"]) == (3, 0)


def test_a_change_is_on_record_whatever_happens_after_its_answer(data_dir: Path) -> None:
    with start_server(data_dir) as server:
        answer = server.client().create_sequence_store(name="store")
        server.kill()
        assert record(server, answer)["outcome"] == "ok"
    moved = rows(data_dir, "SELECT request_id FROM event WHERE resource_id = ?", answer["id"])
    assert moved == [{"request_id": answer["ResponseMetadata"]["RequestId"]}]


def test_the_moves_of_a_job_carry_the_call_that_started_it(server: RunningServer, omics: Any) -> None:
    store_id = new_store(omics)
    upload_id = new_upload(omics, store_id)
    listed = send_parts(omics, store_id, upload_id, [gz(fastq(10))])
    done = omics.complete_multipart_read_set_upload(sequenceStoreId=store_id, uploadId=upload_id, parts=listed)
    wait_for_read_set(omics, store_id, done["readSetId"])
    started = {"request_id": done["ResponseMetadata"]["RequestId"], "principal": record(server, done)["principal"]}
    query = "SELECT resource_kind, after, request_id, principal FROM event WHERE store_id = ? AND after IN {}"
    states = "('IN_PROGRESS', 'ACTIVE', 'COMPLETED')"
    moved = rows(server.data_dir, query.format(states), store_id)
    assert {(row["resource_kind"], row["after"]) for row in moved} >= {("job", "IN_PROGRESS"), ("readSet", "ACTIVE")}
    assert [{"request_id": row["request_id"], "principal": row["principal"]} for row in moved] == [started] * len(moved)


MARK = "PATIENT-4711"


def test_no_secret_and_no_text_of_a_subject_is_on_record(server: RunningServer, omics: Any) -> None:
    text = {name: f"{MARK}-{name}" for name in ("subjectId", "sampleId", "name", "description", "generatedFrom")}
    tags = {f"{MARK}-key": f"{MARK}-value"}
    made = omics.create_sequence_store(name=MARK, description=MARK, tags=tags, clientToken=MARK)
    store = {"sequenceStoreId": made["id"]}
    omics.update_sequence_store(id=made["id"], name=MARK, description=MARK)
    omics.tag_resource(resourceArn=made["arn"], tags=tags)
    for reads in (gz(fastq(10)), gz(f"@{MARK}\nAC\n+\nF\n".encode()), MARK.encode()):
        upload_id = new_upload(omics, made["id"], tags=tags, **text)
        listed = send_parts(omics, made["id"], upload_id, [reads])
        done = omics.complete_multipart_read_set_upload(**store, uploadId=upload_id, parts=listed)
        wait_for_read_set(omics, made["id"], done["readSetId"])
    omics.list_read_sets(**store, filter={k: text[k] for k in ("subjectId", "sampleId", "name", "generatedFrom")})
    refused = {"sourceFileType": "UBAM", **text, "referenceArn": f"arn:{MARK}"}
    for operation, request in (
        (omics.list_read_sets, {"nextToken": MARK}),
        (omics.create_multipart_read_set_upload, {**refused, "tags": {"aws:x": MARK}}),
        (omics.untag_resource, {"resourceArn": made["arn"], "tagKeys": [f"{MARK}-key"]}),
    ):
        try:
            operation(**(request if "resourceArn" in request and "name" not in request else {**store, **request}))
        except ClientError as refusal:
            record(server, refusal.response)
    for table in ("audit", "event"):
        kept = repr(rows(server.data_dir, f"SELECT * FROM {table}"))
        assert server.environment["AWS_SECRET_ACCESS_KEY"] not in kept
        assert MARK not in kept
