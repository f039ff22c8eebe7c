"""What the server makes of requests that no SDK sends: every limit broken, strange paths, bodies, framing and hosts."""

import contextlib
import json
import socket
import threading
from collections import defaultdict
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

import pytest

from strandkeep.operations.registry import OPERATIONS
from strandkeep.protocol.contract import served_operations
from tests.e2e.uploading import MIB, fastq, gz, new_store, new_upload, send_parts
from tests.e2e.wire import UNSIGNED, Line, Reply, Wire, as_bytes
from tests.protocol.broken_limits import BrokenCase, broken_requests, valid_request
from tests.server import RunningServer

MODELS = {model.name: model for model in served_operations()}
UNBUILT = sorted(set(MODELS) - set(OPERATIONS))

BROKEN: dict[str, list[BrokenCase]] = defaultdict(list)
for _case in broken_requests():
    BROKEN[_case.operation].append(_case)

JSON = {"content-type": "application/json"}


@pytest.fixture
def wire(server: RunningServer) -> Wire:
    return Wire(server)


@pytest.fixture
def omics(server: RunningServer) -> Any:
    return server.client()


def send(wire: Wire, case: BrokenCase, **headers: str) -> Reply:
    return wire.call(case.method, case.target, case.body, {**case.headers, **headers})


def check_complete(reply: Reply) -> None:
    """What every answer has, whatever it says."""
    assert "GMT" in reply.headers["date"]
    assert len(reply.headers["x-amzn-requestid"]) == 36
    assert reply.headers["content-length"] == str(len(reply.body))
    if reply.body:
        assert reply.headers["content-type"] == "application/json"
    if reply.status >= 400:
        assert list(reply.document) == ["message"]
        assert reply.error


# Limits


@pytest.mark.parametrize("operation", MODELS)
def test_every_limit_of_the_model_holds(wire: Wire, operation: str) -> None:
    for case in BROKEN[operation]:
        reply = send(wire, case)
        assert (reply.status, reply.error) == (400, "ValidationException"), case.id
        assert case.member in reply.message, case.id
        check_complete(reply)


@pytest.mark.parametrize("operation", UNBUILT)
def test_an_operation_that_is_not_built_answers_not_supported(wire: Wire, operation: str) -> None:
    reply = send(wire, valid_request(MODELS[operation]))
    assert (reply.status, reply.error) == (405, "NotSupportedOperationException")
    assert operation in reply.message
    check_complete(reply)


# Paths, methods and hosts


@pytest.mark.parametrize("host", ["storage-omics.example.org", "tags-127.0.0.1:1", "[::1]:80", "s3.amazonaws.com", "x"])
def test_every_operation_is_served_on_every_host(wire: Wire, host: str) -> None:
    for model in MODELS.values():
        case = valid_request(model)
        here, there = send(wire, case), send(wire, case, host=host)
        assert (here.status, here.error) == (there.status, there.error), model.name
        assert there.status not in (403, 500), model.name


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/"),
        ("POST", "/sequencestores/"),
        ("GET", "/sequencestores"),
        ("PUT", "/sequencestore"),
        ("POST", "/sequencestore/1234567890123456/readset/1234567890123456"),
        ("GET", "/sequencestore/1234567890123456/readset/1234567890123456/metadata/more"),
        ("GET", "/strandkeep/v1/nothing"),
        ("BREW", "/sequencestores"),
        ("GET", "/sequencestore/..%2f..%2fetc%2fpasswd/readset/1/metadata/x"),
    ],
)
def test_unknown_paths_and_methods_are_not_found(wire: Wire, method: str, path: str) -> None:
    reply = wire.call(method, path)
    assert (reply.status, reply.error) == (404, "UnknownOperationException")
    check_complete(reply)


@pytest.mark.parametrize("method", ["HEAD", "OPTIONS"])
def test_head_and_options_are_answered_and_the_connection_goes_on(wire: Wire, method: str) -> None:
    with Line(wire.server.port) as line:
        for _ in range(2):
            line.send(as_bytes(method, "/sequencestores", wire.signed(method, "/sequencestores")))
            assert line.reply(method).status == 404
            line.send(as_bytes("POST", "/sequencestores", wire.signed("POST", "/sequencestores")))
            assert line.reply().status == 200


def test_an_absolute_target_is_a_path(wire: Wire) -> None:
    headers = wire.signed("POST", "/sequencestores", b"{}", JSON)
    with Line(wire.server.port) as line:
        line.send(as_bytes("POST", "http://control-storage-omics.local/sequencestores", headers, b"{}"))
        assert line.reply().status == 200


def test_broken_percent_encoding_is_refused(wire: Wire) -> None:
    for path in ("/sequencestore/%zz", "/sequencestore/%ff", "/tags/%"):
        reply = wire.call("GET", path)
        assert (reply.status, reply.error) == (400, "ValidationException"), path


# Ids, tokens and ARNs


STRANGE_IDS = ["1" * 36, "1234567890", "0123456789012345", "0000000000", "9" * 16, "9223372036854775808"]


@pytest.mark.parametrize("strange", STRANGE_IDS)
def test_an_id_that_was_never_made_is_not_found(wire: Wire, omics: Any, strange: str) -> None:
    store_id = new_store(omics)
    upload = f"/sequencestore/{store_id}/upload/{strange}"
    part = {"parts": [{"partSource": "SOURCE1", "partNumber": 1, "checksum": "x"}]}
    arn = omics.get_sequence_store(id=store_id)["arn"]
    requests: list[tuple[str, str, Any]] = [
        ("GET", f"/sequencestore/{strange}", None),
        ("PATCH", f"/sequencestore/{strange}", {"name": "x"}),
        ("DELETE", f"/sequencestore/{strange}", None),
        ("POST", f"/sequencestore/{strange}/readsets", {}),
        ("POST", f"/sequencestore/{strange}/uploads", None),
        ("POST", f"/sequencestore/{strange}/readset/batch/delete", {"ids": ["1234567890123456"]}),
        ("GET", f"/sequencestore/{store_id}/readset/{strange}/metadata", None),
        ("GET", f"/sequencestore/{store_id}/readset/{strange}?partNumber=1", None),
        ("PUT", f"{upload}/part?partNumber=1&partSource=SOURCE1", {"some": "bytes"}),
        ("POST", f"{upload}/parts", {"partSource": "SOURCE1"}),
        ("POST", f"{upload}/complete", part),
        ("DELETE", f"{upload}/abort", None),
        ("GET", "/tags/" + quote(f"{arn}/readSet/{strange}", safe=""), None),
        ("GET", "/tags/" + quote(arn.replace(store_id, strange), safe=""), None),
    ]
    for method, target, document in requests:
        body = b"" if document is None else json.dumps(document).encode()
        reply = wire.call(method, target, body, JSON if body else {})
        assert (reply.status, reply.error) == (404, "ResourceNotFoundException"), target
    deleted = omics.batch_delete_read_set(sequenceStoreId=store_id, ids=[strange])
    assert [(e["id"], e["code"]) for e in deleted["errors"]] == [(strange, "ResourceNotFoundException")]


def test_another_stores_upload_and_read_set_are_not_found(wire: Wire, omics: Any) -> None:
    here, there = new_store(omics), new_store(omics)
    upload_id = new_upload(omics, here)
    listed = send_parts(omics, here, upload_id, [gz(fastq(4))])
    elsewhere = {"sequenceStoreId": there, "uploadId": upload_id}
    calls: list[Callable[[], Any]] = [
        lambda: omics.upload_read_set_part(**elsewhere, partSource="SOURCE1", partNumber=1, payload=b"x"),
        lambda: omics.list_read_set_upload_parts(**elsewhere, partSource="SOURCE1"),
        lambda: omics.complete_multipart_read_set_upload(**elsewhere, parts=listed),
        lambda: omics.abort_multipart_read_set_upload(**elsewhere),
    ]
    for call in calls:
        with pytest.raises(omics.exceptions.ResourceNotFoundException):
            call()
    done = omics.complete_multipart_read_set_upload(sequenceStoreId=here, uploadId=upload_id, parts=listed)
    read_set = {"sequenceStoreId": there, "id": done["readSetId"]}
    with pytest.raises(omics.exceptions.ResourceNotFoundException):
        omics.get_read_set_metadata(**read_set)
    with pytest.raises(omics.exceptions.ResourceNotFoundException):
        omics.get_read_set(**read_set, partNumber=1)
    errors = omics.batch_delete_read_set(sequenceStoreId=there, ids=[done["readSetId"]])["errors"]
    assert [e["code"] for e in errors] == ["ResourceNotFoundException"]


def test_a_next_token_counts_for_its_own_question_only(wire: Wire, omics: Any) -> None:
    store_id, other = new_store(omics, description="d"), new_store(omics)
    for _ in range(3):
        new_upload(omics, store_id)
        new_upload(omics, other)

    def uploads(store: str, token: str) -> Reply:
        return wire.call("POST", f"/sequencestore/{store}/uploads?maxResults=1&nextToken={quote(token, safe='')}")

    token = omics.list_multipart_read_set_uploads(sequenceStoreId=store_id, maxResults=1)["nextToken"]
    assert uploads(store_id, token).status == 200
    wrong = [uploads(other, token)]
    wrong += [uploads(store_id, bad) for bad in (token[:-1], token + "A", "x", "=", "é", token.swapcase())]
    wrong += [
        uploads(store_id, token[:at] + ("A" if token[at] != "A" else "B") + token[at + 1 :])
        for at in range(len(token))
        if token[at] != "="
    ]
    stores = omics.list_sequence_stores(maxResults=1, filter={"name": "store"})["nextToken"]
    query = f"/sequencestores?nextToken={quote(stores, safe='')}"
    assert wire.call("POST", query, b'{"filter": {"name": "store"}}', JSON).status == 200
    wrong += [wire.call("POST", query, b'{"filter": {"name": "stor"}}', JSON), wire.call("POST", query, b"{}", JSON)]
    wrong += [uploads(store_id, stores)]
    for reply in wrong:
        assert (reply.status, reply.error) == (400, "ValidationException")
        assert "nextToken" in reply.message


def test_an_arn_may_come_encoded_or_raw(wire: Wire, omics: Any) -> None:
    store_id = new_store(omics, tags={"a": "1"})
    arn = omics.get_sequence_store(id=store_id)["arn"]
    for path in (f"/tags/{arn}", f"/tags/{quote(arn, safe='')}", f"/tags/{quote(arn, safe=':')}"):
        reply = wire.call("GET", path)
        assert (reply.status, reply.document) == (200, {"tags": {"a": "1"}})
    tagged = wire.call("POST", f"/tags/{arn}", b'{"tags": {"b c": "\xc3\xa9"}}', JSON)
    assert (tagged.status, tagged.body) == (204, b"")
    assert wire.call("DELETE", f"/tags/{arn}?tagKeys=a&tagKeys=b%20c").status == 204
    assert wire.call("GET", f"/tags/{arn}").document == {"tags": {}}


# Members and bodies


@pytest.mark.parametrize(("query", "named"), [("partNumber=1", "partSource"), ("partSource=SOURCE1", "partNumber")])
def test_upload_read_set_part_without_a_query_member_is_invalid_not_unknown(
    wire: Wire, omics: Any, query: str, named: str
) -> None:
    store_id = new_store(omics)
    path = f"/sequencestore/{store_id}/upload/{new_upload(omics, store_id)}/part"
    reply = wire.call("PUT", f"{path}?{query}", b"bytes", UNSIGNED)
    assert (reply.status, reply.error) == (400, "ValidationException")
    assert named in reply.message
    assert wire.call("PUT", path, b"bytes", UNSIGNED).message.startswith("2 validation errors")


def test_unknown_members_are_ignored(wire: Wire) -> None:
    body = b'{"name": "n", "colour": {"deep": [1, null]}, "description": null}'
    made = wire.call("POST", "/sequencestore?colour=red", body, JSON)
    assert made.status == 200
    assert made.document["name"] == "n"
    check_complete(made)


@pytest.mark.parametrize(
    "body",
    [
        b"{",
        b"[]",
        b'"name"',
        b"null",
        b"7",
        b"{}{}",
        b'{"name": NaN}',
        b"\xff\xfe{}",
        b'{"name": "\xed\xa0\x80"}',
        b"<html>",
        b"[" * 100_000,
        b'{"a":' * 100_000,
        b'{"filter": ' * 50_000 + b"1" + b"}" * 50_000,
        b'{"name": ' + b"9" * 5000 + b"}",
        b"\0",
        b" ",
    ],
    ids=lambda body: repr(body[:12]),
)
def test_a_body_that_is_no_json_object_is_invalid(wire: Wire, body: bytes) -> None:
    reply = wire.call("POST", "/sequencestore", body, JSON)
    assert (reply.status, reply.error) == (400, "ValidationException")
    check_complete(reply)


@pytest.mark.parametrize("headers", [{}, JSON, {"content-type": "text/plain"}, {"content-type": "application/x-amz"}])
def test_a_list_takes_no_body_an_empty_one_or_braces_of_any_type(wire: Wire, headers: dict[str, str]) -> None:
    for body in (b"", b"{}"):
        assert wire.call("POST", "/sequencestores", body, headers).status == 200


def test_a_json_body_of_8_mib_is_read(wire: Wire) -> None:
    body = b'{"ignored": "' + b"x" * (8 * MIB - 15) + b'"}'
    assert len(body) == 8 * MIB
    assert wire.call("POST", "/sequencestores", body, JSON).status == 200


def test_rule_9_a_larger_json_body_is_refused_unread(wire: Wire) -> None:
    headers = wire.signed("POST", "/sequencestores", b"{}", {**JSON, "content-length": str(9 * MIB)})
    with Line(wire.server.port) as line:
        line.send(as_bytes("POST", "/sequencestores", headers))
        reply = line.reply()
    assert (reply.status, reply.error) == (400, "ValidationException")
    assert str(9 * MIB) in reply.message
    check_complete(reply)


# Framing and garbage


def test_two_content_lengths_are_refused(wire: Wire) -> None:
    headers = wire.signed("POST", "/sequencestores", b"{}", JSON)
    lengths = "\r\ncontent-length: 2\r\ncontent-length: 3\r\n\r\n"
    with Line(wire.server.port) as line:
        head = as_bytes("POST", "/sequencestores", {**headers, "content-length": "2"}).decode()
        line.send((head.replace("\r\ncontent-length: 2\r\n\r\n", lengths) + "{}").encode())
        assert line.reply().status == 400


@pytest.mark.parametrize(
    "garbage",
    [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"GET\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"GET / HTTP/1.1\r\nno colon here\r\n\r\n",
        b"GET / HTTP/1.1\r\nhost: a\0b\r\n\r\n",
        b"GET / HTTP/1.1\r\ncontent-length: -1\r\n\r\n",
        b"GET / HTTP/1.1\r\ncontent-length: 1e3\r\n\r\n",
        b"\r\n" * 5000,
        bytes(range(256)) * 64,
    ],
    ids=lambda garbage: repr(garbage[:16]),
)
def test_garbage_does_not_harm_the_server(wire: Wire, garbage: bytes) -> None:
    # Closing without a word is an answer too.
    with Line(wire.server.port) as line, contextlib.suppress(OSError):
        line.send(garbage)
        line.socket.shutdown(socket.SHUT_WR)
        assert line.reply().status in (400, 403, 404, 505)
    assert wire.call("POST", "/sequencestores").status == 200


def test_an_endless_header_is_refused(wire: Wire) -> None:
    with Line(wire.server.port) as line:
        try:
            line.send(b"GET /live HTTP/1.1\r\nhost: x\r\nendless: " + b"x" * 2 * MIB)
            assert line.reply().status in (400, 431)
        except ConnectionError:
            pass
    assert wire.call("POST", "/sequencestores").status == 200


def test_headers_with_bytes_that_are_not_ascii_are_answered(wire: Wire) -> None:
    headers = wire.signed("POST", "/sequencestores")
    reply = wire.send("POST", "/sequencestores", {**headers, "x-note": "é\xff"})
    assert reply.status == 200
    reply = wire.send("POST", "/sequencestores", {**headers, "x-amz-date": "é\xff"})
    assert reply.status == 403
    check_complete(reply)


def test_pipelined_requests_are_answered_in_order(wire: Wire) -> None:
    paths = ["/sequencestores", "/nothing", "/sequencestores?maxResults=0", "/sequencestores"]
    with Line(wire.server.port) as line:
        line.send(b"".join(as_bytes("POST", path, wire.signed("POST", path)) for path in paths))
        assert [line.reply().status for _ in paths] == [200, 404, 400, 200]


def test_a_client_that_leaves_in_the_middle_of_an_answer_is_no_trouble(wire: Wire, omics: Any) -> None:
    store_id = new_store(omics)
    upload_id = new_upload(omics, store_id)
    content = gz(fastq(20_000))
    listed = send_parts(omics, store_id, upload_id, [content])
    done = omics.complete_multipart_read_set_upload(sequenceStoreId=store_id, uploadId=upload_id, parts=listed)
    target = f"/sequencestore/{store_id}/readset/{done['readSetId']}?partNumber=1"
    request = as_bytes("GET", target, wire.signed("GET", target))
    for size in (0, 1, 1000, 100_000):
        with Line(wire.server.port) as line:
            line.send(request)
            line.socket.recv(size)
    reply = wire.call("GET", target)
    assert (reply.status, reply.body) == (200, content)
    assert reply.headers["content-type"] == "application/octet-stream"
    assert "content-encoding" not in reply.headers


def test_two_hundred_idle_connections_leave_room(wire: Wire) -> None:
    lines = [Line(wire.server.port) for _ in range(200)]
    try:
        statuses: list[int] = []
        threads = [
            threading.Thread(target=lambda: statuses.append(wire.call("POST", "/sequencestores").status))
            for _ in range(8)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert statuses == [200] * 8
    finally:
        for line in lines:
            line.socket.close()


@pytest.mark.parametrize("framing", [{"content-length": "10000000"}, {"transfer-encoding": "chunked"}])
def test_an_answer_before_the_body_ends_the_connection(wire: Wire, omics: Any, framing: dict[str, str]) -> None:
    """Else a client would send its next request into a connection that is being closed."""
    part = f"/sequencestore/{new_store(omics)}/upload/1234567890123456/part?partNumber=1&partSource=SOURCE1"
    with Line(wire.server.port) as line:
        line.send(as_bytes("PUT", part, {**wire.signed("PUT", part, b"", UNSIGNED), **framing}))
        reply = line.reply()
    assert reply.status in (400, 404)
    assert reply.headers["connection"] == "close"


def test_an_answer_after_the_body_leaves_the_connection_open(wire: Wire) -> None:
    with Line(wire.server.port) as line:
        for _ in range(3):
            line.send(as_bytes("POST", "/sequencestores", wire.signed("POST", "/sequencestores", b"{}", JSON), b"{}"))
            reply = line.reply()
            assert (reply.status, "connection" in reply.headers) == (200, False)
