"""Reading local blobs by blocks, each checked before any byte of it leaves."""

import os
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence

from isal import isal_zlib

from strandkeep import metrics
from strandkeep.blobs._files import read_files
from strandkeep.blobs.contract import DamagedBlob
from strandkeep.domain.blobs import BLOCK, Span
from strandkeep.domain.damage import Damage, Finding

#: Bytes of a chunk handed out: a slow reader's server holds several of them.
CHUNK = 256 * 1024


def read_steps(spans: Iterable[Span], folder: str, path_of: Callable[[str], str]) -> Generator[list[bytes]]:
    """The bytes of spans in steps: the chunks of one block, or of small blobs that follow each other.

    A blob lies below `folder`, under the path that `path_of` makes of its name. Raises DamagedBlob for bytes that are
    gone or changed, once those before them are handed out; OSError for a fault of the disk.
    """
    for run in _runs(spans):
        number = 0
        if len(run) > 1:
            chunks, number = _small_blobs(run, folder, path_of)
            if chunks:
                yield chunks
        for span in run[number:]:
            yield from _blocks(f"{folder}/{path_of(span.name)}", span)


def _runs(spans: Iterable[Span]) -> Iterator[list[Span]]:
    """Whole small blobs that follow each other, up to a block of them; every other span by itself."""
    run: list[Span] = []
    room = BLOCK
    for span in spans:
        small = span.length == span.size <= CHUNK
        if run and (not small or span.size > room):
            yield run
            run, room = [], BLOCK
        run.append(span)
        room -= span.size if small else BLOCK
    if run:
        yield run


def _small_blobs(run: Sequence[Span], folder: str, path_of: Callable[[str], str]) -> tuple[list[bytes], int]:
    """Chunks of whole blobs up to the first that is not right, or was not read at once; and how many those are.

    Why that one is not is left to the way of large ones, which reads it anew.
    """
    sizes = [span.size for span in run]
    piece, number = read_files(os.fsencode(folder), [path_of(span.name) for span in run], sizes)
    right = end = 0
    with memoryview(piece) as view:
        for span, size in zip(run[:number], sizes, strict=False):
            if isal_zlib.crc32(view[end : end + size]).to_bytes(4, "big") != span.block_crcs:
                break
            right, end = right + 1, end + size
    return [piece[at : min(at + CHUNK, end)] for at in range(0, end, CHUNK)], right


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
