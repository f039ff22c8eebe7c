"""The contract of a bucket: a place outside, which others write to whenever they like."""

from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager
from typing import Protocol

#: The most bytes of a chunk.
CHUNK = 1 << 20

CHANGED = "The object changed while it was read. Start again when nobody writes to it any more."


class BucketError(Exception):
    """Why an object cannot be had, in a sentence for whoever named it. It tells nothing of what they may not see."""


class MissingObject(BucketError):
    """There is nothing of that name."""

    def __init__(self) -> None:
        super().__init__("There is no such object in the bucket.")


class BucketAway(Exception):
    """The place does not answer now, in a sentence for whoever waits: what is to be done there is done later."""


class SourceObject(Protocol):
    """An object that is open for reading.

    `size` is in bytes; `identity` differs whenever the object is not the same any more. `descriptor` is that of an
    open file, where the object is one; `adopt` says how its bytes may be taken over then.
    """

    size: int
    identity: str
    descriptor: int | None
    adopt: str

    def chunks(self, first: int = 0) -> Iterator[bytes]:
        """Its bytes from `first` on, once, in chunks of at most 1 MiB.

        BucketError when it changed meanwhile, BucketAway when the place stopped answering.
        """


class Bucket(Protocol):
    """A place that keys are looked up in. BucketAway comes from each method when the place does not answer."""

    def open(self, key: str) -> AbstractContextManager[SourceObject]:
        """The object of a key, closed at the end; BucketError when there is none, or it cannot be read."""

    def put(self, key: str, chunks: Iterable[bytes], length: int) -> None:
        """Store an object of `length` bytes whole or not at all, durable on return; one of that name is replaced.

        BucketError when it cannot be stored there, ValueError when the chunks have another length.
        """

    def size_of(self, key: str) -> int | None:
        """The bytes of an object, None when there is none; BucketError when that cannot be found out."""


def whole(chunks: Iterable[bytes], length: int) -> Iterator[bytes]:
    """The chunks as they come; ValueError when they turn out to have another length together."""
    left = length
    for chunk in chunks:
        left -= len(chunk)
        yield chunk
    if left:
        raise ValueError(f"the chunks have {length - left} bytes, not {length}")
