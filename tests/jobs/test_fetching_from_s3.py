"""What an import fetches from a real S3 server on bad days: it waits, goes on where it was, or says what is wrong."""

import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest

from strandkeep.bucket_settings import BucketMapping, S3Keys, S3Place, Secret
from strandkeep.buckets import s3
from strandkeep.catalog import tables
from strandkeep.domain import times
from strandkeep.jobs import fetching
from tests.e2e.uploading import MIB
from tests.fault_proxy import Fault, FaultProxy, Request, fault_proxy
from tests.jobs.test_fetching import CHANGED, fetched, left, made, segments, sound
from tests.operations.conftest import with_settings
from tests.operations.imports import BUCKET as MAPPED
from tests.operations.imports import ReadsImporter, outcomes
from tests.s3_server import BUCKET, KEY_ID, SECRET

#: What happens between here and there is the same for every database.
pytestmark = pytest.mark.parametrize("own_house", ["sqlite"], indirect=True)

KEY = "run 1/reads+%ä.fastq.gz"


@dataclass(frozen=True)
class Far:
    """A caller whose bucket is at an S3 server, behind a proxy."""

    mine: ReadsImporter
    proxy: FaultProxy
    client: Any
    prefix: str

    @property
    def source(self) -> dict[str, Any]:
        """The one object as a source."""
        return self.mine.source(key=KEY)

    @property
    def asked(self) -> list[tuple[int, int]]:
        """(from which byte, how many came) of each request for bytes of the object."""
        ranges = [(request.headers["range"], request.sent) for request in self.proxy.of(self._path)]
        return [(int(given.removeprefix("bytes=").partition("-")[0]), sent) for given, sent in ranges]

    def put(self, content: bytes) -> None:
        """Store the object."""
        self.client.put_object(Bucket=BUCKET, Key=self._path, Body=content)

    def delete(self) -> None:
        """Remove the object."""
        self.client.delete_object(Bucket=BUCKET, Key=self._path)

    def before_request(self, number: int, act: Callable[[], None]) -> None:
        """Act before so many requests for bytes, from 1, are passed on."""

        def concerns(request: Request) -> bool:
            if request.method == "GET" and len(self.proxy.of(self._path)) == number:
                act()
            return request.method == "GET"

        self.proxy.concerns = concerns

    @property
    def _path(self) -> str:
        return f"{self.prefix}/{KEY}"


@pytest.fixture
def far(own, tmp_path, s3_server, monkeypatch) -> Iterator[Far]:
    """An object of three and a bit MiB that counts from MiB to MiB; nobody waits long for an answer."""
    monkeypatch.setattr(s3, "PAUSES", (0.01, 0.02, 0.05))
    monkeypatch.setattr(s3, "OPENING_PAUSES", (0.01, 0.02))
    monkeypatch.setattr(s3, "_READ_SILENCE", timedelta(seconds=0.5))
    monkeypatch.setattr(fetching, "STRETCH", MIB)
    with fault_proxy(s3_server.endpoint) as proxy:
        proxy.concerns = lambda request: request.method == "GET"
        place = S3Place(BUCKET, uuid.uuid4().hex, proxy.endpoint, credentials=S3Keys(Secret(KEY_ID), Secret(SECRET)))
        api = with_settings(own, buckets=(BucketMapping(MAPPED, place),))
        found = Far(ReadsImporter(api, tmp_path, api.new_store()), proxy, s3_server.client(), place.prefix)
        found.put(sound())
        yield found


@pytest.mark.parametrize(
    "fault",
    [
        Fault(status=503),
        Fault(status=500),
        Fault(reset_after=MIB + MIB // 2),
        Fault(end_after=MIB + MIB // 2),
        Fault(stall_after=MIB + MIB // 2),
    ],
    ids=["503", "500", "reset", "cut", "stall"],
)
def test_what_goes_wrong_for_a_moment_is_not_noticed_and_the_rest_comes_once(far, fault):
    far.proxy.faults = [fault, fault]
    job = far.mine.start(far.source)["id"]
    far.mine.run(job)
    assert far.mine.bytes_of(made(far.mine, job)) == sound()
    # A connection that is reset takes with it what was on its way.
    assert sum(sent for _, sent in far.asked) <= len(sound()) + 3 * MIB
    assert left(far.mine) == []


def test_an_endpoint_that_is_down_is_waited_for(far):
    job = far.mine.start(far.source)["id"]
    far.proxy.down()
    far.mine.run(job)
    ((status, message),) = outcomes(far.mine.job(job))
    assert status == "IN_PROGRESS"
    assert message.endswith("It is tried again.")
    assert len(message) <= 127
    far.proxy.up()
    far.mine.run(job)
    assert far.mine.bytes_of(made(far.mine, job)) == sound()


def test_after_an_endpoint_went_down_in_the_middle_the_rest_alone_is_asked_for(far):
    job = far.mine.start(far.source)["id"]
    far.proxy.faults, far.proxy.always = [Fault(end_after=2 * MIB + MIB // 2)], Fault(status=503)
    far.mine.run(job)
    before = fetched(far.mine)
    here = sum(row.length for name in before for row in far.mine.api.rows(tables.blob, name=name))
    assert outcomes(far.mine.job(job))[0][0] == "IN_PROGRESS"
    assert here >= 2 * MIB
    requests, far.proxy.always = len(far.asked), Fault()
    far.mine.run(job)
    read_set = made(far.mine, job)
    assert far.mine.bytes_of(read_set) == sound()
    assert segments(far.mine, read_set)[: len(before)] == before
    assert far.asked[requests:] == [(here, len(sound()) - here)]
    assert left(far.mine) == []


def test_an_object_that_is_replaced_while_it_is_read_fails(far):
    far.proxy.faults = [Fault(end_after=MIB + MIB // 2)]
    far.before_request(2, lambda: far.put(sound(seed=2)))
    assert outcomes(far.mine.done(far.source)) == [("FAILED", CHANGED)]
    assert (fetched(far.mine), left(far.mine)) == ([], [])


@pytest.mark.parametrize("change", ["replaced", "gone"])
def test_an_object_that_changed_between_attempts_fails(far, change):
    job = far.mine.start(far.source)["id"]
    far.proxy.faults, far.proxy.always = [Fault(end_after=2 * MIB)], Fault(status=503)
    far.mine.run(job)
    assert fetched(far.mine)
    far.proxy.always = Fault()
    far.put(sound(seed=2)) if change == "replaced" else far.delete()
    far.mine.run(job)
    said = CHANGED if change == "replaced" else "There is no such object in the bucket."
    assert outcomes(far.mine.job(job)) == [("FAILED", said)]
    assert (fetched(far.mine), left(far.mine)) == ([], [])


def test_an_endpoint_that_is_down_for_good_is_given_up_in_the_end(far):
    api = with_settings(far.mine.api, bucket_patience_s=60)
    mine = ReadsImporter(api, far.mine.folder, far.mine.store)
    job = mine.start(far.source)["id"]
    far.proxy.faults, far.proxy.always = [Fault(end_after=2 * MIB)], Fault(status=503)
    mine.run(job)
    api.house.catalog.clock.move(50 * times.SECOND)
    mine.run(job)
    assert outcomes(mine.job(job))[0][0] == "IN_PROGRESS"
    api.house.catalog.clock.move(20 * times.SECOND)
    mine.run(job)
    ((status, message),) = outcomes(mine.job(job))
    assert status == "FAILED"
    assert "It was tried for 7" in message
    assert message.endswith("retry it when the bucket is back.")
    assert (fetched(mine), left(mine)) == ([], [])
