"""A fallback location at a real S3 server, on bad days."""

import dataclasses
import os
import uuid
from datetime import timedelta

import pytest

from strandkeep.bucket_settings import BucketMapping, S3Place
from strandkeep.buckets import s3
from tests.contract.kinds_of_buckets import KEYS
from tests.fault_proxy import Fault, fault_proxy
from tests.operations.conftest import with_settings
from tests.operations.fallbacks import BUCKET, failing
from tests.s3_server import BUCKET as LAB

MIB = 1 << 20
#: The second is sent in several requests.
PARTS = {"SOURCE1": [os.urandom(MIB), os.urandom(20 * MIB), os.urandom(1)], "SOURCE2": [os.urandom(3)]}


@pytest.fixture
def proxy(s3_server):
    with fault_proxy(s3_server.endpoint) as made:
        yield made


@pytest.fixture
def quick(monkeypatch):
    """Nobody waits long for an answer, nor tries often."""
    monkeypatch.setattr(s3, "PAUSES", (0.01, 0.02))
    monkeypatch.setattr(s3, "OPENING_PAUSES", (0.01, 0.02))
    monkeypatch.setattr(s3, "_WRITE_RETRIES", 0)
    monkeypatch.setattr(s3, "_WRITE_SILENCE", timedelta(seconds=5))


@pytest.fixture
def place(proxy, quick):
    return S3Place(LAB, uuid.uuid4().hex, proxy.endpoint, credentials=KEYS)


@pytest.fixture
def mine(own, tmp_path, place):
    """A caller whose store keeps failed uploads at the S3 server, through the proxy."""
    made = failing(own, tmp_path, location=f"s3://{BUCKET}/kept")
    return dataclasses.replace(made, api=with_settings(own, buckets=(BucketMapping(BUCKET, place),)))


@pytest.fixture
def kept(s3_server, place):
    """What lies in the bucket: key below the prefix → bytes."""
    client = s3_server.client()

    def read():
        found = client.list_objects_v2(Bucket=LAB, Prefix=f"{place.prefix}/").get("Contents", [])
        bodies = {one["Key"]: client.get_object(Bucket=LAB, Key=one["Key"])["Body"].read() for one in found}
        return {key.removeprefix(f"{place.prefix}/kept/"): body for key, body in bodies.items()}

    return read


def writes(proxy):
    """The last names of the keys that were written, each once, in the order in which they were begun."""
    written = [request for request in proxy.requests if request.method in ("PUT", "POST")]
    return list(dict.fromkeys(f"{request.key.rsplit('/', 2)[-2]}/{request.key.rsplit('/')[-1]}" for request in written))


def test_parts_small_and_large_lie_there(mine, kept):
    upload, _ = mine.failed(PARTS)
    mine.keep(upload)
    found = kept()
    assert mine.outcome(upload) == ("COMPLETED", None)
    assert found.pop(f"{mine.store}/{upload}/request.json")
    assert found == mine.parts(upload, PARTS)


@pytest.mark.parametrize("status", [503, 500, 429])
def test_a_server_that_fails_midway_is_asked_again_for_the_rest_alone(mine, kept, proxy, status):
    upload, read_set = mine.failed(PARTS)
    message = mine.metadata(read_set)["statusMessage"]
    proxy.concerns = lambda request: request.method != "HEAD" and "part-00002" in request.path
    proxy.always = Fault(status=status)
    mine.keep(upload)
    assert mine.outcome(upload)[0] == "IN_PROGRESS"
    assert mine.outcome(upload)[1].startswith(f"The bucket's server does not answer: HTTP {status}")
    assert list(kept()) == [f"{mine.store}/{upload}/SOURCE1/part-00001"]
    assert mine.metadata(read_set)["statusMessage"] == message

    proxy.always = Fault()
    proxy.requests.clear()
    mine.keep(upload)
    assert mine.outcome(upload) == ("COMPLETED", None)
    assert writes(proxy) == [
        *("SOURCE1/part-00002", "SOURCE1/part-00003", "SOURCE2/part-00001"),
        f"{upload}/request.json",
    ]
    assert kept().items() > mine.parts(upload, PARTS).items()


def test_a_server_that_is_down_is_waited_for(mine, kept, proxy):
    upload, _ = mine.failed(PARTS)
    proxy.down()
    mine.keep(upload)
    assert (
        mine.outcome(upload)[1] == "The bucket's server does not answer: the connection is refused. It is tried again."
    )
    proxy.up()
    mine.keep(upload)
    assert mine.outcome(upload) == ("COMPLETED", None)
    assert kept().items() > mine.parts(upload, PARTS).items()


def test_a_server_that_denies_it_fails_the_job(mine, kept, proxy):
    upload, read_set = mine.failed(PARTS)
    proxy.concerns = lambda request: request.method in ("PUT", "POST")
    proxy.always = Fault(status=403)
    mine.keep(upload)
    state, said = mine.outcome(upload)
    assert state == "FAILED"
    assert read_set in said
    assert "The bucket's server denies access" in said
    assert kept() == {}


def test_what_is_damaged_leaves_no_half_part(mine, kept):
    upload, read_set = mine.failed(PARTS)
    path = mine.blob_path(read_set, "SOURCE1", 2)
    with path.open("r+b") as blob:
        blob.seek(19 * MIB)
        blob.write(bytes(1000))
    mine.keep(upload)
    assert mine.outcome(upload)[0] == "COMPLETED_WITH_FAILURES"
    parts = mine.parts(upload, PARTS)
    del parts[f"{mine.store}/{upload}/SOURCE1/part-00002"]
    found = kept()
    assert b"block 19 of blob" in found.pop(f"{mine.store}/{upload}/request.json")
    assert found == parts
