"""Bodies that stream in and out of operations."""

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Incoming:
    """A body that streams in. `length` is what Content-Length announces, None without one.

    `check` takes the hex SHA-256 of all of it and raises when the request was signed for another body.
    """

    length: int | None
    chunks: AsyncIterator[bytes]
    check: Callable[[str], None]


@dataclass(frozen=True)
class Outgoing:
    """A body that streams out: exactly `length` bytes, or fewer when they cannot be vouched for."""

    length: int
    chunks: AsyncIterator[bytes]
