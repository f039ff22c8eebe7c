"""Signatures: those of botocore and of the other SDKs are taken, and nothing that was changed is."""

import hashlib
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from botocore.auth import S3SigV4Auth, S3SigV4QueryAuth, SigV4Auth, SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from strandkeep.errors import (
    ApiError,
    IncompleteSignatureException,
    InvalidSignatureException,
    MissingAuthenticationTokenException,
    RequestExpired,
    RequestTimeTooSkewed,
)
from strandkeep.protocol.sigv4 import (
    SignedRequest,
    SigningKeys,
    check_signature,
    check_time,
    payload_form,
    read_claim,
)
from tests.protocol.wire import ACCESS_KEY_ID, REGION, SECRET, Sent, Wire, sent_of

KEYS = SigningKeys()
EMPTY = hashlib.sha256(b"").hexdigest()
STORE = "1234567890"
ARN = "arn:aws:omics:eu-central-1:123456789012:sequenceStore/1234567890"


def verify(sent: Sent, *, unsigned_allowed: bool = False, secret: str = SECRET) -> None:
    claim = read_claim(sent.request)
    check_time(claim, claim.signed_at)
    form = payload_form(claim, unsigned_allowed=unsigned_allowed)
    digest = "UNSIGNED-PAYLOAD" if form == "unsigned" else hashlib.sha256(sent.body).hexdigest()
    if form == "declared":
        assert claim.declared_payload == digest
    check_signature(claim, sent.request, digest, KEYS.get(claim, secret))


def signed(
    method: str, url: str, headers: dict[str, str] | None = None, body: bytes = b"", service: str = "omics", auth=None
) -> Sent:
    """A request signed by botocore's own signer."""
    request = AWSRequest(method=method, url=url, headers=headers or {}, data=body)
    auth = auth or (S3SigV4Auth if service == "s3" else SigV4Auth)
    auth(Credentials(ACCESS_KEY_ID, SECRET), service, REGION).add_auth(request)
    return sent_of(request.prepare())


def untag() -> Sent:
    return Wire().call("untag_resource", {"resourceArn": ARN, "tagKeys": ["b c", "é&=", "a+%"]})


def create() -> Sent:
    return Wire().call("create_sequence_store", {"name": "Zoë"})


def presigned() -> Sent:
    url = Wire().client.generate_presigned_url(
        "get_read_set", Params={"sequenceStoreId": STORE, "id": STORE, "partNumber": 1}, ExpiresIn=900
    )
    return sent_of(AWSRequest(method="GET", url=url).prepare())


def part() -> Sent:
    params = {"sequenceStoreId": STORE, "uploadId": STORE, "partSource": "SOURCE1", "partNumber": 1}
    return Wire().call("upload_read_set_part", params | {"payload": b"ACGT"})


def javascript() -> Sent:
    """The headers that the AWS SDK for JavaScript signs, with a declared digest, content-length and user agent."""
    body = '{"name":"Zoë"}'.encode()
    headers = {
        "amz-sdk-invocation-id": "6b7c0b6e",
        "amz-sdk-request": "attempt=1; max=3",
        "content-length": str(len(body)),
        "content-type": "application/json",
        "x-amz-content-sha256": hashlib.sha256(body).hexdigest(),
        "x-amz-user-agent": "aws-sdk-js/3.1  ua/2.1",
    }
    return signed("POST", "http://127.0.0.1:8000/sequencestore?b=2&a=1&a=%20", headers, body)


def s3() -> Sent:
    return signed("GET", "http://127.0.0.1:8000/bucket/a%20b/%C3%A9%2Fx%3Ay~?list-type=2&prefix=", service="s3")


SIGNERS = [untag, create, presigned, part, javascript, s3]


@pytest.mark.parametrize("sign", SIGNERS)
def test_a_genuine_request_is_taken(sign: Callable[[], Sent]):
    sent = sign()
    verify(sent, unsigned_allowed=sign is part)


def test_the_javascript_form_signs_what_we_think_it_signs():
    assert ";".join(read_claim(javascript().request).signed_headers) == (
        "amz-sdk-invocation-id;amz-sdk-request;content-length;content-type;host;"
        "x-amz-content-sha256;x-amz-date;x-amz-user-agent"
    )


def test_a_presigned_request_of_omics_covers_the_empty_body_and_one_of_s3_leaves_it_out():
    claim = read_claim(presigned().request)
    assert (claim.presigned, claim.expires_s, claim.declared_payload) == (True, 900, None)
    assert payload_form(claim, unsigned_allowed=True) == "hashed"
    sent = signed("GET", "http://127.0.0.1:8000/bucket/key", service="s3", auth=_s3_query)
    assert payload_form(read_claim(sent.request), unsigned_allowed=False) == "unsigned"
    verify(sent)


def _s3_query(*arguments):
    return S3SigV4QueryAuth(*arguments, expires=60)


def altered(sent: Sent) -> list[tuple[str, Sent]]:
    """The request with each of its signed parts changed, one at a time."""
    request, found = sent.request, []

    def with_request(what: str, **changes) -> None:
        found.append((what, replace(sent, request=replace(request, **changes))))

    with_request("method", method="PATCH")
    with_request("path", raw_path=request.raw_path + "1")
    with_request("path decoded", raw_path=request.raw_path + "/..")
    with_request("one more query key", raw_query=(request.raw_query + "&z=1").lstrip("&"))
    pairs = request.raw_query.split("&")
    for place, pair in enumerate(pairs):
        if pair and not pair.startswith("X-Amz-Signature"):
            rest = pairs[:place] + pairs[place + 1 :]
            with_request(f"without {pair}", raw_query="&".join(rest))
            with_request(f"other {pair}", raw_query="&".join([*rest, pair + "1"]))
    for place, (name, value) in enumerate(request.headers):
        if name in read_claim(request).signed_headers:
            rest = [*request.headers[:place], *request.headers[place + 1 :]]
            with_request(f"without {name}", headers=rest)
            with_request(f"other {name}", headers=[*rest, (name, value[:-1] + "~")])
            with_request(f"more {name}", headers=[*request.headers, (name, value)])
    return found


def is_taken(sent: Sent, *, unsigned_allowed: bool) -> bool:
    try:
        verify(sent, unsigned_allowed=unsigned_allowed)
    except (ApiError, AssertionError):
        return False
    return True


@pytest.mark.parametrize("sign", SIGNERS)
def test_a_request_that_was_changed_is_refused(sign: Callable[[], Sent]):
    sent = sign()
    cases = altered(sent)
    assert len(cases) >= 7
    taken = [what for what, changed in cases if is_taken(changed, unsigned_allowed=sign is part)]
    assert taken == []


@pytest.mark.parametrize("sign", [untag, create, presigned, javascript])
def test_a_body_that_was_changed_is_refused(sign: Callable[[], Sent]):
    sent = sign()
    with pytest.raises((InvalidSignatureException, AssertionError)):
        verify(replace(sent, body=sent.body + b" "))


@pytest.mark.parametrize("sign", SIGNERS)
def test_another_secret_is_refused_and_the_right_signature_is_not_told(sign: Callable[[], Sent]):
    sent = sign()
    with pytest.raises(InvalidSignatureException) as refused:
        verify(sent, unsigned_allowed=True, secret=SECRET + "x")
    message = refused.value.message
    assert ACCESS_KEY_ID in message
    assert REGION in message
    assert SECRET not in message
    assert read_claim(sent.request).signature not in message


def test_blanks_in_headers_and_the_order_of_the_query_do_not_matter():
    sent = javascript()
    headers = [(name, f"  {value.replace('  ', '   ')} ") for name, value in sent.request.headers]
    request = replace(sent.request, headers=headers[::-1], raw_query="a=%20&a=1&&b=2")
    verify(replace(sent, request=request))


def test_an_undecoded_arn_in_the_path_is_signed_as_it_is_sent():
    verify(signed("GET", f"http://127.0.0.1:8000/tags/{ARN}"))


def test_latin1_in_a_header_is_signed_as_botocore_does():
    verify(signed("GET", "http://127.0.0.1:8000/sequencestore", {"x-note": "Zoë"}))


def test_a_session_token_is_read_and_must_be_signed():
    sent = Wire(aws_session_token="TOKEN").call("list_sequence_stores", {})
    assert read_claim(sent.request).session_token == "TOKEN"
    verify(sent)


@pytest.mark.parametrize(("header", "value"), [("x-amz-content-sha256", EMPTY), ("x-amz-security-token", "TOKEN")])
def test_a_header_that_counts_must_be_signed(header: str, value: str):
    sent = untag()
    request = replace(sent.request, headers=[*sent.request.headers, (header, value)])
    with pytest.raises(IncompleteSignatureException, match=header):
        read_claim(request)


@pytest.mark.parametrize(
    ("declared", "unsigned_allowed", "form"),
    [
        (None, True, "hashed"),
        (EMPTY, False, "declared"),
        (EMPTY, True, "declared"),
        ("UNSIGNED-PAYLOAD", True, "unsigned"),
    ],
)
def test_the_forms_of_a_payload(declared, unsigned_allowed, form):
    claim = replace(read_claim(create().request), declared_payload=declared)
    assert payload_form(claim, unsigned_allowed=unsigned_allowed) == form


@pytest.mark.parametrize(
    ("declared", "unsigned_allowed"),
    [
        ("UNSIGNED-PAYLOAD", False),
        ("STREAMING-AWS4-HMAC-SHA256-PAYLOAD", True),
        ("", True),
        (EMPTY.upper(), True),
        ("é", True),
    ],
)
def test_another_form_of_payload_is_refused_with_what_is_accepted(declared, unsigned_allowed):
    claim = replace(read_claim(create().request), declared_payload=declared)
    with pytest.raises(InvalidSignatureException, match="accepts the body's SHA-256"):
        payload_form(claim, unsigned_allowed=unsigned_allowed)


def test_a_presigned_part_may_say_that_its_payload_is_unsigned():
    url = f"http://127.0.0.1:8000/sequencestore/{STORE}/upload/{STORE}/part?X-Amz-Content-Sha256=UNSIGNED-PAYLOAD"
    sent = signed("PUT", url, {"x-amz-content-sha256": "UNSIGNED-PAYLOAD"}, auth=SigV4QueryAuth)
    verify(sent, unsigned_allowed=True)
    with pytest.raises(InvalidSignatureException):
        verify(sent)


@pytest.mark.parametrize(
    ("minutes", "error"), [(15, None), (-15, None), (15.1, RequestTimeTooSkewed), (-15.1, RequestTimeTooSkewed)]
)
def test_a_clock_may_be_15_minutes_wrong(minutes: float, error):
    claim = read_claim(create().request)
    now = claim.signed_at + timedelta(minutes=minutes)
    if error is None:
        check_time(claim, now)
    else:
        with pytest.raises(error) as refused:
            check_time(claim, now)
        assert f"{now:%H:%M:%S}" in refused.value.message
        assert f"{claim.signed_at:%H:%M:%S}" in refused.value.message


@pytest.mark.parametrize(
    ("seconds", "error"), [(0, None), (900, None), (-899, None), (901, RequestExpired), (-901, RequestTimeTooSkewed)]
)
def test_a_presigned_request_holds_as_long_as_it_says(seconds: int, error):
    claim = read_claim(presigned().request)
    now = claim.signed_at + timedelta(seconds=seconds)
    if error is None:
        check_time(claim, now)
    else:
        with pytest.raises(error):
            check_time(claim, now)


def test_the_day_of_the_scope_is_that_of_the_signature():
    claim = replace(read_claim(create().request), date="20010101")
    with pytest.raises(InvalidSignatureException, match="20010101"):
        check_time(claim, datetime.now(UTC))


def test_no_signature_at_all_is_missing():
    with pytest.raises(MissingAuthenticationTokenException):
        read_claim(SignedRequest("GET", "/sequencestores", "maxResults=1", [("host", "x")]))


def test_a_key_is_derived_once():
    claim = read_claim(create().request)
    assert KEYS.get(claim, SECRET) is KEYS.get(claim, SECRET)
    assert KEYS.get(claim, SECRET) != KEYS.get(replace(claim, date="20010101"), SECRET)
