"""What a request may look like beyond the limits of the model, which test_broken_limits has."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from strandkeep.errors import ValidationException
from strandkeep.protocol.service import load_service

OPERATIONS = load_service().operations
LIST = OPERATIONS["ListReadSets"]
STORE = {"sequenceStoreId": "1234567890"}


def listing(body: bytes = b"", query: str = "", headers: dict[str, str] | None = None):
    read = LIST.parse(STORE, query, headers or {}, body)
    assert read.pop("sequenceStoreId") == "1234567890"
    return read


@pytest.mark.parametrize("body", [b"", b"{}", b' {"filter":null} ', b'{"other":[1]}', b'{"sequenceStoreId":"9"}'])
def test_a_body_without_members_is_one_however_it_comes(body):
    assert listing(body) == {}


@pytest.mark.parametrize(
    ("body", "what"),
    [
        (b"nul", "is not JSON"),
        (b"null", "null is not a JSON object"),
        (b"[]", "a list is not a JSON object"),
        (b'"x"', "is not a JSON object"),
        (b"{} {}", "is not JSON"),
        (b"\xff{}", "is not UTF-8"),
        (b"\xef\xbb\xbf{}", "is not JSON"),
        (b'{"filter":NaN}', "it has NaN"),
        (b'{"filter":-Infinity}', "it has -Infinity"),
        (b'{"a":' * 200_000, "nested too deeply"),
        (b"[" * 200_000, "nested too deeply"),
        (b'{"a":' + b"9" * 5000 + b"}", "too many digits"),
        (b'{"a":"\t"}', "is not JSON"),
    ],
)
def test_a_body_that_is_no_json_object_is_refused(body, what):
    with pytest.raises(ValidationException, match="1 validation error: body: ") as refused:
        listing(body)
    assert what in refused.value.message


@given(st.binary(max_size=60), st.text(max_size=40), st.text(max_size=20))
def test_nothing_but_a_validation_error_comes_of_junk(body, query, header):
    for operation in OPERATIONS.values():
        try:
            operation.parse({"sequenceStoreId": query, "id": header}, query, {"range": header}, body)
        except ValidationException as error:
            error.message.encode()


def test_the_first_five_problems_are_told_and_the_rest_counted():
    with pytest.raises(ValidationException) as refused:
        OPERATIONS["BatchDeleteReadSet"].parse(STORE, "", {}, b'{"ids":["a","b",3,null,"c","d","1234567890"]}')
    message = refused.value.message
    assert message.startswith("6 validation errors: ids[0]: 'a' has 1 character, at least 10 needed; ids[1]: ")
    assert "ids[2]: 3 is not a string; ids[3]: null is not a string; ids[4]: " in message
    assert message.endswith("; and 1 more")


def test_a_flood_of_problems_is_not_collected():
    labels = {"sequenceStoreId": "1234567890", "uploadId": "1234567890"}
    body = b'{"parts":[%s{}]}' % (b"{}," * 90_000)
    with pytest.raises(ValidationException, match=r"^10\d or more validation errors: parts\[0\].*and \d+ or more$"):
        OPERATIONS["CompleteMultipartReadSetUpload"].parse(labels, "", {}, body)
    tags = b",".join(b'"%d":7' % place for place in range(1000))
    with pytest.raises(ValidationException, match=r"^100 or more validation errors: tags\['0'\]: 7 is not a string"):
        OPERATIONS["CreateReferenceStore"].parse({}, "", {}, b'{"name":"a","tags":{%s}}' % tags)


def test_a_document_of_more_values_than_any_operation_takes_is_not_read():
    labels = {"sequenceStoreId": "1234567890", "uploadId": "1234567890"}
    for body in (b"[" * 200_001, b'{"x":[%s1]}' % (b"1," * 199_999), b'{"a":%s}' % (b'{"a":' * 200_000)):
        with pytest.raises(ValidationException, match="body: has more than 200000 members and items"):
            OPERATIONS["CompleteMultipartReadSetUpload"].parse(labels, "", {}, body)
    assert listing(b'{"x":[%s1]}' % (b"1," * 199_998)) == listing(b"{}")


def test_a_long_value_is_told_short():
    with pytest.raises(ValidationException) as refused:
        listing(query="nextToken=" + "x" * 7000)
    assert refused.value.message == (
        f"1 validation error: nextToken: '{'x' * 40}'… has 7000 characters, at most 6144 allowed"
    )


def test_the_first_bad_character_is_named():
    with pytest.raises(ValidationException, match=r"filter\.name: 'a\\tb' .* see character 2: '\\t'"):
        listing(b'{"filter":{"name":"a\\tb"}}')


def test_lengths_are_counted_in_code_points():
    assert listing(b'{"filter":{"name":"%s"}}' % ("𝄞" * 127).encode())["filter"]["name"] == "𝄞" * 127


@pytest.mark.parametrize(
    "text", ["seven", "1.5", "", "%20", "1_0", "+1", "0x1", "%D9%A3", "9" * 30, "9" * 9000, "-", "--1"]
)
def test_an_integer_of_the_query_is_digits(text):
    with pytest.raises(ValidationException, match="validation error: maxResults: "):
        listing(query=f"maxResults={text}")


def test_a_single_value_given_twice_is_refused():
    with pytest.raises(ValidationException, match="maxResults: is given 2 times"):
        listing(query="maxResults=1&maxResults=1")


def test_the_query_is_decoded_once_and_a_plus_is_a_plus():
    assert listing(query="nextToken=a%2520b+c%20%C3%A9&&maxResults=007&unknown") == {
        "nextToken": "a%20b+c é",
        "maxResults": 7,
    }
    with pytest.raises(ValidationException, match="query: "):
        listing(query="nextToken=%zz")


@pytest.mark.parametrize("text", ["a\\u0000b", "\\ud800", "x\\udfffy"])
def test_text_that_cannot_be_stored_is_refused_where_the_model_has_no_pattern(text):
    for tags in (f'{{"{text}":"v"}}', f'{{"k":"{text}"}}'):
        with pytest.raises(ValidationException, match=r"tags.*cannot be stored"):
            OPERATIONS["TagResource"].parse({"resourceArn": "arn:x"}, "", {}, b'{"tags":%s}' % tags.encode())


def test_a_pair_of_surrogates_is_one_character():
    read = OPERATIONS["TagResource"].parse({"resourceArn": "arn:x"}, "", {}, b'{"tags":{"k":"\\ud834\\udd1e"}}')
    assert read["tags"] == {"k": "𝄞"}


def test_an_empty_location_is_allowed_where_the_pattern_says_so():
    read = OPERATIONS["UpdateSequenceStore"].parse({"id": "1234567890"}, "", {}, b'{"fallbackLocation":""}')
    assert read["fallbackLocation"] == ""
    with pytest.raises(ValidationException, match="fallbackLocation"):
        OPERATIONS["UpdateSequenceStore"].parse({"id": "1234567890"}, "", {}, b'{"fallbackLocation":"\\n"}')


def test_a_bar_in_a_character_class_is_a_bar():
    labels = {"referenceStoreId": "1234567890"}
    read = OPERATIONS["ListReferences"].parse(labels, "", {}, b'{"filter":{"md5":"a|b"}}')
    assert read["filter"] == {"md5": "a|b"}


def test_the_range_header_is_read():
    read = OPERATIONS["GetReference"].parse(
        {"referenceStoreId": "1234567890", "id": "1234567890"}, "partNumber=1", {"range": "bytes=0-9"}, b""
    )
    assert (read["range"], read["partNumber"]) == ("bytes=0-9", 1)


def test_a_streamed_body_is_not_looked_at():
    labels = {"sequenceStoreId": "1234567890", "uploadId": "1234567890"}
    read = OPERATIONS["UploadReadSetPart"].parse(labels, "partSource=SOURCE1&partNumber=1", {}, b"\xff{")
    assert read == labels | {"partSource": "SOURCE1", "partNumber": 1}


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ('"2026-01-02T03:04:05Z"', datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)),
        ('"2026-01-02t03:04:05.6z"', datetime(2026, 1, 2, 3, 4, 5, 600_000, tzinfo=UTC)),
        ('"2026-01-02T03:04:05.678901999Z"', datetime(2026, 1, 2, 3, 4, 5, 678_901, tzinfo=UTC)),
        ('"2026-01-02T03:04:05.5+02:00"', datetime(2026, 1, 2, 1, 4, 5, 500_000, tzinfo=UTC)),
        ('"2026-01-02T03:04:05-0530"', datetime(2026, 1, 2, 8, 34, 5, tzinfo=UTC)),
        ("0", datetime(1970, 1, 1, tzinfo=UTC)),
        ("1767323045.25", datetime(2026, 1, 2, 3, 4, 5, 250_000, tzinfo=UTC)),
        ("-1", datetime(1969, 12, 31, 23, 59, 59, tzinfo=UTC)),
    ],
)
def test_a_timestamp_is_read_in_every_form(text, moment):
    read = listing(b'{"filter":{"createdAfter":%s}}' % text.encode())["filter"]["createdAfter"]
    assert read == moment
    assert read.tzinfo is UTC


@pytest.mark.parametrize(
    "text",
    ['"yesterday"', '""', '"2026-01-02"', '"2026-01-02T03:04:05"', '"2026-13-02T03:04:05Z"', '"2026-02-30T00:00:00Z"',
     '"2026-01-02T24:00:00Z"', '"2026-01-02T03:04:60Z"', '"0001-01-01T00:00:00+01:00"', '"9999-12-31T23:59:59-01:00"',
     '"2026-01-02T03:04:05+24:00"', '"2026-01-02T03:04:05.0123456789Z"',
     '"2026-01-02T03:04:05Z\\n"', '"0000-01-01T00:00:00Z"',
     "1e999", "1e300", "99999999999999999999", "true", "[]", "{}", '"\\ud800"'],
)  # fmt: skip
def test_a_time_that_is_none_is_refused(text):
    with pytest.raises(ValidationException, match=r"filter\.createdAfter: "):
        listing(b'{"filter":{"createdAfter":%s}}' % text.encode())
