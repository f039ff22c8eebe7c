"""Reading local blobs by blocks, each checked before any byte of it leaves."""

import os
from collections.abc import Callable, Generator, Iterable, Iterator

from isal import isal_zlib

from strandkeep.blobs.contract import DamagedBlob
from strandkeep.domain.blobs import BLOCK, Span, StoredBlob

#: Bytes of a chunk handed out: a slow reader's server holds several of them.
CHUNK = 256 * 1024


def read_steps(spans: Iterable[Span], path_of: Callable[[str], str]) -> Generator[list[bytes]]:
    """The bytes of spans in steps: the chunks of one block, or one chunk of small blobs that follow each other.

    Raises DamagedBlob for bytes that are gone or changed, once those before them are handed out; OSError for a
    fault of the disk.
    """
    small: list[bytes] = []
    gathered = 0
    try:
        for span in spans:
            is_small = span.blob.length <= CHUNK
            if small and (not is_small or gathered + span.length > CHUNK):
                yield [b"".join(small)]
                small, gathered = [], 0
            if is_small:
                small.append(_small_blob(path_of(span.blob.name), span))
                gathered += span.length
            else:
                yield from _blocks(path_of(span.blob.name), span)
    except DamagedBlob:
        if small:
            yield [b"".join(small)]
        raise
    if small:
        yield [b"".join(small)]


def _small_blob(path: str, span: Span) -> bytes:
    blob, offset, length = span
    descriptor = _open(path, blob)
    try:
        content = _read(descriptor, blob.length, 0)
    finally:
        os.close(descriptor)
    if len(content) != blob.length or isal_zlib.crc32(content) != blob.crc(0):
        raise _damaged(blob, 0)
    return content if length == blob.length else content[offset : offset + length]


def _blocks(path: str, span: Span) -> Iterator[list[bytes]]:
    """The chunks of each block of a span, as far as they lie within it."""
    blob, offset, length = span
    end = offset + length
    descriptor = _open(path, blob)
    try:
        for block in range(offset // BLOCK, -(-end // BLOCK)):
            base = block * BLOCK
            size = min(BLOCK, blob.length - base)
            chunks = [_read(descriptor, min(CHUNK, size - at), base + at) for at in range(0, size, CHUNK)]
            crc = 0
            for chunk in chunks:
                crc = isal_zlib.crc32(chunk, crc)
            if sum(map(len, chunks)) != size or crc != blob.crc(block):
                raise _damaged(blob, block)
            yield _within(chunks, offset - base, end - base)
    finally:
        os.close(descriptor)


def _read(descriptor: int, length: int, at: int) -> bytes:
    """`length` bytes from `at`; fewer at the end of the file alone: one call may bring some, the next an error."""
    chunk = os.pread(descriptor, length, at)
    while len(chunk) < length and (more := os.pread(descriptor, length - len(chunk), at + len(chunk))):
        chunk += more
    return chunk


def _open(path: str, blob: StoredBlob) -> int:
    try:
        return os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        raise DamagedBlob(f"blob {blob.name} is missing") from None


def _damaged(blob: StoredBlob, block: int) -> DamagedBlob:
    return DamagedBlob(f"block {block} of blob {blob.name} is not what was stored")


def _within(chunks: list[bytes], first: int, end: int) -> list[bytes]:
    """Bytes [first, end) of what the chunks make together, uncopied where a whole chunk lies within."""
    wanted: list[bytes] = []
    base = 0
    for chunk in chunks:
        begin, stop = max(first - base, 0), min(end - base, len(chunk))
        if begin < stop:
            wanted.append(chunk[begin:stop])
        base += len(chunk)
    return wanted
