"""Where the bytes of a file lie."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from strandkeep.domain.blobs import Span
from strandkeep.domain.layout import (
    Segment,
    check_without_holes,
    consecutive,
    part_range,
    total_parts,
    with_new_head,
    within,
)
from strandkeep.domain.parts import PART_SIZE
from strandkeep.errors import RangeNotSatisfiableException


@st.composite
def files(draw):
    """(blobs by name, segments over stretches of them, the bytes that the segments make)."""
    blobs = {f"b{n}": draw(st.binary(min_size=1, max_size=20)) for n in range(draw(st.integers(1, 4)))}
    segments, content = [], b""
    for name in draw(st.lists(st.sampled_from(sorted(blobs)), min_size=1, max_size=6)):
        offset = draw(st.integers(0, len(blobs[name]) - 1))
        length = draw(st.integers(1, len(blobs[name]) - offset))
        segments.append(Segment(len(content), name, offset, length))
        content += blobs[name][offset : offset + length]
    return blobs, segments, content


@given(files(), st.data())
def test_what_is_within_a_range_is_the_slice_of_the_concatenated_bytes(file, data):
    blobs, segments, content = file
    first = data.draw(st.integers(0, len(content) - 1))
    length = data.draw(st.integers(1, len(content) - first))
    touched = [s for s in segments if s.start < first + length and s.start + s.length > first]
    whole = [Span(s.blob, 20, b"", s.offset, s.length) for s in touched]

    found = within(whole, touched[0].start, first, length)

    assert b"".join(blobs[s.name][s.offset : s.offset + s.length] for s in found) == content[first:][:length]
    assert all(span.length > 0 for span in found)


def test_nothing_is_within_an_empty_file():
    assert within([], 0, 0, 0) == []


@given(st.lists(st.integers(1, 50)))
def test_consecutive_segments_lie_end_to_end(lengths):
    segments = list(consecutive((str(n), length) for n, length in enumerate(lengths)))

    assert [segment.length for segment in segments] == lengths
    assert [segment.start for segment in segments] == [sum(lengths[:n]) for n in range(len(lengths))]
    assert all(segment.offset == 0 for segment in segments)


@pytest.mark.parametrize(
    ("size", "parts"),
    # The sizes of the guide's examples and their totalParts.
    [
        *((1, 1), (10_818, 1), (310_054_739, 3), (307_846_621, 3), (3_249_912_778, 31)),
        *((PART_SIZE, 1), (PART_SIZE + 1, 2), (10_000 * PART_SIZE, 10_000)),
    ],
)
def test_total_parts_is_the_size_over_100_mib_rounded_up(size, parts):
    assert total_parts(size) == parts


@given(st.integers(1, 5_497_558_138_880))
def test_the_parts_of_the_grid_cover_the_file_without_a_gap(size):
    last = total_parts(size)
    first, length = part_range(size, last)

    assert first + length == size
    assert 1 <= length <= PART_SIZE
    assert part_range(size, 1) == (0, min(size, PART_SIZE))
    if last > 1:
        assert part_range(size, last - 1) == (first - PART_SIZE, PART_SIZE)


@pytest.mark.parametrize("size", [1, PART_SIZE, PART_SIZE + 1])
def test_a_part_beyond_the_file_is_range_not_satisfiable(size):
    with pytest.raises(RangeNotSatisfiableException, match="partNumber"):
        part_range(size, total_parts(size) + 1)


@pytest.mark.parametrize("lost", [0, 1, 2, 3])
def test_segments_with_a_hole_are_told_before_bytes_stand_in_a_wrong_place(lost):
    segments = [(0, 10), (10, 5), (15, 1), (16, 4)]
    check_without_holes(segments, 0, 20)
    check_without_holes(segments[1:3], 12, 4)
    byte = segments.pop(lost)[0]
    with pytest.raises(ValueError, match=f"no segment holds byte {byte} of the file"):
        check_without_holes(segments, 0, 20)


def test_a_file_without_segments_is_a_hole():
    with pytest.raises(ValueError, match="no segment holds byte 7"):
        check_without_holes([], 7, 1)


@given(files(), st.binary(min_size=1, max_size=20), st.data())
def test_a_new_head_stands_in_place_of_the_old_bytes_and_the_rest_stays(file, head, data):
    blobs, segments, content = file
    replaces = data.draw(st.integers(0, len(content)))
    changed = list(with_new_head(segments, ("head", len(head)), replaces))
    blobs["head"] = head
    check_without_holes([(s.start, s.length) for s in changed], 0, len(head) + len(content) - replaces)
    read = b"".join(blobs[s.blob][s.offset : s.offset + s.length] for s in changed)
    assert read == head + content[replaces:]
