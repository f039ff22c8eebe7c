"""The stored bytes of a file, as the worker takes them in: hashed as they pass, looked at ahead, handed on."""

import hashlib
import os
from collections.abc import Iterator
from typing import Any

from strandkeep.formats._md5 import Md5

#: Bytes of a read: large enough that the calls cost nothing, small enough for the second-level cache.
CHUNK = 256 * 1024


def chunks(descriptor: int) -> Iterator[bytes]:
    """What is read from a descriptor, to its end."""
    while chunk := os.read(descriptor, CHUNK):
        yield chunk


class OriginalBytes:
    """The bytes of a file as it came, out of chunks; `length` and `md5` cover all that was read of it.

    What was read last waits in `md5`, so that the MD5 of the text can carry it along.
    """

    def __init__(self, chunks: Iterator[bytes]) -> None:
        self._chunks = chunks
        self._chunk = b""
        self._at = 0
        self.length = 0
        self.md5 = Md5()

    @property
    def offset(self) -> int:
        """How many bytes were taken."""
        return self.length - len(self._chunk) + self._at

    def peek(self, count: int) -> bytes:
        """The next `count` bytes, which stay; fewer at the end."""
        while len(self._chunk) - self._at < count and self._read():
            pass
        return self._chunk[self._at : self._at + count]

    def take(self, most: int) -> bytes | memoryview:
        """Between 1 and `most` bytes; none at the end."""
        if self._at == len(self._chunk):
            self._read()
        piece = memoryview(self._chunk)[self._at : self._at + most]
        self._at += len(piece)
        return piece

    def give_back(self, unused: bytes) -> None:
        """Let the last bytes taken be taken again."""
        if len(unused) > self._at:
            self._chunk, self._at = unused + self._chunk[self._at :], len(unused)
        self._at -= len(unused)

    def _read(self) -> bool:
        fresh = next(self._chunks, b"")
        self._digest(fresh)
        self.length += len(fresh)
        self._chunk, self._at = self._chunk[self._at :] + fresh, 0
        return bool(fresh)

    def _digest(self, fresh: bytes) -> None:
        self.md5.wait(fresh)


class StoredBytes(OriginalBytes):
    """All bytes of a source, of one original file as a rule; `sha256` covers them too."""

    def __init__(self, chunks: Iterator[bytes]) -> None:
        super().__init__(chunks)
        self.sha256 = hashlib.sha256(usedforsecurity=False)

    def facts(self) -> dict[str, Any]:
        """What is known of all that was read, as facts name it."""
        return {
            "stored_length": self.length,
            "stored_sha256": self.sha256.hexdigest(),
            "stored_md5": self.md5.hexdigest(),
        }

    def _digest(self, fresh: bytes) -> None:
        super()._digest(fresh)
        self.sha256.update(fresh)
