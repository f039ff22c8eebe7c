"""The contract of `Bucket`, on a folder and on a real S3 server."""

import os

import pytest

from strandkeep.bucket_settings import BucketMapping
from strandkeep.buckets import BucketError, Buckets
from tests.contract.kinds_of_buckets import folder_kind, s3_kind

MIB = 1 << 20
ACCOUNT = "111111111111"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/importer"

KEYS = [
    *("plain", "in/a/folder", "with blank", "a+b", "100%", "a%20b", "%2e%2e/x", "ünïcode/🧬.fastq", "a?b#c&d=e;f"),
    *("'quoted\"", "[x]{y}|^`<>", "~*()!$,:@", "...", "..name", "-", "a" * 200),
]


@pytest.fixture(params=[folder_kind, s3_kind])
def kind(request, tmp_path):
    with request.param(tmp_path / "bucket", lambda: request.getfixturevalue("s3_server")) as made:
        yield made


@pytest.fixture
def buckets(kind):
    return Buckets([BucketMapping("runs", kind.place), BucketMapping("shown", kind.place, read_only=True)], ACCOUNT)


def read(buckets, key, first=0):
    with buckets.open(f"s3://runs/{key}", ACCOUNT, ROLE) as found:
        chunks = list(found.chunks(first))
        assert sum(map(len, chunks)) == found.size - first
        assert all(0 < len(chunk) <= MIB for chunk in chunks)
        return b"".join(chunks)


def put(buckets, key, content, step=MIB, bucket="runs", length=None):
    chunks = (content[at : at + step] for at in range(0, len(content), step))
    buckets.put(f"s3://{bucket}/{key}", ACCOUNT, chunks, len(content) if length is None else length)


def size_of(buckets, key):
    return buckets.size_of(f"s3://runs/{key}", ACCOUNT, ROLE)


@pytest.mark.parametrize("key", KEYS)
def test_a_key_is_had_exactly_as_it_is(kind, buckets, key):
    kind.store(key, key.encode())
    assert read(buckets, key) == key.encode()


@pytest.mark.parametrize("key", KEYS)
def test_a_key_is_stored_exactly_as_it_is(kind, buckets, key):
    put(buckets, key, b"content")
    assert kind.stored() == {key: b"content"}


@pytest.mark.parametrize(
    "key", ["", "/", "/plain", "in//a", "in/", "./plain", "in/../plain", "..", ".", "../plain", "in/."]
)
def test_a_key_that_is_no_plain_path_reads_and_writes_nothing(kind, buckets, key):
    kind.store("plain", b"content")
    kind.store("in/a", b"content")
    before = kind.stored()
    for attempt in (read, size_of, lambda *_: put(buckets, key, b"other")):
        with pytest.raises(BucketError) as refusal:
            attempt(buckets, key)
        assert 20 < len(str(refusal.value)) <= 127
    assert kind.stored() == before


@pytest.mark.parametrize("size", [0, 1, MIB - 1, MIB, MIB + 1, 5 * MIB + 7])
def test_bytes_come_whole_and_from_anywhere(kind, buckets, size):
    content = os.urandom(size)
    kind.store("object", content)
    for first in sorted({0, 1, size // 2, max(0, size - 1), size} & set(range(size + 1))):
        assert read(buckets, "object", first) == content[first:]
    assert size_of(buckets, "object") == size


@pytest.mark.parametrize("size", [0, 1, 3 * MIB + 1, 20 * MIB])
def test_put_keeps_the_bytes_and_replaces(kind, buckets, size):
    content = os.urandom(size)
    put(buckets, "folder/object", b"before")
    put(buckets, "folder/object", content, step=700_001)
    assert kind.stored() == {"folder/object": content}
    assert read(buckets, "folder/object") == content


@pytest.mark.parametrize("size", [5, 20 * MIB])
@pytest.mark.parametrize("wrong", [-1, 1])
def test_put_of_another_length_stores_nothing(kind, buckets, size, wrong):
    kind.store("object", b"before")
    with pytest.raises(ValueError, match=f"have {size} bytes, not {size + wrong}"):
        put(buckets, "object", bytes(size), length=size + wrong)
    assert kind.stored() == {"object": b"before"}


class Torn(Exception):
    """What the chunks came from broke."""


@pytest.mark.parametrize("size", [0, 20])
def test_put_that_breaks_stores_nothing(kind, buckets, size):
    def torn():
        yield from [bytes(MIB)] * size
        raise Torn

    kind.store("object", b"before")
    with pytest.raises(Torn):
        buckets.put("s3://runs/object", ACCOUNT, torn(), 30 * MIB)
    assert kind.stored() == {"object": b"before"}


def test_a_bucket_that_is_for_reading_only_takes_nothing(kind, buckets):
    with pytest.raises(BucketError, match="mapped for reading only"):
        put(buckets, "object", b"content", bucket="shown")
    assert kind.stored() == {}


def test_what_is_missing_is_told(buckets):
    assert size_of(buckets, "nothing") is None
    with pytest.raises(BucketError, match="no such object"):
        read(buckets, "nothing")


def test_a_key_that_no_server_can_be_asked_for_is_missing(buckets):
    assert size_of(buckets, "\udcff") is None
    with pytest.raises(BucketError, match="no such object"):
        read(buckets, "\udcff")


def test_the_identity_is_of_these_bytes(kind, buckets):
    def identity():
        with buckets.open("s3://runs/object", ACCOUNT, ROLE) as found:
            return found.identity

    kind.store("object", b"content")
    first = identity()
    assert identity() == first
    kind.store("object", b"longer content")
    assert identity() != first


@pytest.mark.parametrize("change", [b"other", b"", bytes(6 * MIB), bytes(30 * MIB)])
def test_an_object_that_is_replaced_while_it_is_read_is_told(kind, buckets, change):
    kind.store("object", os.urandom(6 * MIB))
    with buckets.open("s3://runs/object", ACCOUNT, ROLE) as found:
        kind.store("object", change)
        with pytest.raises(BucketError, match="changed while it was read"):
            list(found.chunks())
