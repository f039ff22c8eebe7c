"""The original files of a source, which stand one after the other in its stored bytes."""

from collections.abc import Iterator, Sequence

from strandkeep.formats.stored import CHUNK, OriginalBytes, StoredBytes


def originals(stored: StoredBytes, sizes: Sequence[int]) -> Iterator[OriginalBytes]:
    """The files in order, each to be read to its end before the next; `sizes` in bytes, or none for a single file.

    Raises ValueError when the sizes are not those of what is stored.
    """
    if not sizes:
        yield stored
        return
    for size in sizes:
        yield OriginalBytes(_next(stored, size))
    if stored.peek(1):
        raise ValueError(f"more is stored than {len(sizes)} files of {sum(sizes)} bytes")


def _next(stored: StoredBytes, size: int) -> Iterator[bytes]:
    while size:
        piece = bytes(stored.take(min(size, CHUNK)))
        if not piece:
            raise ValueError(f"{size} bytes less are stored than the files have")
        size -= len(piece)
        yield piece
