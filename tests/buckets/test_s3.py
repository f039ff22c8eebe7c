"""A bucket at an S3 endpoint: bad days between here and there, what is told of them, and what is sent."""

import errno
import logging
import os
import time
import uuid
from dataclasses import dataclass, field
from datetime import timedelta

import pytest

from strandkeep.bucket_settings import S3Keys, S3Place, Secret
from strandkeep.buckets import BucketAway, BucketError, s3
from strandkeep.buckets.s3 import S3Bucket
from tests.fault_proxy import Fault, FaultProxy, fault_proxy
from tests.s3_server import BUCKET, KEY_ID, PUBLIC, SECRET

MIB = 1 << 20
KEYS = S3Keys(Secret(KEY_ID), Secret(SECRET))


@dataclass
class Far:
    """A bucket behind a proxy, with one object of a few MiB in it."""

    proxy: FaultProxy
    place: S3Place
    content: bytes
    client: object
    key: str = "run 1/reads+%.fastq"
    bucket: S3Bucket = field(init=False)

    def __post_init__(self):
        self.bucket = S3Bucket(self.place)
        self.proxy.concerns = lambda request: request.method == "GET"

    @property
    def path(self):
        return f"{self.place.prefix}/{self.key}"

    def read(self, first=0):
        with self.bucket.open(self.key) as found:
            return b"".join(found.chunks(first))


@pytest.fixture
def proxy(s3_server):
    with fault_proxy(s3_server.endpoint) as made:
        yield made


@pytest.fixture
def quick(monkeypatch):
    """Nobody waits long for an answer."""
    monkeypatch.setattr(s3, "PAUSES", (0.01, 0.02, 0.05))
    monkeypatch.setattr(s3, "OPENING_PAUSES", (0.01, 0.02))
    monkeypatch.setattr(s3, "_READ_SILENCE", timedelta(seconds=0.5))


@pytest.fixture
def far(proxy, s3_server, quick):
    place = S3Place(BUCKET, uuid.uuid4().hex, proxy.endpoint, credentials=KEYS)
    made = Far(proxy, place, os.urandom(5 * MIB + 3), s3_server.client())
    made.client.put_object(Bucket=BUCKET, Key=made.path, Body=made.content)
    return made


@pytest.mark.parametrize("broken", ["reset_after", "end_after", "stall_after"])
@pytest.mark.parametrize("at", [0, 1, MIB, 3 * MIB + 1])
def test_a_body_that_breaks_goes_on_where_it_broke(far, broken, at):
    far.proxy.faults = [Fault(**{broken: at})]
    assert far.read() == far.content
    first, second = far.proxy.of(far.path)
    last = len(far.content) - 1
    assert first.headers["range"] == f"bytes=0-{last}"
    begun = int(second.headers["range"].removeprefix("bytes=").split("-")[0])
    # A reset takes with it what was on its way.
    assert 0 <= at - begun < (MIB if broken != "reset_after" else 4 * MIB)
    assert first.headers["if-match"] == second.headers["if-match"] != ""


def test_a_body_that_breaks_again_and_again_comes_as_long_as_bytes_come(far):
    far.proxy.always = Fault(end_after=MIB)
    assert far.read() == far.content
    assert len(far.proxy.of(far.path)) > len(s3.PAUSES) + 1


def test_a_body_of_which_nothing_comes_is_given_up(far):
    far.proxy.always = Fault(reset_after=0)
    with pytest.raises(BucketAway, match="does not answer: the connection broke"):
        far.read()
    assert len(far.proxy.of(far.path)) == len(s3.PAUSES) + 1


def test_a_body_from_a_byte_on_fetches_no_other_bytes(far):
    assert far.read(4 * MIB) == far.content[4 * MIB :]
    assert far.proxy.fetched(far.path) == len(far.content) - 4 * MIB


@pytest.mark.parametrize("status", [408, 429, 500, 502, 503, 504])
def test_an_answer_that_may_pass_is_waited_for(far, status):
    far.proxy.concerns = lambda request: True
    far.proxy.faults = [Fault(status=status)] * 2
    assert far.read() == far.content
    far.proxy.always = Fault(status=status)
    with pytest.raises(BucketAway, match=f"does not answer: HTTP {status}"):
        far.read()


@pytest.mark.parametrize(
    ("status", "says"),
    [(400, "refuses .HTTP 400"), (401, "denies"), (403, "denies"), (405, "refuses"), (501, "refuses")],
)
def test_an_answer_that_will_not_pass_is_a_verdict_at_once(far, status, says):
    far.proxy.concerns = lambda request: True
    far.proxy.always = Fault(status=status)
    with pytest.raises(BucketError, match=says):
        far.read()
    assert [request.method for request in far.proxy.requests] == ["HEAD", "GET"]


def test_an_endpoint_that_is_down_is_away_until_it_is_up(far):
    far.proxy.down()
    with pytest.raises(BucketAway, match="the connection is refused"):
        far.read()
    far.proxy.up()
    assert far.read() == far.content


def test_an_endpoint_that_goes_down_while_a_body_comes(far):
    with far.bucket.open(far.key) as found:
        far.proxy.always = Fault(pace=MIB)
        chunks = found.chunks()
        next(chunks)
        far.proxy.down()
        with pytest.raises(BucketAway):
            list(chunks)


def test_a_silent_endpoint_is_away(far):
    far.proxy.concerns = lambda request: True
    far.proxy.always = Fault(stall_after=0)
    with pytest.raises(BucketAway, match="silent"), far.bucket.open(far.key) as found:
        list(found.chunks())


def test_a_name_that_is_not_known_is_away(quick):
    bucket = S3Bucket(S3Place("lab", endpoint="http://nowhere.invalid"))
    with pytest.raises(BucketAway, match="its name is not known"):
        bucket.size_of("key")


def test_a_slow_taker_gets_all_of_it(far):
    """What ends a connection is silence of the other side, not how long it takes to use the bytes."""
    with far.bucket.open(far.key) as found:
        content = b""
        for chunk in found.chunks():
            time.sleep(0.2)
            content += chunk
    assert content == far.content
    assert len(far.proxy.of(far.path)) == 1


def test_an_object_that_is_replaced_between_two_requests_is_told(far):
    far.proxy.faults = [Fault(end_after=2 * MIB)]
    with far.bucket.open(far.key) as found:
        chunks = found.chunks()
        next(chunks)
        far.client.put_object(Bucket=BUCKET, Key=far.path, Body=far.content[::-1])
        with pytest.raises(BucketError, match="changed while it was read"):
            list(chunks)


@pytest.fixture
def public(far):
    """The same, in a bucket that everyone may read, by requests that are not signed."""
    far.client.put_object(Bucket=PUBLIC, Key=far.path, Body=far.content)
    far.bucket = S3Bucket(S3Place(PUBLIC, far.place.prefix, far.place.endpoint))
    return far


def test_a_public_bucket_needs_no_keys(public):
    assert public.read() == public.content


def test_an_object_that_is_replaced_is_told_where_the_server_knows_no_if_match(public):
    public.proxy.drops = frozenset({"if-match"})
    with public.bucket.open(public.key) as found:
        public.client.put_object(Bucket=PUBLIC, Key=public.path, Body=public.content[::-1])
        with pytest.raises(BucketError, match="changed while it was read"):
            list(found.chunks())


def test_an_object_that_is_deleted_between_two_requests_is_told(far):
    far.proxy.faults = [Fault(end_after=2 * MIB)]
    with far.bucket.open(far.key) as found:
        chunks = found.chunks()
        next(chunks)
        far.client.delete_object(Bucket=BUCKET, Key=far.path)
        with pytest.raises(BucketError, match="changed while it was read"):
            list(chunks)


@pytest.fixture
def writing(far, monkeypatch):
    """A bucket that is written to, whose faults concern the writing of bytes alone."""
    monkeypatch.setattr(s3, "_WRITE_RETRIES", 2)
    far.proxy.concerns = lambda request: request.method == "PUT"
    far.bucket = S3Bucket(far.place)
    return far


@pytest.mark.parametrize("size", [3, 20])
def test_a_write_that_fails_for_a_while_is_sent_again(writing, size):
    writing.proxy.faults = [Fault(status=503)] * 2
    content = os.urandom(size * MIB)
    writing.bucket.put(writing.key, (content[at : at + MIB] for at in range(0, len(content), MIB)), len(content))
    assert writing.read() == content


@pytest.mark.parametrize("size", [3, 20])
def test_a_write_that_fails_for_good_is_away_and_the_object_is_as_it_was(writing, size):
    writing.proxy.always = Fault(status=503)
    with pytest.raises(BucketAway, match="HTTP 503"):
        writing.bucket.put(writing.key, [bytes(MIB)] * size, size * MIB)
    assert writing.read() == writing.content
    writing.proxy.down()
    with pytest.raises(BucketAway, match="the connection is refused"):
        writing.bucket.put(writing.key, [bytes(MIB)] * size, size * MIB)


def test_a_file_that_is_missing_of_which_an_object_was_to_be_made_is_no_missing_object(far):
    def gone():
        raise FileNotFoundError(errno.ENOENT, "No such file or directory")
        yield b""

    for length in (MIB, 20 * MIB):
        with pytest.raises(FileNotFoundError):
            far.bucket.put("new", gone(), length)


def test_a_bucket_that_is_not_there_is_the_operators_matter(far):
    bucket = S3Bucket(S3Place("no-such-bucket", endpoint=far.place.endpoint, credentials=KEYS))
    with pytest.raises(BucketError, match="no bucket of the name"), bucket.open("key"):
        pass
    with pytest.raises(BucketError, match="no bucket of the name"):
        bucket.size_of("key")


@pytest.mark.parametrize("pair", [None, (KEY_ID, "wrong"), ("wrong", SECRET)])
def test_without_the_right_keys_access_is_denied(far, pair):
    keys = S3Keys(*map(Secret, pair)) if pair else None
    bucket = S3Bucket(S3Place(BUCKET, far.place.prefix, far.place.endpoint, credentials=keys))
    denied = r"denies access \((AccessDenied|SignatureDoesNotMatch|InvalidAccessKeyId)\)"
    for attempt in (lambda: bucket.size_of(far.key), lambda: bucket.put(far.key, [b"x"], 1)):
        with pytest.raises(BucketError, match=denied):
            attempt()


def test_no_verdict_shows_a_secret(far, caplog):
    caplog.set_level(logging.DEBUG)
    secrets = ("AKIDsecret", "itself secret", "session secret")
    bucket = S3Bucket(S3Place(BUCKET, "", far.place.endpoint, credentials=S3Keys(*map(Secret, secrets))))
    told = [repr(bucket), repr(S3Keys(*map(Secret, secrets)))]
    for status in (None, 400, 403, 404, 500):
        far.proxy.concerns, far.proxy.always = lambda request: True, Fault(status=status)
        with pytest.raises((BucketError, BucketAway)) as fault:
            bucket.size_of("key") or pytest.fail("there is none") if status != 404 else bucket.open("key").__enter__()
        told += [str(fault.value), repr(fault.value.__cause__)]
    assert not [secret for secret in secrets for text in [*told, caplog.text] if secret in text]


def test_nothing_of_the_environment_is_sent(far, monkeypatch):
    """A client of the library looks at all of these when it is made."""
    for name, value in {
        "AWS_ACCESS_KEY_ID": "AMBIENT",
        "AWS_SECRET_ACCESS_KEY": "ambient",
        "AWS_SESSION_TOKEN": "ambient",
        "AWS_ENDPOINT_URL": "http://127.0.0.1:1",
        "AWS_ENDPOINT_URL_S3": "http://127.0.0.1:1",
        "AWS_REQUEST_PAYER": "requester",
        "AWS_SERVER_SIDE_ENCRYPTION": "aws:kms",
        "AWS_PROXY_URL": "http://127.0.0.1:1",
        "AWS_CHECKSUM_ALGORITHM": "sha256",
        "AWS_SKIP_SIGNATURE": "true",
        "AWS_REGION": "eu-ambient-1",
    }.items():
        monkeypatch.setenv(name, value)
    before = dict(os.environ)
    signed, unsigned = S3Bucket(far.place), S3Bucket(S3Place(BUCKET, endpoint=far.place.endpoint))
    assert dict(os.environ) == before
    far.proxy.requests.clear()
    with signed.open(far.key) as found:
        assert b"".join(found.chunks()) == far.content
    signed.put("put", [b"content"], 7)
    with pytest.raises(BucketError, match="denies"):
        unsigned.size_of("key")
    sent = [{**request.headers} for request in far.proxy.requests]
    assert all("ambient" not in str(headers).lower() for headers in sent)
    known = {"host", "accept", "user-agent", "range", "if-match", "content-length", "content-type"}
    amz = {"authorization", "x-amz-date", "x-amz-content-sha256"}
    assert [set(headers) - known for headers in sent] == [amz] * 3 + [set()] * 2
    assert all("us-east-1/s3" in headers["authorization"] for headers in sent[:3])


@pytest.mark.parametrize(
    ("place", "asked"),
    [
        (S3Place("lab", "deep", "http://s3.example:9000"), "http://s3.example:9000/lab/deep/key"),
        (S3Place("lab", "deep", "http://s3.example:9000", path_style=False), "http://lab.s3.example:9000/deep/key"),
        (S3Place("lab", region="eu-central-1", path_style=False), "lab.s3.eu-central-1.amazonaws.com:443"),
        (S3Place("lab.x", region="eu-central-1"), "s3.eu-central-1.amazonaws.com:443"),
    ],
)
def test_the_host_that_is_asked(proxy, quick, monkeypatch, place, asked):
    """What would go to hosts outside goes to this proxy instead."""
    monkeypatch.setenv("HTTP_PROXY", proxy.endpoint)
    monkeypatch.setenv("HTTPS_PROXY", proxy.endpoint)
    proxy.always = Fault(status=503)
    with pytest.raises(BucketAway):
        S3Bucket(place).size_of("key")
    assert {request.path for request in proxy.requests} == {asked}


def test_the_machine_is_asked_for_credentials_only_if_the_mapping_says_so(proxy, quick, monkeypatch):
    monkeypatch.setenv("HTTP_PROXY", proxy.endpoint)
    proxy.always = Fault(status=503)
    asked = []
    for credentials in (None, KEYS, "instance"):
        proxy.requests.clear()
        with pytest.raises(BucketAway):
            S3Bucket(S3Place("lab", endpoint="http://s3.example", credentials=credentials)).size_of("key")
        asked.append({request.path for request in proxy.requests})
    object_alone = {"http://s3.example/lab/key"}
    assert asked == [object_alone, object_alone, {"http://169.254.169.254/latest/api/token"}]


@pytest.mark.parametrize("key", ["in/a b+c%20d", "%2e%2e/x", "back\\slash", "ü", "?x=y&z#f"])
def test_a_key_is_asked_for_exactly(far, key):
    assert far.bucket.size_of(key) is None
    assert {request.key for request in far.proxy.requests} == {f"{far.place.prefix}/{key}"}


@pytest.mark.parametrize("key", ["a\nb", "\x01", "a\x7f", "a//b", "a/./b", "../other", "a/..", "/a", "a/"])
def test_a_key_that_cannot_be_asked_for_is_refused_and_nothing_is_asked(far, key):
    with pytest.raises(BucketError, match="cannot be had here"):
        far.bucket.size_of(key)
    assert far.proxy.requests == []
