"""The contract of a place for bytes. Every place passes the suite in `tests/contract/test_blobs.py`."""

from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from typing import Literal, NamedTuple, Protocol

from strandkeep.domain.blobs import Span, StoredBlob
from strandkeep.domain.damage import Finding


class DamagedBlob(Exception):
    """A block is not the one that was stored: missing, cut short, or with another CRC-32. It was not handed out."""

    def __init__(self, finding: Finding) -> None:
        super().__init__(str(finding))
        self.finding = finding


class OutOfSpace(Exception):
    """The place has less room than it keeps free, or refused a write for want of room."""


class Adoptable(NamedTuple):
    """A regular file outside that may become a blob as it is: by a hard link to it, or a reflink of it.

    `descriptor` is open for reading until `Blobs.begin` has returned.
    """

    descriptor: int
    how: Literal["link", "clone"]


class NewBlob(AbstractContextManager["NewBlob"], Protocol):
    """A blob that is being written, by one thread at a time; discarded at the end of a `with` unless it is finished.

    `length` is the bytes that came so far; `adopted` tells that it is a file which has them already. Nothing of it
    counts, nor has its name, before `finish`.
    """

    length: int
    adopted: bool

    def write(self, chunk: bytes) -> None:
        """Append a chunk. Raises OutOfSpace, or OSError for another fault of the place."""

    def finish(self) -> StoredBlob:
        """Make it durable and give it its name.

        ValueError when it has no byte, or is an adopted file that changed or has more than came; OutOfSpace, OSError
        as `write`.
        """

    def discard(self) -> None:
        """Leave nothing, but for an orphan where `finish` failed at its last step. After `finish` nothing happens."""


class Blobs(Protocol):
    """A place for bytes.

    A blob is immutable, and its name was never used before. The caller's transaction that inserts the name makes
    it count (law 1); until then it is an orphan, which a sweep removes.
    """

    name: str

    def check_room(self, length: int) -> None:
        """Raise OutOfSpace when `length` more bytes would leave less than the room to keep free."""

    async def put(self, chunks: AsyncIterator[bytes], length: int) -> StoredBlob:
        """Store exactly `length` bytes; durable when this returns.

        After an exception, one raised by `chunks` included, nothing remains but at most an orphan. Memory is
        bounded, whatever the length. Raises OutOfSpace, or OSError for another fault of the place.
        """

    def begin(self, adopt: Adoptable | None = None) -> NewBlob:
        """A new blob, for whoever does more with each chunk than to store it; from a thread.

        It may be the file `adopt` itself where the place can do that, and is a copy otherwise. Either way all bytes of
        the file are to be written to it, by one who finds out whether they changed from before `begin` to the last.
        """

    def write(self, chunks: Iterable[bytes]) -> StoredBlob:
        """As `put`, from a thread, and for as many bytes as come; ValueError when none do."""

    def read(self, spans: Sequence[Span]) -> Iterator[bytes]:
        """The bytes of spans, one after the other, in chunks of at most 256 KiB, from a thread.

        Spans that are shorter share chunks. Each block is checked before any byte of it is handed out; DamagedBlob
        otherwise, after all that comes before it.
        """

    def stream(self, spans: Sequence[Span]) -> AsyncIterator[bytes]:
        """As `read`, without holding up the event loop."""

    def remove(self, name: str) -> None:
        """Remove a blob's bytes; nothing happens when there are none."""

    def orphans(self, older_than_s: float) -> Iterator[list[str]]:
        """Names of all blobs that have theirs for longer than this, in lists: those without a row are orphans."""

    def put_manifest(self, name: str, content: bytes) -> None:
        """Store a small object beside the blobs, durable when this returns; one of that name is replaced."""

    def remove_manifest(self, name: str) -> None:
        """Remove such an object; nothing happens when there is none."""
