"""Where the bytes of a file lie: segments in blobs, and the grid of parts that callers read by."""

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from strandkeep.domain.blobs import Span, StoredBlob
from strandkeep.domain.parts import PART_SIZE
from strandkeep.errors import RangeNotSatisfiableException


class Segment(NamedTuple):
    """`length` bytes of a blob, from `offset`, that stand in the file from `start`."""

    start: int
    blob: str
    offset: int
    length: int


def consecutive(blobs: Iterable[tuple[str, int]]) -> Iterator[Segment]:
    """The segments of a file made of whole blobs (name, length), one after the other."""
    start = 0
    for blob, length in blobs:
        yield Segment(start, blob, 0, length)
        start += length


def total_parts(size: int) -> int:
    """How many parts a file of `size` bytes is read in."""
    return -(-size // PART_SIZE)


def part_range(size: int, number: int) -> tuple[int, int]:
    """(first byte, length) of part `number` of a file; RangeNotSatisfiableException past its end."""
    if number > total_parts(size):
        raise RangeNotSatisfiableException(
            f"partNumber: the file has {total_parts(size)} part(s) of up to {PART_SIZE} bytes; {number} is beyond."
        )
    first = (number - 1) * PART_SIZE
    return first, min(PART_SIZE, size - first)


def spans(segments: Iterable[tuple[Segment, StoredBlob]], first: int, length: int) -> Iterator[Span]:
    """The stretches of blobs that hold bytes [first, first + length) of the file, in order."""
    end = first + length
    for segment, blob in segments:
        begin = max(first, segment.start)
        stop = min(end, segment.start + segment.length)
        if begin < stop:
            yield Span(blob, segment.offset + begin - segment.start, stop - begin)
