"""Claims that nobody honest makes: each is an ApiError that names the part, never another exception."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from strandkeep.errors import ApiError, IncompleteSignatureException
from strandkeep.protocol.sigv4 import (
    SignedRequest,
    SigningKeys,
    check_signature,
    check_time,
    payload_form,
    read_claim,
)

CREDENTIAL = "AKID/20260102/eu-central-1/omics/aws4_request"
PARTS = {"Credential": CREDENTIAL, "SignedHeaders": "host;x-amz-date", "Signature": "0" * 64}
QUERY = {
    "X-Amz-Algorithm": "AWS4-HMAC-SHA256",
    "X-Amz-Credential": CREDENTIAL,
    "X-Amz-Date": "20260102T030405Z",
    "X-Amz-Expires": "60",
    "X-Amz-SignedHeaders": "host",
    "X-Amz-Signature": "0" * 64,
}


def by_header(parts: dict[str, str], *more: tuple[str, str], date: str = "20260102T030405Z") -> SignedRequest:
    text = "AWS4-HMAC-SHA256 " + ", ".join(f"{name}={value}" for name, value in parts.items())
    return SignedRequest("GET", "/", "", [("host", "x"), ("x-amz-date", date), ("authorization", text), *more])


def by_query(parts: dict[str, str], more: str = "") -> SignedRequest:
    return SignedRequest("GET", "/", "&".join(f"{k}={v}" for k, v in parts.items()) + more, [("host", "x")])


def refused(request: SignedRequest, what: str) -> None:
    with pytest.raises(IncompleteSignatureException, match=what):
        read_claim(request)


def test_the_claims_that_the_others_are_made_of_can_be_read():
    assert read_claim(by_header(PARTS)).access_key_id == "AKID"
    assert read_claim(by_query(QUERY)).signed_at == datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


@pytest.mark.parametrize("part", PARTS)
@pytest.mark.parametrize("value", [None, "", "é", "x/y", "A;B", "host;host", "0" * 63, "0" * 65, "a\0b"])
def test_a_part_of_the_header_that_is_missing_or_malformed_is_named(part, value):
    parts = {name: text for name, text in (PARTS | {part: value}).items() if text is not None}
    refused(by_header(parts), part)


@pytest.mark.parametrize("part", QUERY)
def test_a_part_of_the_query_that_is_missing_or_given_twice_is_named(part):
    refused(by_query({name: value for name, value in QUERY.items() if name != part}), part.removeprefix("X-Amz-"))
    refused(by_query(QUERY, f"&{part}=x"), f"{part}' is in the query twice")


@pytest.mark.parametrize("expires", ["0", "604801", "-1", "1.5", "x", "9" * 50, "%D9%A3", "+1"])
def test_an_expiry_is_1_to_604800_seconds(expires):
    refused(by_query(QUERY | {"X-Amz-Expires": expires}), "X-Amz-Expires")


@pytest.mark.parametrize(
    "date",
    [
        "",
        "x",
        "2026-01-02T03:04:05Z",
        "20261302T030405Z",
        "20260230T030405Z",
        "20260102T250000Z",
        "0" * 8 + "T000000Z",
        "2026010\u0662T030405Z",
    ],
)
def test_a_date_is_a_moment_that_exists(date):
    refused(by_header(PARTS, date=date), "date is")


@pytest.mark.parametrize(
    "scope",
    [
        "AKID/20260102/eu-central-1/omics/aws5_request",
        "AKID/2026010/eu-central-1/omics/aws4_request",
        "/20260102/eu-central-1/omics/aws4_request",
        "AKID/20260102//omics/aws4_request",
        "AKID/20260102/eu-central-1/om\nics/aws4_request",
        "A" * 129 + "/20260102/eu-central-1/omics/aws4_request",
        "aws4_request",
    ],
)
def test_a_credential_has_five_parts(scope):
    refused(by_header(PARTS | {"Credential": scope}), "Credential")


def test_what_is_given_twice_or_unsigned_or_foreign_is_refused():
    refused(by_header(PARTS, ("authorization", "x")), "authorization is sent twice")
    refused(by_header(PARTS, ("x-amz-date", "x")), "x-amz-date is sent twice")
    refused(by_header(PARTS, ("host", "y")), "host is sent twice")
    refused(SignedRequest("GET", "/", "", [by_header(PARTS).headers[2]]), "x-amz-date is missing")
    refused(by_header(PARTS | {"SignedHeaders": "x-amz-date"}), "SignedHeaders lacks it|lacks host")
    refused(by_header(PARTS | {"SignedHeaders": "host"}), "x-amz-date")
    refused(SignedRequest("GET", "/", "", [("authorization", "Basic eDp5")]), "the algorithm is 'Basic'")
    refused(SignedRequest("GET", "/", "", [("authorization", "AWS4-HMAC-SHA256")]), "SignedHeaders is missing")
    both = by_query(QUERY)
    refused(SignedRequest("GET", "/", both.raw_query, by_header(PARTS).headers), "both")
    refused(SignedRequest("GET", "/", "X-Amz-Signature=%zz", []), "cannot be read")


text = st.text(max_size=30)
near = st.sampled_from([*QUERY, *QUERY.values(), *PARTS, "%", "&", "=", ";", "/", "AWS4-HMAC-SHA256 ", "host"]) | text


@given(
    st.lists(near, max_size=14).map("".join),
    st.lists(near, max_size=8).map("".join),
    st.lists(near, max_size=8).map(", ".join),
    st.dictionaries(st.sampled_from(list(QUERY)), near),
    st.booleans(),
)
def test_nothing_but_an_api_error_comes_of_junk(path, query, authorization, parts, presigned):
    request = SignedRequest(
        "GET",
        path,
        by_query(QUERY | parts, query).raw_query if presigned else query,
        [("host", path), ("x-amz-date", query), ("authorization", "AWS4-HMAC-SHA256 " + authorization)][
            : 1 if presigned else 3
        ],
    )
    everything(request)


@given(st.dictionaries(st.sampled_from(list(PARTS)), near), text, text, text)
def test_nothing_but_an_api_error_comes_of_a_readable_claim(parts, path, query, value):
    everything(SignedRequest("GET", path, query, [*by_header(PARTS | parts).headers, ("x-other", value)]))
    everything(SignedRequest("GET", path, query, [*by_header(PARTS).headers, ("x-other", value)]))


def everything(request: SignedRequest) -> None:
    try:
        claim = read_claim(request)
        payload_form(claim, unsigned_allowed=True)
        check_signature(claim, request, "0" * 64, SigningKeys().get(claim, "secret"))
    except ApiError as error:
        error.message.encode()
    else:
        pytest.fail("junk was taken")
    try:
        check_time(read_claim(request), datetime.now(UTC))
    except ApiError as error:
        error.message.encode()
