"""A folder whose calls hang: whoever reads from it is told, and what hangs is left alone."""

import threading
from contextlib import contextmanager

import pytest

from strandkeep.buckets import BucketAway, BucketError, patient
from strandkeep.buckets.folder import FolderBucket
from strandkeep.buckets.patient import PatientBucket


class Hanging:
    """A mount whose server is gone, which no test has: `hangs` says of which call it does not come back for a while."""

    def __init__(self, folder, hangs):
        self.back = threading.Event()
        self.closed = threading.Event()
        self._bucket = FolderBucket(folder)
        self._hangs = hangs

    @contextmanager
    def open(self, key):
        self._come_to("open")
        with self._bucket.open(key) as found:
            yield Slow(found, self)
        self.closed.set()

    def _come_to(self, call):
        if call == self._hangs:
            self.back.wait(10)


class Slow:
    def __init__(self, found, bucket):
        self.size, self.identity, self.descriptor, self.adopt = found.size, found.identity, found.descriptor, "copy"
        self._found, self._bucket = found, bucket

    def chunks(self, first=0):
        for chunk in self._found.chunks(first):
            yield chunk
            self._bucket._come_to("read")


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setattr(patient, "LONGEST_CALL_S", 0.2)
    (tmp_path / "a").write_bytes(b"x" * (3 << 20))
    return tmp_path


def everything(bucket):
    with PatientBucket(bucket).open("a") as found:
        return b"".join(found.chunks())


def test_what_answers_is_read_as_it_is(folder):
    assert everything(FolderBucket(folder)) == b"x" * (3 << 20)


@pytest.mark.parametrize("call", ["open", "read"])
def test_a_call_that_hangs_is_given_up_and_all_is_closed_once_it_comes_back(folder, call):
    bucket = Hanging(folder, call)
    with pytest.raises(BucketAway, match="does not answer: is what is mounted there alive"):
        everything(bucket)
    assert not bucket.closed.is_set()
    bucket.back.set()
    assert bucket.closed.wait(5)


def test_what_is_wrong_is_told_as_it_is(folder):
    with pytest.raises(BucketError, match="no such object"), PatientBucket(FolderBucket(folder)).open("b"):
        pass


def test_no_thread_is_left_when_all_is_read(folder):
    before = threading.active_count()
    for _ in range(20):
        everything(FolderBucket(folder))
    for thread in threading.enumerate():
        if thread.name == "bucket":
            thread.join(5)
    assert threading.active_count() == before
