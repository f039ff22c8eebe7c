"""Who is calling, and what of the body the signature covers: every refusal comes before the body is read."""

import re
import select
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from botocore.auth import SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from botocore.exceptions import ClientError

from tests.e2e.uploading import MIB, fastq, gz, new_store, new_upload, send_parts
from tests.e2e.wire import UNSIGNED, Line, Reply, Wire, as_bytes, sha256
from tests.server import RunningServer, start_server

MOST = 100 * MIB
LIST = "/sequencestores"


@pytest.fixture
def wire(server: RunningServer) -> Wire:
    return Wire(server)


@pytest.fixture
def omics(server: RunningServer) -> Any:
    return server.client()


@pytest.fixture
def part(omics: Any) -> str:
    """The target of a part that may come."""
    store_id = new_store(omics)
    upload_id = new_upload(omics, store_id)
    return f"/sequencestore/{store_id}/upload/{upload_id}/part?partNumber=1&partSource=SOURCE1"


def parts_of(omics: Any, part: str) -> list[tuple[int, int]]:
    """(number, size) of the parts that are there."""
    _, _, store_id, _, upload_id, _ = part.split("?")[0].split("/")
    key = {"sequenceStoreId": store_id, "uploadId": upload_id}
    found = omics.list_read_set_upload_parts(**key, partSource="SOURCE1")["parts"]
    return [(entry["partNumber"], entry["partSize"]) for entry in found]


def temporaries(data_dir: Path) -> list[Path]:
    """What lies in the folders of temporaries, but for their locks."""
    return [path for path in (data_dir / "tmp").glob("*/*") if path.name != "lock"]


def until_no_temporaries(data_dir: Path) -> None:
    deadline = time.monotonic() + 10
    while temporaries(data_dir):
        assert time.monotonic() < deadline, temporaries(data_dir)
        time.sleep(0.02)


def refused(reply: Reply, code: str) -> str:
    """The message of a refusal with 403."""
    assert (reply.status, reply.error) == (403, code), reply
    return reply.message


# Who is calling


def test_a_request_without_a_signature_is_refused(wire: Wire) -> None:
    assert "not signed" in refused(wire.send("POST", LIST, {}), "MissingAuthenticationTokenException")


def test_an_unknown_key_is_named(wire: Wire) -> None:
    message = refused(wire.call("POST", LIST, key_id="AKIAUNKNOWN000000000"), "UnrecognizedClientException")
    assert "AKIAUNKNOWN000000000" in message


def test_a_wrong_secret_is_refused_without_showing_the_right_one(wire: Wire) -> None:
    message = refused(wire.call("POST", LIST, secret="not the secret"), "InvalidSignatureException")
    assert wire.server.environment["AWS_SECRET_ACCESS_KEY"] not in message


@pytest.mark.parametrize("changed", ["signature", "query", "header", "host", "path", "method", "body"])
def test_a_request_that_was_changed_on_its_way_is_refused(wire: Wire, changed: str) -> None:
    method, target, body = "POST", LIST + "?maxResults=1", b"{}"
    headers = wire.signed(method, target, body, {"x-amz-note": "one"})
    if changed == "signature":
        headers["authorization"] = headers["authorization"][:-1] + ("0" if headers["authorization"][-1] != "0" else "1")
    elif changed == "header":
        headers["x-amz-note"] = "two"
    elif changed == "host":
        headers["host"] = "elsewhere.example.org"
    method = "PUT" if changed == "method" else method
    target = {"query": LIST + "?maxResults=2", "path": "/referencestores?maxResults=1"}.get(changed, target)
    body = b'{"filter": {}}' if changed == "body" else body
    refused(wire.send(method, target, headers, body), "InvalidSignatureException")


def test_a_header_that_was_signed_and_removed_is_named(wire: Wire) -> None:
    headers = wire.signed("POST", LIST, b"", {"x-amz-note": "one"})
    del headers["x-amz-note"]
    assert "x-amz-note" in refused(wire.send("POST", LIST, headers), "InvalidSignatureException")


@pytest.mark.parametrize("minutes", [16, -16])
def test_a_clock_sixteen_minutes_off_is_told_with_both_times(wire: Wire, minutes: int) -> None:
    message = refused(wire.call("POST", LIST, age=timedelta(minutes=minutes)), "RequestTimeTooSkewed")
    assert len(set(re.findall(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", message))) == 2


@pytest.mark.parametrize("minutes", [14, -14])
def test_a_clock_fourteen_minutes_off_is_fine(wire: Wire, minutes: int) -> None:
    assert wire.call("POST", LIST, age=timedelta(minutes=minutes)).status == 200


@pytest.mark.parametrize("service", ["s3", "sts", "execute-api"])
def test_a_signature_for_another_service_is_refused(wire: Wire, service: str) -> None:
    assert "omics" in refused(wire.call("POST", LIST, service=service), "InvalidSignatureException")


@pytest.mark.parametrize(
    "authorization",
    [
        "Basic dXNlcjpwYXNz",
        "Bearer token",
        "AWS4-HMAC-SHA256",
        "AWS4-HMAC-SHA256 Credential=x, SignedHeaders=host, Signature=y",
        "AWS AKIA:signature",
        "",
    ],
)
def test_an_authorization_that_cannot_be_read_is_refused(wire: Wire, authorization: str) -> None:
    headers = {**wire.signed("POST", LIST), "authorization": authorization}
    refused(wire.send("POST", LIST, headers), "IncompleteSignatureException")


def test_what_exists_is_told_to_callers_who_prove_who_they_are(wire: Wire, part: str) -> None:
    for target in (LIST, "/no/such/path", part):
        refused(wire.send("POST", target, {}), "MissingAuthenticationTokenException")


# Presigned


def fetch(url: str, data: bytes | None = None, method: str = "GET") -> tuple[int, bytes]:
    try:
        with urllib.request.urlopen(urllib.request.Request(url, data, method=method)) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as error:
        return error.code, error.read()


def test_get_read_set_by_a_presigned_url_until_it_expires(omics: Any) -> None:
    store_id = new_store(omics)
    upload_id = new_upload(omics, store_id)
    content = gz(fastq(100))
    listed = send_parts(omics, store_id, upload_id, [content])
    done = omics.complete_multipart_read_set_upload(sequenceStoreId=store_id, uploadId=upload_id, parts=listed)
    params = {"sequenceStoreId": store_id, "id": done["readSetId"], "partNumber": 1}

    url = omics.generate_presigned_url("get_read_set", Params=params, ExpiresIn=60)
    assert fetch(url) == (200, content)
    assert fetch(url.replace("partNumber=1", "partNumber=2"))[0] == 403
    assert fetch(url.replace("Expires=60", "Expires=600"))[0] == 403

    short = omics.generate_presigned_url("get_read_set", Params=params, ExpiresIn=1)
    deadline = time.monotonic() + 10
    while (answer := fetch(short))[0] == 200 and time.monotonic() < deadline:
        time.sleep(0.1)
    assert answer[0] == 403
    assert b"for 1 s" in answer[1]


def test_upload_read_set_part_by_a_presigned_url(wire: Wire, omics: Any, part: str) -> None:
    environment = wire.server.environment
    credentials = Credentials(environment["AWS_ACCESS_KEY_ID"], environment["AWS_SECRET_ACCESS_KEY"])
    url = f"http://{wire.host}{part}&X-Amz-Content-Sha256=UNSIGNED-PAYLOAD"
    request = AWSRequest("PUT", url, {"x-amz-content-sha256": "UNSIGNED-PAYLOAD"})
    # It is signed as sent without headers: whoever gets the link needs to know nothing else.
    signer = SigV4QueryAuth(credentials, "omics", environment["AWS_REGION"], expires=60)
    signer.headers_to_sign = lambda request: _host_alone(wire.host)  # type: ignore[method-assign]
    signer.add_auth(request)
    content = b"A" * (9 * MIB)
    assert fetch(request.url, content, "PUT")[0] == 200
    assert parts_of(omics, part) == [(1, len(content))]


def _host_alone(host: str) -> Any:
    from botocore.compat import HTTPHeaders

    headers = HTTPHeaders()
    headers["host"] = host
    return headers


# What of a part's body the signature covers


def test_upload_read_set_part_unsigned(wire: Wire, omics: Any, part: str) -> None:
    reply = wire.call("PUT", part, b"ACGT", UNSIGNED)
    assert reply.status == 200
    assert parts_of(omics, part) == [(1, 4)]


def test_upload_read_set_part_with_its_digest_signed(wire: Wire, omics: Any, part: str) -> None:
    content = b"ACGT" * 3 * MIB
    assert wire.call("PUT", part, content, {"x-amz-content-sha256": sha256(content)}).status == 200
    assert parts_of(omics, part) == [(1, len(content))]


@pytest.mark.parametrize("size", [4, 12 * MIB])
def test_upload_read_set_part_with_another_digest_signed_is_refused_and_kept_nowhere(
    wire: Wire, omics: Any, part: str, size: int
) -> None:
    reply = wire.call("PUT", part, b"A" * size, {"x-amz-content-sha256": sha256(b"C" * size)})
    assert (reply.status, reply.error) == (400, "XAmzContentSHA256Mismatch")
    assert parts_of(omics, part) == []
    until_no_temporaries(wire.server.data_dir)


def test_upload_read_set_part_without_the_header_is_hashed_when_it_is_small(wire: Wire, omics: Any, part: str) -> None:
    content = b"A" * 8 * MIB
    headers = wire.signed("PUT", part, content)
    assert "x-amz-content-sha256" not in headers
    refused(wire.send("PUT", part, headers, b"C" * 8 * MIB), "InvalidSignatureException")
    assert parts_of(omics, part) == []
    assert wire.send("PUT", part, headers, content).status == 200
    assert parts_of(omics, part) == [(1, len(content))]


def test_upload_read_set_part_without_the_header_is_refused_unread_when_it_is_large(wire: Wire, part: str) -> None:
    reply = heads_answer(wire, part, wire.signed("PUT", part, b"whatever"), 8 * MIB + 1)
    assert (reply.status, reply.error) == (400, "ValidationException")
    assert "x-amz-content-sha256" in reply.message
    assert "UNSIGNED-PAYLOAD" in reply.message


def test_another_operation_may_not_leave_its_body_unsigned(wire: Wire) -> None:
    refused(wire.call("POST", LIST, b"{}", UNSIGNED), "InvalidSignatureException")
    assert wire.call("POST", LIST, b"{}", {"x-amz-content-sha256": sha256(b"{}")}).status == 200
    reply = wire.call("POST", LIST, b"{}", {"x-amz-content-sha256": sha256(b"{ }")})
    assert (reply.status, reply.error) == (400, "XAmzContentSHA256Mismatch")


@pytest.mark.parametrize("word", ["STREAMING-AWS4-HMAC-SHA256-PAYLOAD", "STREAMING-UNSIGNED-PAYLOAD-TRAILER", "x"])
def test_upload_read_set_part_in_another_form_is_refused(wire: Wire, part: str, word: str) -> None:
    message = refused(wire.call("PUT", part, b"x", {"x-amz-content-sha256": word}), "InvalidSignatureException")
    assert "UNSIGNED-PAYLOAD" in message


# Refused before the body is read


def heads_answer(wire: Wire, target: str, headers: Mapping[str, str], length: int) -> Reply:
    """The answer to a request of which only the head is ever sent."""
    with Line(wire.server.port, timeout=5) as line:
        line.send(as_bytes("PUT", target, {**headers, "content-length": str(length)}))
        return line.reply("PUT")


def test_upload_read_set_part_with_a_wrong_signature_is_refused_unread(wire: Wire, part: str) -> None:
    reply = heads_answer(wire, part, wire.signed("PUT", part, b"", UNSIGNED, secret="wrong"), 60 * MIB)
    refused(reply, "InvalidSignatureException")


def test_upload_read_set_part_that_may_not_come_is_refused_unread(wire: Wire, omics: Any, part: str) -> None:
    elsewhere = re.sub(r"upload/\d+", "upload/1234567890123456", part)
    reply = heads_answer(wire, elsewhere, wire.signed("PUT", elsewhere, b"", UNSIGNED), 60 * MIB)
    assert (reply.status, reply.error) == (404, "ResourceNotFoundException")
    bad = part.replace("SOURCE1", "SOURCE3")
    reply = heads_answer(wire, bad, wire.signed("PUT", bad, b"", UNSIGNED), 60 * MIB)
    assert (reply.status, reply.error) == (400, "ValidationException")
    _, _, store_id, _, upload_id, _ = part.split("?")[0].split("/")
    listed = send_parts(omics, store_id, upload_id, [gz(fastq(4))])
    omics.complete_multipart_read_set_upload(sequenceStoreId=store_id, uploadId=upload_id, parts=listed)
    reply = heads_answer(wire, part, wire.signed("PUT", part, b"", UNSIGNED), 60 * MIB)
    assert reply.error in ("NotSupportedOperationException", "ResourceNotFoundException")


@pytest.mark.parametrize("length", [MOST + 1, 10**12, 2**63])
def test_upload_read_set_part_that_is_too_large_is_refused_unread(wire: Wire, part: str, length: int) -> None:
    reply = heads_answer(wire, part, wire.signed("PUT", part, b"", UNSIGNED), length)
    assert (reply.status, reply.error) == (400, "ValidationException")
    assert str(MOST) in reply.message


def test_upload_read_set_part_of_100_mib_is_the_largest(omics: Any, part: str) -> None:
    _, _, store_id, _, upload_id, _ = part.split("?")[0].split("/")
    key = {"sequenceStoreId": store_id, "uploadId": upload_id, "partSource": "SOURCE1", "partNumber": 1}
    omics.upload_read_set_part(**key, payload=bytes(MOST))
    assert parts_of(omics, part) == [(1, MOST)]
    with pytest.raises(omics.exceptions.ValidationException, match=str(MOST + 1)):
        omics.upload_read_set_part(**key, payload=bytes(MOST + 1))
    assert parts_of(omics, part) == [(1, MOST)]


def test_upload_read_set_part_of_no_bytes_is_refused(wire: Wire, omics: Any, part: str) -> None:
    reply = wire.call("PUT", part, b"", UNSIGNED)
    assert (reply.status, reply.error) == (400, "ValidationException")
    assert "no bytes" in reply.message
    with Line(wire.server.port) as line:
        head = as_bytes("PUT", part, {**wire.signed("PUT", part, b"", UNSIGNED), "content-length": "0"})
        line.send(head.replace(b"content-length: 0\r\n", b""))
        assert line.reply().status == 400
    assert parts_of(omics, part) == []


def test_expect_100_continue_is_answered_by_the_refusal_itself(wire: Wire, omics: Any, part: str) -> None:
    wrong = wire.signed("PUT", part, b"", UNSIGNED, secret="wrong")
    reply = heads_answer(wire, part, {**wrong, "expect": "100-continue"}, 60 * MIB)
    refused(reply, "InvalidSignatureException")
    headers = {**wire.signed("PUT", part, b"", UNSIGNED), "expect": "100-continue", "content-length": "4"}
    with Line(wire.server.port) as line:
        line.send(as_bytes("PUT", part, headers))
        assert line.socket.recv(4096) == b"HTTP/1.1 100 Continue\r\n\r\n"
        line.send(b"ACGT")
        assert line.reply().status == 200
    assert parts_of(omics, part) == [(1, 4)]


# Bodies that are not as announced


@pytest.mark.parametrize("more", [{}, {"content-length": "4"}])
def test_rule_9_transfer_encoding_is_refused_with_the_advice_to_send_content_length(
    wire: Wire, omics: Any, part: str, more: dict[str, str]
) -> None:
    for target, method in ((part, "PUT"), (LIST, "POST")):
        headers = wire.signed(method, target, b"", UNSIGNED if method == "PUT" else {})
        with Line(wire.server.port) as line:
            chunked = {**headers, "transfer-encoding": "chunked", **more}
            line.send(as_bytes(method, target, chunked, b"4\r\nACGT\r\n0\r\n\r\n"))
            reply = line.reply()
        assert (reply.status, reply.error) == (400, "ValidationException")
        assert "Transfer-Encoding is not accepted: send Content-Length" in reply.message
    assert parts_of(omics, part) == []


def test_a_boto3_stream_of_unknown_length_is_told_to_send_content_length(omics: Any, part: str) -> None:
    class OnlyRead:
        def __init__(self) -> None:
            self.left = 3

        def read(self, _size: int = -1) -> bytes:
            self.left -= 1
            return b"ACGT" * 1000 if self.left >= 0 else b""

    _, _, store_id, _, upload_id, _ = part.split("?")[0].split("/")
    key = {"sequenceStoreId": store_id, "uploadId": upload_id, "partSource": "SOURCE1", "partNumber": 1}
    with pytest.raises(ClientError, match="Transfer-Encoding is not accepted: send Content-Length"):
        omics.upload_read_set_part(**key, payload=OnlyRead())
    assert parts_of(omics, part) == []


def test_rule_9_a_body_that_stalls_is_given_up_and_leaves_nothing(data_dir: Path) -> None:
    with start_server(data_dir, stall_s="1") as server:
        wire, omics = Wire(server), server.client()
        store_id = new_store(omics)
        upload_id = new_upload(omics, store_id)
        part = f"/sequencestore/{store_id}/upload/{upload_id}/part?partNumber=1&partSource=SOURCE1"
        with Line(server.port) as line:
            headers = wire.signed("PUT", part, b"", UNSIGNED)
            line.send(as_bytes("PUT", part, {**headers, "content-length": str(15 * MIB)}, b"A" * 9 * MIB))
            reply = line.reply()
        assert (reply.status, reply.error) == (408, "RequestTimeoutException")
        assert f"{9 * MIB} of {15 * MIB} bytes" in reply.message
        with Line(server.port) as line:
            headers = wire.signed("POST", LIST, b"{}")
            line.send(as_bytes("POST", LIST, {**headers, "content-length": "2"}, b"{"))
            assert line.reply().status == 408
        assert parts_of(omics, part) == []
        until_no_temporaries(data_dir)
        assert not list((data_dir / "blobs").glob("*/*"))


@pytest.mark.parametrize("sent", [0, 1, 9 * MIB + 7])
def test_a_client_that_closes_in_the_middle_of_a_part_leaves_nothing(
    wire: Wire, omics: Any, part: str, sent: int
) -> None:
    headers = wire.signed("PUT", part, b"", UNSIGNED)
    with Line(wire.server.port) as line:
        line.send(as_bytes("PUT", part, {**headers, "content-length": str(50 * MIB)}, b"A" * sent))
    until_no_temporaries(wire.server.data_dir)
    assert parts_of(omics, part) == []


# The connection afterwards


def test_the_body_of_a_refused_part_is_never_taken_for_a_request(wire: Wire, omics: Any, part: str) -> None:
    made = b'{"name": "smuggled"}'
    inner = as_bytes("POST", "/sequencestore", wire.signed("POST", "/sequencestore", made), made)
    wrong = wire.signed("PUT", part, b"", UNSIGNED, secret="wrong")
    request = as_bytes("PUT", part, {**wrong, "content-length": str(len(inner) * 1000)})
    for in_one_go in (True, False):
        with Line(wire.server.port) as line:
            line.send(request + (inner * 1000 if in_one_go else b""))
            refused(line.reply("PUT"), "InvalidSignatureException")
            try:
                line.send(inner * 1000)
                line.reply("POST")
            except OSError:
                pass
    assert omics.list_sequence_stores(filter={"name": "smuggled"})["sequenceStores"] == []


def test_a_connection_is_used_again_after_a_refusal_whose_body_had_come(wire: Wire, omics: Any, part: str) -> None:
    wrong = wire.signed("PUT", part, b"", UNSIGNED, secret="wrong")
    right = wire.signed("PUT", part, b"", UNSIGNED)
    with Line(wire.server.port) as line:
        line.send(as_bytes("POST", LIST, wire.signed("POST", LIST, b"{}", secret="wrong"), b"{}"))
        refused(line.reply(), "InvalidSignatureException")
        line.send(as_bytes("POST", LIST, wire.signed("POST", LIST)))
        assert line.reply().status == 200
    with Line(wire.server.port) as line:
        line.send(as_bytes("PUT", part, wrong, b"ACGT"))
        refused(line.reply(), "InvalidSignatureException")
        closed = select.select([line.socket], [], [], 0.3)[0]
        if not closed:
            line.send(as_bytes("PUT", part, right, b"ACGT"))
            assert line.reply().status == 200
            assert parts_of(omics, part) == [(1, 4)]
