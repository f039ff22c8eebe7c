"""A bucket at an S3 endpoint. What is read is one object throughout: each request names the ETag of the first."""

import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING, TypeVar

import obstore
from obstore.store import S3Store

from strandkeep.bucket_settings import S3Place
from strandkeep.buckets.contract import CHANGED, CHUNK, BucketAway, BucketError, MissingObject, whole
from strandkeep.buckets.s3_client import s3_client
from strandkeep.buckets.s3_faults import told

if TYPE_CHECKING:
    from obstore import GetOptions, ObjectMeta

#: Seconds before a request is sent again that was not answered, and before the rest of a body is asked for that broke.
PAUSES = (0.2, 0.5, 1.0, 2.0, 4.0, 8.0)

#: As much before it is found that there is no answer at all: what waits behind it may be in another bucket.
OPENING_PAUSES = (0.2, 1.0)

#: A write tries again by itself, and waits for whole parts of it to arrive.
_WRITE_RETRIES = 5
_READ_SILENCE, _WRITE_SILENCE = timedelta(seconds=30), timedelta(seconds=120)

#: Bytes that gather before they are handed out; those that had gathered are asked for again when a body breaks.
_PIECE = 256 << 10

#: Bytes that are sent in one request, and how many parts an object may have.
_PART = 8 << 20
_PARTS = 9_000

_UNASKABLE = (
    "S3 keys with control characters or with empty, '.' or '..' components cannot be had here: rename the object."
)
_NO_ETAG = "The bucket's server gives no ETag, so that nobody could know whether the object changes while it is read."
_TOO_MUCH = "The bucket's server sends more bytes than were asked for."

_Answer = TypeVar("_Answer")


class S3Bucket:
    """`Bucket` over what lies below the prefix of a bucket. ValueError when a secret cannot be read."""

    def __init__(self, place: S3Place) -> None:
        self._prefix = f"{place.prefix}/" if place.prefix else ""
        self._reading = s3_client(place, silence=_READ_SILENCE, retries=0)
        self._writing = s3_client(place, silence=_WRITE_SILENCE, retries=_WRITE_RETRIES)

    @contextmanager
    def open(self, key: str) -> Iterator["S3Object"]:
        """See `Bucket.open`."""
        path = self._path(key)
        yield S3Object(self._reading, path, self._head(path))

    def put(self, key: str, chunks: Iterable[bytes], length: int) -> None:
        """See `Bucket.put`."""
        path, content = self._path(key), whole(chunks, length)
        part = max(_PART, -(-length // _PARTS))
        with told():
            if length <= part:
                obstore.put(self._writing, path, b"".join(content), use_multipart=False)
            else:
                obstore.put(self._writing, path, content, chunk_size=part, max_concurrency=2)

    def size_of(self, key: str) -> int | None:
        """See `Bucket.size_of`."""
        try:
            return self._head(self._path(key))["size"]
        except MissingObject:
            return None

    def _path(self, key: str) -> str:
        """The key below the prefix; BucketError for one that the client would not send as it is."""
        names = key.split("/")
        if {"", ".", ".."} & set(names) or any(letter < " " or letter == "\x7f" for letter in key):
            raise BucketError(_UNASKABLE)
        if any("\ud800" <= letter <= "\udfff" for letter in key):
            raise MissingObject
        return self._prefix + key

    def _head(self, path: str) -> "ObjectMeta":
        try:
            return _patiently(lambda: obstore.head(self._reading, path))
        except BucketError:
            # The answer to HEAD has no words; that to GET says what is missing or denied.
            _patiently(lambda: obstore.get(self._reading, path, options={"range": (0, 1)}))
            raise


class S3Object:
    """`SourceObject` over an object as it was when it was opened."""

    def __init__(self, client: S3Store, path: str, found: "ObjectMeta") -> None:
        etag = found["e_tag"]
        if not etag:
            raise BucketError(_NO_ETAG)
        self.size = found["size"]
        self.identity = f"{etag}-{self.size}-{found['version'] or ''}"
        self.descriptor: int | None = None
        self.adopt = "copy"
        self._client, self._path, self._etag = client, path, etag

    def chunks(self, first: int = 0) -> Iterator[bytes]:
        """See `SourceObject.chunks`. A body that breaks goes on at the byte where it broke."""
        at, pauses = first, iter(PAUSES)
        while at < self.size:
            try:
                for chunk in self._rest(at):
                    at, pauses = at + len(chunk), iter(PAUSES)
                    yield chunk
            except BucketAway:
                pause = next(pauses, None)
                if pause is None:
                    raise
                time.sleep(pause)

    def _rest(self, first: int) -> Iterator[bytes]:
        """The bytes from `first` on, as one request brings them."""
        left = self.size - first
        with _told_of_changes(), told():
            wanted: GetOptions = {"range": (first, self.size), "if_match": self._etag}
            answer = obstore.get(self._client, self._path, options=wanted)
            if answer.meta["e_tag"] != self._etag:
                # Not every server knows If-Match.
                raise BucketError(CHANGED)
            for piece in answer.stream(min_chunk_size=_PIECE):
                left -= len(piece)
                if left < 0:
                    raise BucketError(_TOO_MUCH)
                yield from _cut(memoryview(piece))
        if left:
            raise BucketAway("The bucket's server sends fewer bytes than were asked for.")


def _patiently(ask: Callable[[], _Answer]) -> _Answer:
    """The answer to a request that may be sent again; BucketAway when none came in all that time."""
    for pause in OPENING_PAUSES:
        try:
            with told():
                return ask()
        except BucketAway:
            time.sleep(pause)
    with told():
        return ask()


@contextmanager
def _told_of_changes() -> Iterator[None]:
    """What was there when it was opened, and is missing now, has changed."""
    try:
        yield
    except MissingObject:
        raise BucketError(CHANGED) from None


def _cut(piece: memoryview) -> Iterator[bytes]:
    for at in range(0, len(piece), CHUNK):
        yield bytes(piece[at : at + CHUNK])
