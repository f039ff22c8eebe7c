"""Reading local blobs by blocks, each checked before any byte of it leaves."""

import os
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence

from isal import isal_zlib

from strandkeep import metrics
from strandkeep.blobs.contract import DamagedBlob
from strandkeep.domain.blobs import BLOCK, Span
from strandkeep.domain.damage import Damage, Finding

#: Bytes of a chunk handed out: a slow reader's server holds several of them.
CHUNK = 256 * 1024


def read_steps(spans: Iterable[Span], path_of: Callable[[str], str]) -> Generator[list[bytes]]:
    """The bytes of spans in steps: the chunks of one block, or one chunk of small blobs that follow each other.

    Raises DamagedBlob for bytes that are gone or changed, once those before them are handed out; OSError for a
    fault of the disk.
    """
    small: list[bytes] = []
    room = CHUNK
    try:
        for span in spans:
            is_small = span.size <= CHUNK
            if small and (span.length > room or not is_small):
                yield [b"".join(small)]
                small, room = [], CHUNK
            if is_small:
                small.append(_small_blob(path_of(span.name), span))
                room -= span.length
            else:
                yield from _blocks(path_of(span.name), span)
    except DamagedBlob:
        if small:
            yield [b"".join(small)]
        raise
    if small:
        yield [b"".join(small)]


def _small_blob(path: str, span: Span) -> bytes:
    """The bytes of a span of a blob of one chunk: what is not all of it, or not at once, is read as of a large one."""
    _name, size, block_crcs, _offset, length = span
    descriptor = _open(path, span)
    try:
        content = os.pread(descriptor, size, 0)
    finally:
        os.close(descriptor)
    if len(content) == length and isal_zlib.crc32(content).to_bytes(4, "big") == block_crcs:
        return content
    return b"".join(chunk for chunks in _blocks(path, span) for chunk in chunks)


def _blocks(path: str, span: Span) -> Iterator[list[bytes]]:
    """The chunks of each block of a span, as far as they lie within it."""
    offset, end = span.offset, span.offset + span.length
    descriptor = _open(path, span)
    try:
        for block in range(offset // BLOCK, -(-end // BLOCK)):
            base = block * BLOCK
            size = min(BLOCK, span.size - base)
            chunks = [_read(descriptor, min(CHUNK, size - at), base + at) for at in range(0, size, CHUNK)]
            _check_block(span, block, chunks, size)
            yield _within(chunks, offset - base, end - base)
    finally:
        os.close(descriptor)


def _read(descriptor: int, length: int, at: int) -> bytes:
    """`length` bytes from `at`; fewer at the end of the file alone: one call may bring some, the next an error."""
    chunk = os.pread(descriptor, length, at)
    while len(chunk) < length and (more := os.pread(descriptor, length - len(chunk), at + len(chunk))):
        chunk += more
    return chunk


def _open(path: str, span: Span) -> int:
    try:
        return os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        raise _damaged(Finding(span.name, Damage.MISSING)) from None


def _check_block(span: Span, block: int, chunks: Sequence[bytes], size: int) -> None:
    if sum(map(len, chunks)) != size:
        raise _damaged(Finding(span.name, Damage.CUT_SHORT, block))
    crc = 0
    for chunk in chunks:
        crc = isal_zlib.crc32(chunk, crc)
    if crc != span.crc(block):
        raise _damaged(Finding(span.name, Damage.BLOCK_DIFFERS, block))


def _damaged(finding: Finding) -> DamagedBlob:
    metrics.DAMAGED_BLOCKS.inc()
    return DamagedBlob(finding)


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
