"""The contract of a bucket: a place outside, which others write to whenever they like."""

from collections.abc import Iterator
from contextlib import AbstractContextManager
from typing import Protocol


class BucketError(Exception):
    """Why an object cannot be had, in a sentence for whoever named it. It tells nothing of what they may not see."""


class BucketAway(Exception):
    """A place that does not answer now, in a sentence for whoever waits; it may answer later."""


class SourceObject(Protocol):
    """An object that is open for reading.

    `size` is in bytes; `identity` differs whenever the object is not the same any more.
    """

    size: int
    identity: str

    def chunks(self, first: int = 0) -> Iterator[bytes]:
        """Its bytes from `first` on, once, in chunks of at most 1 MiB; BucketError when it changed meanwhile."""


class Bucket(Protocol):
    """A place that keys are looked up in."""

    def open(self, key: str) -> AbstractContextManager[SourceObject]:
        """The object of a key, closed at the end; BucketError when there is none, or it cannot be read."""
