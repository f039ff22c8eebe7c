"""Where the bytes of a file lie: segments in blobs, and the grid of parts that callers read by."""

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from strandkeep.domain.blobs import Span
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


def with_new_head(segments: Iterable[Segment], head: tuple[str, int], replaces: int) -> Iterator[Segment]:
    """The segments of a file whose first `replaces` bytes give way to a whole blob (name, length)."""
    name, length = head
    yield Segment(0, name, 0, length)
    for segment in segments:
        cut = max(0, replaces - segment.start)
        if cut < segment.length:
            start = segment.start + cut - replaces + length
            yield Segment(start, segment.blob, segment.offset + cut, segment.length - cut)


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


def check_without_holes(segments: Sequence[tuple[int, int]], first: int, length: int) -> None:
    """Raise ValueError unless segments (start, length), in order, hold bytes [first, first + length) of a file.

    Were a row lost, the bytes of others would stand in the place of its own.
    """
    end = min(first, segments[0][0]) if segments else first
    for start, size in segments:
        if start != end:
            raise ValueError(f"no segment holds byte {end} of the file")
        end = start + size
    if end < first + length:
        raise ValueError(f"no segment holds byte {end} of the file")


def within(spans: Sequence[Span], start: int, first: int, length: int) -> list[Span]:
    """Bytes [first, first + length) of the file of which `spans` hold the bytes from `start` on, and no span more.

    Only the outermost are cut: a file may have 10,000 of them in one part of the grid.
    """
    cut = list(spans)
    if cut:
        over = first - start
        cut[0] = cut[0]._replace(offset=cut[0].offset + over, length=cut[0].length - over)
        cut[-1] = cut[-1]._replace(length=cut[-1].length + length - sum(span.length for span in cut))
    return cut
